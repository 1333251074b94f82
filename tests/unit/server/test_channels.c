#include "base/str.h"
#include "daemon/server/channels.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

/* What a client's bytes became: "channel:bytes;" for each thing said, and what was answered. */
struct peer {
        struct channels channels;
        struct strbuf said, sent;
        size_t n_bytes, n_pieces, longest;
};

static void on_piece(void *data, const struct websocket_piece *piece) {
        struct peer *p = data;
        struct channel_said said;

        p->n_pieces++;
        p->longest = MAX(p->longest, piece->len);
        if (!channels_take(&p->channels, piece, &said))
                return;
        p->n_bytes += said.len;
        if (p->said.len > 4096)
                return;
        strbuf_addf(&p->said, "%u:", said.channel);
        strbuf_add_len(&p->said, said.bytes, said.len);
        strbuf_add(&p->said, ";");
}

static bool on_send(void *data, const void *bytes, size_t len) {
        struct peer *p = data;

        strbuf_add_len(&p->sent, bytes, len);
        return true;
}

static const struct websocket_frames_handlers HANDLERS = { .piece = on_piece, .send = on_send };

static void peer_done(struct peer *p) {
        strbuf_done(&p->said);
        strbuf_done(&p->sent);
}

/* A client's frame, masked by zeroes. */
static void put_frame(struct strbuf *b, unsigned first, const char *bytes, size_t len) {
        uint8_t header[14] = { (uint8_t) first };
        size_t n = 2;

        if (len < 126) {
                header[1] = (uint8_t) (0x80 | len);
        } else if (len < 65536) {
                header[1] = 0x80 | 126;
                header[2] = (uint8_t) (len >> 8);
                header[3] = (uint8_t) len;
                n = 4;
        } else {
                header[1] = 0x80 | 127;
                for (size_t i = 0; i < 8; i++)
                        header[2 + i] = (uint8_t) ((uint64_t) len >> (56 - 8 * i));
                n = 10;
        }
        strbuf_add_len(b, header, n + 4);
        strbuf_add_len(b, bytes, len);
}

static void feed(struct peer *p, const struct strbuf *b, size_t step) {
        struct websocket_frames *f;

        assert_int_equal(websocket_frames_new(&HANDLERS, p, &f), 0);
        for (size_t at = 0; at < b->len; at += step)
                assert_true(websocket_frames_feed(f, b->s + at, MIN(step, b->len - at)));
        websocket_frames_free(f);
}

static void one_huge_message_comes_as_a_stream(void **state) {
        struct peer p = { .channels.n_streams = 1 };
        struct strbuf b = { 0 };
        size_t len = 5U << 20;
        char *bytes = calloc(1, len);
        (void) state;
        put_frame(&b, 0x82, bytes, len);

        feed(&p, &b, 32768);

        assert_int_equal(p.n_bytes, len - 1);
        assert_true(p.n_pieces > 100 && p.longest <= 32768);
        assert_int_equal(p.sent.len, 0);
        free(bytes);
        strbuf_done(&b);
        peer_done(&p);
}

static void continuation_frames_belong_to_the_first_ones_channel(void **state) {
        struct peer p = { .channels.n_streams = 1 };
        struct strbuf b = { 0 };
        (void) state;
        put_frame(&b, 0x02, "", 0);
        put_frame(&b, 0x00, "\0ab", 3);
        put_frame(&b, 0x89, "hi", 2); /* a ping in between */
        put_frame(&b, 0x00, "\0cd", 3);
        put_frame(&b, 0x80, "", 0);
        put_frame(&b, 0x82, "\0e", 2);

        feed(&p, &b, b.len);

        assert_int_equal(p.said.len, strlen("0:ab;0:?cd;0:e;"));
        assert_memory_equal(p.said.s, "0:ab;0:\0cd;0:e;", p.said.len);
        assert_int_equal(p.sent.len, 4);
        assert_memory_equal(p.sent.s, "\x8a\x02hi", 4);
        strbuf_done(&b);
        peer_done(&p);
}

static void sizes_come_whole_however_they_are_cut(void **state) {
        (void) state;

        for (size_t step = 1; step < 40; step++) {
                struct peer p = { .channels.n_streams = 1 };
                struct strbuf b = { 0 };

                put_frame(&b, 0x02, "\004{\"Width\":80,", 13);
                put_frame(&b, 0x80, "\"Height\":24}", 12);
                put_frame(&b, 0x82, "\xff\0", 2);
                put_frame(&b, 0x82, "\xff", 1);
                put_frame(&b, 0x82, "", 0);

                feed(&p, &b, step);

                assert_int_equal(p.said.len, 38);
                assert_memory_equal(p.said.s, "4:{\"Width\":80,\"Height\":24};255:\0;255:;", 38);
                strbuf_done(&b);
                peer_done(&p);
        }
}

static void a_size_that_never_ends_is_left_aside(void **state) {
        struct peer p = { .channels.n_streams = 1 };
        struct strbuf b = { 0 };
        char text[CHANNEL_TEXT_MAX_BYTES + 2];
        (void) state;
        memset(text, 4, sizeof(text));
        put_frame(&b, 0x82, text, sizeof(text));
        put_frame(&b, 0x82, "\004{}", 3);

        feed(&p, &b, 100);

        assert_string_equal(p.said.s, "4:{};");
        strbuf_done(&b);
        peer_done(&p);
}

static void garbage_is_answered_with_a_close_frame(void **state) {
        struct websocket_frames *f;
        struct peer p = { .channels.n_streams = 1 };
        (void) state;
        assert_int_equal(websocket_frames_new(&HANDLERS, &p, &f), 0);

        assert_true(websocket_frames_feed(f, "\x82\x01x", 3)); /* not masked */

        assert_true(websocket_frames_are_over(f));
        assert_memory_equal(p.sent.s, "\x88\x02\x03\xea", 4);
        websocket_frames_free(f);
        peer_done(&p);
}

static void after_the_good_bye_nothing_more_is_sent(void **state) {
        struct websocket_frames *f;
        struct peer p = { .channels.n_streams = 1 };
        (void) state;
        assert_int_equal(websocket_frames_new(&HANDLERS, &p, &f), 0);

        assert_true(websocket_frames_ping(f));
        assert_true(websocket_frames_finish(f));
        assert_true(websocket_frames_ping(f));
        assert_true(websocket_frames_send(f, "x", 1));
        assert_true(websocket_frames_finish(f));

        assert_int_equal(p.sent.len, 6);
        assert_memory_equal(p.sent.s, "\x89\0\x88\x02\x03\xe8", 6);
        assert_false(websocket_frames_are_over(f));
        assert_true(websocket_frames_feed(f, "\x88\x82\0\0\0\0\x03\xe8", 8));
        assert_true(websocket_frames_are_over(f));
        websocket_frames_free(f);
        peer_done(&p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_huge_message_comes_as_a_stream),
                cmocka_unit_test(continuation_frames_belong_to_the_first_ones_channel),
                cmocka_unit_test(sizes_come_whole_however_they_are_cut),
                cmocka_unit_test(a_size_that_never_ends_is_left_aside),
                cmocka_unit_test(garbage_is_answered_with_a_close_frame),
                cmocka_unit_test(after_the_good_bye_nothing_more_is_sent),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
