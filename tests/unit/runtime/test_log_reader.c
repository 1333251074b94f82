#include "base/fd.h"
#include "base/str.h"
#include "daemon/runtime/log_reader.h"
#include "tests/unit/log_place.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT(second) "2026-01-02T03:04:0" second ".000000000Z "

static int make_place(void **state) {
        return place_make(state, "0.log");
}

static void put(const struct place *p, const char *suffix, const char *text) {
        AUTO_FREE char *path = str_format("%s%s", p->path, suffix);
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

        assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
        (void) close(fd);
}

static char *rest_of(struct log_reader *r, size_t chunk) {
        struct strbuf b = { 0 };
        char buf[256];
        ssize_t n;

        while ((n = log_reader_read(r, buf, chunk, NULL, NULL)) > 0)
                strbuf_add_len(&b, buf, (size_t) n);
        assert_int_equal(n, 0);
        strbuf_add(&b, "");
        return strbuf_steal(&b);
}

static void assert_reads(const struct place *p, const struct log_reader_options *o,
                         const char *expected) {
        for (size_t chunk = 1; chunk <= 256; chunk *= 4) {
                AUTO(log_reader) struct log_reader *r = NULL;
                AUTO_FREE char *text = NULL;

                assert_int_equal(log_reader_new(p->path, o, &r, NULL), 0);
                text = rest_of(r, chunk);
                assert_string_equal(text, expected);
        }
}

static void rotated_files_are_read_as_one_text(void **state) {
        const struct place *p = *state;
        const struct log_reader_options all = { .tail_lines = -1 };

        put(p, ".2", AT("1") "stdout F one\n");
        put(p, ".1", AT("2") "stderr P tw\n" AT("2") "stderr F o\n");
        put(p, "", AT("3") "stdout F \n" AT("4") "stdout F four\n");

        assert_reads(p, &all, "one\ntwo\n\nfour\n");
}

static void a_tail_reaches_into_older_files(void **state) {
        const struct place *p = *state;

        put(p, ".1", AT("1") "stdout F one\n" AT("2") "stdout F two\n");
        put(p, "", AT("3") "stdout F three\n" AT("4") "stdout F four\n");

        assert_reads(p, &(struct log_reader_options){ .tail_lines = 1 }, "four\n");
        assert_reads(p, &(struct log_reader_options){ .tail_lines = 2 }, "three\nfour\n");
        assert_reads(p, &(struct log_reader_options){ .tail_lines = 3 }, "two\nthree\nfour\n");
        assert_reads(p, &(struct log_reader_options){ .tail_lines = 9 }, "one\ntwo\nthree\nfour\n");
        assert_reads(p, &(struct log_reader_options){ .tail_lines = 0 }, "");
}

static void times_and_limits_are_kept(void **state) {
        const struct place *p = *state;
        const struct log_reader_options since = { .tail_lines = -1,
                                                  .since_usec = 1767323042000000 };

        put(p, "", AT("1") "stdout F one\n" AT("2") "stdout P tw\n" AT("3") "stdout F o\n");

        assert_reads(p, &since, "two\n");
        assert_reads(p, &(struct log_reader_options){ .tail_lines = -1, .limit_bytes = 5 },
                     "one\nt");
        assert_reads(p, &(struct log_reader_options){ .tail_lines = -1, .has_timestamps = true },
                     AT("1") "one\n" AT("2") "two\n");
}

static void what_is_no_record_is_passed_over(void **state) {
        const struct place *p = *state;

        put(p, "", "nonsense\n\nx y\n" AT("1") "stdout F one\n" AT("2") "stdout F cut off");

        assert_reads(p, &(struct log_reader_options){ .tail_lines = -1 }, "one\n");
}

