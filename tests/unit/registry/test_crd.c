/* Kinds that definitions make: in a whole registry. */
#include "base/clock.h"
#include "base/str.h"
#include "daemon/registry/kinds.h"
#include "daemon/store/store.h"
#include "tests/unit/registry/fixture.h"

#include <stdio.h>

#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define CRD CRDS "/crontabs.example.com"
#define TABS "/apis/example.com/v1/namespaces/default/crontabs"
#define OLD_TABS "/apis/example.com/v1beta1/namespaces/default/crontabs"

static const char SCHEMA[] =
        "{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\",\"required\":[\"cron\"]"
        ","
        "\"properties\":{\"cron\":{\"type\":\"string\",\"pattern\":\"^[0-9* ]+$\"},"
        "\"replicas\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":10,\"default\":1},"
        "\"free\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}},"
        "\"status\":{\"type\":\"object\",\"properties\":{\"replicas\":{\"type\":\"integer\"},"
        "\"selector\":{\"type\":\"string\"}}}}}";

/* more: further members of the version v1. */
static char *definition(const char *schema, const char *more) {
        return str_format(
                "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
                "\"metadata\":{\"name\":\"crontabs.example.com\"},\"spec\":{\"group\":"
                "\"example.com\",\"scope\":\"Namespaced\",\"names\":{\"plural\":\"crontabs\","
                "\"kind\":\"CronTab\",\"shortNames\":[\"ct\"]},\"versions\":[{\"name\":\"v1beta1\","
                "\"served\":true,\"storage\":false,\"deprecated\":true,\"schema\":{"
                "\"openAPIV3Schema\":%s}},{\"name\":\"v1\",\"served\":true,\"storage\":true,"
                "\"schema\":{\"openAPIV3Schema\":%s}%s}]}}",
                schema, schema, more);
}

#define SUBS                                                                                       \
        ",\"subresources\":{\"status\":{},\"scale\":{\"specReplicasPath\":\".spec.replicas\","     \
        "\"statusReplicasPath\":\".status.replicas\",\"labelSelectorPath\":\".status.selector\"}}"

static void define(struct fixture *f) {
        AUTO_FREE char *json = definition(SCHEMA, SUBS);

        fixture_do(f, "POST", CRDS, json, 201);
}

static const char *tab(const char *name, const char *spec) {
        static char buf[2048];

        (void) snprintf(buf, sizeof(buf),
                        "{\"apiVersion\":\"example.com/v1\",\"kind\":\"CronTab\",\"metadata\":{"
                        "\"name\":\"%s\"},\"spec\":{%s}}",
                        name, spec);
        return buf;
}

static void expect(struct answer a, unsigned status, const char *path, const char *text) {
        if (a.status != status)
                print_error("%s\n", a.text);
        assert_int_equal(a.status, status);
        if (path)
                assert_string_equal(tree_at(a.tree, path), text);
        answer_done(&a);
}

static void expect_text(struct answer a, unsigned status, const char *part) {
        if (a.status != status || !a.text || !strstr(a.text, part))
                print_error("%u %s\n", a.status, a.text);
        assert_int_equal(a.status, status);
        assert_non_null(strstr(a.text, part));
        answer_done(&a);
}

static void a_definition_is_established_at_once(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *json = definition(SCHEMA, "");
        struct answer a;

        a = fixture_ask(f, "POST", CRDS, json);

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "status.conditions.0.type"), "NamesAccepted");
        assert_string_equal(tree_at(a.tree, "status.conditions.1.type"), "Established");
        assert_string_equal(tree_at(a.tree, "status.conditions.1.status"), "True");
        assert_string_equal(tree_at(a.tree, "status.acceptedNames.singular"), "crontab");
        assert_string_equal(tree_at(a.tree, "status.acceptedNames.listKind"), "CronTabList");
        assert_string_equal(tree_at(a.tree, "status.storedVersions.0"), "v1");
        answer_done(&a);
        expect(fixture_ask(f, "GET", TABS, NULL), 200, "kind", "CronTabList");
}

