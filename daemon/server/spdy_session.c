#include "daemon/server/spdy_session.h"

#include "base/str.h"
#include "daemon/server/spdy_table.h"
#include "daemon/server/websocket.h"
#include "daemon/server/websocket_frames.h"
#include "daemon/server/wire.h"

#include <stdlib.h>
#include <string.h>

struct spdy_session {
        struct wire *wire;        /* one of both */
        struct websocket *socket; /* likewise */
        struct spdy_reader *reader;
        struct spdy_writer writer;
        struct spdy_table table;
        struct spdy_handlers handlers;
        void *data;
        struct strbuf out; /* what is being put together */
        uint32_t ping_id;  /* of our last ping; even */
        bool is_paused;    /* by the owner */
        bool is_choked;    /* the client doesn't take our answers */
        bool is_closed, is_calling, is_unwanted;
};

static void session_free(struct spdy_session *s) {
        wire_unref(s->wire);
        websocket_unref(s->socket);
        spdy_reader_unref(s->reader);
        spdy_table_done(&s->table);
        strbuf_done(&s->out);
        free(s);
}

static void session_leave(struct spdy_session *s) {
        s->is_calling = false;
        if (s->is_unwanted)
                session_free(s);
}

void spdy_session_unref(struct spdy_session *s) {
        if (!s)
                return;
        s->is_unwanted = true;
        if (!s->is_calling)
                session_free(s);
}

static void session_close(struct spdy_session *s) {
        if (s->is_closed)
                return;
        s->is_closed = true;
        if (!s->is_unwanted)
                s->handlers.closed(s->data);
}

/* ---- out ---- */

size_t spdy_session_pending(const struct spdy_session *s) {
        return s->wire ? wire_pending(s->wire) : websocket_pending(s->socket);
}

bool spdy_session_is_full(const struct spdy_session *s) {
        return spdy_session_pending(s) > WIRE_HIGH_BYTES;
}

static void pause_update(struct spdy_session *s) {
        bool is_paused = s->is_paused || s->is_choked;

        if (s->wire)
                wire_pause(s->wire, is_paused);
        else
                websocket_pause(s->socket, is_paused);
}

void spdy_session_pause(struct spdy_session *s, bool is_paused) {
        s->is_paused = is_paused;
        if (!s->is_closed)
                pause_update(s);
}

/* Hands over what was put together. What can't be sent ends the connection: closed() follows. */
static void out_flush(struct spdy_session *s) {
        bool is_whole = !s->out.has_failed && !s->is_closed;

        if (is_whole && s->out.len > 0 && s->wire)
                (void) wire_send(s->wire, s->out.s, s->out.len);
        else if (is_whole && s->out.len > 0)
                (void) websocket_send_bytes(s->socket, s->out.s, s->out.len);
        else if (s->out.has_failed && s->wire)
                wire_shutdown(s->wire);
        else if (s->out.has_failed)
                websocket_shutdown(s->socket);
        strbuf_done(&s->out);
}

void spdy_session_send(struct spdy_session *s, uint32_t id, const void *bytes, size_t len,
                       bool is_fin) {
        const struct spdy_stream *stream = spdy_table_find(&s->table, id);
        const char *at = bytes;

        if (!stream || stream->has_out_ended || (len == 0 && !is_fin))
                return;
        do {
                size_t n = MIN(len, (size_t) SPDY_PIECE_MAX_BYTES);
                uint8_t header[SPDY_HEADER_BYTES];

                spdy_data_header(header, id, n, is_fin && n == len);
                strbuf_add_len(&s->out, header, sizeof(header));
                if (n > 0)
                        strbuf_add_len(&s->out, at, n);
                at += n;
                len -= n;
        } while (len > 0);
        if (is_fin)
                spdy_table_end_out(&s->table, id);
        out_flush(s);
}

/* ---- in ---- */

static void session_break(struct spdy_session *s) {
        spdy_put_goaway(&s->out, s->table.last_id, SPDY_GOAWAY_PROTOCOL_ERROR);
        out_flush(s);
        session_close(s);
}

static void stream_opened(struct spdy_session *s, const struct spdy_event *event) {
        enum spdy_verdict verdict = spdy_table_open(&s->table, event->id, event->is_fin);

        if (verdict == SPDY_BREAK) {
                session_break(s);
                return;
        }
        if (verdict == SPDY_ACCEPT && s->handlers.opened(s->data, event)) {
                spdy_put_headers(&s->writer, &s->out,
                                 &(struct spdy_event){ .kind = SPDY_REPLY, .id = event->id });
                if (s->handlers.accepted && !s->is_unwanted)
                        s->handlers.accepted(s->data, event->id);
        } else {
                spdy_table_forget(&s->table, event->id);
                spdy_put_reset(&s->out, event->id, SPDY_RESET_REFUSED_STREAM);
        }
}

