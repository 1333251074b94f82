#include "base/str.h"
#include "tests/unit/registry/fixture.h"

#include <stdio.h>
#include <string.h>

#define PODS "/api/v1/namespaces/default/pods"
#define STRATEGIC "application/strategic-merge-patch+json"
#define ONE(resources)                                                                             \
        "{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":{" resources "}}]}}"

/* A pod of the containers c and d, c with a request and a limit of both, and an init container. */
#define POD                                                                                        \
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"initContainers\":[{\"name\":\"i\",\"image\":"  \
        "\"i\",\"resources\":{\"requests\":{\"cpu\":\"10m\"}}}],\"containers\":[{\"name\":\"c\","  \
        "\"image\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"100m\",\"memory\":\"64Mi\"},"      \
        "\"limits\":{\"cpu\":\"200m\",\"memory\":\"128Mi\"}},\"resizePolicy\":[{\"resourceName\":" \
        "\"memory\",\"restartPolicy\":\"RestartContainer\"}]},{\"name\":\"d\",\"image\":\"i\","    \
        "\"resources\":{\"requests\":{\"ephemeral-storage\":\"1Gi\"}}}]}}"

static int setup(void **state) {
        static struct fixture f;

        fixture_init(&f);
        fixture_do(&f, "POST", PODS, POD, 201);
        *state = &f;
        return 0;
}

static void assert_refused(struct fixture *f, const char *patch, const char *message) {
        struct answer a = fixture_patch(f, PODS "/p/resize", STRATEGIC, patch);

        assert_int_equal(a.status, 422);
        assert_string_equal(tree_at(a.tree, "reason"), "Invalid");
        assert_string_equal(tree_at(a.tree, "message"), message);
        answer_done(&a);
}

static void cpu_and_memory_change_by_patch_and_by_put(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_patch(
                f, PODS "/p/resize", STRATEGIC,
                ONE("\"requests\":{\"cpu\":\"150m\"},\"limits\":{\"memory\":\"256Mi\"}"));

        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "spec.containers.0.resources.requests.cpu"), "150m");
        assert_string_equal(tree_at(a.tree, "spec.containers.0.resources.limits.memory"), "256Mi");
        assert_string_equal(tree_at(a.tree, "spec.containers.0.resources.limits.cpu"), "200m");
        assert_string_equal(tree_at(a.tree, "metadata.generation"), "2");
        assert_int_equal(a.n_warnings, 0);
        answer_done(&a);

        a = fixture_ask(f, "GET", PODS "/p/resize", NULL);
        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "kind"), "Pod");
        (void) json_object_set_new(
                json_object_get(
                        json_object_get(
                                json_array_get(json_object_get(json_object_get(a.tree, "spec"),
                                                               "containers"),
                                               0),
                                "resources"),
                        "requests"),
                "cpu", json_string("120m"));
        char *body = json_dumps(a.tree, 0);
        answer_done(&a);
        a = fixture_ask(f, "PUT", PODS "/p/resize", body);
        free(body);
        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "spec.containers.0.resources.requests.cpu"), "120m");
        answer_done(&a);
}

static void nothing_else_changes_by_it(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_patch(f, PODS "/p/resize", STRATEGIC,
                                        "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{"
                                        "\"priority\":7,\"containers\":[{"
                                        "\"name\":\"c\",\"image\":\"other\",\"resources\":{"
                                        "\"requests\":{\"cpu\":\"150m\"}}}]"
                                        "},\"status\":{\"phase\":\"Failed\"}}");

        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "spec.containers.0.image"), "i");
        assert_string_equal(tree_at(a.tree, "spec.containers.0.resources.requests.cpu"), "150m");
        assert_string_equal(tree_at(a.tree, "metadata.labels.a"), "");
        assert_string_equal(tree_at(a.tree, "status.phase"), "Pending");
        answer_done(&a);
}

static void the_pods_own_path_changes_no_resources(void **state) {
        struct fixture *f = *state;
        struct answer a =
                fixture_patch(f, PODS "/p", STRATEGIC, ONE("\"requests\":{\"cpu\":\"150m\"}"));

        assert_int_equal(a.status, 422);
        assert_non_null(strstr(tree_at(a.tree, "message"), "pod updates may not change fields"));
        answer_done(&a);
}

static void a_pod_keeps_its_class(void **state) {
        struct fixture *f = *state;
        fixture_do(f, "POST", PODS,
                   "{\"metadata\":{\"name\":\"best\"},\"spec\":{\"containers\":[{\"name\":\"c\","
                   "\"image\":\"i\"}]}}",
                   201);
        struct answer a = fixture_patch(f, PODS "/best/resize", STRATEGIC,
                                        ONE("\"requests\":{\"cpu\":\"150m\"}"));

        assert_int_equal(a.status, 422);
        assert_string_equal(tree_at(a.tree, "message"),
                            "Pod \"best\" is invalid: spec: Invalid value: \"BestEffort\": Pod QOS "
                            "Class may not change as a result of resizing");
        answer_done(&a);
}