static void objects_are_stored_with_defaults_and_without_unknown_fields(void **state) {
        struct fixture *f = *state;
        struct answer a;
        define(f);

        a = fixture_ask(f, "POST", TABS,
                        tab("a", "\"cron\":\"* *\",\"bogus\":1,\"free\":{\"x\":{\"y\":2}}"));

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "spec.replicas"), "1");
        assert_string_equal(tree_at(a.tree, "spec.free.x.y"), "2");
        assert_string_equal(tree_at(a.tree, "spec.bogus"), "");
        assert_string_equal(tree_at(a.tree, "metadata.generation"), "1");
        assert_non_null(strstr(a.warning, "unknown field"));
        answer_done(&a);
        expect_text(fixture_ask(f, "POST", TABS "?fieldValidation=Strict",
                                tab("b", "\"cron\":\"* *\",\"bogus\":1")),
                    400, "strict decoding error: unknown field \\\"spec.bogus\\\"");
}

static void bad_objects_are_refused_in_kubernetes_words(void **state) {
        struct fixture *f = *state;
        define(f);

        expect_text(fixture_ask(f, "POST", TABS, tab("a", "\"cron\":\"*\",\"replicas\":\"x\"")),
                    422,
                    "CronTab.example.com \\\"a\\\" is invalid: spec.replicas: Invalid value: "
                    "\\\"string\\\": spec.replicas in body must be of type integer: "
                    "\\\"string\\\"");
        expect_text(fixture_ask(f, "POST", TABS, tab("a", "\"cron\":\"*\",\"replicas\":11")), 422,
                    "spec.replicas: Invalid value: 11: spec.replicas in body should be less than "
                    "or equal to 10");
        expect_text(fixture_ask(f, "POST", TABS, tab("a", "\"cron\":\"no\"")), 422,
                    "spec.cron in body should match '^[0-9* ]+$'");
        expect_text(fixture_ask(f, "POST", TABS, tab("a", "")), 422, "spec.cron: Required value");
}

static void status_and_scale_are_separate(void **state) {
        struct fixture *f = *state;
        define(f);
        fixture_do(f, "POST", TABS, tab("a", "\"cron\":\"*\""), 201);

        expect(fixture_patch(f, TABS "/a/status", "application/merge-patch+json",
                             "{\"spec\":{\"replicas\":5},\"status\":{\"replicas\":1,\"selector\":"
                             "\"app=a\"}}"),
               200, "spec.replicas", "1");
        expect(fixture_ask(f, "GET", TABS "/a/scale", NULL), 200, "status.selector", "app=a");
        expect(fixture_patch(f, TABS "/a/scale", "application/merge-patch+json",
                             "{\"spec\":{\"replicas\":3}}"),
               200, "spec.replicas", "3");
        expect(fixture_ask(f, "GET", TABS "/a", NULL), 200, "metadata.generation", "2");
        expect(fixture_patch(f, TABS "/a", "application/merge-patch+json",
                             "{\"status\":{\"replicas\":9}}"),
               200, "status.replicas", "1");
        expect(fixture_patch(f, TABS "/a/scale", "application/merge-patch+json",
                             "{\"spec\":{\"replicas\":11}}"),
               422, NULL, NULL);
        expect_text(fixture_patch(f, TABS "/a", "application/strategic-merge-patch+json", "{}"),
                    415, "application/merge-patch+json");
}

static void every_served_version_shows_the_same_object(void **state) {
        struct fixture *f = *state;
        struct answer w, a;
        char buf[128];
        define(f);
        w = fixture_ask(f, "GET", OLD_TABS "?watch=1", NULL);

        fixture_do(f, "POST", TABS, tab("a", "\"cron\":\"*\""), 201);

        assert_string_equal(watch_word(w.watch, buf, sizeof(buf)), "ADDED a");
        a = fixture_ask(f, "GET", OLD_TABS "/a", NULL);
        assert_string_equal(tree_at(a.tree, "apiVersion"), "example.com/v1beta1");
        assert_non_null(strstr(a.warning, "example.com/v1beta1 CronTab is deprecated"));
        answer_done(&a);
        expect(fixture_patch(f, OLD_TABS "/a", "application/merge-patch+json",
                             "{\"spec\":{\"replicas\":2}}"),
               200, "apiVersion", "example.com/v1beta1");
        expect(fixture_ask(f, "GET", TABS "/a", NULL), 200, "apiVersion", "example.com/v1");
        answer_done(&w);
}

