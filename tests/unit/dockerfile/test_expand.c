#include "api/dockerfile/expand.h"
#include "base/str.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static const char *get(void *userdata, const char *name) {
        (void) userdata;
        if (strcmp(name, "x") == 0)
                return "value";
        if (strcmp(name, "path") == 0)
                return "a/b/c.tar.gz";
        if (strcmp(name, "empty") == 0)
                return "";
        return NULL;
}

static const struct expand_source source = { .get = get, .escape = '\\' };

struct expand_case {
        const char *text, *wanted; /* NULL: refused */
};

static void check(const struct expand_case *cases, size_t n, const struct expand_source *s) {
        for (size_t i = 0; i < n; i++) {
                AUTO_DONE(strbuf) struct strbuf out = { 0 };
                struct err e = { 0 };
                int r = expand_text(cases[i].text, s, &out, &e);

                if (!cases[i].wanted) {
                        assert_int_equal(r, -EINVAL);
                        continue;
                }
                if (r < 0)
                        print_error("%s: %s\n", cases[i].text, err_text(&e));
                assert_int_equal(r, 0);
                assert_string_equal(str_or_empty(out.s), cases[i].wanted);
        }
}

static void substitutes_as_the_reference_says(void **state) {
        static const struct expand_case cases[] = {
                { "plain", "plain" },
                { "$x", "value" },
                { "${x}s", "values" },
                { "$xs", "" },
                { "$x$x", "valuevalue" },
                { "a$", "a$" },
                { "$ x", "$ x" },
                { "\\$x", "$x" },
                { "\\\\$x", "\\value" },
                { "'$x'", "$x" },
                { "\"$x y\"", "value y" },
                { "\"\\$x \\a\"", "$x \\a" },
                { "'a'\"b\"c", "abc" },
                { "${none:-d}", "d" },
                { "${none-d}", "d" },
                { "${empty:-d}", "d" },
                { "${empty-d}", "" },
                { "${x:+d}", "d" },
                { "${none:+d}", "" },
                { "${empty+d}", "d" },
                { "${empty:+d}", "" },
                { "${none:-$x}", "value" },
                { "${none:-${x}-${none:-z}}", "value-z" },
                { "${x:?needed}", "value" },
                { "${path#*/}", "b/c.tar.gz" },
                { "${path##*/}", "c.tar.gz" },
                { "${path%.*}", "a/b/c.tar" },
                { "${path%%.*}", "a/b/c" },
                { "${path#nothing}", "a/b/c.tar.gz" },
                { "${path/b/B}", "a/B/c.tar.gz" },
                { "${path//a/A}", "A/b/c.tAr.gz" },
                { "${path/.tar/}", "a/b/c.gz" },
                { "$1", "" },
        };
        (void) state;

        check(cases, ARRAY_SIZE(cases), &source);
}

static void refuses_what_has_no_end(void **state) {
        static const struct expand_case cases[] = {
                { "${x", NULL },          { "${", NULL },           { "${}", NULL },
                { "'a", NULL },           { "\"a", NULL },          { "${x:=d}", NULL },
                { "${x@Q}", NULL },       { "${none:?why}", NULL }, { "${x/a}", NULL },
                { "${none:-${x}", NULL },
        };
        (void) state;

        check(cases, ARRAY_SIZE(cases), &source);
}

static void takes_another_escape(void **state) {
        static const struct expand_source backtick = { .get = get, .escape = '`' };
        static const struct expand_case cases[] = {
                { "c:\\$x", "c:\\value" },
                { "`$x", "$x" },
        };
        (void) state;

        check(cases, ARRAY_SIZE(cases), &backtick);
}

static void leaves_quotes_of_a_document(void **state) {
        static const struct expand_source document = { .get = get,
                                                       .escape = '\\',
                                                       .keeps_quotes = true };
        static const struct expand_case cases[] = {
                { "it's \"$x\"\n", "it's \"value\"\n" },
                { "\\$x \\n", "$x \\n" },
        };
        (void) state;

        check(cases, ARRAY_SIZE(cases), &document);
}

static void bounds_what_it_makes(void **state) {
        AUTO_DONE(strbuf) struct strbuf text = { 0 };
        AUTO_DONE(strbuf) struct strbuf out = { 0 };
        (void) state;

        for (size_t i = 0; i < EXPAND_BYTES_MAX / 4; i++)
                strbuf_add(&text, "$x");

        assert_int_equal(expand_text(text.s, &source, &out, NULL), -E2BIG);
}

static void bounds_nesting(void **state) {
        AUTO_DONE(strbuf) struct strbuf text = { 0 };
        AUTO_DONE(strbuf) struct strbuf out = { 0 };
        (void) state;

        for (size_t i = 0; i < 1000; i++)
                strbuf_add(&text, "${none:-");

        assert_int_equal(expand_text(text.s, &source, &out, NULL), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(substitutes_as_the_reference_says),
                cmocka_unit_test(refuses_what_has_no_end),
                cmocka_unit_test(takes_another_escape),
                cmocka_unit_test(leaves_quotes_of_a_document),
                cmocka_unit_test(bounds_what_it_makes),
                cmocka_unit_test(bounds_nesting),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
