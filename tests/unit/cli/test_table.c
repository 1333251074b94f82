#include "cli/table.h"
#include "tests/unit/test.h"

#include <string.h>

static void columns_are_as_wide_as_their_widest_cell(void **state) {
        AUTO_DONE(table) struct table t = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        (void) state;

        table_init(&t, 3);
        for (const char *const *c = (const char *const[]){ "NAME", "READY", "AGE", "long-name",
                                                           "1/1", "5s", NULL };
             *c; c++)
                table_add(&t, *c);
        assert_int_equal(table_print(&t, 2, false, &b), 0);

        assert_string_equal(b.s, "  NAME        READY   AGE\n"
                                 "  long-name   1/1     5s\n");
}

static void absent_cells_and_trailing_blanks(void **state) {
        AUTO_DONE(table) struct table t = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        (void) state;

        table_init(&t, 2);
        table_add(&t, NULL);
        table_add(&t, "");
        assert_int_equal(table_print(&t, 0, false, &b), 0);

        assert_string_equal(b.s, "<none>\n");
}

static void later_rows_keep_the_widths(void **state) {
        AUTO_DONE(table) struct table t = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        (void) state;

        table_init(&t, 2);
        table_add(&t, "wide-cell");
        table_add(&t, "x");
        assert_int_equal(table_print(&t, 0, false, &b), 0);
        strbuf_reset(&b);
        table_add(&t, "a");
        table_add(&t, "y");
        assert_int_equal(table_print(&t, 0, false, &b), 0);

        assert_string_equal(b.s, "a           y\n");
}

static void control_characters_do_not_reach_the_terminal(void **state) {
        AUTO_DONE(table) struct table t = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        (void) state;

        table_init(&t, 2);
        table_add(&t, "a\033[31m\nb");
        table_add(&t, "z\xc3\xa4");
        assert_int_equal(table_print(&t, 0, false, &b), 0);

        assert_string_equal(b.s, "a [31m b   z\xc3\xa4\n");
}

static void colour_marks_trouble_only_when_asked_for(void **state) {
        AUTO_DONE(table) struct table t = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        (void) state;

        table_init(&t, 2);
        table_add(&t, "CrashLoopBackOff");
        table_add(&t, "Running");
        assert_int_equal(table_print(&t, 0, true, &b), 0);

        assert_string_equal(b.s, "\033[31mCrashLoopBackOff\033[0m   Running\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
                cmocka_unit_test(absent_cells_and_trailing_blanks),
                cmocka_unit_test(later_rows_keep_the_widths),
                cmocka_unit_test(control_characters_do_not_reach_the_terminal),
                cmocka_unit_test(colour_marks_trouble_only_when_asked_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
