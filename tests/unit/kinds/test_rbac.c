/* Kinds of rbac.authorization.k8s.io: checks and defaults. */
#include "api/kinds/rbac.h"
#include "tests/unit/kinds/fixture.h"

static const char ROLE[] =
        "{'metadata':{'name':'r','namespace':'n'},'rules':[{'verbs':['get'],'apiGroups':[''],"
        "'resources':['pods']}]}";
static const char CLUSTER_ROLE[] =
        "{'metadata':{'name':'r'},'rules':[{'verbs':['get'],'apiGroups':[''],"
        "'resources':['pods']}]}";
static const char BINDING[] = "{'metadata':{'name':'b'},'roleRef':{'kind':'ClusterRole','name':"
                              "'system:node'},'subjects':[{'kind':'User','name':'jane'}]}";

static void roles_are_checked_as_kubernetes_does(void **state) {
        static const struct wrong role[] = {
                { "metadata/name", "'system:a/b'", "metadata.name",
                  "Invalid value: \"system:a/b\": may not contain '/'" },
                { "metadata/name", "'system:A_b'", NULL, NULL },
                { "rules/0/verbs", "[]", "rules[0].verbs", "Required value" },
                { "rules/0/resources", "[]", "rules[0].resources",
                  "Required value: resource rules must supply at least one resource" },
                { "rules/0/apiGroups", NULL, "rules[0].apiGroups",
                  "Required value: resource rules must supply at least one api group" },
                { "rules/0", "{'verbs':['get'],'nonResourceURLs':['/x']}",
                  "rules[0].nonResourceURLs",
                  "Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs" },
        };
        static const struct wrong cluster_role[] = {
                { "rules/0", "{'verbs':['get'],'nonResourceURLs':['/x']}", NULL, NULL },
                { "rules/0/nonResourceURLs", "['/x']", "rules[0].nonResourceURLs",
                  "Invalid value: [\"/x\"]: rules cannot apply to both regular resources and "
                  "non-resource URLs" },
                { "aggregationRule", "{'clusterRoleSelectors':[]}",
                  "aggregationRule.clusterRoleSelectors",
                  "Required value: at least one clusterRoleSelector required if aggregationRule "
                  "is non-nil" },
        };
        (void) state;

        fixture_assert_findings(ROLE, &role_kind, role, ARRAY_SIZE(role));
        fixture_assert_findings(CLUSTER_ROLE, &cluster_role_kind, cluster_role,
                                ARRAY_SIZE(cluster_role));
}

static void bindings_are_checked_as_kubernetes_does(void **state) {
        static const struct wrong cases[] = {
                { "subjects/0/kind", "'Robot'", "subjects[0].kind",
                  "Unsupported value: \"Robot\": supported values: \"ServiceAccount\", \"User\", "
                  "\"Group\"" },
                { "subjects/0", "{'kind':'ServiceAccount','name':'a'}", "subjects[0].namespace",
                  "Required value" },
                { "subjects/0",
                  "{'kind':'ServiceAccount','name':'a','namespace':'n','apiGroup':'x'}",
                  "subjects[0].apiGroup", "Unsupported value: \"x\": supported values: \"\"" },
                { "subjects/0", "{'kind':'Group','name':'g','apiGroup':'x'}",
                  "subjects[0].apiGroup",
                  "Unsupported value: \"x\": supported values: \"rbac.authorization.k8s.io\"" },
                { "roleRef/kind", "'Role'", "roleRef.kind",
                  "Unsupported value: \"Role\": supported values: \"ClusterRole\"" },
                { "roleRef/name", NULL, "roleRef.name", "Required value" },
                { "subjects", "[]", NULL, NULL },
        };
        (void) state;

        fixture_assert_findings(BINDING, &cluster_role_binding_kind, cases, ARRAY_SIZE(cases));
}

static void a_binding_gets_its_groups_by_default(void **state) {
        json_t *tree = fixture_tree(BINDING), *subject;
        (void) state;

        assert_int_equal(kind_default(&cluster_role_binding_kind, tree, NULL), 0);

        subject = json_array_get(json_object_get(tree, "subjects"), 0);
        assert_string_equal(json_string_value(json_object_get(subject, "apiGroup")), RBAC_GROUP);
        assert_string_equal(
                json_string_value(json_object_get(json_object_get(tree, "roleRef"), "apiGroup")),
                RBAC_GROUP);
        json_decref(tree);
}

static void the_role_of_a_binding_cannot_change(void **state) {
        json_t *old = fixture_tree(BINDING), *fresh = fixture_tree(BINDING);
        AUTO(object) struct object *before = NULL;
        AUTO(object) struct object *after = NULL;
        struct diags d = { 0 };
        (void) state;

        fixture_set(fresh, "roleRef/name", "'cluster-admin'");
        assert_int_equal(
                object_new_from_json(&cluster_role_binding_kind, old, false, &before, NULL), 0);
        assert_int_equal(
                object_new_from_json(&cluster_role_binding_kind, fresh, false, &after, NULL), 0);
        kind_validate_update(&cluster_role_binding_kind, before, after, &d);

        assert_int_equal(d.n_errors, 1);
        assert_non_null(strstr(fixture_finding(&d, "roleRef")->text, "cannot change roleRef"));
        diags_done(&d);
        json_decref(old);
        json_decref(fresh);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(roles_are_checked_as_kubernetes_does),
                cmocka_unit_test(bindings_are_checked_as_kubernetes_does),
                cmocka_unit_test(a_binding_gets_its_groups_by_default),
                cmocka_unit_test(the_role_of_a_binding_cannot_change),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
