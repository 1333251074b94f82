#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The server's end of a WebSocket (RFC 6455) over an upgraded connection; frames by wslay. */
struct raw;
struct websocket;
struct websocket_piece;
struct wire_host;

#define WEBSOCKET_ACCEPT_MAX 32

/* Sec-WebSocket-Accept for a client's key. Returns 0, -EINVAL for what is no key, or -EIO. */
int websocket_accept(const char *key, char ret_text[WEBSOCKET_ACCEPT_MAX]);

/* The first protocol offered ("a, b") that is among known (NULL-terminated), borrowed from known;
 * or NULL. */
const char *websocket_protocol(const char *offered, const char *const *known);

struct websocket_handlers {
        /* Of a message, in order, as its bytes come; at most what the wire reads at once. */
        void (*piece)(void *data, const struct websocket_piece *piece);
        void (*drained)(void *data);
        void (*closed)(void *data); /* websocket_unref() is what is left */
};

/* take_raw: as of wire_new(). Returns 0 or -ENOMEM. */
int websocket_new(const struct wire_host *host, struct raw *take_raw,
                  const struct websocket_handlers *handlers, void *data, struct websocket **ret);
/* Closes an upgraded connection that is not to be a WebSocket. */
void websocket_refuse(const struct wire_host *host, struct raw *take_raw);
void websocket_unref(struct websocket *w);

/* Bytes that came together with the request. */
void websocket_feed(struct websocket *w, const void *bytes, size_t len);

/* Sends one binary message: a channel's number and bytes. False: it failed, closed() follows. */
bool websocket_send(struct websocket *w, uint8_t channel, const void *bytes, size_t len);
/* The same without a channel. */
bool websocket_send_bytes(struct websocket *w, const void *bytes, size_t len);
/* Ends it without a good-bye: closed() follows from the loop. */
void websocket_shutdown(struct websocket *w);
/* Says good-bye (1000); closed() follows when the client has answered. */
void websocket_finish(struct websocket *w);
size_t websocket_pending(const struct websocket *w);
bool websocket_is_full(const struct websocket *w);
void websocket_pause(struct websocket *w, bool is_paused);
