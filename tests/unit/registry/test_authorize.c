/* Rights, as a client meets them. */
#include "base/str.h"
#include "daemon/registry/authorize.h"
#include "daemon/registry/rest_message.h"
#include "daemon/registry/user.h"
#include "tests/unit/registry/fixture.h"

#include <string.h>

#define RBAC "/apis/rbac.authorization.k8s.io/v1/"
#define AUTHORIZATION "/apis/authorization.k8s.io/v1/"

static const char *const GROUPS[] = { "readers", "system:authenticated" };
static const struct user JANE = { .name = "jane", .groups = GROUPS, .n_groups = 2 };
static const struct user JOE = { .name = "joe" };

static int setup(void **state) {
        static struct fixture f;

        fixture_init(&f);
        *state = &f;
        fixture_do(
                &f, "POST", RBAC "clusterroles",
                "{\"metadata\":{\"name\":\"pod-reader\"},\"rules\":[{\"verbs\":[\"get\",\"list\","
                "\"watch\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"]},{\"verbs\":[\"get\"],"
                "\"nonResourceURLs\":[\"/version\"]}]}",
                201);
        fixture_do(&f, "POST", RBAC "clusterrolebindings",
                   "{\"metadata\":{\"name\":\"readers\"},\"roleRef\":{\"kind\":\"ClusterRole\","
                   "\"name\":\"pod-reader\"},\"subjects\":[{\"kind\":\"Group\",\"name\":"
                   "\"readers\"}]}",
                   201);
        return 0;
}

static void assert_refused(struct fixture *f, const char *method, const char *url,
                           const char *message) {
        struct answer a = fixture_ask(f, method, url, NULL);

        assert_int_equal(a.status, 403);
        assert_string_equal(tree_at(a.tree, "reason"), "Forbidden");
        assert_string_equal(tree_at(a.tree, "message"), message);
        answer_done(&a);
}

static void refuses_in_kubernetes_words(void **state) {
        struct fixture *f = *state;

        f->user = &JOE;

        assert_refused(f, "GET", "/api/v1/namespaces/default/pods",
                       "pods is forbidden: User \"joe\" cannot list resource \"pods\" in API group "
                       "\"\" in the namespace \"default\"");
        assert_refused(f, "GET", "/api/v1/pods?watch=1",
                       "pods is forbidden: User \"joe\" cannot watch resource \"pods\" in API "
                       "group \"\" at the cluster scope");
        assert_refused(f, "PATCH", "/apis/apps/v1/namespaces/default/deployments/web/scale",
                       "deployments.apps \"web\" is forbidden: User \"joe\" cannot patch resource "
                       "\"deployments/scale\" in API group \"apps\" in the namespace \"default\"");
        assert_refused(f, "DELETE", "/api/v1/namespaces/default/pods",
                       "pods is forbidden: User \"joe\" cannot deletecollection resource \"pods\" "
                       "in API group \"\" in the namespace \"default\"");
        assert_refused(f, "GET", "/version",
                       "forbidden: User \"joe\" cannot get path \"/version\"");
        assert_refused(f, "GET", "/apis/no.such/v1/things",
                       "things.no.such is forbidden: User \"joe\" cannot list resource \"things\" "
                       "in API group \"no.such\" at the cluster scope");
        assert_refused(f, "GET", "/api/v1/namespaces/default",
                       "namespaces \"default\" is forbidden: User \"joe\" cannot get resource "
                       "\"namespaces\" in API group \"\" in the namespace \"default\"");
}

static void lets_in_whom_a_binding_names(void **state) {
        struct fixture *f = *state;

        f->user = &JANE;

        fixture_do(f, "GET", "/api/v1/namespaces/default/pods", NULL, 200);
        fixture_do(f, "GET", "/api/v1/pods", NULL, 200);
        fixture_do(f, "GET", "/api/v1/namespaces/default/pods/none", NULL, 404);
        fixture_do(f, "GET", "/version", NULL, 200);
        fixture_do(f, "GET", "/api/v1/namespaces/default/secrets", NULL, 403);
        fixture_do(f, "GET", "/apis", NULL, 403);
}

