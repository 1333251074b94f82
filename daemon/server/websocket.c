#include "daemon/server/websocket.h"

#include "base/str.h"
#include "daemon/server/wire.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_LEN 24 /* base64 of 16 bytes */
#define SHA1_BYTES 20

struct websocket {
        struct wire *wire;
        wslay_event_context_ptr frames;
        struct websocket_handlers handlers;
        void *data;
        const uint8_t *in; /* borrowed while frames are read */
        size_t in_len;
        bool is_closed;
        bool is_calling, is_unwanted;
};

int websocket_accept(const char *key, char ret_text[WEBSOCKET_ACCEPT_MAX]) {
        char text[KEY_LEN + sizeof(ACCEPT_GUID)];
        uint8_t digest[SHA1_BYTES];
        gnutls_datum_t in = { .data = digest, .size = sizeof(digest) }, out = { 0 };

        if (!key || strlen(key) != KEY_LEN)
                return -EINVAL;
        memcpy(text, key, KEY_LEN);
        memcpy(text + KEY_LEN, ACCEPT_GUID, sizeof(ACCEPT_GUID));
        if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text, strlen(text), digest) < 0 ||
            gnutls_base64_encode2(&in, &out) < 0)
                return -EIO;
        if (out.size >= WEBSOCKET_ACCEPT_MAX) {
                gnutls_free(out.data);
                return -EIO;
        }
        memcpy(ret_text, out.data, out.size);
        ret_text[out.size] = '\0';
        gnutls_free(out.data);
        return 0;
}

const char *websocket_protocol(const char *offered, const char *const *known) {
        const char *at = str_or_empty(offered);

        while (*at) {
                size_t len;

                at += strspn(at, ", \t");
                len = strcspn(at, ", \t");
                for (const char *const *k = known; len > 0 && *k; k++)
                        if (strlen(*k) == len && strncmp(*k, at, len) == 0)
                                return *k;
                at += len;
        }
        return NULL;
}

/* ---- wslay's callbacks ---- */

static ssize_t frames_recv(wslay_event_context_ptr ctx, uint8_t *room, size_t len, int flags,
                           void *data) {
        struct websocket *w = data;
        size_t n = MIN(len, w->in_len);

        if (n == 0) {
                wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
                return -1;
        }
        memcpy(room, w->in, n);
        w->in += n;
        w->in_len -= n;
        return (ssize_t) n;
}

static ssize_t frames_send(wslay_event_context_ptr ctx, const uint8_t *bytes, size_t len, int flags,
                           void *data) {
        struct websocket *w = data;

        if (wire_send(w->wire, bytes, len))
                return (ssize_t) len;
        wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
}

static void frames_message(wslay_event_context_ptr ctx,
                           const struct wslay_event_on_msg_recv_arg *message, void *data) {
        struct websocket *w = data;

        if (!wslay_is_ctrl_frame(message->opcode) && !w->is_unwanted && !w->is_closed)
                w->handlers.message(w->data, message->msg, message->msg_length);
}

static void socket_close(struct websocket *w) {
        if (w->is_closed)
                return;
        w->is_closed = true;
        if (!w->is_unwanted)
                w->handlers.closed(w->data);
}

static void websocket_free(struct websocket *w) {
        wire_unref(w->wire);
        wslay_event_context_free(w->frames);
        free(w);
}

static void socket_leave(struct websocket *w) {
        w->is_calling = false;
        if (w->is_unwanted)
                websocket_free(w);
}

/* What wslay has to say goes into the wire's queue; after its last word both sides are done. */
static void socket_flush(struct websocket *w) {
        if (w->is_closed)
                return;
        if (wslay_event_send(w->frames) != 0 ||
            (!wslay_event_want_read(w->frames) && !wslay_event_want_write(w->frames)))
                socket_close(w);
}

void websocket_feed(struct websocket *w, const void *bytes, size_t len) {
        w->is_calling = true;
        w->in = bytes;
        w->in_len = len;
        if (wslay_event_recv(w->frames) != 0)
                socket_close(w);
        w->in_len = 0;
        if (!w->is_unwanted)
                socket_flush(w);
        socket_leave(w);
}

static void wire_received(void *data, const void *bytes, size_t len) {
        websocket_feed(data, bytes, len);
}

static void wire_drained(void *data) {
        struct websocket *w = data;

        w->is_calling = true;
        if (w->handlers.drained && !w->is_closed)
                w->handlers.drained(w->data);
        socket_leave(w);
}

static void wire_closed(void *data) {
        struct websocket *w = data;

        w->is_calling = true;
        socket_close(w);
        socket_leave(w);
}

int websocket_new(const struct wire_host *host, struct raw *take_raw,
                  const struct websocket_handlers *handlers, void *data, struct websocket **ret) {
        static const struct wslay_event_callbacks CALLBACKS = {
                .recv_callback = frames_recv,
                .send_callback = frames_send,
                .on_msg_recv_callback = frames_message,
        };
        static const struct wire_handlers WIRE = {
                .received = wire_received,
                .drained = wire_drained,
                .closed = wire_closed,
        };
        struct websocket *w = calloc(1, sizeof(*w));
        int r = -ENOMEM;

        if (w)
                r = wire_new(host, take_raw, &WIRE, w, &w->wire);
        else
                wire_refuse(host, take_raw);

        if (r < 0) {
                free(w);
                return r;
        }
        w->handlers = *handlers;
        w->data = data;
        wire_set_eager(w->wire);
        if (wslay_event_context_server_init(&w->frames, &CALLBACKS, w) != 0) {
                wire_unref(w->wire);
                free(w);
                return -ENOMEM;
        }
        wslay_event_config_set_max_recv_msg_length(w->frames, WEBSOCKET_MESSAGE_MAX_BYTES);
        *ret = w;
        return 0;
}

void websocket_refuse(const struct wire_host *host, struct raw *take_raw) {
        wire_refuse(host, take_raw);
}

void websocket_unref(struct websocket *w) {
        if (!w)
                return;
        w->is_unwanted = true;
        if (!w->is_calling)
                websocket_free(w);
}

bool websocket_send_bytes(struct websocket *w, const void *bytes, size_t len) {
        struct wslay_event_msg message = { .opcode = WSLAY_BINARY_FRAME,
                                           .msg = bytes,
                                           .msg_length = len };

        if (w->is_closed)
                return true;
        if (wslay_event_queue_msg(w->frames, &message) == 0 && wslay_event_send(w->frames) == 0)
                return true;
        wire_shutdown(w->wire);
        return false;
}

bool websocket_send(struct websocket *w, uint8_t channel, const void *bytes, size_t len) {
        uint8_t *copy = malloc(len + 1);
        bool is_sent;

        if (!copy) {
                wire_shutdown(w->wire);
                return false;
        }
        copy[0] = channel;
        memcpy(copy + 1, bytes, len);
        is_sent = websocket_send_bytes(w, copy, len + 1);
        free(copy);
        return is_sent;
}

void websocket_shutdown(struct websocket *w) {
        wire_shutdown(w->wire);
}

void websocket_finish(struct websocket *w) {
        (void) wslay_event_queue_close(w->frames, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);
        (void) wslay_event_send(w->frames);
}

size_t websocket_pending(const struct websocket *w) {
        return wire_pending(w->wire);
}

bool websocket_is_full(const struct websocket *w) {
        return wire_pending(w->wire) > WIRE_HIGH_BYTES;
}

void websocket_pause(struct websocket *w, bool is_paused) {
        wire_pause(w->wire, is_paused);
}
