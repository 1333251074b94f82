#include "api/client/spdy.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

/* What a client that deflates with the dictionary sends: streamtype: error (at its end at once),
 * then in the same zlib stream streamtype: data, port: 80, requestid: 0. */
static const uint8_t OPEN_ERROR[] = { 0x80, 0x03, 0x00, 0x01, 0x01, 0x00, 0x00, 0x28, 0x00, 0x00,
                                      0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x78, 0xf9,
                                      0xe3, 0xc6, 0xa7, 0xc2, 0x02, 0xa6, 0x23, 0x46, 0x70, 0x3a,
                                      0x2b, 0x29, 0x4a, 0x4d, 0xcc, 0x85, 0x16, 0x25, 0xac, 0xa9,
                                      0xa0, 0x80, 0x06, 0x00, 0x00, 0x00, 0xff, 0xff };
static const uint8_t OPEN_DATA[] = { 0x80, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00, 0x2d, 0x00,
                                     0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                     0x02, 0xa5, 0x47, 0x0c, 0x29, 0x50, 0x29, 0x93, 0x08,
                                     0x29, 0xb0, 0x8b, 0x40, 0x89, 0x9b, 0xc9, 0xc2, 0x00,
                                     0x48, 0x72, 0x16, 0x41, 0xa2, 0x37, 0x13, 0x94, 0xec,
                                     0x19, 0x0d, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff };

static struct spdy_reader *reader_new(void) {
        struct spdy_reader *r = NULL;

        assert_int_equal(spdy_reader_new(&r), 0);
        return r;
}

/* Reads bytes that hold exactly one event at their end. */
static struct spdy_event read_one(struct spdy_reader *r, const void *bytes, size_t len) {
        struct spdy_event event;
        size_t used;

        assert_int_equal(spdy_read(r, bytes, len, &used, &event, NULL), 1);
        assert_int_equal(used, len);
        return event;
}

static int read_error(const void *bytes, size_t len) {
        AUTO(spdy_reader) struct spdy_reader *r = reader_new();
        struct spdy_event event;
        size_t used, at = 0;
        int result;

        do {
                result = spdy_read(r, (const uint8_t *) bytes + at, len - at, &used, &event, NULL);
                at += used;
        } while (result > 0);
        return result;
}

static void headers_of_all_streams_are_one_zlib_stream(void **state) {
        AUTO(spdy_reader) struct spdy_reader *r = reader_new();
        struct spdy_event event;
        (void) state;

        event = read_one(r, OPEN_ERROR, sizeof(OPEN_ERROR));
        assert_int_equal(event.kind, SPDY_OPEN);
        assert_int_equal(event.id, 1);
        assert_true(event.is_fin);
        assert_string_equal(spdy_event_header(&event, "streamtype"), "error");

        event = read_one(r, OPEN_DATA, sizeof(OPEN_DATA));
        assert_int_equal(event.id, 3);
        assert_false(event.is_fin);
        assert_string_equal(spdy_event_header(&event, "streamtype"), "data");
        assert_string_equal(spdy_event_header(&event, "port"), "80");
        assert_string_equal(spdy_event_header(&event, "requestid"), "0");
        assert_null(spdy_event_header(&event, "host"));
}

static void frames_come_out_whole_however_bytes_arrive(void **state) {
        static const uint8_t rest[] = { 0x80, 3, 0, 4, 0, 0, 0, 4, 0,   0,   0, 0, /* SETTINGS */
                                        0,    0, 0, 3, 1, 0, 0, 2, 'h', 'i',       /* data, FIN */
                                        0x80, 3, 0, 6, 0, 0, 0, 4, 0,   0,   0, 9, /* PING */
                                        0x80, 3, 0, 3, 0, 0, 0, 8, 0,   0,   0, 3, 0, 0, 0, 5 };
        AUTO(spdy_reader) struct spdy_reader *r = reader_new();
        AUTO_DONE(strbuf) struct strbuf told = { 0 };
        struct spdy_event event;
        uint8_t bytes[sizeof(OPEN_ERROR) + sizeof(rest)];
        size_t used;
        (void) state;
        memcpy(bytes, OPEN_ERROR, sizeof(OPEN_ERROR));
        memcpy(bytes + sizeof(OPEN_ERROR), rest, sizeof(rest));

        for (size_t i = 0; i < sizeof(bytes); i++)
                if (spdy_read(r, bytes + i, 1, &used, &event, NULL) == 1)
                        strbuf_addf(&told, "%d:%u:%.*s%s ", (int) event.kind, event.id,
                                    (int) event.len, event.len ? (const char *) event.data : "",
                                    event.is_fin ? "$" : "");

        assert_string_equal(told.s, "1:1:$ 0:3:h 0:3:i$ 4:9: 3:3: ");
}

