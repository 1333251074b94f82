#include "daemon/server/forward_internal.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static void ports_come_repeated_or_with_commas(void **state) {
        uint16_t ports[FORWARD_PORTS_MAX];
        size_t n;
        (void) state;

        assert_int_equal(forward_ports_parse("ports=80&x=1&ports=443,65535", ports, &n, NULL), 0);

        assert_int_equal(n, 3);
        assert_int_equal(ports[0], 80);
        assert_int_equal(ports[1], 443);
        assert_int_equal(ports[2], 65535);
}

static void what_is_no_port_is_refused(void **state) {
        uint16_t ports[FORWARD_PORTS_MAX];
        char many[8 * (FORWARD_PORTS_MAX + 2)] = "ports=1";
        struct err e = { 0 };
        size_t n;
        (void) state;

        assert_int_equal(forward_ports_parse("ports=0", ports, &n, NULL), -EINVAL);
        assert_int_equal(forward_ports_parse("ports=65536", ports, &n, NULL), -EINVAL);
        assert_int_equal(forward_ports_parse("ports=123456789012", ports, &n, NULL), -EINVAL);
        assert_int_equal(forward_ports_parse("ports=http", ports, &n, &e), -EINVAL);
        assert_non_null(strstr(e.text, "http"));
        assert_int_equal(forward_ports_parse("port=80", ports, &n, NULL), -EINVAL);
        for (int i = 0; i < FORWARD_PORTS_MAX; i++)
                (void) strcat(many, ",1");
        assert_int_equal(forward_ports_parse(many, ports, &n, NULL), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ports_come_repeated_or_with_commas),
                cmocka_unit_test(what_is_no_port_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
