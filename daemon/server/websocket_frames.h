#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The server's end of a WebSocket's frames (RFC 6455; by wslay), without a connection: bytes in,
 * pieces of messages and bytes to be sent out. Messages are handed on as they come, so neither
 * their size nor that of a frame has a limit and nothing is kept of them. */
struct websocket_frames;

struct websocket_piece {
        const uint8_t *bytes; /* borrowed for the call */
        size_t len;           /* may be 0 */
        bool is_first, is_last;
};

struct websocket_frames_handlers {
        /* A piece of a text or binary message. */
        void (*piece)(void *data, const struct websocket_piece *p);
        /* Bytes for the peer, answers to pings among them. False: they can't be taken. */
        bool (*send)(void *data, const void *bytes, size_t len);
};

/* Returns 0 or -ENOMEM. */
int websocket_frames_new(const struct websocket_frames_handlers *handlers, void *data,
                         struct websocket_frames **ret);
void websocket_frames_free(struct websocket_frames *f);

/* Takes what came from the peer; not to be called by a handler. Garbage is answered with a close
 * frame that says so. False: memory is out, or send() refused. */
bool websocket_frames_feed(struct websocket_frames *f, const void *bytes, size_t len);
/* Sends one binary message, a ping, or the good-bye (1000). False as above. */
bool websocket_frames_send(struct websocket_frames *f, const void *bytes, size_t len);
bool websocket_frames_ping(struct websocket_frames *f);
bool websocket_frames_finish(struct websocket_frames *f);
/* Both sides have said their last word, or the peer's made no sense. */
bool websocket_frames_are_over(const struct websocket_frames *f);
