/* exec and attach over WebSocket: v5.channel.k8s.io and v4, which lacks the end of input. */
#include "api/client/stream.h"
#include "base/str.h"
#include "daemon/server/exec_internal.h"
#include "daemon/server/websocket.h"

/* v5: this byte, then the channel that is at its end. Never sent to a client. */
#define CHANNEL_CLOSE 0xff

static const char *const PROTOCOLS[] = { "v5.channel.k8s.io", "v4.channel.k8s.io", NULL };

static void client_message(void *data, const uint8_t *bytes, size_t len) {
        struct exec *x = data;

        if (len == 0)
                return;
        if (bytes[0] == STREAM_STDIN)
                exec_stdin(x, bytes + 1, len - 1);
        else if (bytes[0] == STREAM_RESIZE)
                exec_resize(x, bytes + 1, len - 1);
        else if (bytes[0] == CHANNEL_CLOSE && len > 1 && bytes[1] == STREAM_STDIN)
                exec_stdin_end(x);
}

static void client_drained(void *data) {
        exec_drained(data);
}

static void client_closed(void *data) {
        exec_gone(data);
}

static int face_open(struct exec *x, struct raw *take_raw, const void *extra, size_t extra_len) {
        static const struct websocket_handlers HANDLERS = {
                .message = client_message,
                .drained = client_drained,
                .closed = client_closed,
        };
        struct websocket *socket = NULL;
        int r = websocket_new(&x->server->host, take_raw, &HANDLERS, x, &socket);

        if (r < 0)
                return r;
        x->client = socket;
        exec_begin(x);
        if (extra_len > 0)
                websocket_feed(socket, extra, extra_len);
        return 0;
}

static void face_output(void *client, bool is_stderr, const void *bytes, size_t len) {
        (void) websocket_send(client, is_stderr ? STREAM_STDERR : STREAM_STDOUT, bytes, len);
}

static void face_finish(void *client, const char *status, size_t len) {
        if (websocket_send(client, STREAM_STATUS, status, len))
                websocket_finish(client);
}

static size_t face_pending(const void *client) {
        return websocket_pending(client);
}

static bool face_is_full(const void *client) {
        return websocket_is_full(client);
}

static void face_pause(void *client, bool is_paused) {
        websocket_pause(client, is_paused);
}

static void face_free(void *client) {
        websocket_unref(client);
}

const struct exec_face exec_websocket = { .protocols = PROTOCOLS,
                                          .open = face_open,
                                          .output = face_output,
                                          .finish = face_finish,
                                          .pending = face_pending,
                                          .is_full = face_is_full,
                                          .pause = face_pause,
                                          .free = face_free };
