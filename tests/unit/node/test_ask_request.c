#include "api/kinds/pod.h"
#include "base/macros.h"
#include "daemon/node/ask.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

static void a_plain_get_names_its_host_and_closes(void **state) {
        const struct http_get_action get = { .path = "/health?x=1" };
        AUTO_FREE char *text = ask_http_request(&get, "10.244.0.2", 8080);
        (void) state;

        assert_string_equal(text, "GET /health?x=1 HTTP/1.1\r\nHost: "
                                  "10.244.0.2:8080\r\nUser-Agent: kube-probe/orch\r\n"
                                  "Accept: */*\r\nConnection: close\r\n\r\n");
}

static void own_headers_replace_the_default_ones(void **state) {
        struct http_header headers[] = { { "host", "web.example" }, { "X-Check", "1" } };
        struct http_get_action get = { .path = NULL };
        AUTO_FREE char *text = NULL;
        (void) state;
        get.http_headers.items = headers;
        get.http_headers.n = 2;

        text = ask_http_request(&get, "fd00::2", 80);

        assert_non_null(strstr(text, "GET / HTTP/1.1\r\n"));
        assert_non_null(strstr(text, "\r\nhost: web.example\r\nX-Check: 1\r\n"));
        assert_null(strstr(text, "fd00"));
}

static void nothing_in_path_or_header_can_add_a_line(void **state) {
        struct http_header headers[] = { { "X", "a\r\nEvil: 1" }, { "Y\r\nEvil", "2" } };
        struct http_get_action get = { .path = "/a b\r\nEvil: 3" };
        AUTO_FREE char *text = NULL;
        (void) state;
        get.http_headers.items = headers;
        get.http_headers.n = 2;

        text = ask_http_request(&get, "10.0.0.1", 80);

        assert_null(strstr(text, "\nEvil"));
        assert_non_null(strstr(text, "GET /a%20b%0D%0AEvil:%203 HTTP/1.1\r\n"));
}

static void ports_are_found_by_number_and_by_name(void **state) {
        struct container_port ports[] = { { .name = "http", .container_port = 8080 },
                                          { .name = "admin", .container_port = 9 } };
        struct container c = { 0 };
        const struct int_or_string number = { INT_OR_STRING_INT, 80, NULL },
                                   name = { INT_OR_STRING_STRING, 0, "admin" },
                                   text = { INT_OR_STRING_STRING, 0, "81" },
                                   unknown = { INT_OR_STRING_STRING, 0, "web" },
                                   big = { INT_OR_STRING_INT, 70000, NULL };
        (void) state;
        c.ports.items = ports;
        c.ports.n = 2;

        assert_int_equal(ask_port(&c, &number), 80);
        assert_int_equal(ask_port(&c, &name), 9);
        assert_int_equal(ask_port(&c, &text), 81);
        assert_int_equal(ask_port(&c, &unknown), 0);
        assert_int_equal(ask_port(&c, &big), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_plain_get_names_its_host_and_closes),
                cmocka_unit_test(own_headers_replace_the_default_ones),
                cmocka_unit_test(nothing_in_path_or_header_can_add_a_line),
                cmocka_unit_test(ports_are_found_by_number_and_by_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