static void kinds_come_in_order_of_their_versions(void **state) {
        struct fixture *f = *state;
        struct kind_cursor at = { 0 };
        uint64_t before = registry_kinds_generation(f->registry);
        const struct kind *k, *found[4];
        size_t n = 0;
        define(f);

        while ((k = registry_kind_next(f->registry, &at)))
                if (str_eq(k->plural, "crontabs"))
                        found[n++] = k;

        assert_int_equal(n, 2);
        assert_string_equal(found[0]->version, "v1");
        assert_string_equal(found[1]->version, "v1beta1");
        assert_true(registry_kinds_generation(f->registry) > before);
}

static void deleting_a_definition_deletes_its_objects_first(void **state) {
        struct fixture *f = *state;
        const char *word = "";
        char buf[128];
        struct answer w;
        define(f);
        fixture_do(f, "POST", TABS, tab("a", "\"cron\":\"*\""), 201);
        fixture_do(f, "POST", TABS,
                   "{\"apiVersion\":\"example.com/v1\",\"kind\":\"CronTab\",\"metadata\":{\"name\":"
                   "\"held\",\"finalizers\":[\"example.com/hold\"]},\"spec\":{\"cron\":\"*\"}}",
                   201);
        w = fixture_ask(f, "GET", TABS "?watch=1&resourceVersion=0", NULL);
        (void) watch_word(w.watch, buf, sizeof(buf));
        (void) watch_word(w.watch, buf, sizeof(buf));

        expect(fixture_ask(f, "DELETE", CRD, NULL), 200, "status.conditions.2.type", "Terminating");
        fixture_run(f, 10 * USEC_PER_SEC);

        expect(fixture_ask(f, "GET", TABS "/a", NULL), 404, NULL, NULL);
        expect(fixture_ask(f, "GET", TABS "/held", NULL), 200, NULL, NULL);
        expect_text(fixture_ask(f, "POST", TABS, tab("b", "\"cron\":\"*\"")), 405,
                    "create not allowed while custom resource definition is terminating");
        expect(fixture_patch(f, TABS "/held", "application/merge-patch+json",
                             "{\"metadata\":{\"finalizers\":null}}"),
               200, NULL, NULL);
        fixture_run(f, 10 * USEC_PER_SEC);
        expect(fixture_ask(f, "GET", CRD, NULL), 404, NULL, NULL);
        expect(fixture_ask(f, "GET", TABS, NULL), 404, NULL, NULL);
        for (int i = 0; i < 10 && !str_eq(word, "end"); i++)
                word = watch_word(w.watch, buf, sizeof(buf));
        assert_string_equal(word, "end");
        answer_done(&w);
        define(f); /* the name is free again */
        expect(fixture_ask(f, "GET", TABS, NULL), 200, NULL, NULL);
}

static void a_kind_that_is_not_served_ends_too(void **state) {
        struct fixture *f = *state;
        define(f);
        fixture_do(f, "POST", TABS, tab("a", "\"cron\":\"*\""), 201);

        expect(fixture_patch(
                       f, CRD, "application/json-patch+json",
                       "[{\"op\":\"replace\",\"path\":\"/spec/versions/0/served\",\"value\":false},"
                       "{\"op\":\"replace\",\"path\":\"/spec/versions/1/"
                       "served\",\"value\":false}]"),
               200, NULL, NULL);
        expect(fixture_ask(f, "GET", TABS "/a", NULL), 404, NULL, NULL);
        fixture_do(f, "DELETE", CRD, NULL, 200);
        fixture_run(f, 10 * USEC_PER_SEC);

        expect(fixture_ask(f, "GET", CRD, NULL), 404, NULL, NULL);
        define(f);
        expect(fixture_ask(f, "GET", TABS "/a", NULL), 404, NULL, NULL);
}

static void objects_survive_a_restart(void **state) {
        struct fixture *f = *state;
        struct answer a;
        define(f);
        fixture_do(f, "POST", TABS, tab("a", "\"cron\":\"*\""), 201);

        fixture_restart(f);

        a = fixture_ask(f, "GET", TABS "/a", NULL);
        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "spec.cron"), "*");
        answer_done(&a);
        expect(fixture_patch(f, TABS "/a", "application/merge-patch+json",
                             "{\"spec\":{\"replicas\":4}}"),
               200, "spec.replicas", "4");
}