static void rules_count_from_the_moment_that_they_change(void **state) {
        struct fixture *f = *state;

        fixture_do(f, "DELETE", RBAC "clusterrolebindings/readers", NULL, 200);
        f->user = &JANE;
        fixture_do(f, "GET", "/api/v1/pods", NULL, 403);

        fixture_restart(f);
        fixture_do(f, "GET", "/api/v1/pods", NULL, 403);
}

static void rules_survive_a_restart(void **state) {
        struct fixture *f = *state;

        fixture_restart(f);

        f->user = &JANE;
        fixture_do(f, "GET", "/api/v1/pods", NULL, 200);
        fixture_do(f, "GET", "/api/v1/nodes", NULL, 403);
}

static const char *verb_of(const char *method, const char *url, char *buf, size_t len) {
        AUTO_DONE(query) struct query q = { 0 };
        AUTO_DONE(path) struct path p = { 0 };
        struct authorize_attributes a;
        char path[256];
        const char *query = strchr(url, '?');
        const struct rest_request request = { .method = method, .path = path };

        (void) snprintf(path, sizeof(path), "%.*s", (int) strcspn(url, "?"), url);
        assert_int_equal(path_parse(path, &p, NULL), 0);
        assert_int_equal(query_parse(query ? query + 1 : NULL, &q, NULL), 0);
        authorize_attributes(&request, &p, &q, &a);
        (void) snprintf(buf, len, "%s %s", a.access.verb,
                        a.access.path ? a.access.path : a.access.name);
        return buf;
}

static void verbs_are_those_of_kubernetes(void **state) {
        static const struct {
                const char *method, *url, *expect;
        } cases[] = {
                { "GET", "/api/v1/pods", "list " },
                { "GET", "/api/v1/pods?watch=true", "watch " },
                { "GET", "/api/v1/pods?watch=false", "list " },
                { "GET", "/api/v1/pods?fieldSelector=metadata.name%3Da", "list a" },
                { "GET", "/api/v1/pods?fieldSelector=x%3Dy,metadata.name%3D%3Da,z%3Dy", "list a" },
                { "GET", "/api/v1/pods?fieldSelector=metadata.name!%3Da", "list " },
                { "DELETE", "/api/v1/namespaces/n/pods?fieldSelector=metadata.name%3Da",
                  "deletecollection a" },
                { "POST", "/api/v1/namespaces/n/pods?fieldSelector=metadata.name%3Da", "create " },
                { "GET", "/api/v1/namespaces/n/pods/p", "get p" },
                { "GET", "/api/v1/namespaces/n/pods/p?watch=1", "watch p" },
                { "GET", "/api/v1/namespaces/n/pods/p/log", "get p" },
                { "GET", "/api/v1/namespaces/n/pods/p/exec?command=ls", "create p" },
                { "POST", "/api/v1/namespaces/n/pods/p/portforward", "create p" },
                { "PUT", "/api/v1/namespaces/n", "update n" },
                { "PATCH", "/api/v1/namespaces/n/pods/p/status", "patch p" },
                { "DELETE", "/api/v1/namespaces/n/pods/p", "delete p" },
                { "DELETE", "/api/v1/namespaces/n/pods", "deletecollection " },
                { "GET", "/apis/apps/v1", "get /apis/apps/v1" },
                { "POST", "/metrics", "post /metrics" },
        };
        char buf[300];
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_string_equal(verb_of(cases[i].method, cases[i].url, buf, sizeof(buf)),
                                    cases[i].expect);
}

/* ---- questions ---- */

