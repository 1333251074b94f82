#include "tests/unit/registry/fixture.h"

#include <string.h>

#define PODS "/api/v1/namespaces/default/pods"
#define BUDGETS "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
#define READY                                                                                      \
        "{\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":"       \
        "\"True\"}]}}"

/* A ready pod on a node. */
static void add_pod(struct fixture *f, const char *name) {
        char url[128], body[160];

        fixture_do(f, "POST", PODS, pod_json(name, "\"app\":\"web\""), 201);
        (void) snprintf(url, sizeof(url), PODS "/%s/binding", name);
        (void) snprintf(body, sizeof(body),
                        "{\"metadata\":{\"name\":\"%s\"},\"target\":{\"name\":\"n1\"}}", name);
        fixture_do(f, "POST", url, body, 201);
        (void) snprintf(url, sizeof(url), PODS "/%s/status", name);
        struct answer a = fixture_patch(f, url, "application/merge-patch+json", READY);
        assert_int_equal(a.status, 200);
        answer_done(&a);
}

static void add_budget(struct fixture *f, const char *name, const char *spec, const char *status) {
        char url[128], body[512];
        struct answer a;

        (void) snprintf(body, sizeof(body),
                        "{\"apiVersion\":\"policy/v1\",\"kind\":\"PodDisruptionBudget\","
                        "\"metadata\":{\"name\":\"%s\"},\"spec\":{%s\"selector\":{\"matchLabels\":"
                        "{\"app\":\"web\"}}}}",
                        name, spec);
        fixture_do(f, "POST", BUDGETS, body, 201);
        (void) snprintf(url, sizeof(url), BUDGETS "/%s/status", name);
        (void) snprintf(body, sizeof(body), "{\"status\":{%s}}", status);
        a = fixture_patch(f, url, "application/merge-patch+json", body);
        assert_int_equal(a.status, 200);
        answer_done(&a);
}

#define TWO_OF_THREE                                                                               \
        "\"observedGeneration\":1,\"expectedPods\":3,\"currentHealthy\":3,\"desiredHealthy\":2,"   \
        "\"disruptionsAllowed\":1"

static struct answer evict(struct fixture *f, const char *name, const char *more) {
        char url[128], body[256];

        (void) snprintf(url, sizeof(url), PODS "/%s/eviction", name);
        (void) snprintf(body, sizeof(body),
                        "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{"
                        "\"name\":\"%s\"}%s}",
                        name, more);
        return fixture_ask(f, "POST", url, body);
}

static void without_a_budget_a_pod_is_deleted(void **state) {
        struct fixture *f = *state;
        struct answer a;
        add_pod(f, "p1");

        a = evict(f, "p1", "");

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "status"), "Success");
        answer_done(&a);
        a = fixture_ask(f, "GET", PODS "/p1", NULL);
        assert_string_not_equal(tree_at(a.tree, "metadata.deletionTimestamp"), "");
        answer_done(&a);
}

static void a_budget_gives_one_and_refuses_the_next(void **state) {
        struct fixture *f = *state;
        struct answer a;
        add_pod(f, "p1");
        add_pod(f, "p2");
        add_pod(f, "p3");
        add_budget(f, "b", "\"minAvailable\":2,", TWO_OF_THREE);

        a = evict(f, "p1", "");
        assert_int_equal(a.status, 201);
        answer_done(&a);
        a = evict(f, "p2", "");

        assert_int_equal(a.status, 429);
        assert_string_equal(tree_at(a.tree, "reason"), "TooManyRequests");
        assert_string_equal(tree_at(a.tree, "message"),
                            "Cannot evict pod as it would violate the pod's disruption budget.");
        assert_string_equal(tree_at(a.tree, "details.causes.0.reason"), "DisruptionBudget");
        assert_string_equal(tree_at(a.tree, "details.causes.0.message"),
                            "The disruption budget b needs 2 healthy pods and has 2 currently");
        answer_done(&a);
}

