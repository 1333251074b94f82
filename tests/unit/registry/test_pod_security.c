#include "base/str.h"
#include "tests/unit/registry/fixture.h"

#include <stdlib.h>
#include <string.h>

#define NAMESPACES "/api/v1/namespaces"
#define PODS "/api/v1/namespaces/shop/pods"
#define NAMESPACE(labels) "{\"metadata\":{\"name\":\"shop\",\"labels\":{" labels "}}}"
#define ENFORCE(level) "\"pod-security.kubernetes.io/enforce\":\"" level "\""
#define PRIVILEGED                                                                                 \
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"      \
        "\"i\","                                                                                   \
        "\"securityContext\":{\"privileged\":true}}]}}"
#define WHY                                                                                        \
        "violates PodSecurity \"baseline:latest\": privileged (container \"c\" must not set "      \
        "securityContext.privileged=true)"

static void a_pod_beyond_its_namespaces_level_is_refused(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", NAMESPACES, NAMESPACE(ENFORCE("baseline")), 201);

        a = fixture_ask(f, "POST", PODS, PRIVILEGED);

        assert_int_equal(a.status, 403);
        assert_string_equal(tree_at(a.tree, "reason"), "Forbidden");
        assert_string_equal(tree_at(a.tree, "message"), "pods \"p\" is forbidden: " WHY);
        answer_done(&a);
        fixture_do(f, "GET", PODS "/p", NULL, 404);
}

static void a_pod_within_it_is_made(void **state) {
        struct fixture *f = *state;
        fixture_do(f, "POST", NAMESPACES, NAMESPACE(ENFORCE("baseline")), 201);

        fixture_do(f, "POST", PODS, pod_json("web", ""), 201);
}

static void a_namespace_without_labels_asks_nothing(void **state) {
        struct fixture *f = *state;
        fixture_do(f, "POST", NAMESPACES, NAMESPACE(""), 201);

        fixture_do(f, "POST", PODS, PRIVILEGED, 201);
}

static void what_was_there_before_may_be_changed(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", NAMESPACES, NAMESPACE(""), 201);
        fixture_do(f, "POST", PODS, PRIVILEGED, 201);
        a = fixture_patch(f, NAMESPACES "/shop", "application/merge-patch+json",
                          NAMESPACE(ENFORCE("restricted")));
        assert_int_equal(a.status, 200);
        answer_done(&a);

        a = fixture_patch(
                f, PODS "/p", "application/merge-patch+json",
                "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":"
                "\"c\",\"image\":\"other\",\"securityContext\":{\"privileged\":true}}]}}");

        assert_int_equal(a.status, 200);
        answer_done(&a);
}

static void a_workload_is_warned(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(
                f, "POST", NAMESPACES,
                NAMESPACE(ENFORCE("baseline") ",\"pod-security.kubernetes.io/warn\":\"baseline\""),
                201);

        a = fixture_ask(
                f, "POST", "/apis/apps/v1/namespaces/shop/deployments",
                "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":"
                "\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{"
                "\"hostPID\":true,\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}");

        assert_int_equal(a.status, 201);
        assert_non_null(strstr(a.warning, "would violate PodSecurity \\\"baseline:latest\\\": host "
                                          "namespaces (hostPID=true)"));
        answer_done(&a);
}

static void a_dry_run_is_judged_too(void **state) {
        struct fixture *f = *state;
        fixture_do(f, "POST", NAMESPACES, NAMESPACE(ENFORCE("baseline")), 201);

        fixture_do(f, "POST", PODS "?dryRun=All", PRIVILEGED, 403);
}

static void a_namespaces_bad_label_is_refused(void **state) {
        struct fixture *f = *state;
        struct answer a;

        a = fixture_ask(f, "POST", NAMESPACES, NAMESPACE(ENFORCE("strict")));

        assert_int_equal(a.status, 422);
        assert_non_null(
                strstr(tree_at(a.tree, "message"),
                       "metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "
                       "\"strict\": must be one of privileged, baseline, restricted"));
        answer_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_pod_beyond_its_namespaces_level_is_refused,
                                                fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(a_pod_within_it_is_made, fixture_setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(a_namespace_without_labels_asks_nothing,
                                                fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(what_was_there_before_may_be_changed, fixture_setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(a_workload_is_warned, fixture_setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(a_dry_run_is_judged_too, fixture_setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(a_namespaces_bad_label_is_refused, fixture_setup,
                                                fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
