#include "base/macros.h"
#include "base/str.h"
#include "cli/server_url.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdlib.h>

static void addresses_are_taken_apart(void **state) {
        static const struct {
                const char *text;
                bool is_tls;
                const char *host, *port, *shown;
        } cases[] = {
                { "https://gateway.lan:6443", true, "gateway.lan", "6443", "gateway.lan:6443" },
                { "https://gateway.lan/", true, "gateway.lan", "443", "gateway.lan" },
                { "http://127.0.0.1:8080", false, "127.0.0.1", "8080", "127.0.0.1:8080" },
                { "gateway.lan", true, "gateway.lan", "443", "gateway.lan" },
                { "https://[fd00::1]:6443", true, "fd00::1", "6443", "[fd00::1]:6443" },
                { "https://[::1]", true, "::1", "443", "[::1]" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct server_url u;

                assert_int_equal(server_url_parse(cases[i].text, &u, NULL), 0);
                assert_int_equal(u.is_tls, cases[i].is_tls);
                assert_string_equal(u.host, cases[i].host);
                assert_string_equal(u.port, cases[i].port);
                assert_string_equal(u.shown, cases[i].shown);
        }
}

static void what_is_no_address_is_refused(void **state) {
        static const char *const cases[] = {
                "",
                "https://",
                "ftp://a",
                "https://a:0",
                "https://a:70000",
                "https://a:",
                "https://a:b",
                "https://a/b",
                "https://[::1",
                "https://u:p@a",
                "https://:1",
                "https://a:123456789",
                "https://a?x",
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct server_url u;

                if (server_url_parse(cases[i], &u, NULL) != -EINVAL)
                        fail_msg("%s", cases[i]);
        }
}

static void an_address_needs_no_names(void **state) {
        struct server_url u;
        AUTO_FREE char *url = NULL;
        (void) state;

        assert_int_equal(server_url_parse("https://127.0.0.1:1", &u, NULL), 0);
        assert_int_equal(server_url_resolve(&u, &url, NULL), 0);
        assert_string_equal(url, "https://127.0.0.1:1");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_are_taken_apart),
                cmocka_unit_test(what_is_no_address_is_refused),
                cmocka_unit_test(an_address_needs_no_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