static void answers_what_oneself_may_do(void **state) {
        struct fixture *f = *state;
        struct answer a;

        f->user = NULL;
        fixture_do(f, "PATCH", RBAC "clusterroles/pod-reader", NULL, 415);
        a = fixture_patch(
                f, RBAC "clusterroles/pod-reader", "application/json-patch+json",
                "[{\"op\":\"add\",\"path\":\"/rules/-\",\"value\":{\"verbs\":[\"create\"],"
                "\"apiGroups\":[\"authorization.k8s.io\"],\"resources\":[\"*\"]}}]");
        assert_int_equal(a.status, 200);
        answer_done(&a);
        f->user = &JANE;

        a = fixture_ask(f, "POST", AUTHORIZATION "selfsubjectaccessreviews",
                        "{\"spec\":{\"resourceAttributes\":{\"verb\":\"list\",\"resource\":"
                        "\"pods\",\"namespace\":\"x\"}}}");
        assert_int_equal(a.status, 201);
        assert_non_null(strstr(a.text, "\"allowed\":true"));
        assert_string_equal(tree_at(a.tree, "status.reason"),
                            "RBAC: allowed by ClusterRoleBinding \"readers\" of ClusterRole "
                            "\"pod-reader\" to Group \"readers\"");
        answer_done(&a);

        a = fixture_ask(f, "POST", AUTHORIZATION "selfsubjectaccessreviews",
                        "{\"spec\":{\"resourceAttributes\":{\"verb\":\"delete\",\"resource\":"
                        "\"pods\"}}}");
        assert_non_null(strstr(a.text, "\"allowed\":false"));
        answer_done(&a);

        a = fixture_ask(f, "POST", AUTHORIZATION "selfsubjectrulesreviews",
                        "{\"spec\":{\"namespace\":\"default\"}}");
        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "status.resourceRules.0.resources.0"), "pods");
        assert_string_equal(tree_at(a.tree, "status.nonResourceRules.0.nonResourceURLs.0"),
                            "/version");
        assert_non_null(strstr(a.text, "\"incomplete\":false"));
        answer_done(&a);
}

static void answers_what_others_may_do(void **state) {
        struct fixture *f = *state;
        struct answer a;

        a = fixture_ask(f, "POST", AUTHORIZATION "subjectaccessreviews",
                        "{\"spec\":{\"groups\":[\"readers\"],\"nonResourceAttributes\":{\"verb\":"
                        "\"get\",\"path\":\"/version\"}}}");
        assert_int_equal(a.status, 201);
        assert_non_null(strstr(a.text, "\"allowed\":true"));
        answer_done(&a);
        a = fixture_ask(f, "POST", AUTHORIZATION "namespaces/default/localsubjectaccessreviews",
                        "{\"spec\":{\"user\":\"joe\",\"resourceAttributes\":{\"verb\":\"get\","
                        "\"resource\":\"pods\"}}}");
        assert_int_equal(a.status, 201);
        assert_non_null(strstr(a.text, "\"allowed\":false"));
        answer_done(&a);
        fixture_do(f, "POST", AUTHORIZATION "namespaces/default/localsubjectaccessreviews",
                   "{\"spec\":{\"user\":\"joe\",\"resourceAttributes\":{\"namespace\":\"x\"}}}",
                   400);
        fixture_do(f, "POST", AUTHORIZATION "subjectaccessreviews", "{\"spec\":{\"user\":\"joe\"}}",
                   422);
        fixture_do(f, "POST", AUTHORIZATION "subjectaccessreviews",
                   "{\"spec\":{\"resourceAttributes\":{}}}", 422);
}

/* ---- giving rights away ---- */

/* A role that lets readers make roles and bindings. */
static void readers_may_grant(struct fixture *f, const char *verbs) {
        AUTO_FREE char *role = str_format(
                "{\"metadata\":{\"name\":\"granter\"},\"rules\":[{\"verbs\":[%s],\"apiGroups\":["
                "\"rbac.authorization.k8s.io\"],\"resources\":[\"*\"]}]}",
                verbs);

        f->user = NULL;
        fixture_do(f, "POST", RBAC "clusterroles", role, 201);
        fixture_do(f, "POST", RBAC "clusterrolebindings",
                   "{\"metadata\":{\"name\":\"granters\"},\"roleRef\":{\"kind\":\"ClusterRole\","
                   "\"name\":\"granter\"},\"subjects\":[{\"kind\":\"Group\",\"name\":"
                   "\"readers\"}]}",
                   201);
        f->user = &JANE;
}

