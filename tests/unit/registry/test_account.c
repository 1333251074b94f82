/* Pods and their accounts. */
#include "base/str.h"
#include "daemon/registry/state.h"
#include "tests/unit/registry/fixture.h"

#include <string.h>

#define PODS "/api/v1/namespaces/default/pods"
#define ACCOUNTS "/api/v1/namespaces/default/serviceaccounts"
#define PATH "/var/run/secrets/kubernetes.io/serviceaccount"
#define CONTAINERS "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]"

static int setup(void **state) {
        static struct fixture f;

        fixture_init(&f);
        /* No token is made here: that there is a key is all that counts. */
        f.registry->token_key = (const struct jwt_key *) &f;
        *state = &f;
        return 0;
}

static struct answer pod_make(struct fixture *f, const char *name, const char *spec) {
        char body[1024];

        (void) snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"%s\"},\"spec\":{%s}}", name,
                        spec);
        return fixture_ask(f, "POST", PODS, body);
}

static void a_pod_gets_the_account_default_and_its_token(void **state) {
        struct answer a = pod_make(*state, "p",
                                   CONTAINERS ",\"initContainers\":[{\"name\":\"i\","
                                              "\"image\":\"i\"}]");
        const char *volume;

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "spec.serviceAccountName"), "default");
        assert_string_equal(tree_at(a.tree, "spec.serviceAccount"), "default");
        volume = tree_at(a.tree, "spec.volumes.0.name");
        assert_int_equal(strlen(volume), strlen("kube-api-access-") + 5);
        assert_int_equal(strncmp(volume, "kube-api-access-", 16), 0);
        assert_string_equal(tree_at(a.tree, "spec.containers.0.volumeMounts.0.name"), volume);
        assert_string_equal(tree_at(a.tree, "spec.containers.0.volumeMounts.0.mountPath"), PATH);
        assert_string_equal(tree_at(a.tree, "spec.initContainers.0.volumeMounts.0.name"), volume);
        assert_string_equal(
                tree_at(a.tree, "spec.volumes.0.projected.sources.0.serviceAccountToken.path"),
                "token");
        assert_string_equal(tree_at(a.tree, "spec.volumes.0.projected.sources.1.configMap.name"),
                            "kube-root-ca.crt");
        assert_string_equal(
                tree_at(a.tree, "spec.volumes.0.projected.sources.2.downwardAPI.items.0.path"),
                "namespace");
        assert_int_equal(a.n_warnings, 0);
        answer_done(&a);
}

static void what_was_added_is_what_a_replace_would_send(void **state) {
        struct fixture *f = *state;
        struct answer a = pod_make(f, "p", CONTAINERS), b;
        AUTO_FREE char *body = json_dumps(a.tree, 0);

        b = fixture_ask(f, "PUT", PODS "/p", body);

        assert_int_equal(b.status, 200);
        assert_string_equal(tree_at(b.tree, "metadata.resourceVersion"),
                            tree_at(a.tree, "metadata.resourceVersion"));
        answer_done(&a);
        answer_done(&b);
}

static void an_account_that_is_missing_is_refused(void **state) {
        struct answer a = pod_make(*state, "p", CONTAINERS ",\"serviceAccountName\":\"robot\"");

        assert_int_equal(a.status, 403);
        assert_string_equal(tree_at(a.tree, "message"),
                            "pods \"p\" is forbidden: error looking up service account "
                            "default/robot: serviceaccount \"robot\" not found");
        answer_done(&a);
}

static void account_and_pod_may_do_without_a_token(void **state) {
        struct fixture *f = *state;
        struct answer a;

        fixture_do(f, "POST", ACCOUNTS,
                   "{\"metadata\":{\"name\":\"mute\"},\"automountServiceAccountToken\":false,"
                   "\"imagePullSecrets\":[{\"name\":\"key\"}]}",
                   201);

        a = pod_make(f, "a", CONTAINERS ",\"automountServiceAccountToken\":false");
        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "spec.volumes.0.name"), "");
        answer_done(&a);
        a = pod_make(f, "b", CONTAINERS ",\"serviceAccount\":\"mute\"");
        assert_string_equal(tree_at(a.tree, "spec.serviceAccountName"), "mute");
        assert_string_equal(tree_at(a.tree, "spec.volumes.0.name"), "");
        assert_string_equal(tree_at(a.tree, "spec.imagePullSecrets.0.name"), "key");
        answer_done(&a);
        a = pod_make(f, "c",
                     CONTAINERS ",\"serviceAccountName\":\"mute\","
                                "\"automountServiceAccountToken\":true");
        assert_non_null(strstr(tree_at(a.tree, "spec.volumes.0.name"), "kube-api-access-"));
        answer_done(&a);
}

static void a_mount_of_ones_own_is_left_alone(void **state) {
        struct answer a = pod_make(
                *state, "p",
                "\"volumes\":[{\"name\":\"own\"}],\"containers\":[{\"name\":\"c\",\"image\":\"i\","
                "\"volumeMounts\":[{\"name\":\"own\",\"mountPath\":\"" PATH "\"}]}]");

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "spec.volumes.0.name"), "own");
        assert_string_equal(tree_at(a.tree, "spec.volumes.1.name"), "");
        answer_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_pod_gets_the_account_default_and_its_token, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(what_was_added_is_what_a_replace_would_send, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(an_account_that_is_missing_is_refused, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(account_and_pod_may_do_without_a_token, setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(a_mount_of_ones_own_is_left_alone, setup,
                                                fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
