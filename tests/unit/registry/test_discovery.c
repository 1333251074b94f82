#include "base/str.h"
#include "daemon/registry/catalog.h"
#include "tests/unit/registry/fixture.h"

#include <string.h>

#define V2 "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#define V2_BETA1 "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"

/* The element whose key is value. */
static json_t *with(const json_t *tree, const char *list, const char *key, const char *value) {
        json_t *one;
        size_t i;

        json_array_foreach(json_object_get(tree, list), i, one) {
                if (str_eq(json_string_value(json_object_get(one, key)), value))
                        return one;
        }
        return NULL;
}

static bool has_word(const json_t *tree, const char *list, const char *word) {
        json_t *one;
        size_t i;

        json_array_foreach(json_object_get(tree, list), i, one) {
                if (str_eq(json_string_value(one), word))
                        return true;
        }
        return false;
}

static void lists_every_group_with_its_preferred_version(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", "/apis", NULL);
        const json_t *apps = with(a.tree, "groups", "name", "apps");

        assert_string_equal(tree_at(a.tree, "kind"), "APIGroupList");
        assert_string_equal(tree_at(apps, "preferredVersion.groupVersion"), "apps/v1");
        assert_string_equal(tree_at(apps, "versions.0.version"), "v1");
        assert_null(with(a.tree, "groups", "name", ""));
        answer_done(&a);
        a = fixture_ask(f, "GET", "/apis/apps/", NULL);
        assert_string_equal(tree_at(a.tree, "kind"), "APIGroup");
        assert_string_equal(tree_at(a.tree, "apiVersion"), "v1");
        answer_done(&a);
        fixture_do(f, "GET", "/apis/none.example", NULL, 404);
        fixture_do(f, "GET", "/apis/apps/v9", NULL, 404);
}

static void lists_resources_with_their_subresources(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", "/api/v1", NULL);
        const json_t *pods = with(a.tree, "resources", "name", "pods");
        const json_t *eviction = with(a.tree, "resources", "name", "pods/eviction");

        assert_string_equal(tree_at(a.tree, "groupVersion"), "v1");
        assert_true(has_word(pods, "shortNames", "po"));
        assert_true(has_word(pods, "categories", "all"));
        assert_true(has_word(pods, "verbs", "deletecollection"));
        assert_string_equal(tree_at(eviction, "group"), "policy");
        assert_string_equal(tree_at(eviction, "version"), "v1");
        assert_string_equal(tree_at(eviction, "kind"), "Eviction");
        assert_string_equal(tree_at(with(a.tree, "resources", "name", "pods/exec"), "kind"),
                            "PodExecOptions");
        assert_null(json_object_get(with(a.tree, "resources", "name", "pods/exec"), "group"));
        assert_non_null(with(a.tree, "resources", "name", "pods/status"));
        assert_null(with(a.tree, "resources", "name", "configmaps/status"));
        answer_done(&a);
        a = fixture_ask(f, "GET", "/apis/apps/v1", NULL);
        assert_string_equal(
                tree_at(with(a.tree, "resources", "name", "deployments/scale"), "group"),
                "autoscaling");
        answer_done(&a);
}

static void questions_can_only_be_created(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", "/apis/authentication.k8s.io/v1", NULL);
        const json_t *review = with(a.tree, "resources", "name", "selfsubjectreviews");

        assert_int_equal(json_array_size(json_object_get(review, "verbs")), 1);
        assert_true(has_word(review, "verbs", "create"));
        answer_done(&a);
}

static struct answer ask_as(struct fixture *f, const char *accept, const char *url) {
        struct answer a;

        f->accept = accept;
        a = fixture_ask(f, "GET", url, NULL);
        f->accept = NULL;
        return a;
}

static void tells_all_at_once_where_asked(void **state) {
        struct fixture *f = *state;
        struct answer a = ask_as(f, V2 "," V2_BETA1 ",application/json", "/apis");
        const json_t *apps, *deployments, *scale;
        json_t *group;
        size_t i;

        assert_string_equal(a.type, V2);
        assert_string_equal(tree_at(a.tree, "apiVersion"), "apidiscovery.k8s.io/v2");
        apps = NULL;
        json_array_foreach(json_object_get(a.tree, "items"), i, group) {
                if (str_eq(tree_at(group, "metadata.name"), "apps"))
                        apps = json_array_get(json_object_get(group, "versions"), 0);
        }
        deployments = with(apps, "resources", "resource", "deployments");
        assert_string_equal(tree_at(deployments, "responseKind.kind"), "Deployment");
        assert_string_equal(tree_at(deployments, "scope"), "Namespaced");
        scale = with(deployments, "subresources", "subresource", "scale");
        assert_string_equal(tree_at(scale, "responseKind.group"), "autoscaling");
        answer_done(&a);
        a = ask_as(f, V2_BETA1 ",application/json", "/api");
        assert_string_equal(a.type, V2_BETA1);
        assert_string_equal(tree_at(a.tree, "apiVersion"), "apidiscovery.k8s.io/v2beta1");
        assert_int_equal(json_array_size(json_object_get(a.tree, "items")), 1);
        assert_null(json_object_get(
                json_object_get(json_array_get(json_object_get(a.tree, "items"), 0), "metadata"),
                "name"));
        answer_done(&a);
}

static void who_has_it_already_is_told_so(void **state) {
        struct fixture *f = *state;
        struct answer a = ask_as(f, V2, "/apis"), again;

        assert_true(*a.etag);
        f->if_none_match = a.etag;
        again = ask_as(f, V2, "/apis");
        assert_int_equal(again.status, 304);
        answer_done(&again);
        again = ask_as(f, "application/json", "/apis");
        assert_int_equal(again.status, 200);
        answer_done(&again);
        f->if_none_match = NULL;
        answer_done(&a);
}

static void the_legacy_form_is_what_all_others_get(void **state) {
        static const char *const ACCEPTS[] = { NULL, "application/json", "*/*",
                                               "application/vnd.kubernetes.protobuf" };
        struct fixture *f = *state;
        struct answer a;

        for (size_t i = 0; i < ARRAY_SIZE(ACCEPTS); i++) {
                a = ask_as(f, ACCEPTS[i], "/api");
                assert_string_equal(a.type, "application/json");
                assert_string_equal(tree_at(a.tree, "kind"), "APIVersions");
                answer_done(&a);
        }
        a = ask_as(f, "image/png", "/apis");
        assert_int_equal(a.status, 406);
        answer_done(&a);
        a = ask_as(f, V2, "/apis/apps");
        assert_int_equal(a.status, 406);
        answer_done(&a);
}

static void versions_are_ordered_as_kubernetes_does(void **state) {
        static const char *const ORDER[] = { "v10",      "v2",      "v1",        "v11beta2",
                                             "v10beta3", "v3beta1", "v12alpha1", "v11alpha2",
                                             "foo1",     "foo10" };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(ORDER); i++)
                for (size_t j = 0; j < ARRAY_SIZE(ORDER); j++) {
                        int c = catalog_version_compare(ORDER[i], ORDER[j]);

                        assert_int_equal(c < 0, i < j);
                        assert_int_equal(c > 0, i > j);
                }
}

int main(void) {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(lists_every_group_with_its_preferred_version),
                TEST(lists_resources_with_their_subresources),
                TEST(questions_can_only_be_created),
                TEST(tells_all_at_once_where_asked),
                TEST(who_has_it_already_is_told_so),
                TEST(the_legacy_form_is_what_all_others_get),
                cmocka_unit_test(versions_are_ordered_as_kubernetes_does),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