static void an_end_that_a_restart_interrupted_goes_on(void **state) {
        struct fixture *f = *state;
        define(f);
        fixture_do(f, "POST", TABS,
                   "{\"apiVersion\":\"example.com/v1\",\"kind\":\"CronTab\",\"metadata\":{\"name\":"
                   "\"held\",\"finalizers\":[\"example.com/hold\"]},\"spec\":{\"cron\":\"*\"}}",
                   201);
        fixture_do(f, "DELETE", CRD, NULL, 200);
        fixture_run(f, 10 * USEC_PER_SEC);

        fixture_restart(f);

        expect_text(fixture_ask(f, "POST", TABS, tab("b", "\"cron\":\"*\"")), 405, "terminating");
        expect(fixture_patch(f, TABS "/held", "application/merge-patch+json",
                             "{\"metadata\":{\"finalizers\":null}}"),
               200, NULL, NULL);
        fixture_run(f, 10 * USEC_PER_SEC);
        expect(fixture_ask(f, "GET", CRD, NULL), 404, NULL, NULL);
}

static void old_objects_get_the_defaults_of_a_new_schema(void **state) {
        static const char NEWER[] =
                "{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\",\"properties\":"
                "{\"cron\":{\"type\":\"string\"},\"zone\":{\"type\":\"string\",\"default\":"
                "\"UTC\"}}}}}";
        struct fixture *f = *state;
        AUTO_FREE char *json = definition(NEWER, "");
        define(f);
        fixture_do(f, "POST", TABS, tab("a", "\"cron\":\"*\""), 201);

        expect(fixture_patch(f, CRD, "application/merge-patch+json", json), 200,
               "metadata.generation", "2");

        expect(fixture_ask(f, "GET", TABS "/a", NULL), 200, "spec.zone", "UTC");
        fixture_restart(f);
        expect(fixture_ask(f, "GET", TABS "/a", NULL), 200, "spec.zone", "UTC");
}

static void applying_knows_the_schema(void **state) {
        static const char KEYED[] =
                "{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\",\"properties\":"
                "{\"cron\":{\"type\":\"string\"},\"ports\":{\"type\":\"array\",\"x-kubernetes-list-"
                "type\":\"map\",\"x-kubernetes-list-map-keys\":[\"port\"],\"items\":{\"type\":"
                "\"object\",\"required\":[\"port\"],\"properties\":{\"port\":{\"type\":\"integer\"}"
                "}}"
                "},\"free\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}}}"
                "}";
        struct fixture *f = *state;
        AUTO_FREE char *json = definition(KEYED, "");
        struct answer a;
        fixture_do(f, "POST", CRDS, json, 201);

        expect(fixture_patch(f, TABS "/a?fieldManager=one", "application/apply-patch+yaml",
                             tab("a", "\"ports\":[{\"port\":1}],\"free\":{\"x\":{\"y\":1}}")),
               201, "spec.free.x.y", "1");
        a = fixture_patch(f, TABS "/a?fieldManager=two", "application/apply-patch+yaml",
                          tab("a", "\"ports\":[{\"port\":2}],\"free\":{\"x\":{\"z\":2}}"));

        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "spec.ports.0.port"), "1");
        assert_string_equal(tree_at(a.tree, "spec.ports.1.port"), "2");
        assert_string_equal(tree_at(a.tree, "spec.free.x.y"), "1");
        assert_string_equal(tree_at(a.tree, "spec.free.x.z"), "2");
        answer_done(&a);
        expect_text(fixture_patch(f, TABS "/a?fieldManager=two", "application/apply-patch+yaml",
                                  tab("a", "\"free\":{\"x\":{\"y\":7}}")),
                    409, "conflict with \\\"one\\\": .spec.free.x.y");
        expect_text(fixture_patch(f, TABS "/a?fieldManager=two", "application/apply-patch+yaml",
                                  tab("a", "\"bogus\":1")),
                    400, ".spec.bogus: field not declared in schema");
}