static void what_is_bounded_stays_bounded(void **state) {
        struct fixture *f = *state;

        assert_refused(f, ONE("\"limits\":{\"memory\":null}"),
                       "Pod \"p\" is invalid: spec.containers[0].resources.limits: Forbidden: "
                       "resource limits cannot be removed");
        assert_refused(f, ONE("\"limits\":null,\"requests\":{\"memory\":null}"),
                       "Pod \"p\" is invalid: [spec.containers[0].resources.limits: Forbidden: "
                       "resource limits cannot be removed, spec.containers[0].resources.requests: "
                       "Forbidden: resource requests cannot be removed]");
}

static void only_cpu_and_memory_and_no_policy(void **state) {
        struct fixture *f = *state;
        static const char words[] = "Pod \"p\" is invalid: spec: Forbidden: only cpu and memory "
                                    "resources are mutable";

        assert_refused(f,
                       "{\"spec\":{\"containers\":[{\"name\":\"d\",\"resources\":{\"requests\":{"
                       "\"ephemeral-storage\":\"2Gi\"}}}]}}",
                       words);
        assert_refused(f,
                       ONE("\"limits\":{\"example.com/gpu\":\"1\"},\"requests\":{"
                           "\"example.com/gpu\":\"1\"}"),
                       words);
        assert_refused(f,
                       "{\"spec\":{\"containers\":[{\"name\":\"c\",\"resizePolicy\":[{"
                       "\"resourceName\":\"memory\",\"restartPolicy\":\"NotRequired\"}]}]}}",
                       words);
}

static void containers_stay_in_their_places(void **state) {
        struct fixture *f = *state;
        static const char words[] = "containers may not be renamed or reordered on resize";
        struct answer a = fixture_patch(f, PODS "/p/resize", "application/json-patch+json",
                                        "[{\"op\":\"move\",\"from\":\"/spec/containers/"
                                        "0\",\"path\":\"/spec/containers/1\"}]");

        assert_int_equal(a.status, 422);
        assert_non_null(strstr(tree_at(a.tree, "message"), "spec.containers[0].name: Forbidden: "));
        assert_non_null(strstr(tree_at(a.tree, "message"), words));
        answer_done(&a);
        assert_refused(f, "{\"spec\":{\"containers\":[{\"name\":\"x\",\"image\":\"i\"}]}}",
                       "Pod \"p\" is invalid: spec: Forbidden: containers may not be added or "
                       "removed on resize");
}

static void init_containers_that_end_keep_what_they_have(void **state) {
        struct fixture *f = *state;

        assert_refused(f,
                       "{\"spec\":{\"initContainers\":[{\"name\":\"i\",\"resources\":{\"requests\":"
                       "{\"cpu\":\"20m\"}}}]}}",
                       "Pod \"p\" is invalid: spec.initContainers[0].resources: Forbidden: "
                       "resources for non-sidecar init containers are immutable");
}

static void ordinary_checks_hold(void **state) {
        struct fixture *f = *state;

        assert_refused(
                f, ONE("\"requests\":{\"cpu\":\"300m\"}"),
                "Pod \"p\" is invalid: spec.containers[0].resources.requests: Invalid value: "
                "\"300m\": must be less than or equal to cpu limit of 200m");
}

static void a_policy_that_cant_be_kept_is_refused(void **state) {
        struct fixture *f = *state;
        struct answer a =
                fixture_ask(f, "POST", PODS,
                            "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"restartPolicy\":\"Never\","
                            "\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resizePolicy\":[{"
                            "\"resourceName\":\"cpu\",\"restartPolicy\":\"RestartContainer\"},{"
                            "\"resourceName\":\"cpu\",\"restartPolicy\":\"NotRequired\"}]}]}}");

        assert_int_equal(a.status, 422);
        assert_non_null(
                strstr(tree_at(a.tree, "message"),
                       "spec.containers[0].resizePolicy[0].restartPolicy: Invalid value: "
                       "\"RestartContainer\": must be 'NotRequired' when `restartPolicy` is "
                       "'Never'"));
        assert_non_null(strstr(tree_at(a.tree, "message"),
                               "spec.containers[0].resizePolicy[1].resourceName: Duplicate value: "
                               "\"cpu\""));
        answer_done(&a);
}

/* A pod of one container instead of the other: quotas want all containers to say. */
static void make_single(struct fixture *f) {
        fixture_do(f, "DELETE", PODS "/p?gracePeriodSeconds=0", NULL, 200);
        fixture_do(f, "POST", PODS,
                   "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\","
                   "\"image\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"100m\",\"memory\":"
                   "\"64Mi\"},\"limits\":{\"cpu\":\"200m\",\"memory\":\"128Mi\"}}}]}}",
                   201);
}

