#include "api/dockerfile/pattern.h"
#include "base/str.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static void matches_names_as_copy_does(void **state) {
        static const struct {
                const char *pattern, *path;
                bool is_match;
        } cases[] = {
                { "abc", "abc", true },      { "*", "abc", true },
                { "*c", "abc", true },       { "a*", "a", true },
                { "a*", "ab/c", false },     { "a*/b", "abc/b", true },
                { "a*/b", "a/c/b", false },  { "a?c", "abc", true },
                { "a?c", "a/c", false },     { "[a-c]x", "bx", true },
                { "[^a-c]x", "bx", false },  { "[^a]x", "bx", true },
                { "a\\*b", "a*b", true },    { "a\\*b", "axb", false },
                { "[]]", "]", true },        { "[", "[", false },
                { "a[", "a", false },        { "", "", true },
                { "*.c", "main.c", true },   { "*.c", "main.h", false },
                { "a*b*c", "aXbYbc", true }, { "h?m*.txt", "home.txt", true },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                if (pattern_match(cases[i].pattern, cases[i].path) != cases[i].is_match)
                        fail_msg("%s %s", cases[i].pattern, cases[i].path);
}

static void takes_its_time_within_bounds(void **state) {
        AUTO_DONE(strbuf) struct strbuf pattern = { 0 };
        AUTO_DONE(strbuf) struct strbuf text = { 0 };
        (void) state;

        for (size_t i = 0; i < 500; i++) {
                strbuf_add(&pattern, "*a");
                strbuf_add(&text, "aa");
        }
        strbuf_add(&pattern, "b");

        assert_false(pattern_match(pattern.s, text.s));
}

static const struct {
        const char *rules, *path;
        bool is_ignored;
} ignore_cases[] = {
        { "*.md", "README.md", true },
        { "*.md", "docs/README.md", false },
        { "**/*.md", "docs/README.md", true },
        { "**/*.md", "README.md", true },
        { "docs", "docs/a/b", true },
        { "/docs/", "docs/a", true },
        { "./docs/../docs", "docs/a", true },
        { "docs/*", "docs/a/b", true },
        { "docs/*", "docs", false },
        { "docs/**", "docs/a/b", true },
        { "docs/**", "docs", false },
        { "**", "a/b", true },
        { "*", "a/b", true },
        { "*\n!keep", "keep", false },
        { "*\n!keep", "keep/below", false },
        { "*\n!a/keep", "a/keep", false },
        { "*\n!a/keep", "a/other", true },
        { "*.md\n!README.md", "README.md", false },
        { "*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true },
        { "!README.md\n*.md", "README.md", true },
        { "# *.c\n\n  *.h  ", "a.c", false },
        { "# *.c\n\n  *.h  ", "a.h", true },
        { "**/node_modules", "a/b/node_modules/x", true },
        { "a/**/z", "a/z", true },
        { "a/**/z", "a/b/c/z", true },
        { "a/**/z", "az", false },
        { "temp?", "tempo", true },
        { "temp?", "temp", false },
        { "*/temp*", "x/temporary.txt", true },
        { "*/*/temp*", "x/temporary.txt", false },
        { "", "a", false },
};

static void ignores_as_docker_does(void **state) {
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(ignore_cases); i++) {
                AUTO_DONE(ignore) struct ignore ignore = { 0 };
                const char *rules = ignore_cases[i].rules;

                assert_int_equal(ignore_parse(rules, strlen(rules), NULL, &ignore, NULL), 0);
                if (ignore_matches(&ignore, ignore_cases[i].path) != ignore_cases[i].is_ignored)
                        fail_msg("%s: %s", rules, ignore_cases[i].path);
        }
}

static void looks_into_folders_for_exceptions_only(void **state) {
        static const char rules[] = "*\n!a/keep\n!b*";
        AUTO_DONE(ignore) struct ignore ignore = { 0 };
        (void) state;

        assert_int_equal(ignore_parse(rules, strlen(rules), NULL, &ignore, NULL), 0);

        assert_true(ignore_may_hold(&ignore, "a"));
        assert_true(ignore_may_hold(&ignore, "bcd"));
        assert_false(ignore_may_hold(&ignore, "c"));
        assert_false(ignore_may_hold(&ignore, "ab"));
}

static void tells_the_line_of_a_broken_rule(void **state) {
        static const char rules[] = "*.c\n[a\n!\n";
        AUTO_DONE(ignore) struct ignore ignore = { 0 };
        struct diags d = { 0 };
        (void) state;

        assert_int_equal(ignore_parse(rules, strlen(rules), ".dockerignore", &ignore, &d), -EINVAL);

        assert_int_equal(d.n, 2);
        assert_int_equal(d.items[0].line, 2);
        assert_int_equal(d.items[1].line, 3);
        diags_done(&d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(matches_names_as_copy_does),
                cmocka_unit_test(takes_its_time_within_bounds),
                cmocka_unit_test(ignores_as_docker_does),
                cmocka_unit_test(looks_into_folders_for_exceptions_only),
                cmocka_unit_test(tells_the_line_of_a_broken_rule),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
