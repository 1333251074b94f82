#include "api/text/text.h"
#include "base/str.h"
#include "tests/unit/exhaust.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a text says, written again; or why it says nothing. */
static char *read_one(const char *text) {
        json_t *tree = NULL;
        struct err e = { 0 };
        char *out;

        if (text_read_json(text, strlen(text), 0, &tree, &e) < 0)
                return strdup(e.text);
        out = text_json_dump(tree, NULL);
        json_decref(tree);
        return out;
}

static void says_what_was_written(void **state) {
        static const char *const cases[][2] = {
                { " { \"a\" : [ 1 , -2 , true , false , null ] } ",
                  "{\"a\":[1,-2,true,false,null]}" },
                { "\"\\u00e9\\ud83d\\ude00\\/\\b\"", "\"é😀/\\b\"" },
                { "\"\\u001f\\u0001\"", "\"\\u001F\\u0001\"" },
                { "{\"a\\tb\":\"more than eight plain bytes, \\\"then\\\" a quote\"}",
                  "{\"a\\tb\":\"more than eight plain bytes, \\\"then\\\" a quote\"}" },
                { "9223372036854775807", "9223372036854775807" },
                { "-9223372036854775808", "-9223372036854775808" },
                { "-0", "0" },
                { "1.50", "1.5" },
                { "1e3", "1000.0" },
                { "\"\"", "\"\"" },
                { "{}", "{}" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO_FREE char *said = read_one(cases[i][0]);

                assert_string_equal(said, cases[i][1]);
        }
}

static void names_what_is_wrong_and_where(void **state) {
        static const char *const cases[][2] = {
                { "", "not valid JSON: line 1, column 1: it ends too early" },
                { "{\"a\":1,\n \"a\":2}",
                  "not valid JSON: line 2, column 7: duplicate object key" },
                { "[1,2", "not valid JSON: line 1, column 5: a list goes on with \",\" or ends "
                          "with \"]\"" },
                { "[1,]", "not valid JSON: line 1, column 4: no JSON value" },
                { "{\"a\"}",
                  "not valid JSON: line 1, column 5: \":\" is missing behind a map's key" },
                { "{1:2}", "not valid JSON: line 1, column 2: a map's key must be a text" },
                { "\"\xc0\xaf\"", "not valid JSON: line 1, column 2: invalid UTF-8" },
                { "\"\xed\xa0\x80\"", "not valid JSON: line 1, column 2: invalid UTF-8" },
                { "\"\xf4\x90\x80\x80\"", "not valid JSON: line 1, column 2: invalid UTF-8" },
                { "\"a\nb\"", "not valid JSON: line 1, column 3: a control character in a text" },
                { "\"\\ud800x\"", "not valid JSON: line 1, column 8: half of a surrogate pair" },
                { "\"\\u0000\"", "not valid JSON: line 1, column 8: \\u0000 is not allowed" },
                { "\"\\x\"", "not valid JSON: line 1, column 4: an unknown escape in a text" },
                { "\"abc", "not valid JSON: line 1, column 5: a text has no end" },
                { "9223372036854775808",
                  "not valid JSON: line 1, column 20: an integer is too large" },
                { "1e999", "not valid JSON: line 1, column 6: a number is too large" },
                { "01", "not valid JSON: line 1, column 2: something follows its end" },
                { "1.", "not valid JSON: line 1, column 3: a number ends with its point" },
                { "tru", "not valid JSON: line 1, column 1: no JSON value" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO_FREE char *said = read_one(cases[i][0]);

                assert_string_equal(said, cases[i][1]);
        }
}

static void depth_has_a_bound(void **state) {
        char good[2 * TEXT_DEPTH_MAX + 1] = "", bad[2 * TEXT_DEPTH_MAX + 3] = "";
        AUTO_FREE char *read = NULL, *refused = NULL;
        (void) state;
        memset(good, '[', TEXT_DEPTH_MAX);
        memset(good + TEXT_DEPTH_MAX, ']', TEXT_DEPTH_MAX);
        (void) snprintf(bad, sizeof(bad), "[%s]", good);

        read = read_one(good);
        refused = read_one(bad);

        assert_string_equal(read, good);
        assert_string_equal(refused, "nested deeper than 64 levels");
}

static void size_has_a_bound(void **state) {
        struct err e = { 0 };
        json_t *tree = NULL;
        int r;
        (void) state;

        r = text_read_json("[1,2,3]", 7, 6, &tree, &e);

        assert_int_equal(r, -EFBIG);
        assert_null(tree);
}

static void own_text_may_repeat_a_key(void **state) {
        json_t *tree;
        (void) state;

        tree = text_parse_json("{\"a\":1,\"a\":2}", 13);

        assert_int_equal(json_integer_value(json_object_get(tree, "a")), 2);
        json_decref(tree);
}

static void lack_of_memory_leaves_nothing_behind(void **state) {
        static const char TEXT[] = "{\"a\":[\"b\\n\",1.5,{\"c\\t\":\"d\"}]}";
        (void) state;

        for (long n = 0;; n++) {
                json_t *tree = NULL;
                struct err e = { 0 };
                bool has_failed;
                int r;

                exhaust_begin(n, 1);
                r = text_read_json(TEXT, strlen(TEXT), 0, &tree, &e);
                has_failed = exhaust_end();
                assert_true(r == 0 || r == -ENOMEM);
                assert_true(r == 0 || !tree);
                json_decref(tree);
                if (!has_failed)
                        break;
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(says_what_was_written),
                cmocka_unit_test(names_what_is_wrong_and_where),
                cmocka_unit_test(depth_has_a_bound),
                cmocka_unit_test(size_has_a_bound),
                cmocka_unit_test(own_text_may_repeat_a_key),
                cmocka_unit_test(lack_of_memory_leaves_nothing_behind),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