static void two_at_once_do_not_share_a_place(void **state) {
        struct fixture *f = *state;
        static const char BODY[] = "{\"metadata\":{}}";
        struct answer a = { 0 }, b = { 0 };
        add_pod(f, "p1");
        add_pod(f, "p2");
        add_pod(f, "p3");
        add_budget(f, "b", "\"minAvailable\":2,", TWO_OF_THREE);

        fixture_send(f, "POST", PODS "/p1/eviction", "application/json", BODY, &a);
        fixture_send(f, "POST", PODS "/p2/eviction", "application/json", BODY, &b);
        fixture_run(f, 0);

        assert_int_equal(a.status, 201);
        assert_int_equal(b.status, 429);
        answer_done(&a);
        answer_done(&b);
}

static void a_budget_that_was_not_looked_at_gives_nothing(void **state) {
        struct fixture *f = *state;
        struct answer a;
        add_pod(f, "p1");
        add_budget(f, "b", "\"minAvailable\":0,", "\"expectedPods\":1");

        a = evict(f, "p1", "");

        assert_int_equal(a.status, 429);
        assert_string_equal(tree_at(a.tree, "details.causes.0.message"),
                            "The disruption budget b is still being processed by the server.");
        answer_done(&a);
}

static void two_budgets_are_an_error(void **state) {
        struct fixture *f = *state;
        struct answer a;
        add_pod(f, "p1");
        add_budget(f, "b", "\"minAvailable\":0,", TWO_OF_THREE);
        add_budget(f, "c", "\"minAvailable\":0,", TWO_OF_THREE);

        a = evict(f, "p1", "");

        assert_int_equal(a.status, 500);
        assert_string_equal(tree_at(a.tree, "message"),
                            "This pod has more than one PodDisruptionBudget, which the eviction "
                            "subresource does not support.");
        answer_done(&a);
}

static void a_pod_that_never_ran_asks_no_budget(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", PODS, pod_json("p1", "\"app\":\"web\""), 201);
        add_budget(f, "b", "\"minAvailable\":1,", TWO_OF_THREE);

        a = evict(f, "p1", "");

        assert_int_equal(a.status, 201);
        answer_done(&a);
}

static void a_dry_run_leaves_the_pod(void **state) {
        struct fixture *f = *state;
        struct answer a;
        add_pod(f, "p1");

        a = evict(f, "p1", ",\"deleteOptions\":{\"dryRun\":[\"All\"]}");
        assert_int_equal(a.status, 201);
        answer_done(&a);
        a = fixture_ask(f, "GET", PODS "/p1", NULL);

        assert_string_equal(tree_at(a.tree, "metadata.deletionTimestamp"), "");
        answer_done(&a);
}

static void preconditions_count(void **state) {
        struct fixture *f = *state;
        struct answer a;
        add_pod(f, "p1");

        a = evict(f, "p1", ",\"deleteOptions\":{\"preconditions\":{\"uid\":\"other\"}}");

        assert_int_equal(a.status, 409);
        answer_done(&a);
}

static void unready(struct fixture *f, const char *name) {
        char url[128];
        struct answer a;

        (void) snprintf(url, sizeof(url), PODS "/%s/status", name);
        a = fixture_patch(
                f, url, "application/merge-patch+json",
                "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}]}}");
        assert_int_equal(a.status, 200);
        answer_done(&a);
}

/* Three are expected, two must be healthy. */
#define WITH_HEALTHY(n, allowed)                                                                   \
        "\"observedGeneration\":1,\"expectedPods\":3,\"currentHealthy\":" #n                       \
        ",\"desiredHealthy\":2,\"disruptionsAllowed\":" #allowed

static void assert_evicted(struct fixture *f, const char *name, unsigned status) {
        struct answer a = evict(f, name, "");

        assert_int_equal(a.status, status);
        answer_done(&a);
}

static void an_unready_pod_stays_while_its_budget_is_short(void **state) {
        static const char *const policies[] = {
                "\"minAvailable\":2,",
                "\"minAvailable\":2,\"unhealthyPodEvictionPolicy\":\"IfHealthyBudget\",",
        };
        struct fixture *f = *state;
        add_pod(f, "p1");
        add_pod(f, "p2");
        add_pod(f, "p3");
        unready(f, "p2");
        unready(f, "p3");

        for (int i = 0; i < 2; i++) {
                add_budget(f, "b", policies[i], WITH_HEALTHY(1, 0));
                assert_evicted(f, "p2", 429);
                fixture_do(f, "DELETE", BUDGETS "/b", NULL, 200);
        }
}

