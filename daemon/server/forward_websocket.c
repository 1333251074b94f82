/* Port-forward over a plain WebSocket, as the JavaScript client does: "?ports=80", for each port
 * a channel of data and one of errors, each led by the port. It has no half-close. */
#include "base/str.h"
#include "daemon/server/channels.h"
#include "daemon/server/face.h"
#include "daemon/server/forward_internal.h"
#include "daemon/server/goodbye.h"
#include "daemon/server/websocket.h"

#include <stdlib.h>
#include <string.h>

struct port {
        struct forward_websocket *owner;
        uint16_t number;
        uint8_t channel;       /* of data; errors: the next */
        struct tunnel *tunnel; /* NULL: over */
        bool is_full;
};

struct forward_websocket {
        struct forward *forward;
        struct websocket *socket;
        struct channels channels;
        struct goodbye goodbye;
        struct port ports[FORWARD_PORTS_MAX];
        size_t n, n_open;
};

static size_t client_pending(const void *data) {
        const struct forward_websocket *w = data;

        return websocket_pending(w->socket);
}

static void goodbye_is_over(void *data) {
        struct forward_websocket *w = data;

        forward_gone(w->forward);
}

static void ports_pause(struct forward_websocket *w, bool is_paused) {
        for (size_t i = 0; i < w->n; i++)
                if (w->ports[i].tunnel)
                        tunnel_pause(w->ports[i].tunnel, is_paused);
}

static void socket_pause(struct forward_websocket *w) {
        bool is_full = false;

        for (size_t i = 0; i < w->n; i++)
                is_full = is_full || (w->ports[i].tunnel && w->ports[i].is_full);
        websocket_pause(w->socket, is_full);
}

/* A connection has ended; with the last one the client's ends. message: why, NULL: all is well. */
static void port_finish(struct port *p, const char *message) {
        struct forward_websocket *w = p->owner;

        tunnel_close(STEAL(p->tunnel));
        if (message)
                (void) websocket_send(w->socket, (uint8_t) (p->channel + 1), message,
                                      strlen(message));
        socket_pause(w);
        if (--w->n_open > 0)
                return;
        websocket_finish(w->socket);
        w->goodbye = (struct goodbye){ .timers = w->forward->server->timers,
                                       .pending = client_pending,
                                       .over = goodbye_is_over,
                                       .data = w };
        goodbye_say(&w->goodbye);
}

static void node_frame(void *data, const struct stream_frame *f) {
        struct port *p = data;
        struct forward_websocket *w = p->owner;

        if (f->channel == STREAM_STDOUT && f->len > 0) {
                (void) websocket_send(w->socket, p->channel, f->data, f->len);
                if (websocket_is_full(w->socket))
                        ports_pause(w, true);
        } else if (f->channel == STREAM_STDOUT_END) {
                port_finish(p, NULL);
        } else if (f->channel == STREAM_STATUS) {
                AUTO_FREE char *message = forward_status_message(w->forward, p->number,
                                                                 (const char *) f->data, f->len);

                port_finish(p, message);
        }
}

static void node_drained(void *data) {
        struct port *p = data;

        p->is_full = false;
        socket_pause(p->owner);
}

static void node_ended(void *data, const char *text) {
        struct port *p = data;
        AUTO_FREE char *message = forward_message(
                p->owner->forward, p->number, text ? text : "the node broke the connection off");

        port_finish(p, message);
}

static void client_piece(void *data, const struct websocket_piece *piece) {
        struct forward_websocket *w = data;
        struct channel_said said;
        struct port *p;

        if (!channels_take(&w->channels, piece, &said) || said.channel % 2 != 0 ||
            said.channel / 2U >= w->n)
                return;
        p = &w->ports[said.channel / 2];
        if (!p->tunnel || !tunnel_send(p->tunnel, STREAM_STDIN, said.bytes, said.len))
                return;
        p->is_full = tunnel_is_full(p->tunnel);
        socket_pause(w);
}

static void client_drained(void *data) {
        ports_pause(data, false);
}

static void client_closed(void *data) {
        struct forward_websocket *w = data;

        forward_gone(w->forward);
}

static void face_free(void *face) {
        struct forward_websocket *w = face;

        goodbye_done(&w->goodbye);
        for (size_t i = 0; i < w->n; i++)
                tunnel_close(w->ports[i].tunnel);
        websocket_unref(w->socket);
        free(w);
}

static void port_open(struct port *p) {
        static const struct tunnel_handlers HANDLERS = {
                .frame = node_frame,
                .drained = node_drained,
                .ended = node_ended,
        };
        struct forward_websocket *w = p->owner;
        const uint8_t number[] = { p->number & 0xff, p->number >> 8 };
        struct err e = { 0 };

        (void) websocket_send(w->socket, p->channel, number, sizeof(number));
        (void) websocket_send(w->socket, (uint8_t) (p->channel + 1), number, sizeof(number));
        if (forward_dial(w->forward, p->number, &HANDLERS, p, &p->tunnel, &e) < 0) {
                AUTO_FREE char *message = forward_message(w->forward, p->number, err_text(&e));

                port_finish(p, message);
        }
}

int forward_websocket_open(struct forward *f, struct raw *take_raw) {
        static const struct websocket_handlers HANDLERS = {
                .piece = client_piece,
                .drained = client_drained,
                .closed = client_closed,
        };
        struct forward_websocket *w = calloc(1, sizeof(*w));
        uint16_t numbers[FORWARD_PORTS_MAX];
        int r;

        if (!w) {
                websocket_refuse(&f->server->host, take_raw);
                return -ENOMEM;
        }
        w->forward = f;
        w->channels.n_streams = UINT8_MAX + 1; /* all of them */
        r = websocket_new(&f->server->host, take_raw, &HANDLERS, w, &w->socket);
        if (r < 0) {
                free(w);
                return r;
        }
        f->face = w;
        f->free_face = face_free;
        (void) forward_ports_parse(f->query, numbers, &w->n, NULL); /* was good before */
        w->n_open = w->n;
        for (size_t i = 0; i < w->n; i++) {
                w->ports[i] = (struct port){ .owner = w,
                                             .number = numbers[i],
                                             .channel = (uint8_t) (2 * i) };
                port_open(&w->ports[i]);
        }
        return 0;
}

void forward_websocket_feed(struct forward *f, const void *bytes, size_t len) {
        struct forward_websocket *w = f->face;

        websocket_feed(w->socket, bytes, len);
}
