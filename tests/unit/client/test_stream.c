#include "api/client/stream.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t put_frame(uint8_t *at, enum stream_channel channel, const char *text) {
        stream_header(at, channel, strlen(text));
        memcpy(at + STREAM_HEADER_BYTES, text, strlen(text));
        return STREAM_HEADER_BYTES + strlen(text);
}

static void header_is_channel_zeroes_and_big_endian_length(void **state) {
        const uint8_t want[] = { 2, 0, 0, 0, 0, 1, 0, 0 };
        uint8_t header[STREAM_HEADER_BYTES];
        (void) state;

        stream_header(header, STREAM_STDERR, 65536);

        assert_memory_equal(header, want, sizeof(want));
}

static void frames_come_out_whole_however_bytes_arrive(void **state) {
        struct stream_reader r = { 0 };
        struct stream_frame f;
        uint8_t bytes[128];
        size_t n = put_frame(bytes, STREAM_STDOUT, "hello"), seen = 0;
        (void) state;
        n += put_frame(bytes + n, STREAM_STDIN_END, "");
        n += put_frame(bytes + n, STREAM_STATUS, "{}");

        for (size_t i = 0; i < n; i++) {
                assert_int_equal(stream_reader_add(&r, bytes + i, 1), 0);
                while (stream_reader_next(&r, &f, NULL) > 0) {
                        static const char *const want[] = { "hello", "", "{}" };

                        assert_int_equal(f.len, strlen(want[seen]));
                        assert_memory_equal(f.data, want[seen], f.len);
                        seen++;
                }
        }

        assert_int_equal(seen, 3);
        stream_reader_done(&r);
}

static void several_frames_of_one_read_come_out_in_order(void **state) {
        struct stream_reader r = { 0 };
        struct stream_frame f;
        uint8_t bytes[128];
        size_t n = put_frame(bytes, STREAM_STDOUT, "a");
        (void) state;
        n += put_frame(bytes + n, STREAM_STDERR, "b");

        assert_int_equal(stream_reader_add(&r, bytes, n), 0);

        assert_int_equal(stream_reader_next(&r, &f, NULL), 1);
        assert_int_equal(f.channel, STREAM_STDOUT);
        assert_int_equal(stream_reader_next(&r, &f, NULL), 1);
        assert_int_equal(f.channel, STREAM_STDERR);
        assert_int_equal(stream_reader_next(&r, &f, NULL), 0);
        stream_reader_done(&r);
}

static void what_is_no_frame_is_refused(void **state) {
        const uint8_t channel[8] = { 9 }, filler[8] = { 1, 0, 1 },
                      size[8] = { 1, 0, 0, 0, 0, 1, 0, 1 };
        struct stream_frame f;
        size_t used;
        struct err e = { 0 };
        (void) state;

        assert_int_equal(stream_parse(channel, 8, &f, &used, NULL), -EBADMSG);
        assert_int_equal(stream_parse(filler, 8, &f, &used, NULL), -EBADMSG);
        assert_int_equal(stream_parse(size, 8, &f, &used, &e), -EBADMSG);
        assert_non_null(strstr(e.text, "65537"));
}

static void sizes_are_whole_numbers_of_a_terminal(void **state) {
        static const char *const bad[] = { "",
                                           "{}",
                                           "null",
                                           "{\"Width\":80}",
                                           "{\"Width\":0,\"Height\":24}",
                                           "{\"Width\":80,\"Height\":65536}",
                                           "{\"Width\":\"80\",\"Height\":24}",
                                           "{\"Width\":80,\"Height\":24" };
        const char *good = "{\"Width\":80,\"Height\":24}\n";
        struct stream_frame f = { .data = (const uint8_t *) good, .len = strlen(good) };
        unsigned columns = 0, rows = 0;
        (void) state;

        assert_true(stream_size_parse(&f, &columns, &rows));
        assert_int_equal(columns, 80);
        assert_int_equal(rows, 24);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                f = (struct stream_frame){ .data = (const uint8_t *) bad[i],
                                           .len = strlen(bad[i]) };
                assert_false(stream_size_parse(&f, &columns, &rows));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sizes_are_whole_numbers_of_a_terminal),
                cmocka_unit_test(header_is_channel_zeroes_and_big_endian_length),
                cmocka_unit_test(frames_come_out_whole_however_bytes_arrive),
                cmocka_unit_test(several_frames_of_one_read_come_out_in_order),
                cmocka_unit_test(what_is_no_frame_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
