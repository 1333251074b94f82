/* Kinds that are asked and not stored. */
#include "daemon/registry/user.h"
#include "tests/unit/registry/fixture.h"

#include <string.h>

#define AUTHENTICATION "/apis/authentication.k8s.io/v1/"
#define RBAC "/apis/rbac.authorization.k8s.io/v1/"
#define WHOAMI AUTHENTICATION "selfsubjectreviews"

static void says_who_asks(void **state) {
        static const char *const groups[] = { "ops", "system:authenticated" };
        static const char *const pods[] = { "web-1" };
        static const struct user_extra extra[] = { { "authentication.kubernetes.io/pod-name", pods,
                                                     1 } };
        static const struct user alice = { "alice", "u-1", groups, 2, extra, 1 };
        struct fixture *f = *state;
        struct answer a;

        fixture_do(f, "POST", RBAC "clusterroles",
                   "{\"metadata\":{\"name\":\"basic\"},\"rules\":[{\"verbs\":[\"create\"],"
                   "\"apiGroups\":[\"authentication.k8s.io\"],\"resources\":["
                   "\"selfsubjectreviews\"]}]}",
                   201);
        fixture_do(
                f, "POST", RBAC "clusterrolebindings",
                "{\"metadata\":{\"name\":\"basic\"},\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":"
                "\"basic\"},\"subjects\":[{\"kind\":\"Group\",\"name\":\"ops\"}]}",
                201);
        f->user = &alice;
        a = fixture_ask(f, "POST", WHOAMI,
                        "{\"kind\":\"SelfSubjectReview\",\"apiVersion\":"
                        "\"authentication.k8s.io/v1\",\"metadata\":{\"creationTimestamp\":null}}");

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "kind"), "SelfSubjectReview");
        assert_string_equal(tree_at(a.tree, "status.userInfo.username"), "alice");
        assert_string_equal(tree_at(a.tree, "status.userInfo.uid"), "u-1");
        assert_string_equal(tree_at(a.tree, "status.userInfo.groups.1"), "system:authenticated");
        assert_non_null(strstr(a.text, "\"authentication.kubernetes.io/pod-name\":[\"web-1\"]"));
        answer_done(&a);
}

static void takes_questions_by_post_alone(void **state) {
        fixture_do(*state, "GET", WHOAMI, NULL, 405);
        fixture_do(*state, "GET", WHOAMI "/x", NULL, 405);
        fixture_do(*state, "DELETE", WHOAMI, NULL, 405);
        fixture_do(*state, "POST", WHOAMI, NULL, 400);
        fixture_do(*state, "POST", WHOAMI, "{\"kind\":\"Pod\"}", 400);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(says_who_asks, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(takes_questions_by_post_alone, fixture_setup,
                                                fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
