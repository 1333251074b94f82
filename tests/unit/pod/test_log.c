#include "base/fd.h"
#include "base/str.h"
#include "daemon/pod/log.h"
#include "tests/unit/log_place.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW 1767323045000000006ULL
#define TIME "2026-01-02T03:04:05.000000006Z"

static int make_place(void **state) {
        return place_make(state, "made/0.log");
}

static char *content(const struct place *p, const char *suffix) {
        AUTO_FREE char *path = str_format("%s%s", p->path, suffix);
        char *text = NULL;

        return file_read(path, 1 << 20, &text, NULL, NULL) < 0 ? NULL : text;
}

static void lines_are_framed_and_a_rest_waits(void **state) {
        const struct place *p = *state;
        struct log_writer w;
        AUTO_FREE char *text = NULL;

        assert_int_equal(log_open(&w, p->path, 1 << 20, 5, NULL), 0);
        assert_int_equal(log_put(&w, 1, "one\n\ntwo", 8, false, NOW), 5);
        assert_int_equal(log_put(&w, 2, "tw", 2, true, NOW), 2);
        log_close(&w);
        text = content(p, "");

        assert_string_equal(text, TIME " stdout F one\n" TIME " stdout F \n" TIME " stderr P tw\n");
}

static void a_long_line_is_cut_in_pieces(void **state) {
        struct log_record records[8];
        char *chunk = malloc(2 * LOG_LINE_MAX + 10);
        size_t used = 0;
        (void) state;

        memset(chunk, 'x', 2 * LOG_LINE_MAX + 10);
        chunk[2 * LOG_LINE_MAX + 9] = '\n';
        assert_int_equal(log_cut(chunk, 2 * LOG_LINE_MAX + 10, false, records, 8, &used), 3);
        assert_int_equal(records[0].len, LOG_LINE_MAX);
        assert_false(records[0].is_full || records[1].is_full);
        assert_true(records[2].is_full);
        assert_int_equal(records[2].len, 9);
        assert_int_equal(used, 2 * LOG_LINE_MAX + 10);

        /* Exactly as long as is allowed: one whole record. */
        chunk[LOG_LINE_MAX] = '\n';
        assert_int_equal(log_cut(chunk, LOG_LINE_MAX + 1, false, records, 8, &used), 1);
        assert_true(records[0].is_full);
        assert_int_equal(log_cut(chunk, LOG_LINE_MAX, false, records, 8, &used), 0);
        free(chunk);
}

static void files_rotate_by_size_and_count(void **state) {
        const struct place *p = *state;
        struct log_writer w;
        AUTO_FREE char *newest = NULL;
        AUTO_FREE char *before = NULL;
        AUTO_FREE char *gone = NULL;

        assert_int_equal(log_open(&w, p->path, 60, 3, NULL), 0);
        for (char c = 'a'; c < 'g'; c++) {
                const char line[2] = { c, '\n' };

                assert_int_equal(log_put(&w, 1, line, 2, false, NOW), 2);
        }
        log_close(&w);
        newest = content(p, "");
        before = content(p, ".2");
        gone = content(p, ".3");

        assert_string_equal(newest, TIME " stdout F f\n");
        assert_string_equal(before, TIME " stdout F d\n");
        assert_null(gone);
        assert_int_equal(w.lost_bytes, 0);
}

static void more_lines_than_a_batch_are_all_written(void **state) {
        const struct place *p = *state;
        AUTO_DONE(strbuf) struct strbuf in = { 0 };
        struct log_writer w;
        AUTO_FREE char *text = NULL;
        size_t n = 0;

        for (int i = 0; i < 1000; i++)
                strbuf_addf(&in, "%d\n", i);
        assert_int_equal(log_open(&w, p->path, 1 << 20, 5, NULL), 0);
        assert_int_equal(log_put(&w, 1, in.s, in.len, false, NOW), in.len);
        log_close(&w);
        text = content(p, "");
        for (const char *c = text; *c; c++)
                n += *c == '\n';

        assert_int_equal(n, 1000);
        assert_true(str_ends_with(text, " F 999\n"));
}

static void a_full_disk_is_counted_and_doesnt_stop(void **state) {
        struct log_writer w;
        (void) state;

        assert_int_equal(log_open(&w, "/dev/full", 1 << 20, 1, NULL), 0);
        assert_int_equal(log_put(&w, 1, "one\n", 4, false, NOW), 4);
        assert_true(w.lost_bytes > 0);
        log_close(&w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, place_drop)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(lines_are_framed_and_a_rest_waits),
                cmocka_unit_test(a_long_line_is_cut_in_pieces),
                TEST(files_rotate_by_size_and_count),
                TEST(more_lines_than_a_batch_are_all_written),
                cmocka_unit_test(a_full_disk_is_counted_and_doesnt_stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