static void an_empty_frame_with_fin_is_an_end(void **state) {
        static const uint8_t bytes[] = { 0, 0, 0, 7, 1, 0, 0, 0 };
        AUTO(spdy_reader) struct spdy_reader *r = reader_new();
        struct spdy_event event;
        (void) state;

        event = read_one(r, bytes, sizeof(bytes));

        assert_int_equal(event.kind, SPDY_DATA);
        assert_int_equal(event.id, 7);
        assert_int_equal(event.len, 0);
        assert_true(event.is_fin);
}

static void what_breaks_protocol_or_bounds_is_refused(void **state) {
        static const uint8_t version[] = { 0x80, 2, 0, 1, 0, 0, 0, 10 },
                             size[] = { 0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff },
                             no_zlib[] = { 0x80, 3, 0, 2, 0, 0, 0, 8, 0, 0, 0, 1, 1, 2, 3, 4 },
                             is_short[] = { 0x80, 3, 0, 3, 0, 0, 0, 4, 0, 0, 0, 1 };
        (void) state;

        assert_int_equal(read_error(version, sizeof(version)), -EBADMSG);
        assert_int_equal(read_error(size, sizeof(size)), -EBADMSG);
        assert_int_equal(read_error(no_zlib, sizeof(no_zlib)), -EBADMSG);
        assert_int_equal(read_error(is_short, sizeof(is_short)), -EBADMSG);
}

/* A stored block with a count of headers, or a length, that the block can't hold. */
static void lying_header_blocks_are_refused(void **state) {
        uint8_t bytes[] = { 0x80, 3,    0,    2, 0, 0, 0, 23, 0, 0, 0, 1,   0x78, 1,   0,  12,
                            0,    0xf3, 0xff, 0, 0, 0, 1, 0,  0, 0, 9, 'a', 'b',  'c', 'd' };
        (void) state;

        assert_int_equal(read_error(bytes, sizeof(bytes)), -EBADMSG);
        bytes[22] = 0xff; /* 255 headers */
        assert_int_equal(read_error(bytes, sizeof(bytes)), -EBADMSG);
}

static void a_reply_is_the_stored_block_that_clients_take(void **state) {
        static const uint8_t want[] = { 0x80, 3, 0, 2,    0,    0, 0, 20, 0, 0, 0, 1, 0x78, 1,
                                        0,    4, 0, 0xfb, 0xff, 0, 0, 0,  0, 0, 0, 0, 0xff, 0xff };
        AUTO_DONE(strbuf) struct strbuf out = { 0 };
        struct spdy_writer w = { 0 };
        (void) state;

        spdy_put_headers(&w, &out, &(struct spdy_event){ .kind = SPDY_REPLY, .id = 1 });

        assert_int_equal(out.len, sizeof(want));
        assert_memory_equal(out.s, want, sizeof(want));
        strbuf_reset(&out);
        spdy_put_headers(&w, &out, &(struct spdy_event){ .kind = SPDY_REPLY, .id = 3 });
        assert_int_equal(out.len, sizeof(want) - 2); /* the zlib head comes once */
}

static void what_is_written_reads_the_same(void **state) {
        const struct spdy_pair pairs[] = { { "streamtype", "data" }, { "port", "8080" } };
        AUTO(spdy_reader) struct spdy_reader *r = reader_new();
        AUTO_DONE(strbuf) struct strbuf out = { 0 };
        struct spdy_writer w = { 0 };
        struct spdy_event event;
        (void) state;

        for (uint32_t id = 1; id < 7; id += 2) {
                strbuf_reset(&out);
                spdy_put_headers(&w, &out,
                                 &(struct spdy_event){ .kind = SPDY_OPEN,
                                                       .id = id,
                                                       .is_fin = id == 3,
                                                       .headers = pairs,
                                                       .n_headers = 2 });
                event = read_one(r, out.s, out.len);
                assert_int_equal(event.id, id);
                assert_int_equal(event.is_fin, id == 3);
                assert_string_equal(spdy_event_header(&event, "port"), "8080");
        }
        strbuf_reset(&out);
        spdy_put_goaway(&out, 5, SPDY_GOAWAY_PROTOCOL_ERROR);
        event = read_one(r, out.s, out.len);
        assert_int_equal(event.kind, SPDY_GOAWAY);
        assert_int_equal(event.status, SPDY_GOAWAY_PROTOCOL_ERROR);
        strbuf_reset(&out);
        spdy_put_reset(&out, 5, SPDY_RESET_REFUSED_STREAM);
        event = read_one(r, out.s, out.len);
        assert_int_equal(event.kind, SPDY_RESET);
        assert_int_equal(event.status, SPDY_RESET_REFUSED_STREAM);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(headers_of_all_streams_are_one_zlib_stream),
                cmocka_unit_test(frames_come_out_whole_however_bytes_arrive),
                cmocka_unit_test(an_empty_frame_with_fin_is_an_end),
                cmocka_unit_test(what_breaks_protocol_or_bounds_is_refused),
                cmocka_unit_test(lying_header_blocks_are_refused),
                cmocka_unit_test(a_reply_is_the_stored_block_that_clients_take),
                cmocka_unit_test(what_is_written_reads_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