static void applying_to_an_open_kind_works(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *json = definition(
                "{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}", "");
        fixture_do(f, "POST", CRDS, json, 201);

        expect(fixture_patch(f, TABS "/a?fieldManager=one", "application/apply-patch+yaml",
                             tab("a", "\"any\":{\"x\":1}")),
               201, "spec.any.x", "1");
        expect(fixture_patch(f, TABS "/a?fieldManager=one", "application/apply-patch+yaml",
                             tab("a", "\"any\":{\"y\":2}")),
               200, "spec.any.x", "");
}

static void names_are_given_once_and_passed_on(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *other = str_format(
                "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
                "\"metadata\":{\"name\":\"tabs.example.com\"},\"spec\":{\"group\":\"example.com\","
                "\"scope\":\"Cluster\",\"names\":{\"plural\":\"tabs\",\"singular\":\"tab\","
                "\"kind\":\"CronTab\"},"
                "\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
                "\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}");
        struct answer a;
        define(f);

        a = fixture_ask(f, "POST", CRDS, other);

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "status.conditions.0.status"), "False");
        assert_string_equal(tree_at(a.tree, "status.conditions.0.reason"), "KindConflict");
        assert_string_equal(tree_at(a.tree, "status.conditions.0.message"),
                            "\"CronTab\" is already in use");
        assert_string_equal(tree_at(a.tree, "status.conditions.1.status"), "False");
        answer_done(&a);
        expect(fixture_ask(f, "GET", "/apis/example.com/v1/tabs", NULL), 404, NULL, NULL);
        fixture_do(f, "DELETE", CRD, NULL, 200);
        fixture_run(f, 10 * USEC_PER_SEC);
        expect(fixture_ask(f, "GET", "/apis/example.com/v1/tabs", NULL), 200, NULL, NULL);
}

static void bad_definitions_are_refused(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *loose =
                definition("{\"type\":\"object\",\"properties\":{\"spec\":{}}}", "");
        AUTO_FREE char *good = definition(SCHEMA, "");
        define(f);

        expect_text(fixture_ask(f, "POST", CRDS, good), 409, "already exists");
        expect_text(fixture_patch(f, CRD, "application/merge-patch+json", loose), 422,
                    "properties[spec].type: Required value: must not be empty for specified object "
                    "fields");
        expect_text(fixture_patch(f, CRD, "application/merge-patch+json",
                                  "{\"spec\":{\"scope\":\"Cluster\"}}"),
                    422, "spec.scope: Invalid value: \\\"Cluster\\\": field is immutable");
        expect_text(fixture_patch(f, CRD, "application/merge-patch+json",
                                  "{\"spec\":{\"versions\":[{\"name\":\"v2\",\"served\":true,"
                                  "\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":"
                                  "\"object\"}}}]}}"),
                    422, "missing from spec.versions; v1 was previously a storage version");
}

/* Of a cron, with further words about it, and of sizes up to a number. */
#define SHAPE                                                                                      \
        "{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\",\"required\":["        \
        "\"cron\"],"                                                                               \
        "\"properties\":{\"cron\":{\"type\":\"string\"%s},\"replicas\":{\"type\":"                 \
        "\"integer\"},\"more\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\","            \
        "\"x-kubernetes-list-map-keys\":[\"name\"],\"items\":{\"type\":\"object\",\"required\":"   \
        "[\"name\"],\"properties\":{\"name\":{\"type\":\"string\"},\"size\":{\"type\":"            \
        "\"integer\","                                                                             \
        "\"maximum\":%d}}}}}}}}"

