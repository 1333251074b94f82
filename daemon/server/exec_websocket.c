/* exec and attach over WebSocket: v5.channel.k8s.io and v4, which lacks the end of input. */
#include "api/client/stream.h"
#include "base/str.h"
#include "daemon/server/channels.h"
#include "daemon/server/exec_internal.h"
#include "daemon/server/websocket.h"

#include <stdlib.h>

/* v5: this byte, then the channel that is at its end. Never sent to a client. */
#define CHANNEL_CLOSE 0xff

static const char *const PROTOCOLS[] = { "v5.channel.k8s.io", "v4.channel.k8s.io", NULL };

/* What is about one client's connection. */
struct exec_socket {
        struct exec *exec;
        struct websocket *socket;
        struct channels channels;
};

static void client_piece(void *data, const struct websocket_piece *piece) {
        struct exec_socket *c = data;
        struct channel_said said;

        if (!channels_take(&c->channels, piece, &said))
                return;
        if (said.channel == STREAM_STDIN)
                exec_stdin(c->exec, said.bytes, said.len);
        else if (said.channel == STREAM_RESIZE)
                exec_resize(c->exec, said.bytes, said.len);
        else if (said.channel == CHANNEL_CLOSE && said.len > 0 && said.bytes[0] == STREAM_STDIN)
                exec_stdin_end(c->exec);
}

static void client_drained(void *data) {
        struct exec_socket *c = data;

        exec_drained(c->exec);
}

static void client_closed(void *data) {
        struct exec_socket *c = data;

        exec_gone(c->exec);
}

static int face_open(struct exec *x, struct raw *take_raw, const void *extra, size_t extra_len) {
        static const struct websocket_handlers HANDLERS = {
                .piece = client_piece,
                .drained = client_drained,
                .closed = client_closed,
        };
        struct exec_socket *c = calloc(1, sizeof(*c));
        int r;

        if (!c) {
                websocket_refuse(&x->server->host, take_raw);
                return -ENOMEM;
        }
        c->exec = x;
        c->channels.n_streams = STREAM_STDIN + 1;
        r = websocket_new(&x->server->host, take_raw, &HANDLERS, c, &c->socket);
        if (r < 0) {
                free(c);
                return r;
        }
        x->client = c;
        exec_begin(x);
        if (extra_len > 0)
                websocket_feed(c->socket, extra, extra_len);
        return 0;
}

static void face_output(void *client, bool is_stderr, const void *bytes, size_t len) {
        struct exec_socket *c = client;

        (void) websocket_send(c->socket, is_stderr ? STREAM_STDERR : STREAM_STDOUT, bytes, len);
}

static void face_finish(void *client, const char *status, size_t len) {
        struct exec_socket *c = client;

        if (websocket_send(c->socket, STREAM_STATUS, status, len))
                websocket_finish(c->socket);
}

static size_t face_pending(const void *client) {
        const struct exec_socket *c = client;

        return websocket_pending(c->socket);
}

static bool face_is_full(const void *client) {
        const struct exec_socket *c = client;

        return websocket_is_full(c->socket);
}

static void face_pause(void *client, bool is_paused) {
        struct exec_socket *c = client;

        websocket_pause(c->socket, is_paused);
}

static void face_free(void *client) {
        struct exec_socket *c = client;

        if (!c)
                return;
        websocket_unref(c->socket);
        free(c);
}

const struct exec_face exec_websocket = { .protocols = PROTOCOLS,
                                          .open = face_open,
                                          .output = face_output,
                                          .finish = face_finish,
                                          .pending = face_pending,
                                          .is_full = face_is_full,
                                          .pause = face_pause,
                                          .free = face_free };
