#include "daemon/distribution/http.h"
#include "tests/unit/test.h"

static void origins_are_scheme_host_and_port(void **state) {
        (void) state;

        assert_true(http_same_origin("https://a/x", "https://A:443/y?z"));
        assert_true(http_same_origin("http://a:80", "http://a/"));
        assert_false(http_same_origin("https://a", "http://a"));
        assert_false(http_same_origin("https://a", "https://a:444"));
        assert_false(http_same_origin("https://a", "https://a.b"));
        assert_false(http_same_origin("https://a@b", "https://a"));
        assert_false(http_same_origin("https://a", "nonsense"));
}

static void locations_are_relative_or_whole(void **state) {
        AUTO_FREE char *whole = http_resolve("https://a/v2/x", "http://b/y?z=1");
        AUTO_FREE char *path = http_resolve("https://a:5000/v2/x", "/v2/uploads/1?state=s");
        AUTO_FREE char *near = http_resolve("https://a/v2/x", "y");
        AUTO_FREE char *file = http_resolve("https://a/v2/x", "file:///etc/passwd");
        AUTO_FREE char *host = http_host_of("https://user@a.b:5000/x");
        (void) state;

        assert_string_equal(whole, "http://b/y?z=1");
        assert_string_equal(path, "https://a:5000/v2/uploads/1?state=s");
        assert_string_equal(near, "https://a/v2/y");
        assert_null(file);
        assert_string_equal(host, "a.b:5000");
}

static void everything_but_plain_letters_is_escaped(void **state) {
        AUTO_FREE char *text = http_escape("repository:a/b:pull,push x");
        (void) state;

        assert_string_equal(text, "repository%3Aa%2Fb%3Apull%2Cpush%20x");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(origins_are_scheme_host_and_port),
                cmocka_unit_test(locations_are_relative_or_whole),
                cmocka_unit_test(everything_but_plain_letters_is_escaped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
