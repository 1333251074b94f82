#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All controllers and the scheduler of the server process: informers feed keyed queues, a key is
 * planned for (daemon/plan), the plan's changes go through the client. Knows neither sockets nor
 * sd-event: client and timers are the caller's, so that tests/sim runs the same code on a fake
 * clock. On the loop thread. */

struct client;
struct control;
struct timers;

struct control_options {
        struct client *client;             /* referenced */
        struct timers *timers;             /* borrowed until control_unref() */
        uint64_t (*wall_usec)(void *data); /* what goes into objects; NULL: clock_wall_usec() */
        void *wall_data;
        const char *ca_pem;       /* certificate of the cluster's authority, for pods; NULL: none */
        const char *node_name;    /* the node that the server runs on; NULL: none */
        int64_t api_port;         /* of TLS, for the service "kubernetes"; 0: none */
        uint64_t seed;            /* of jitter and names; 0: drawn from the kernel */
        uint64_t node_grace_usec; /* lease not renewed for so long: node unknown; 0: 40 s */
        uint64_t node_eviction_usec; /* pods without a toleration of their own stay so long on a
                                        node that is gone; 0: 300 s */
};

/* Starts everything: the informers list, the controllers begin when the caches that they need are
 * complete. Returns 0 or -ENOMEM. */
int control_start(const struct control_options *options, struct control **ret, struct err *e);

/* Stops at once: calls under way are cancelled, nothing is called back afterwards. NULL is allowed.
 */
void control_unref(struct control *c);
DEFINE_AUTO(control);

/* Whether every cache has its first list. */
bool control_has_synced(const struct control *c);

/* Whether nothing is under way or waiting to be done now (delays may be running). */
bool control_is_idle(const struct control *c);

/* Requests sent so far that were meant to change something. For tests: it stands still when the
 * cluster does. */
uint64_t control_n_writes(const struct control *c);
