#include "base/str.h"
#include "tests/unit/registry/fixture.h"

#include <string.h>

static void expect_text(struct fixture *f, const char *url, const char *text) {
        struct answer a = fixture_ask(f, "GET", url, NULL);

        assert_int_equal(a.status, 200);
        assert_string_equal(a.type, "text/plain");
        assert_string_equal(a.text, text);
        answer_done(&a);
}

static void tells_its_health(void **state) {
        struct fixture *f = *state;

        expect_text(f, "/healthz", "ok");
        expect_text(f, "/livez", "ok");
        expect_text(f, "/readyz", "ok");
        expect_text(f, "/readyz/ping", "ok");
        expect_text(f, "/readyz/etcd", "ok");
        expect_text(f, "/livez?verbose", "[+]ping ok\n[+]store ok\nlivez check passed\n");
        expect_text(f, "/livez?verbose&exclude=etcd", "[+]ping ok\nlivez check passed\n");
        fixture_do(f, "GET", "/readyz/bogus", NULL, 404);
        fixture_do(f, "GET", "/readyzz", NULL, 404);
}

static void a_stopping_server_lives_but_is_not_ready(void **state) {
        struct fixture *f = *state;
        struct answer a;

        registry_stop(f->registry, NULL, NULL);

        expect_text(f, "/livez", "ok");
        a = fixture_ask(f, "GET", "/readyz", NULL);
        assert_int_equal(a.status, 503);
        assert_non_null(strstr(a.text, "[+]store ok\n"));
        assert_non_null(strstr(a.text, "[-]shutdown failed: the server is stopping\n"));
        assert_true(str_ends_with(a.text, "readyz check failed\n"));
        answer_done(&a);
}

static void tells_its_version(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", "/version", NULL);

        assert_string_equal(a.type, "application/json");
        assert_string_equal(tree_at(a.tree, "major"), "1");
        assert_true(str_starts_with(tree_at(a.tree, "gitVersion"), "v1."));
        answer_done(&a);
}

static void refuses(struct fixture *f, const char *method, const char *url, const char *allow) {
        struct answer a = fixture_ask(f, method, url, NULL);

        assert_int_equal(a.status, 405);
        assert_string_equal(tree_at(a.tree, "reason"), "MethodNotAllowed");
        assert_string_equal(a.allow, allow);
        answer_done(&a);
}

static void methods_that_a_path_lacks_are_told_with_those_it_has(void **state) {
        struct fixture *f = *state;

        refuses(f, "POST", "/version", "GET");
        refuses(f, "DELETE", "/", "GET");
        refuses(f, "PUT", "/readyz/ping", "GET");
        refuses(f, "POST", "/openapi/v3/api/v1", "GET");
        refuses(f, "POST", "/api/v1", "GET");
        refuses(f, "POST", "/apis/metrics.k8s.io/v1beta1/nodes", "GET");
        refuses(f, "PUT", "/api/v1/namespaces/default/pods", "DELETE, GET, POST");
        refuses(f, "POST", "/api/v1/pods", "GET");
        refuses(f, "POST", "/api/v1/namespaces/default/pods/x", "DELETE, GET, PATCH, PUT");
        refuses(f, "DELETE", "/api/v1/namespaces/default/pods/x/status", "GET, PATCH, PUT");
        refuses(f, "GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "POST");
        refuses(f, "PUT", "/api/v1/namespaces/default/pods/x/log", "GET");
        refuses(f, "DELETE", "/api/v1/namespaces/default/pods/x/exec", "POST, GET");
        fixture_do(f, "POST", "/api/v1/namespaces/default/configmaps/x/log", NULL, 404);
        fixture_do(f, "POST", "/versions", NULL, 404);
        fixture_do(f, "POST", "/healthzz", NULL, 404);
}

static void lists_its_paths(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", "/", NULL);
        const json_t *paths = json_object_get(a.tree, "paths");
        bool has_apps = false;
        json_t *one;
        size_t i;

        json_array_foreach((json_t *) paths, i, one) {
                has_apps = has_apps || str_eq(json_string_value(one), "/apis/apps/v1");
                if (i > 0)
                        assert_true(strcmp(json_string_value(json_array_get(paths, i - 1)),
                                           json_string_value(one)) < 0);
        }
        assert_true(has_apps);
        answer_done(&a);
}

int main(void) {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(tells_its_health),  TEST(a_stopping_server_lives_but_is_not_ready),
                TEST(tells_its_version), TEST(methods_that_a_path_lacks_are_told_with_those_it_has),
                TEST(lists_its_paths),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