static void what_a_stricter_schema_would_refuse_stays_while_it_does_not_change(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *loose = str_format(SHAPE, "", 100);
        AUTO_FREE char *strict = str_format(SHAPE, ",\"pattern\":\"Y\"", 5);
        AUTO_FREE char *first = definition(loose, ""), *second = definition(strict, "");
        static const char TYPE[] = "application/merge-patch+json";
        fixture_do(f, "POST", CRDS, first, 201);
        fixture_do(f, "POST", TABS,
                   tab("a", "\"cron\":\"x\",\"more\":[{\"name\":\"m\",\"size\":50},{\"name\":"
                            "\"n\",\"size\":60}]"),
                   201);
        fixture_do(f, "PUT", CRD, second, 200);

        /* Other fields, and other elements of a list whose elements can be told apart, change. */
        expect_text(fixture_patch(f, TABS "/a", TYPE, "{\"spec\":{\"replicas\":3}}"), 200, "");
        expect_text(fixture_patch(f, TABS "/a", TYPE,
                                  "{\"spec\":{\"more\":[{\"name\":\"n\",\"size\":60},{\"name\":"
                                  "\"o\",\"size\":2}]}}"),
                    200, "");
        expect_text(fixture_patch(f, TABS "/a", TYPE,
                                  "{\"spec\":{\"more\":[{\"name\":\"n\",\"size\":61}]}}"),
                    422, "spec.more[0].size in body should be less than or equal to 5");
        expect_text(fixture_patch(f, TABS "/a", TYPE, "{\"spec\":{\"cron\":\"z\"}}"), 422,
                    "spec.cron in body should match");
        fixture_do(f, "POST", TABS, tab("b", "\"cron\":\"x\""), 422);
}

static void fields_that_a_version_names_select_its_objects(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *json = definition(
                SCHEMA, ",\"selectableFields\":[{\"jsonPath\":\".spec.cron\"},{\"jsonPath\":"
                        "\".spec.replicas\"}]");
        struct answer a;
        fixture_do(f, "POST", CRDS, json, 201);
        fixture_do(f, "POST", TABS, tab("a", "\"cron\":\"* 1\""), 201);
        fixture_do(f, "POST", TABS, tab("b", "\"cron\":\"* 2\",\"replicas\":3"), 201);

        a = fixture_ask(f, "GET", TABS "?fieldSelector=spec.cron%3D*%202,spec.replicas%3D3", NULL);
        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "items.0.metadata.name"), "b");
        assert_string_equal(tree_at(a.tree, "items.1.metadata.name"), "");
        answer_done(&a);

        expect_text(fixture_ask(f, "GET", TABS "?fieldSelector=spec.free%3D1", NULL), 400,
                    "field label not supported: spec.free");
        /* The other version names none. */
        expect_text(fixture_ask(f, "GET", OLD_TABS "?fieldSelector=spec.cron%3D1", NULL), 400,
                    "field label not supported: spec.cron");
}

static void fields_that_cannot_select_are_refused(void **state) {
        static const struct {
                const char *path, *text;
        } cases[] = {
                { ".metadata.name", "must not point to fields in metadata" },
                { ".spec.free", "must point to a field of type string, boolean or integer" },
                { ".spec.none", "is an invalid path" },
                { "spec.cron", "is an invalid path" },
                { ".spec.cron[0]", "is an invalid path" },
                { ".spec.cron.", "is an invalid path" },
                { "", "Required value" },
                { ".spec.cron\"},{\"jsonPath\":\".spec.cron", "Duplicate value" },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO_FREE char *more =
                        str_format(",\"selectableFields\":[{\"jsonPath\":\"%s\"}]", cases[i].path);
                AUTO_FREE char *json = definition(SCHEMA, more);

                expect_text(fixture_ask(f, "POST", CRDS, json), 422, cases[i].text);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_definition_is_established_at_once),
                TEST(objects_are_stored_with_defaults_and_without_unknown_fields),
                TEST(bad_objects_are_refused_in_kubernetes_words),
                TEST(status_and_scale_are_separate),
                TEST(every_served_version_shows_the_same_object),
                TEST(kinds_come_in_order_of_their_versions),
                TEST(deleting_a_definition_deletes_its_objects_first),
                TEST(a_kind_that_is_not_served_ends_too),
                TEST(objects_survive_a_restart),
                TEST(an_end_that_a_restart_interrupted_goes_on),
                TEST(old_objects_get_the_defaults_of_a_new_schema),
                TEST(applying_knows_the_schema),
                TEST(applying_to_an_open_kind_works),
                TEST(names_are_given_once_and_passed_on),
                TEST(bad_definitions_are_refused),
                TEST(what_a_stricter_schema_would_refuse_stays_while_it_does_not_change),
                TEST(fields_that_a_version_names_select_its_objects),
                TEST(fields_that_cannot_select_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
