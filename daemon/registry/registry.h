#pragma once

#include "base/err.h"
#include "base/macros.h"
#include "daemon/registry/find.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The server's objects: in memory as JSON text, in the store for the next start. The store's only
 * writer. On the loop thread. */
struct client;
struct jwt_key;
struct registry;
struct store;
struct timers;
struct user;

struct registry_options {
        struct store *store;             /* borrowed for the registry's life */
        struct timers *timers;           /* borrowed likewise */
        uint64_t (*wall_usec)(void);     /* what time people are told; NULL: clock_wall_usec() */
        const char *service_cidr;        /* NULL: "10.96.0.0/16"; copied */
        const struct jwt_key *token_key; /* signs service account tokens; borrowed, NULL: none */
        unsigned history_events;         /* of the ring that watches read, 0: 4096 */
        size_t history_bytes;            /* 0: 8 MiB */
        uint64_t event_ttl_usec;         /* how long kind Event is kept, 0: 1 h */
        /* Called once, from the loop, when the store has failed for good (store_failure()): no
         * write will succeed in this process any more. May be NULL. */
        void (*on_failure)(void *data, const char *text);
        void *data;
};

/* The registry is ready when its first list is in memory and the default objects exist.
 * result: 0 or a negative errno, explained by text. */
typedef void (*registry_ready_fn)(void *data, int result, const char *text);

/* Begins to load. on_ready is called once from the loop, never from in here.
 *
 * Returns 0, -EINVAL for a service range that is none, or -ENOMEM. */
int registry_new(const struct registry_options *options, registry_ready_fn on_ready, void *data,
                 struct registry **ret_registry, struct err *e);

/* Ends all watches with WATCH_END. Writes under way are answered first; on_idle(data) then comes
 * from the loop. New requests are answered 503. */
void registry_stop(struct registry *r, void (*on_idle)(void *data), void *data);

void registry_unref(struct registry *r);
DEFINE_AUTO(registry);

/* The client interface of api/client without a socket. The client must be gone before the registry.
 * user: who the controllers are to authorisation, admission and the field managers
 * (system:kube-controller-manager of system:masters); copied. */
int registry_client_new(struct registry *r, const struct user *user, struct client **ret_client,
                        struct err *e);
