#pragma once

/* pods/P/portforward: what forward.c shares with its two faces. Nobody else includes this. */

#include "base/list.h"
#include "daemon/server/pod_target.h"
#include "daemon/server/tunnel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raw;

/* An upgraded connection, of one of the faces, and the pod that it is about. */
struct forward {
        struct list link; /* in server->forwards */
        struct server *server;
        struct pod_target target;
        char *query; /* owned */
        void (*free_face)(void *face);
        void *face; /* the face's; NULL before the upgrade */
};

/* The connection is the face's, on failure too. Sets f->face and f->free_face. Returns 0, -ENOMEM,
 * or -EINVAL for a query that can't be served. */
int forward_spdy_open(struct forward *f, struct raw *take_raw, bool is_in_websocket);
int forward_websocket_open(struct forward *f, struct raw *take_raw);

/* Bytes that came with the request. */
void forward_spdy_feed(struct forward *f, const void *bytes, size_t len);
void forward_websocket_feed(struct forward *f, const void *bytes, size_t len);

/* Whether the ports of a plain WebSocket's query can be served; e says why not. */
#define FORWARD_PORTS_MAX 32
int forward_ports_parse(const char *query, uint16_t ret_ports[FORWARD_PORTS_MAX], size_t *ret_n,
                        struct err *e);

/* A connection to a port of the pod. As tunnel_open(). */
int forward_dial(const struct forward *f, uint16_t port, const struct tunnel_handlers *handlers,
                 void *data, struct tunnel **ret_tunnel, struct err *e);

/* What a user reads of a failure; the caller's, NULL: memory is out. */
char *forward_message(const struct forward *f, uint16_t port, const char *why);
/* The same from the node's final Status; NULL also when it says Success. */
char *forward_status_message(const struct forward *f, uint16_t port, const char *json, size_t len);

/* The client is gone. Frees f; its face too, though that may be on the stack. */
void forward_gone(struct forward *f);
