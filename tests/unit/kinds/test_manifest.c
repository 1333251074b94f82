#include "api/kinds/manifest.h"
#include "api/kinds/pod.h"
#include "tests/unit/kinds/fixture.h"

static const char good[] =
        "apiVersion: v1\n"
        "kind: Pod\n"
        "metadata: {name: web}\n"
        "spec:\n"
        "  containers:\n"
        "  - {name: c, image: web:1}\n"
        "---\n"
        "apiVersion: v1\n"
        "kind: List\n"
        "items:\n"
        "- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n"
        "- {apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: c}}\n";

static void documents_and_lists_become_objects(void **state) {
        AUTO_DONE(manifests) struct manifests m = { 0 };
        struct diags d = { 0 };
        (void) state;

        assert_int_equal(manifest_read(good, strlen(good), "f.yaml", "default", &m, &d), 0);

        assert_int_equal(d.n, 0);
        assert_int_equal(m.n, 3);
        assert_ptr_equal(m.items[0].kind, &pod_kind);
        assert_string_equal(m.items[0].file, "f.yaml");
        assert_string_equal(json_string_value(json_object_get(
                                    json_object_get(m.items[0].tree, "metadata"), "namespace")),
                            "default");
        assert_null(json_object_get(json_object_get(m.items[1].tree, "metadata"), "namespace"));
        assert_string_equal(json_string_value(json_object_get(
                                    json_object_get(m.items[2].tree, "metadata"), "namespace")),
                            "c");
        assert_null(json_object_get(json_object_get(m.items[0].tree, "spec"), "restartPolicy"));
        diags_done(&d);
}

static void all_errors_of_a_file_come_with_their_places(void **state) {
        static const char bad[] = "apiVersion: v1\n"
                                  "kind: Pod\n"
                                  "metadata:\n"
                                  "  name: web\n"
                                  "spec:\n"
                                  "  restartPolcy: Never\n"
                                  "  containers:\n"
                                  "  - name: c\n"
                                  "    image: web\n"
                                  "    ports:\n"
                                  "    - containerPort: 0\n"
                                  "---\n"
                                  "apiVersion: v1\n"
                                  "kind: Deployment\n"
                                  "---\n"
                                  "apiVersion: v1\n"
                                  "kind: List\n"
                                  "items:\n"
                                  "- apiVersion: v1\n"
                                  "  kind: Namespace\n"
                                  "  metadata: {name: A}\n";
        static const char expected[] =
                "f:6:3: spec.restartPolcy: unknown field; did you mean \"restartPolicy\"?\n"
                "f:11:7: spec.containers[0].ports[0].containerPort: Invalid value: 0: must be "
                "between 1 "
                "and 65535, inclusive\n"
                "f:14:1: kind: no kind \"Deployment\" in version \"v1\"; Deployment is in apps/v1\n"
                "f:21:14: items[0].metadata.name: Invalid value: \"A\": a lowercase RFC 1123 label";
        AUTO_DONE(manifests) struct manifests m = { 0 };
        AUTO_FREE char *lines = NULL;
        struct diags d = { 0 };
        (void) state;

        assert_int_equal(manifest_read(bad, strlen(bad), "f", NULL, &m, &d), 0);
        lines = fixture_lines(&d);

        if (!str_starts_with(lines, expected))
                fail_msg("%s", lines);
        assert_int_equal(d.n_errors, 4);
        assert_int_equal(m.n, 2);
        diags_done(&d);
}

static void what_is_no_manifest_is_said(void **state) {
        static const char *const cases[][2] = {
                { "- a\n", "f:1:1: a manifest must be a map of fields with apiVersion and kind\n" },
                { "a: 1\n",
                  "f:1:1: apiVersion: Required value: a manifest needs apiVersion and kind\n" },
                { "apiVersion: v1\nkind: Pdo\n",
                  "f:2:1: kind: no kind \"Pdo\" in version \"v1\"; did you mean \"Pod\"?\n" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO_DONE(manifests) struct manifests m = { 0 };
                AUTO_FREE char *lines = NULL;
                struct diags d = { 0 };

                assert_int_equal(manifest_read(cases[i][0], strlen(cases[i][0]), "f", NULL, &m, &d),
                                 0);
                lines = fixture_lines(&d);
                assert_string_equal(lines, cases[i][1]);
                diags_done(&d);
        }
}

static void explain_tells_type_values_and_fields(void **state) {
        AUTO_FREE char *text = NULL, *leaf = NULL;
        struct err e = { 0 };
        char *none = NULL;
        (void) state;

        assert_int_equal(schema_explain(&pod_kind, "spec.containers", false, &text, &e), 0);
        assert_int_equal(schema_explain(&pod_kind, "spec.restartPolicy", false, &leaf, &e), 0);
        assert_int_equal(schema_explain(&pod_kind, "spec.container", false, &none, &e), -ENOENT);

        assert_non_null(strstr(text, "FIELD: containers <[]Container> -required-\n"));
        assert_non_null(strstr(text, "  livenessProbe\t<Probe>\n"));
        assert_non_null(strstr(leaf, "enum: Always, OnFailure, Never\n"));
        assert_non_null(strstr(leaf, "default: \"Always\"\n"));
        assert_string_equal(e.text,
                            "PodSpec has no field \"container\"; did you mean \"containers\"?");
        assert_null(none);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(documents_and_lists_become_objects),
                cmocka_unit_test(all_errors_of_a_file_come_with_their_places),
                cmocka_unit_test(what_is_no_manifest_is_said),
                cmocka_unit_test(explain_tells_type_values_and_fields),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