/* Files are renamed one after the other: what is missing for an instant isn't gone. */
static void a_rotation_under_way_loses_and_doubles_nothing(void **state) {
        const struct place *p = *state;
        const struct log_reader_options all = { .tail_lines = -1 };
        AUTO(log_reader) struct log_reader *r = NULL;
        AUTO_FREE char *older = str_format("%s.2", p->path);
        AUTO_FREE char *first = NULL;
        AUTO_FREE char *between = NULL;
        AUTO_FREE char *rest = NULL;

        put(p, "", AT("1") "stdout F one\n");
        assert_int_equal(log_reader_new(p->path, &all, &r, NULL), 0);
        first = rest_of(r, 100);
        assert_int_equal(rename(p->path, older), 0);
        between = rest_of(r, 100);
        put(p, ".1", AT("2") "stdout F two\n");
        put(p, "", AT("3") "stdout F three\n");
        rest = rest_of(r, 100);

        assert_string_equal(first, "one\n");
        assert_string_equal(between, "");
        assert_string_equal(rest, "two\nthree\n");
}

static void reading_goes_on_across_a_rotation(void **state) {
        const struct place *p = *state;
        const struct log_reader_options all = { .tail_lines = -1 };
        AUTO(log_reader) struct log_reader *r = NULL;
        AUTO_FREE char *a = NULL;
        AUTO_FREE char *b = NULL;
        AUTO_FREE char *oldest = str_format("%s.2", p->path);
        struct pollfd watch = { .events = POLLIN };

        put(p, "", AT("1") "stdout F one\n");
        assert_int_equal(log_reader_new(p->path, &all, &r, NULL), 0);
        watch.fd = log_reader_fd(r);
        a = rest_of(r, 100);
        assert_string_equal(a, "one\n");

        /* Two rotations, unseen. */
        put(p, "", AT("2") "stdout F two\n");
        assert_int_equal(rename(p->path, oldest), 0);
        put(p, ".1", AT("3") "stdout F three\n");
        put(p, "", AT("4") "stdout F four\n");
        assert_int_equal(poll(&watch, 1, 0), 1);
        b = rest_of(r, 100);
        assert_string_equal(b, "two\nthree\nfour\n");
        assert_int_equal(poll(&watch, 1, 0), 0);
}

static void a_log_that_comes_later_is_found(void **state) {
        const struct place *p = *state;
        const struct log_reader_options all = { .tail_lines = -1 };
        AUTO(log_reader) struct log_reader *r = NULL;
        char buf[16];
        int stream = 0;

        assert_int_equal(log_reader_new(p->path, &all, &r, NULL), 0);
        assert_int_equal(log_reader_read(r, buf, sizeof(buf), NULL, NULL), 0);
        put(p, "", AT("1") "stderr F one\n" AT("1") "stdout F two\n");

        assert_int_equal(log_reader_read(r, buf, sizeof(buf), &stream, NULL), 4);
        assert_int_equal(stream, 2);
        assert_int_equal(log_reader_read(r, buf, sizeof(buf), &stream, NULL), 4);
        assert_int_equal(stream, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, place_drop)

static void a_text_may_hold_nul(void **state) {
        static const char record[] = "2026-01-02T03:04:05.000000000Z stdout F a\0b\n";
        const struct log_reader_options all = { .tail_lines = -1 };
        AUTO(log_reader) struct log_reader *r = NULL;
        struct place *p = *state;
        char buf[16];
        int fd = open(p->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        assert_int_equal(fd_write_all(fd, record, sizeof(record) - 1), 0);
        (void) close(fd);
        assert_int_equal(log_reader_new(p->path, &all, &r, NULL), 0);

        assert_int_equal(log_reader_read(r, buf, sizeof(buf), NULL, NULL), 4);
        assert_memory_equal(buf, "a\0b\n", 4);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(rotated_files_are_read_as_one_text),
                TEST(a_tail_reaches_into_older_files),
                TEST(times_and_limits_are_kept),
                TEST(what_is_no_record_is_passed_over),
                TEST(a_rotation_under_way_loses_and_doubles_nothing),
                TEST(reading_goes_on_across_a_rotation),
                TEST(a_log_that_comes_later_is_found),
                TEST(a_text_may_hold_nul),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
