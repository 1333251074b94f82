#include "daemon/server/websocket.h"

#include "base/str.h"
#include "daemon/server/websocket_frames.h"
#include "daemon/server/wire.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_LEN 24 /* base64 of 16 bytes */
#define SHA1_BYTES 20

struct websocket {
        struct wire *wire;
        struct websocket_frames *frames;
        struct websocket_handlers handlers;
        void *data;
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

/* ---- frames ---- */

static bool frames_send(void *data, const void *bytes, size_t len) {
        struct websocket *w = data;

        return wire_send(w->wire, bytes, len);
}

static void frames_piece(void *data, const struct websocket_piece *piece) {
        struct websocket *w = data;

        if (!w->is_unwanted && !w->is_closed)
                w->handlers.piece(w->data, piece);
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
        websocket_frames_free(w->frames);
        free(w);
}

static void socket_leave(struct websocket *w) {
        w->is_calling = false;
        if (w->is_unwanted)
                websocket_free(w);
}

void websocket_feed(struct websocket *w, const void *bytes, size_t len) {
        w->is_calling = true;
        if (!websocket_frames_feed(w->frames, bytes, len) || websocket_frames_are_over(w->frames))
                socket_close(w);
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

static void wire_ping(void *data) {
        struct websocket *w = data;

        if (!w->is_closed && !websocket_frames_ping(w->frames))
                wire_shutdown(w->wire);
}

int websocket_new(const struct wire_host *host, struct raw *take_raw,
                  const struct websocket_handlers *handlers, void *data, struct websocket **ret) {
        static const struct websocket_frames_handlers FRAMES = { .piece = frames_piece,
                                                                 .send = frames_send };
        static const struct wire_handlers WIRE = {
                .received = wire_received,
                .drained = wire_drained,
                .closed = wire_closed,
                .ping = wire_ping,
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
        if (websocket_frames_new(&FRAMES, w, &w->frames) < 0) {
                wire_unref(w->wire);
                free(w);
                return -ENOMEM;
        }
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
        if (w->is_closed || websocket_frames_send(w->frames, bytes, len))
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
        if (!w->is_closed)
                (void) websocket_frames_finish(w->frames);
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
