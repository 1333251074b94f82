#include "base/str.h"
#include "daemon/registry/catalog.h"
#include "daemon/registry/definitions.h"
#include "daemon/registry/openapi.h"
#include "tests/unit/registry/fixture.h"

#include <stdlib.h>
#include <string.h>

static json_t *schemas_of(const json_t *document) {
        return json_object_get(json_object_get(document, "components"), "schemas");
}

/* One schema's property. */
static json_t *property(const json_t *document, const char *schema, const char *name) {
        json_t *found = json_object_get(
                json_object_get(json_object_get(schemas_of(document), schema), "properties"), name);

        if (!found)
                print_error("%s has no %s\n", schema, name);
        assert_non_null(found);
        return found;
}

/* Every $ref leads to a schema. */
static void check_refs(const json_t *schemas, const json_t *at) {
        const char *key, *ref;
        json_t *value;
        size_t i;

        if (json_is_array(at))
                json_array_foreach((json_t *) at, i, value)
                        check_refs(schemas, value);
        if (!json_is_object(at))
                return;
        json_object_foreach((json_t *) at, key, value) {
                if (!str_eq(key, "$ref")) {
                        check_refs(schemas, value);
                        continue;
                }
                ref = json_string_value(value);
                assert_true(str_starts_with(ref, "#/components/schemas/"));
                if (!json_object_get(schemas, ref + strlen("#/components/schemas/")))
                        print_error("nothing is called %s\n", ref);
                assert_non_null(json_object_get(schemas, ref + strlen("#/components/schemas/")));
                assert_int_equal(json_object_size(at), 1);
        }
}

static void every_document_is_whole(void **state) {
        struct fixture *f = *state;
        struct answer index = fixture_ask(f, "GET", "/openapi/v3", NULL);
        const json_t *paths = json_object_get(index.tree, "paths");
        const char *name;
        json_t *one;

        assert_non_null(json_object_get(paths, "api/v1"));
        assert_non_null(json_object_get(paths, "apis/apps/v1"));
        json_object_foreach((json_t *) paths, name, one) {
                struct answer a = fixture_ask(f, "GET", tree_at(one, "serverRelativeURL"), NULL);

                assert_int_equal(a.status, 200);
                assert_string_equal(tree_at(a.tree, "openapi"), "3.0.0");
                assert_true(json_object_size(json_object_get(a.tree, "paths")) > 0);
                check_refs(schemas_of(a.tree), a.tree);
                answer_done(&a);
        }
        answer_done(&index);
}

static bool list_has(const json_t *list, const char *key, const char *value) {
        json_t *one;
        size_t i;

        json_array_foreach((json_t *) list, i, one) {
                if (str_eq(json_string_value(json_object_get(one, key)), value))
                        return true;
        }
        return false;
}

/* What kubectl looks for before it applies. */
static void every_patch_takes_validation(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", "/openapi/v3/apis/apps/v1", NULL);
        const char *path;
        json_t *one;
        size_t n = 0;

        json_object_foreach(json_object_get(a.tree, "paths"), path, one) {
                const json_t *patch = json_object_get(one, "patch");

                if (!patch)
                        continue;
                n++;
                assert_true(
                        list_has(json_object_get(patch, "parameters"), "name", "fieldValidation"));
                assert_non_null(json_object_get(
                        json_object_get(json_object_get(patch, "requestBody"), "content"),
                        "application/strategic-merge-patch+json"));
                assert_true(
                        json_is_object(json_object_get(patch, "x-kubernetes-group-version-kind")));
        }
        assert_true(n >= 4);
        answer_done(&a);
}

static void expect_marks(const json_t *field, const char *key, const char *strategy,
                         const char *list_type) {
        assert_string_equal(tree_at(field, "x-kubernetes-patch-merge-key"), key);
        assert_string_equal(tree_at(field, "x-kubernetes-patch-strategy"), strategy);
        assert_string_equal(tree_at(field, "x-kubernetes-list-type"), list_type);
}

/* Without these kubectl replaces whole lists. */
static void lists_say_how_they_merge(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", "/openapi/v3/apis/apps/v1", NULL);
        const char *pod = "io.k8s.api.core.v1.PodSpec";
        const char *container = "io.k8s.api.core.v1.Container";

        expect_marks(property(a.tree, pod, "containers"), "name", "merge", "map");
        expect_marks(property(a.tree, pod, "volumes"), "name", "merge,retainKeys", "map");
        expect_marks(property(a.tree, pod, "tolerations"), "", "", "atomic");
        expect_marks(property(a.tree, container, "args"), "", "", "atomic");
        expect_marks(property(a.tree, container, "ports"), "containerPort", "merge", "map");
        expect_marks(
                property(a.tree, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "finalizers"),
                "", "merge", "set");
        assert_string_equal(
                tree_at(property(a.tree, "io.k8s.api.apps.v1.DeploymentSpec", "strategy"),
                        "x-kubernetes-patch-strategy"),
                "retainKeys");
        assert_string_equal(
                tree_at(json_object_get(schemas_of(a.tree), "io.k8s.apimachinery.pkg.apis.meta.v1."
                                                            "LabelSelector"),
                        "x-kubernetes-map-type"),
                "atomic");
        answer_done(&a);
}

