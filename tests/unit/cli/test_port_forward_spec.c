#include "cli/port_forward_spec.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <jansson.h>

static void specs_read_as_kubectl_reads_them(void **state) {
        struct port_spec s;
        (void) state;

        assert_int_equal(port_spec_parse("8080", &s, NULL), 0);
        assert_int_equal(s.local, 8080);
        assert_int_equal(s.remote, 8080);
        assert_int_equal(port_spec_parse("9000:80", &s, NULL), 0);
        assert_int_equal(s.local, 9000);
        assert_int_equal(s.remote, 80);
        assert_int_equal(port_spec_parse(":80", &s, NULL), 0);
        assert_int_equal(s.local, 0);
        assert_int_equal(port_spec_parse("9000:http", &s, NULL), 0);
        assert_int_equal(s.remote, 0);
        assert_string_equal(s.name, "http");
}

static void what_is_no_spec_is_refused(void **state) {
        static const char *const bad[] = {
                "", ":", "0", "65536", "70000:80", "a:80", "1:2:3", "80:"
        };
        struct port_spec s;
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(port_spec_parse(bad[i], &s, NULL), -EINVAL);
}

static void names_and_service_ports_lead_to_the_pods_port(void **state) {
        json_t *pod = json_pack("{s:{s:[{s:[{s:s,s:i}]}]}}", "spec", "containers", "ports", "name",
                                "http", "containerPort", 8080);
        json_t *service = json_pack("{s:{s:[{s:s,s:i,s:s}]}}", "spec", "ports", "name", "web",
                                    "port", 80, "targetPort", "http");
        struct port_spec s;
        uint16_t port = 0;
        (void) state;

        (void) port_spec_parse(":http", &s, NULL);
        assert_int_equal(port_spec_resolve(&s, NULL, pod, &port, NULL), 0);
        assert_int_equal(port, 8080);
        (void) port_spec_parse(":80", &s, NULL);
        assert_int_equal(port_spec_resolve(&s, service, pod, &port, NULL), 0);
        assert_int_equal(port, 8080);
        (void) port_spec_parse(":web", &s, NULL);
        assert_int_equal(port_spec_resolve(&s, service, pod, &port, NULL), 0);
        assert_int_equal(port, 8080);
        (void) port_spec_parse(":81", &s, NULL);
        assert_int_equal(port_spec_resolve(&s, service, pod, &port, NULL), -ENOENT);
        json_decref(pod);
        json_decref(service);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(specs_read_as_kubectl_reads_them),
                cmocka_unit_test(what_is_no_spec_is_refused),
                cmocka_unit_test(names_and_service_ports_lead_to_the_pods_port),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