static void stream_data(struct spdy_session *s, const struct spdy_event *event) {
        const struct spdy_stream *stream = spdy_table_find(&s->table, event->id);

        if (event->id == 0 || event->id > s->table.last_id) {
                session_break(s); /* no such stream was ever opened */
                return;
        }
        /* Of a stream that is over, or was refused: it is still on its way. */
        if (!stream || stream->has_in_ended)
                return;
        if (event->len > 0)
                s->handlers.received(s->data, event->id, event->data, event->len);
        if (!event->is_fin || s->is_unwanted)
                return;
        spdy_table_end_in(&s->table, event->id);
        s->handlers.ended(s->data, event->id, false);
}

static void session_event(struct spdy_session *s, const struct spdy_event *event) {
        switch (event->kind) {
        case SPDY_OPEN:
                stream_opened(s, event);
                break;
        case SPDY_DATA:
                stream_data(s, event);
                break;
        case SPDY_RESET:
                if (!spdy_table_find(&s->table, event->id))
                        break;
                spdy_table_forget(&s->table, event->id);
                s->handlers.ended(s->data, event->id, true);
                break;
        case SPDY_PING:
                if (event->id % 2 == 1) /* else it is the answer to ours */
                        spdy_put_ping(&s->out, event->id);
                break;
        case SPDY_REPLY:
        case SPDY_GOAWAY: /* it ends the connection itself, when its streams are over */
                break;
        }
}

static void session_feed(struct spdy_session *s, const void *bytes, size_t len) {
        const char *at = bytes;
        struct spdy_event event;
        size_t used;
        int r = 1;

        s->is_calling = true;
        while (r == 1 && !s->is_closed && !s->is_unwanted) {
                r = spdy_read(s->reader, at, len, &used, &event, NULL);
                at += used;
                len -= used;
                if (r == 1)
                        session_event(s, &event);
                else if (r < 0)
                        session_break(s);
        }
        if (!s->is_closed && !s->is_unwanted) {
                out_flush(s);
                s->is_choked = spdy_session_is_full(s);
                pause_update(s);
        }
        session_leave(s);
}

void spdy_session_take(struct spdy_session *s, const void *bytes, size_t len) {
        if (s->socket)
                websocket_feed(s->socket, bytes, len);
        else
                session_feed(s, bytes, len);
}

static void bytes_received(void *data, const void *bytes, size_t len) {
        session_feed(data, bytes, len);
}

static void piece_received(void *data, const struct websocket_piece *piece) {
        session_feed(data, piece->bytes, piece->len);
}

static void session_drained(void *data) {
        struct spdy_session *s = data;

        s->is_calling = true;
        s->is_choked = false;
        if (!s->is_closed) {
                pause_update(s);
                s->handlers.drained(s->data);
        }
        session_leave(s);
}

static void session_closed(void *data) {
        struct spdy_session *s = data;

        s->is_calling = true;
        session_close(s);
        session_leave(s);
}

void spdy_place_refuse(const struct spdy_place *place) {
        wire_refuse(place->host, place->raw);
}

static void session_ping(void *data) {
        struct spdy_session *s = data;

        if (s->is_closed)
                return;
        s->ping_id = (s->ping_id + 2) & SPDY_ID_MAX;
        spdy_put_ping(&s->out, s->ping_id);
        out_flush(s);
}

int spdy_session_new(const struct spdy_place *place, const struct spdy_handlers *handlers,
                     void *data, struct spdy_session **ret) {
        static const struct wire_handlers WIRE = {
                .received = bytes_received,
                .drained = session_drained,
                .closed = session_closed,
                .ping = session_ping,
        };
        static const struct websocket_handlers SOCKET = {
                .piece = piece_received,
                .drained = session_drained,
                .closed = session_closed,
        };
        AUTO(spdy_session) struct spdy_session *s = calloc(1, sizeof(*s));
        int r = s ? spdy_reader_new(&s->reader) : -ENOMEM;

        if (r < 0) {
                spdy_place_refuse(place);
                return r;
        }
        s->handlers = *handlers;
        s->data = data;
        if (place->is_in_websocket)
                r = websocket_new(place->host, place->raw, &SOCKET, s, &s->socket);
        else
                r = wire_new(place->host, place->raw, &WIRE, s, &s->wire);
        if (r < 0)
                return r;
        if (s->wire)
                wire_set_eager(s->wire);
        *ret = STEAL(s);
        return 0;
}