static void types_are_told(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", "/openapi/v3/apis/apps/v1", NULL);
        const json_t *kinds = json_object_get(
                json_object_get(schemas_of(a.tree), "io.k8s.api.apps.v1.Deployment"),
                "x-kubernetes-group-version-kind");
        const json_t *policy = property(a.tree, "io.k8s.api.core.v1.PodSpec", "restartPolicy");

        assert_string_equal(tree_at(kinds, "0.kind"), "Deployment");
        assert_string_equal(tree_at(kinds, "0.group"), "apps");
        assert_string_equal(tree_at(kinds, "0.version"), "v1");
        assert_string_equal(tree_at(policy, "type"), "string");
        assert_true(json_array_size(json_object_get(policy, "enum")) >= 3);
        assert_string_equal(
                tree_at(property(a.tree, "io.k8s.api.apps.v1.RollingUpdateDeployment", "maxSurge"),
                        "allOf.0.$ref"),
                "#/components/schemas/io.k8s.apimachinery.pkg.util.intstr.IntOrString");
        assert_string_equal(
                tree_at(json_object_get(schemas_of(a.tree), "io.k8s.api.apps.v1.DeploymentSpec"),
                        "required.0"),
                "selector");
        answer_done(&a);
}

static void clients_keep_documents_by_their_hash(void **state) {
        struct fixture *f = *state;
        struct answer index = fixture_ask(f, "GET", "/openapi/v3", NULL);
        const char *url =
                tree_at(json_object_get(json_object_get(index.tree, "paths"), "apis/apps/v1"),
                        "serverRelativeURL");
        struct answer a = fixture_ask(f, "GET", url, NULL), again;
        AUTO_FREE char *quoted = str_format("\"%s\"", strchr(url, '=') + 1);

        assert_string_equal(a.etag, quoted);
        f->if_none_match = a.etag;
        again = fixture_ask(f, "GET", "/openapi/v3/apis/apps/v1", NULL);
        f->if_none_match = NULL;
        assert_int_equal(again.status, 304);
        assert_string_equal(again.text, "");
        answer_done(&again);
        answer_done(&a);
        answer_done(&index);
}

static const char DEFINITION[] =
        "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
        "\"metadata\":{\"name\":\"crontabs.stable.example.com\"},\"spec\":{\"group\":"
        "\"stable.example.com\",\"scope\":\"Namespaced\",\"names\":{\"plural\":\"crontabs\","
        "\"kind\":\"CronTab\"},\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,"
        "\"subresources\":{\"status\":{}},\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\","
        "\"description\":\"Runs at times.\",\"properties\":{\"spec\":{\"type\":\"object\","
        "\"properties\":{\"cron\":{\"type\":\"string\",\"pattern\":\"^.+$\"}}}}}}}]}}";