static void forbidden(struct fixture *f, const char *patch, const char *message) {
        struct answer a = fixture_patch(f, PODS "/p/resize", STRATEGIC, patch);

        assert_int_equal(a.status, 403);
        assert_string_equal(tree_at(a.tree, "message"), message);
        answer_done(&a);
}

static void limit_ranges_and_quotas_bound_it(void **state) {
        struct fixture *f = *state;
        make_single(f);
        fixture_do(
                f, "POST", "/api/v1/namespaces/default/resourcequotas",
                "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{\"requests.cpu\":\"130m\"}}}",
                201);
        fixture_do(f, "POST", "/api/v1/namespaces/default/limitranges",
                   "{\"metadata\":{\"name\":\"l\"},\"spec\":{\"limits\":[{\"type\":\"Container\","
                   "\"max\":{\"memory\":\"512Mi\"}}]}}",
                   201);

        forbidden(f, ONE("\"requests\":{\"cpu\":\"131m\"}"),
                  "pods \"p\" is forbidden: exceeded quota: q, requested: requests.cpu=31m, used: "
                  "requests.cpu=100m, limited: requests.cpu=130m");
        forbidden(f, ONE("\"limits\":{\"memory\":\"1Gi\"}"),
                  "pods \"p\" is forbidden: maximum memory usage per Container is 512Mi, but limit "
                  "is 1Gi");
        struct answer a = fixture_patch(f, PODS "/p/resize", STRATEGIC,
                                        ONE("\"requests\":{\"cpu\":\"130m\"}"));
        assert_int_equal(a.status, 200);
        answer_done(&a);
}

/* What its node says of a pod that is made smaller. */
#define HELD                                                                                       \
        "{\"status\":{\"containerStatuses\":[{\"name\":\"c\",\"allocatedResources\":{\"cpu\":"     \
        "\"100m\",\"memory\":\"64Mi\"},\"resources\":{\"requests\":{\"cpu\":\"100m\",\"memory\":"  \
        "\"64Mi\"},\"limits\":{\"cpu\":\"200m\",\"memory\":\"128Mi\"}}}]%s}}"

static void used_is(struct fixture *f, const char *amount) {
        struct answer a;

        fixture_run(f, 1000 * 1000);
        a = fixture_ask(f, "GET", "/api/v1/namespaces/default/resourcequotas/q", NULL);
        assert_string_equal(str_or_empty(json_string_value(json_object_get(
                                    json_object_get(json_object_get(a.tree, "status"), "used"),
                                    "requests.cpu"))),
                            amount);
        answer_done(&a);
}

static void a_quota_counts_what_is_held_until_it_is_given_back(void **state) {
        struct fixture *f = *state;
        static const char *const said[] = { "", ",\"conditions\":[{\"type\":\"PodResizePending\","
                                                "\"status\":\"True\",\"reason\":\"Infeasible\"}]" };
        static const char *const cpu[] = { "50m", "200m" };
        make_single(f);
        fixture_do(f, "POST", "/api/v1/namespaces/default/resourcequotas",
                   "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{\"requests.cpu\":\"1\"}}}",
                   201);

        /* Less is asked for than is held; and more than can ever be had. */
        for (int i = 0; i < 2; i++) {
                AUTO_FREE char *status = str_format(HELD, said[i]);
                AUTO_FREE char *patch = str_format(
                        "{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{"
                        "\"cpu\":\"%s\"}}}]}}",
                        cpu[i]);
                struct answer a =
                        fixture_patch(f, PODS "/p/status", "application/merge-patch+json", status);

                assert_int_equal(a.status, 200);
                answer_done(&a);
                a = fixture_patch(f, PODS "/p/resize", STRATEGIC, patch);
                assert_int_equal(a.status, 200);
                answer_done(&a);
                used_is(f, "100m");
        }
        fixture_do(f, "PUT", PODS "/p/status", "{\"metadata\":{\"name\":\"p\"},\"status\":{}}",
                   200);
        used_is(f, "200m");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH(cpu_and_memory_change_by_patch_and_by_put),
                WITH(nothing_else_changes_by_it),
                WITH(the_pods_own_path_changes_no_resources),
                WITH(a_pod_keeps_its_class),
                WITH(what_is_bounded_stays_bounded),
                WITH(only_cpu_and_memory_and_no_policy),
                WITH(containers_stay_in_their_places),
                WITH(init_containers_that_end_keep_what_they_have),
                WITH(ordinary_checks_hold),
                WITH(a_policy_that_cant_be_kept_is_refused),
                WITH(limit_ranges_and_quotas_bound_it),
                WITH(a_quota_counts_what_is_held_until_it_is_given_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