static void an_unready_pod_goes_where_enough_others_are_healthy(void **state) {
        struct fixture *f = *state;
        add_pod(f, "p1");
        add_pod(f, "p2");
        add_pod(f, "p3");
        unready(f, "p3");
        add_budget(f, "b", "\"minAvailable\":2,", WITH_HEALTHY(2, 0));

        assert_evicted(f, "p3", 201);
        assert_evicted(f, "p1", 429);
}

static void always_allow_lets_unready_pods_go_and_keeps_the_ready(void **state) {
        struct fixture *f = *state;
        add_pod(f, "p1");
        add_pod(f, "p2");
        add_pod(f, "p3");
        unready(f, "p2");
        unready(f, "p3");
        add_budget(f, "b", "\"minAvailable\":2,\"unhealthyPodEvictionPolicy\":\"AlwaysAllow\",",
                   WITH_HEALTHY(1, 0));

        assert_evicted(f, "p1", 429);
        assert_evicted(f, "p2", 201);
        assert_evicted(f, "p3", 201);
        assert_evicted(f, "p1", 429);
}

static void always_allow_needs_no_status(void **state) {
        struct fixture *f = *state;
        add_pod(f, "p1");
        unready(f, "p1");
        add_budget(f, "b", "\"minAvailable\":1,\"unhealthyPodEvictionPolicy\":\"AlwaysAllow\",",
                   "\"expectedPods\":1");

        assert_evicted(f, "p1", 201);
}

static void unready_pods_take_nothing_from_the_ready(void **state) {
        struct fixture *f = *state;
        add_pod(f, "p1");
        add_pod(f, "p2");
        add_pod(f, "p3");
        add_pod(f, "p4");
        unready(f, "p4");
        add_budget(f, "b", "\"minAvailable\":2,\"unhealthyPodEvictionPolicy\":\"AlwaysAllow\",",
                   WITH_HEALTHY(3, 1));

        assert_evicted(f, "p4", 201);
        assert_evicted(f, "p1", 201);
        assert_evicted(f, "p2", 429);
}

static void a_policy_that_isnt_one_is_refused(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "POST", BUDGETS,
                                      "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"minAvailable\":1,"
                                      "\"unhealthyPodEvictionPolicy\":\"Never\"}}");

        assert_int_equal(a.status, 422);
        assert_string_equal(
                tree_at(a.tree, "message"),
                "PodDisruptionBudget.policy \"b\" is invalid: "
                "spec.unhealthyPodEvictionPolicy: Unsupported value: \"Never\": supported "
                "values: \"AlwaysAllow\", \"IfHealthyBudget\"");
        answer_done(&a);
}

static void a_missing_pod_is_not_found(void **state) {
        struct fixture *f = *state;
        struct answer a = evict(f, "nosuch", "");

        assert_int_equal(a.status, 404);
        assert_string_equal(tree_at(a.tree, "message"), "pods \"nosuch\" not found");
        answer_done(&a);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH(without_a_budget_a_pod_is_deleted),
                WITH(a_budget_gives_one_and_refuses_the_next),
                WITH(two_at_once_do_not_share_a_place),
                WITH(a_budget_that_was_not_looked_at_gives_nothing),
                WITH(two_budgets_are_an_error),
                WITH(a_pod_that_never_ran_asks_no_budget),
                WITH(a_dry_run_leaves_the_pod),
                WITH(preconditions_count),
                WITH(an_unready_pod_stays_while_its_budget_is_short),
                WITH(an_unready_pod_goes_where_enough_others_are_healthy),
                WITH(always_allow_lets_unready_pods_go_and_keeps_the_ready),
                WITH(always_allow_needs_no_status),
                WITH(unready_pods_take_nothing_from_the_ready),
                WITH(a_policy_that_isnt_one_is_refused),
                WITH(a_missing_pod_is_not_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