static void custom_kinds_are_told_as_their_definitions_say(void **state) {
        static const char NAME[] = "com.example.stable.v1.CronTab";
        struct fixture *f = *state;
        struct answer index = fixture_ask(f, "GET", "/openapi/v3", NULL), a;
        const json_t *patch;

        assert_null(json_object_get(json_object_get(index.tree, "paths"),
                                    "apis/stable.example.com/v1"));
        answer_done(&index);
        fixture_do(f, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", DEFINITION,
                   201);
        fixture_run(f, 0);
        index = fixture_ask(f, "GET", "/openapi/v3", NULL);
        assert_non_null(json_object_get(json_object_get(index.tree, "paths"),
                                        "apis/stable.example.com/v1"));
        answer_done(&index);
        a = fixture_ask(f, "GET", "/openapi/v3/apis/stable.example.com/v1", NULL);
        check_refs(schemas_of(a.tree), a.tree);
        assert_string_equal(tree_at(json_object_get(schemas_of(a.tree), NAME), "description"),
                            "Runs at times.");
        assert_string_equal(tree_at(property(a.tree, NAME, "spec"), "properties.cron.pattern"),
                            "^.+$");
        assert_string_equal(tree_at(property(a.tree, NAME, "metadata"), "allOf.0.$ref"),
                            "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
        /* No merge keys, so kubectl must send another patch. */
        patch = json_object_get(
                json_object_get(json_object_get(a.tree, "paths"),
                                "/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/"
                                "{name}"),
                "patch");
        assert_non_null(patch);
        assert_null(
                json_object_get(json_object_get(json_object_get(patch, "requestBody"), "content"),
                                "application/strategic-merge-patch+json"));
        answer_done(&a);
}

static void what_is_not_there_has_no_document(void **state) {
        struct fixture *f = *state;

        fixture_do(f, "GET", "/openapi/v3/apis/none/v1", NULL, 404);
        fixture_do(f, "GET", "/openapi/v3/api/v2", NULL, 404);
        fixture_do(f, "GET", "/openapi/v3x", NULL, 404);
        fixture_do(f, "POST", "/openapi/v3", "{}", 405);
}

/* Whether bytes hold other bytes. */
static bool holds(const char *bytes, size_t len, const char *part, size_t part_len) {
        return memmem(bytes, len, part, part_len) != NULL;
}

static void old_clients_get_every_kind_in_one_document(void **state) {
        static const char REF[] = "#/definitions/io.k8s.api.core.v1.PodSpec";
        static const char KEY[] = "x-kubernetes-patch-merge-key";
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", "/openapi/v2", NULL);
        const json_t *definitions = json_object_get(a.tree, "definitions");
        const json_t *spec = json_object_get(definitions, "io.k8s.api.core.v1.PodSpec");
        const json_t *pod = json_object_get(definitions, "io.k8s.api.core.v1.Pod");
        const json_t *paths = json_object_get(a.tree, "paths");
        const json_t *patch = json_object_get(
                json_object_get(paths, "/apis/apps/v1/namespaces/{namespace}/deployments/{name}"),
                "patch");
        const json_t *gvk = json_object_get(patch, "x-kubernetes-group-version-kind");
        const json_t *quantity =
                json_object_get(definitions, "io.k8s.apimachinery.pkg.api.resource.Quantity");

        assert_string_equal(a.type, "application/json");
        assert_string_equal(tree_at(a.tree, "swagger"), "2.0");
        assert_string_equal(tree_at(gvk, "kind"), "Deployment");
        assert_string_equal(tree_at(patch, "parameters.0.name"), "dryRun");
        /* A reference stands beside its description; several types are a text. */
        assert_string_equal(tree_at(pod, "properties.spec.$ref"), REF);
        assert_string_not_equal(tree_at(pod, "properties.spec.description"), "");
        assert_string_equal(tree_at(quantity, "type"), "string");
        assert_null(strstr(a.text, "oneOf"));
        assert_null(strstr(a.text, "nullable"));
        assert_null(strstr(a.text, "#/components/"));
        assert_string_equal(
                json_string_value(json_object_get(
                        json_object_get(json_object_get(spec, "properties"), "containers"), KEY)),
                "name");
        answer_done(&a);
}

/* Reads a varint at *at. */
static uint64_t varint(const unsigned char *bytes, size_t *at) {
        uint64_t n = 0;

        for (unsigned shift = 0;; shift += 7) {
                n |= (uint64_t) (bytes[*at] & 127) << shift;
                if (bytes[(*at)++] < 128)
                        return n;
        }
}

static void the_old_document_is_well_formed_protobuf(void **state) {
        static const uint64_t NUMBERS[] = { 1, 2, 8, 9 }; /* swagger, info, paths, definitions */
        static const char *const PARTS[] = { "x-kubernetes-group-version-kind",
                                             "#/definitions/io.k8s.api.core.v1.PodSpec",
                                             ("{\"group\":\"apps\",\"version\":\"v1\",\"kind\":"
                                              "\"Deployment\"}") };
        struct fixture *f = *state;
        struct answer a;
        size_t at = 0;
        const unsigned char *bytes;

        f->accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
        a = fixture_ask(f, "GET", "/openapi/v2", NULL);
        f->accept = NULL;
        bytes = (const unsigned char *) a.text;

        assert_string_equal(a.type, "application/octet-stream");
        for (size_t i = 0; i < ARRAY_SIZE(NUMBERS); i++) {
                assert_int_equal(varint(bytes, &at), NUMBERS[i] << 3 | 2);
                at += varint(bytes, &at);
                assert_true(at <= a.len);
        }
        assert_int_equal(at, a.len);
        for (size_t i = 0; i < ARRAY_SIZE(PARTS); i++)
                assert_true(holds(a.text, a.len, PARTS[i], strlen(PARTS[i])));
        answer_done(&a);
}

static void packages_are_named_as_kubernetes_does(void **state) {
        static const struct {
                const char *group, *version;
                bool is_custom;
                const char *package;
        } cases[] = {
                { "", "v1", false, "io.k8s.api.core.v1" },
                { "apps", "v1", false, "io.k8s.api.apps.v1" },
                { "rbac.authorization.k8s.io", "v1", false, "io.k8s.api.rbac.v1" },
                { "metrics.k8s.io", "v1beta1", false, "io.k8s.metrics.pkg.apis.metrics.v1beta1" },
                { "stable.example.com", "v2", true, "com.example.stable.v2" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO_FREE char *package =
                        definitions_package(cases[i].group, cases[i].version, cases[i].is_custom);

                assert_string_equal(package, cases[i].package);
        }
}

int main(void) {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(every_document_is_whole),
                TEST(every_patch_takes_validation),
                TEST(lists_say_how_they_merge),
                TEST(types_are_told),
                TEST(clients_keep_documents_by_their_hash),
                TEST(custom_kinds_are_told_as_their_definitions_say),
                TEST(what_is_not_there_has_no_document),
                TEST(old_clients_get_every_kind_in_one_document),
                TEST(the_old_document_is_well_formed_protobuf),
                cmocka_unit_test(packages_are_named_as_kubernetes_does),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
