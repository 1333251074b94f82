#pragma once

#include "api/client/spdy.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The server's end of a SPDY/3.1 connection: on an upgraded connection, or inside a WebSocket's
 * binary messages (how kubectl since 1.31 forwards ports). */
struct raw;
struct spdy_session;
struct wire_host;

struct spdy_handlers {
        /* The client opens a stream. False refuses it; what was told nothing of is forgotten. */
        bool (*opened)(void *data, const struct spdy_event *open);
        /* It has been replied to; may be NULL. */
        void (*accepted)(void *data, uint32_t id);
        void (*received)(void *data, uint32_t id, const void *bytes, size_t len);
        /* The client's side of a stream is at its end; is_reset: ours, too. */
        void (*ended)(void *data, uint32_t id, bool is_reset);
        void (*drained)(void *data); /* the queue is empty again */
        void (*closed)(void *data);  /* spdy_session_unref() is what is left */
};

/* Where a session lives: the upgraded connection, as of wire_new(), and what came with the request.
 */
struct spdy_place {
        const struct wire_host *host;
        struct raw *raw;
        bool is_in_websocket;
};

/* Closes the connection without a session. */
void spdy_place_refuse(const struct spdy_place *place);

/* The connection is taken over, on failure too. Nothing is read before spdy_session_take() or the
 * loop's next turn. Returns 0 or -ENOMEM. */
int spdy_session_new(const struct spdy_place *place, const struct spdy_handlers *handlers,
                     void *data, struct spdy_session **ret);
void spdy_session_unref(struct spdy_session *s);
DEFINE_AUTO(spdy_session);

/* Bytes that came together with the request, as they came on the connection. */
void spdy_session_take(struct spdy_session *s, const void *bytes, size_t len);

/* Sends bytes on a stream, perhaps its end. A stream that isn't there (any more) swallows them. */
void spdy_session_send(struct spdy_session *s, uint32_t id, const void *bytes, size_t len,
                       bool is_fin);

/* Bytes that wait to be sent. is_full: so many that whoever makes more should pause. */
size_t spdy_session_pending(const struct spdy_session *s);
bool spdy_session_is_full(const struct spdy_session *s);
void spdy_session_pause(struct spdy_session *s, bool is_paused);
