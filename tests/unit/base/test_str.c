#include "base/str.h"
#include "tests/unit/test.h"

static void strbuf_grows_and_hands_over_its_text(void **state) {
        struct strbuf b = { 0 };
        char *s;
        (void) state;

        for (int i = 0; i < 100; i++)
                strbuf_addf(&b, "%d,", i);
        s = strbuf_steal(&b);

        assert_non_null(s);
        assert_int_equal(strlen(s), 290);
        assert_true(str_starts_with(s, "0,1,2,"));
        assert_null(b.s);
        free(s);
}

static void strbuf_sticks_to_a_failure(void **state) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        (void) state;

        strbuf_add(&b, "x");
        assert_false(strbuf_reserve(&b, SIZE_MAX / 2));
        strbuf_add(&b, "y");

        assert_null(strbuf_steal(&b));
}

static void an_empty_strbuf_is_an_empty_text(void **state) {
        struct strbuf b = { 0 };
        AUTO_FREE char *s = strbuf_steal(&b);
        (void) state;

        assert_string_equal(s, "");
}

static void nearest_finds_slips_of_the_pen_only(void **state) {
        const char *const fields[] = { "containers", "initContainers", "volumes" };
        (void) state;

        assert_string_equal(str_nearest("continers", fields, 3), "containers");
        assert_string_equal(str_nearest("contianers", fields, 3), "containers");
        assert_string_equal(str_nearest("Volumes", fields, 3), "volumes");
        assert_null(str_nearest("bogus", fields, 3));
}

static void numbers_are_whole_and_bounded(void **state) {
        int64_t v = 7;
        (void) state;

        assert_int_equal(str_to_int64("42", 0, 100, &v), 0);
        assert_int_equal(v, 42);
        assert_int_equal(str_to_int64("101", 0, 100, &v), -ERANGE);
        assert_int_equal(str_to_int64("99999999999999999999", 0, INT64_MAX, &v), -ERANGE);
        assert_int_equal(str_to_int64("4x", 0, 100, &v), -EINVAL);
        assert_int_equal(str_to_int64(" 4", 0, 100, &v), -EINVAL);
        assert_int_equal(str_to_int64("", 0, 100, &v), -EINVAL);
        assert_int_equal(v, 42);
}

static void names_follow_rfc_1123(void **state) {
        (void) state;

        assert_true(str_is_dns_label("web-1"));
        assert_false(str_is_dns_label("-web"));
        assert_false(str_is_dns_label("web."));
        assert_false(str_is_dns_label("Web"));
        assert_false(str_is_dns_label(""));
        assert_true(str_is_dns_subdomain("a.b-c.d"));
        assert_false(str_is_dns_subdomain("a..b"));
        assert_false(str_is_dns_subdomain("a.-b"));
        assert_false(str_is_dns_subdomain(".a"));
}

static void finds_a_word_among_some(void **state) {
        static const char *const WORDS[] = { "GET", "PUT", NULL };
        static const char *const NONE[] = { NULL };
        (void) state;

        assert_true(str_is_any("PUT", WORDS));
        assert_false(str_is_any("put", WORDS));
        assert_false(str_is_any(NULL, WORDS));
        assert_false(str_is_any("GET", NONE));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finds_a_word_among_some),
                cmocka_unit_test(strbuf_grows_and_hands_over_its_text),
                cmocka_unit_test(strbuf_sticks_to_a_failure),
                cmocka_unit_test(an_empty_strbuf_is_an_empty_text),
                cmocka_unit_test(nearest_finds_slips_of_the_pen_only),
                cmocka_unit_test(numbers_are_whole_and_bounded),
                cmocka_unit_test(names_follow_rfc_1123),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
