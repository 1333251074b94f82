/* What a WebSocket's client sends: frames in pieces whose size the first byte chooses, their
 * channels (the second byte says how many are streams), sizes of terminals; and, as text, the
 * headers of its handshake. */
#include "daemon/server/websocket.h"

#include "api/client/stream.h"
#include "base/macros.h"
#include "daemon/server/channels.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct client {
        struct channels channels;
        size_t n_fed, n_said, n_sent;
        bool is_first_next;
};

static void on_piece(void *data, const struct websocket_piece *piece) {
        struct client *c = data;
        struct channel_said said;
        unsigned columns, rows;

        assert(piece->len > 0 || piece->is_last);
        assert(piece->is_first == c->is_first_next);
        c->is_first_next = piece->is_last;
        if (!channels_take(&c->channels, piece, &said))
                return;
        c->n_said += said.len;
        if (said.channel < c->channels.n_streams)
                assert(said.len > 0);
        else
                assert(said.len <= CHANNEL_TEXT_MAX_BYTES);
        if (said.channel == STREAM_RESIZE &&
            stream_size_parse(&(struct stream_frame){ .channel = STREAM_RESIZE,
                                                      .data = said.bytes,
                                                      .len = said.len },
                              &columns, &rows))
                assert(columns > 0 && columns < 65536 && rows > 0 && rows < 65536);
}

static bool on_send(void *data, const void *bytes, size_t len) {
        struct client *c = data;

        assert(bytes && len > 0);
        c->n_sent += len;
        return true;
}

static void frames_take(const uint8_t *data, size_t size) {
        static const struct websocket_frames_handlers HANDLERS = { .piece = on_piece,
                                                                   .send = on_send };
        struct client c = { .channels.n_streams = data[1], .is_first_next = true };
        size_t step = data[0] + 1U;
        struct websocket_frames *f;

        if (websocket_frames_new(&HANDLERS, &c, &f) < 0)
                return;
        for (size_t at = 2; at < size && !websocket_frames_are_over(f); at += step)
                if (!websocket_frames_feed(f, data + at, MIN(step, size - at)))
                        break;
        /* Nothing is made up, and answers (pongs, a good-bye) aren't more than what was asked. */
        assert(c.n_said <= size && c.n_sent <= size + 128);
        (void) websocket_frames_finish(f);
        websocket_frames_free(f);
}

/* Two lines: what Sec-WebSocket-Protocol and Sec-WebSocket-Key say. */
static void handshake_take(const uint8_t *data, size_t size) {
        static const char *const KNOWN[] = { "v5.channel.k8s.io", "v4.channel.k8s.io", NULL };
        char text[512], accept[WEBSOCKET_ACCEPT_MAX], *key;
        const char *protocol;

        if (size >= sizeof(text))
                return;
        memcpy(text, data, size);
        text[size] = '\0';
        key = strchr(text, '\n');
        if (key)
                *key++ = '\0';
        protocol = websocket_protocol(text, KNOWN);
        assert(!protocol || strstr(text, protocol));
        if (websocket_accept(key, accept) == 0)
                assert(strlen(key) == 24 && strlen(accept) == 28);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size < 2)
                return 0;
        frames_take(data, size);
        handshake_take(data, size);
        return 0;
}
