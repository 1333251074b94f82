/* What nodes may do: what their pods need. */
#include "daemon/registry/state.h"
#include "daemon/registry/user.h"
#include "tests/unit/registry/fixture.h"

#define DEFAULT "/api/v1/namespaces/default/"
#define LEASES "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
#define MERGE "application/merge-patch+json"

static const char *const GROUPS[] = { "system:nodes", "system:authenticated" };
static const struct user EDGE = { .name = "system:node:edge", .groups = GROUPS, .n_groups = 2 };
static const struct user ALONE = { .name = "system:node:edge" };

static const char MINE[] =
        "{\"metadata\":{\"name\":\"mine\"},\"spec\":{\"nodeName\":\"edge\",\"serviceAccountName\":"
        "\"robot\",\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"env\":[{\"name\":\"E\","
        "\"valueFrom\":{\"secretKeyRef\":{\"name\":\"env\",\"key\":\"k\"}}}],\"envFrom\":[{"
        "\"configMapRef\":{\"name\":\"all\"}}]}],\"volumes\":[{\"name\":\"v\",\"secret\":{"
        "\"secretName\":\"files\"}},{\"name\":\"p\",\"projected\":{\"sources\":[{\"configMap\":{"
        "\"name\":\"part\"}}]}}]}}";
static const char OTHERS[] =
        "{\"metadata\":{\"name\":\"others\"},\"spec\":{\"nodeName\":\"far\",\"containers\":[{"
        "\"name\":\"c\",\"image\":\"i\"}],\"volumes\":[{\"name\":\"v\",\"secret\":{"
        "\"secretName\":\"foreign\"}}]}}";

static int setup(void **state) {
        static const char *const SECRETS[] = { "env", "files", "foreign", "loose" };
        static struct fixture f;
        char body[128];

        fixture_init(&f);
        fixture_do(&f, "POST", DEFAULT "serviceaccounts", "{\"metadata\":{\"name\":\"robot\"}}",
                   201);
        fixture_do(&f, "POST", DEFAULT "serviceaccounts", "{\"metadata\":{\"name\":\"else\"}}",
                   201);
        for (size_t i = 0; i < ARRAY_SIZE(SECRETS); i++) {
                (void) snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"%s\"}}", SECRETS[i]);
                fixture_do(&f, "POST", DEFAULT "secrets", body, 201);
        }
        fixture_do(&f, "POST", DEFAULT "pods", MINE, 201);
        fixture_do(&f, "POST", DEFAULT "pods", OTHERS, 201);
        fixture_do(&f, "POST", "/api/v1/nodes", "{\"metadata\":{\"name\":\"far\"}}", 201);
        f.user = &EDGE;
        *state = &f;
        return 0;
}

static void reads_what_its_pods_speak_of(void **state) {
        struct fixture *f = *state;

        fixture_do(f, "GET", DEFAULT "secrets/env", NULL, 200);
        fixture_do(f, "GET", DEFAULT "secrets?fieldSelector=metadata.name%3Dfiles", NULL, 200);
        fixture_do(f, "GET", DEFAULT "configmaps/all", NULL, 404);
        fixture_do(f, "GET", DEFAULT "configmaps/part", NULL, 404);
        fixture_do(f, "GET", DEFAULT "secrets/foreign", NULL, 403);
        fixture_do(f, "GET", DEFAULT "secrets/loose", NULL, 403);
        fixture_do(f, "GET", DEFAULT "configmaps/env", NULL, 403);
        fixture_do(f, "GET", DEFAULT "secrets", NULL, 403);
        fixture_do(f, "GET", "/api/v1/namespaces/kube-system/secrets/env", NULL, 403);
        fixture_do(f, "DELETE", DEFAULT "secrets/env", NULL, 403);
}