#define ROLE(verb, resource)                                                                       \
        "{\"metadata\":{\"name\":\"r\"},\"rules\":[{\"verbs\":[\"" verb                            \
        "\"],\"apiGroups\":[\"\"],"                                                                \
        "\"resources\":[\"" resource "\"]}]}"
#define BINDING(role)                                                                              \
        "{\"metadata\":{\"name\":\"b\"},\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"" role    \
        "\"},\"subjects\":[{\"kind\":\"User\",\"name\":\"x\"}]}"
#define ROLES RBAC "namespaces/default/roles"
#define BINDINGS RBAC "namespaces/default/rolebindings"

static void nobody_gives_away_what_they_lack(void **state) {
        struct fixture *f = *state;
        struct answer a;

        fixture_do(f, "POST", RBAC "clusterroles",
                   "{\"metadata\":{\"name\":\"all\"},\"rules\":[{\"verbs\":[\"*\"],\"apiGroups\":"
                   "[\"*\"],\"resources\":[\"*\"]}]}",
                   201);
        readers_may_grant(f, "\"get\",\"create\",\"update\",\"patch\"");

        a = fixture_ask(f, "POST", ROLES, ROLE("get", "secrets"));
        assert_int_equal(a.status, 403);
        assert_string_equal(
                tree_at(a.tree, "message"),
                "roles.rbac.authorization.k8s.io \"r\" is forbidden: user \"jane\" "
                "(groups=[\"readers\" \"system:authenticated\"]) is attempting to grant "
                "RBAC permissions not currently held:\n{APIGroups:[\"\"], "
                "Resources:[\"secrets\"], Verbs:[\"get\"]}");
        answer_done(&a);
        fixture_do(f, "POST", ROLES, ROLE("get", "pods"), 201);
        a = fixture_patch(f, ROLES "/r", "application/merge-patch+json",
                          "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}");
        assert_int_equal(a.status, 200);
        answer_done(&a);
        fixture_do(f, "PUT", ROLES "/r", ROLE("delete", "pods"), 403);
        /* A label may make a role a part of one's own. */
        a = fixture_patch(f, RBAC "clusterroles/all", "application/merge-patch+json",
                          "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}");
        assert_int_equal(a.status, 403);
        answer_done(&a);
        a = fixture_patch(f, RBAC "clusterroles/all", "application/merge-patch+json",
                          "{\"metadata\":{\"finalizers\":[\"example.com/wait\"]}}");
        assert_int_equal(a.status, 200);
        answer_done(&a);
        fixture_do(
                f, "POST", RBAC "clusterroles",
                "{\"metadata\":{\"name\":\"sum\"},\"aggregationRule\":{\"clusterRoleSelectors\":["
                "{\"matchLabels\":{\"a\":\"b\"}}]}}",
                403);
        fixture_do(f, "POST", BINDINGS, BINDING("all"), 403);
        fixture_do(f, "POST", BINDINGS, BINDING("none"), 404);
        fixture_do(f, "POST", BINDINGS, BINDING("pod-reader"), 201);
}

static void escalate_and_bind_are_rights_of_their_own(void **state) {
        struct fixture *f = *state;

        readers_may_grant(f, "\"create\",\"escalate\",\"bind\"");

        fixture_do(f, "POST", ROLES, ROLE("get", "secrets"), 201);
        fixture_do(f, "POST", BINDINGS, BINDING("pod-reader"), 201);
        fixture_do(f, "POST", BINDINGS, BINDING("pod-reader"), 409);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(refuses_in_kubernetes_words, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(lets_in_whom_a_binding_names, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(rules_count_from_the_moment_that_they_change, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(rules_survive_a_restart, setup, fixture_teardown),
                cmocka_unit_test(verbs_are_those_of_kubernetes),
                cmocka_unit_test_setup_teardown(answers_what_oneself_may_do, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(answers_what_others_may_do, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(nobody_gives_away_what_they_lack, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(escalate_and_bind_are_rights_of_their_own, setup,
                                                fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
