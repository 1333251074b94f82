#pragma once

#include "api/client/stream.h"
#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

/* Streams to nodes. The node never listens: it keeps a watch on the streams that the server wants,
 * and dials back for each (docs/architecture.md). */
struct raw;
struct node_watch;
struct nodes;
struct timers;
struct tunnel;
struct wire_host;
typedef struct json_t json_t;

/* A node that doesn't dial within this is taken for dead. */
#define TUNNEL_DIAL_USEC (10 * USEC_PER_SEC)

/* host: borrowed. */
int nodes_new(const struct wire_host *host, struct timers *timers, struct nodes **ret_nodes);
/* Ends every tunnel and watch; their handlers are told. */
void nodes_stop(struct nodes *n);
void nodes_unref(struct nodes *n);
DEFINE_AUTO(nodes);

/* ---- the node's side ---- */

/* The node's watch, which takes the place of one that it had before. text: what is to be sent,
 * until node_watch_take(). ready(data) is called when there is some. */
int node_watch_new(struct nodes *n, const char *node, void (*ready)(void *data), void *data,
                   struct node_watch **ret_watch);
/* Copies lines into room. Returns the bytes, 0: none now, -1: the watch is over. */
ssize_t node_watch_take(struct node_watch *w, char *room, size_t len);
void node_watch_unref(struct node_watch *w);

/* Whether a tunnel of this id waits for its node. */
bool nodes_is_awaited(const struct nodes *n, const char *node, const char *id);

/* The node has dialled; the connection is the tunnel's. extra: bytes that came already. */
void nodes_dialled(struct nodes *n, const char *id, struct raw *take_raw, const void *extra,
                   size_t extra_len);

/* ---- the user's side ---- */

struct tunnel_handlers {
        void (*connected)(void *data); /* may be NULL */
        void (*frame)(void *data, const struct stream_frame *f);
        void (*drained)(void *data); /* may be NULL */
        /* No frame follows. text: why, when the node didn't send a final Status; NULL when the
         * connection just closed. tunnel_close() is what is left. */
        void (*ended)(void *data, const char *text);
};

/* Borrowed. */
struct tunnel_ask {
        const char *node;
        const json_t *what; /* the object of the OPEN line without id */
};

/* Asks a node for a stream. Returns 0, -ENOTCONN when the node isn't there, or -ENOMEM. */
int tunnel_open(struct nodes *n, const struct tunnel_ask *ask,
                const struct tunnel_handlers *handlers, void *data, struct tunnel **ret_tunnel,
                struct err *e);

/* Sends bytes, cut into frames. Before the node has dialled they wait. False: it has ended. */
bool tunnel_send(struct tunnel *t, enum stream_channel channel, const void *bytes, size_t len);
/* Whether drained() should be waited for. */
bool tunnel_is_full(const struct tunnel *t);
/* No frame comes meanwhile. Going on may call handlers at once. */
void tunnel_pause(struct tunnel *t, bool is_paused);
/* No call afterwards. NULL is allowed. */
void tunnel_close(struct tunnel *t);