static void sees_and_tells_of_its_own_pods_only(void **state) {
        struct fixture *f = *state;
        struct answer a;

        fixture_do(f, "GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dedge", NULL, 200);
        fixture_do(f, "GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dfar", NULL, 403);
        fixture_do(f, "GET", "/api/v1/pods", NULL, 403);
        fixture_do(f, "GET", DEFAULT "pods/mine", NULL, 200);
        fixture_do(f, "GET", DEFAULT "pods/others", NULL, 403);
        a = fixture_patch(f, DEFAULT "pods/mine/status", MERGE,
                          "{\"status\":{\"phase\":\"Running\"}}");
        assert_int_equal(a.status, 200);
        answer_done(&a);
        a = fixture_patch(f, DEFAULT "pods/others/status", MERGE, "{\"status\":{}}");
        assert_int_equal(a.status, 403);
        answer_done(&a);
        a = fixture_patch(f, DEFAULT "pods/mine", MERGE,
                          "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}");
        assert_int_equal(a.status, 403);
        answer_done(&a);
        fixture_do(f, "POST", DEFAULT "pods", MINE, 403);
        fixture_do(f, "DELETE", DEFAULT "pods/others", NULL, 403);
}

static void is_one_node_and_no_other(void **state) {
        struct fixture *f = *state;
        struct answer a;

        fixture_do(f, "POST", "/api/v1/nodes", "{\"metadata\":{\"name\":\"false\"}}", 403);
        fixture_do(f, "POST", "/api/v1/nodes",
                   "{\"metadata\":{\"name\":\"edge\",\"labels\":{"
                   "\"node-restriction.kubernetes.io/zone\":\"safe\"}}}",
                   403);
        fixture_do(f, "POST", "/api/v1/nodes", "{\"metadata\":{\"name\":\"edge\"}}", 201);
        a = fixture_patch(f, "/api/v1/nodes/edge/status", MERGE, "{\"status\":{}}");
        assert_int_equal(a.status, 200);
        answer_done(&a);
        a = fixture_patch(f, "/api/v1/nodes/edge", MERGE,
                          "{\"spec\":{\"taints\":[{\"key\":\"a\",\"effect\":\"NoSchedule\"}]}}");
        assert_int_equal(a.status, 403);
        answer_done(&a);
        a = fixture_patch(f, "/api/v1/nodes/far/status", MERGE, "{\"status\":{}}");
        assert_int_equal(a.status, 403);
        answer_done(&a);
        fixture_do(f, "DELETE", "/api/v1/nodes/edge", NULL, 403);
        fixture_do(f, "POST", LEASES, "{\"metadata\":{\"name\":\"edge\"}}", 201);
        fixture_do(f, "POST", LEASES, "{\"metadata\":{\"name\":\"far\"}}", 403);
        fixture_do(f, "POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases",
                   "{\"metadata\":{\"name\":\"edge\"}}", 403);
}

static void asks_for_tokens_of_its_own_pods(void **state) {
#define TOKEN(account) DEFAULT "serviceaccounts/" account "/token"
#define BOUND(pod)                                                                                 \
        "{\"spec\":{\"boundObjectRef\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"name\":\"" pod    \
        "\"}}}"
        struct fixture *f = *state;

        fixture_do(f, "POST", TOKEN("else"), BOUND("mine"), 403);
        fixture_do(f, "POST", TOKEN("robot"), "{\"spec\":{}}", 403);
        fixture_do(f, "POST", TOKEN("robot"), BOUND("others"), 403);
        /* It may; this registry has no key. */
        assert_null(f->registry->token_key);
        fixture_do(f, "POST", TOKEN("robot"), BOUND("mine"), 500);
}

static void a_name_without_the_group_is_nothing(void **state) {
        struct fixture *f = *state;

        f->user = &ALONE;

        fixture_do(f, "GET", DEFAULT "pods/mine", NULL, 403);
        fixture_do(f, "GET", "/api/v1/services", NULL, 403);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(reads_what_its_pods_speak_of, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(sees_and_tells_of_its_own_pods_only, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(is_one_node_and_no_other, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(asks_for_tokens_of_its_own_pods, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(a_name_without_the_group_is_nothing, setup,
                                                fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
