#include "base/str.h"
#include "daemon/registry/metrics.h"
#include "tests/unit/registry/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *metrics_of(struct fixture *f) {
        struct answer a = fixture_ask(f, "GET", "/metrics", NULL);
        char *text = STEAL(a.text);

        assert_int_equal(a.status, 200);
        assert_string_equal(a.type, METRICS_TYPE);
        answer_done(&a);
        assert_non_null(text);
        return text;
}

static void assert_has(const char *text, const char *line) {
        if (!strstr(text, line))
                fail_msg("no \"%s\" in:\n%s", line, text);
}

static void requests_are_counted_by_verb_kind_and_code(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *text = NULL;

        fixture_do(f, "POST", "/api/v1/namespaces/default/pods", pod_json("web", "\"app\":\"x\""),
                   201);
        fixture_do(f, "GET", "/api/v1/namespaces/default/pods/web", NULL, 200);
        fixture_do(f, "GET", "/api/v1/namespaces/default/pods/web", NULL, 200);
        fixture_do(f, "GET", "/api/v1/namespaces/default/pods/none", NULL, 404);
        fixture_do(f, "GET", "/api/v1/pods", NULL, 200);
        fixture_do(f, "GET", "/api/v1/gizmos", NULL, 404);
        text = metrics_of(f);

        assert_has(text, "# TYPE apiserver_request_total counter\n");
        assert_has(
                text,
                "apiserver_request_total{verb=\"POST\",group=\"\",version=\"v1\",resource=\"pods\","
                "subresource=\"\",scope=\"resource\",code=\"201\"} 1\n");
        assert_has(
                text,
                "apiserver_request_total{verb=\"GET\",group=\"\",version=\"v1\",resource=\"pods\","
                "subresource=\"\",scope=\"resource\",code=\"200\"} 2\n");
        assert_has(text, "scope=\"resource\",code=\"404\"} 1\n");
        assert_has(
                text,
                "apiserver_request_total{verb=\"LIST\",group=\"\",version=\"v1\",resource=\"pods\","
                "subresource=\"\",scope=\"cluster\",code=\"200\"} 1\n");
        assert_has(text, "resource=\"\",subresource=\"\",scope=\"\",code=\"404\"} 1\n");
}

static void times_are_a_cumulative_histogram(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *text = NULL;
        unsigned long n = 0, last = 0;

        fixture_do(f, "GET", "/api/v1/pods", NULL, 200);
        fixture_do(f, "GET", "/api/v1/pods", NULL, 200);
        text = metrics_of(f);

        for (const char *at = strstr(text, "le=\""); at; at = strstr(at + 1, "le=\"")) {
                if (!strstr(at, "} "))
                        break;
                n = strtoul(strchr(at, '}') + 1, NULL, 10);
                assert_true(str_starts_with(at, "le=\"0.0005\"") || n >= last);
                last = n;
        }
        assert_has(text, "scope=\"cluster\",le=\"+Inf\"} 2\n");
        assert_has(
                text,
                "apiserver_request_duration_seconds_count{verb=\"LIST\",group=\"\",version=\"v1\","
                "resource=\"pods\",subresource=\"\",scope=\"cluster\"} 2\n");
}

static void objects_and_the_process_are_told(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *text = NULL;

        fixture_do(f, "POST", "/api/v1/namespaces/default/pods", pod_json("a", "\"app\":\"x\""),
                   201);
        fixture_do(f, "POST", "/api/v1/namespaces/default/pods", pod_json("b", "\"app\":\"x\""),
                   201);
        text = metrics_of(f);

        assert_has(text, "\napiserver_storage_objects{resource=\"pods\"} 2\n");
        assert_has(text, "\napiserver_storage_objects{resource=\"deployments.apps\"} 0\n");
        assert_has(text, "\nprocess_open_fds ");
        assert_has(text, "\nprocess_resident_memory_bytes ");
        assert_null(strstr(text, "process_resident_memory_bytes 0\n"));
}

static void watches_are_counted_while_they_are_open(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", "/api/v1/pods?watch=1", NULL);
        AUTO_FREE char *open = metrics_of(f);
        AUTO_FREE char *closed = NULL;

        answer_done(&a);
        closed = metrics_of(f);

        assert_has(open, "apiserver_longrunning_requests{verb=\"WATCH\"} 1\n");
        assert_has(closed, "apiserver_longrunning_requests{verb=\"WATCH\"} 0\n");
        assert_has(open, "verb=\"WATCH\",group=\"\",version=\"v1\",resource=\"pods\"");
}

static void verbs_are_those_of_kubernetes(void **state) {
        (void) state;
        assert_string_equal(metrics_verb("GET", true, false, false), "GET");
        assert_string_equal(metrics_verb("GET", false, false, false), "LIST");
        assert_string_equal(metrics_verb("GET", false, true, false), "WATCH");
        assert_string_equal(metrics_verb("PATCH", true, false, true), "APPLY");
        assert_string_equal(metrics_verb("DELETE", false, false, false), "DELETECOLLECTION");
        assert_string_equal(metrics_verb("BREW", false, false, false), "OTHER");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(requests_are_counted_by_verb_kind_and_code,
                                                fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(times_are_a_cumulative_histogram, fixture_setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(objects_and_the_process_are_told, fixture_setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(watches_are_counted_while_they_are_open,
                                                fixture_setup, fixture_teardown),
                cmocka_unit_test(verbs_are_those_of_kubernetes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
