/* What Kubernetes says of writes that aren't right, and what counts in those that are. */
#include "base/str.h"
#include "tests/unit/registry/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPS "/api/v1/namespaces/default/configmaps"
#define PODS "/api/v1/namespaces/default/pods"
#define JSON_PATCH "application/json-patch+json"
#define MERGE "application/merge-patch+json"
#define STRATEGIC "application/strategic-merge-patch+json"

struct verb_case {
        const char *method, *url, *type, *body; /* ' for " */
        unsigned status;
        const char *reason, *message; /* NULL: not looked at */
};

static void assert_answers(struct fixture *f, const struct verb_case *cases, size_t n) {
        for (size_t i = 0; i < n; i++) {
                const struct verb_case *v = &cases[i];
                AUTO_FREE char *body = v->body ? strdup(v->body) : NULL;
                struct answer a;

                for (char *at = body; at && *at; at++)
                        if (*at == '\'')
                                *at = '"';
                fixture_send(f, v->method, v->url, v->type ? v->type : "application/json", body,
                             &a);
                fixture_run(f, 0);
                if (a.status != v->status)
                        print_error("case %zu: %u %s\n", i, a.status, a.text);
                assert_int_equal(a.status, v->status);
                if (v->reason)
                        assert_string_equal(tree_at(a.tree, "reason"), v->reason);
                if (v->message)
                        assert_string_equal(tree_at(a.tree, "message"), v->message);
                answer_done(&a);
        }
}

static void make_map(struct fixture *f) {
        fixture_do(f, "POST", MAPS, "{\"metadata\":{\"name\":\"m\"},\"data\":{\"a\":\"1\"}}", 201);
}

static void duplicate_fields_count_as_asked(void **state) {
        static const char BODY[] =
                "{\"metadata\":{\"name\":\"m\"},\"bogus\":1,\"data\":{\"a\":\"1\","
                "\"a\":\"2\"},\"data\":{\"a\":\"3\"}}";
        struct fixture *f = *state;
        struct answer a;

        a = fixture_ask(f, "POST", MAPS "?fieldValidation=Strict", BODY);
        assert_int_equal(a.status, 400);
        assert_string_equal(tree_at(a.tree, "message"),
                            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict "
                            "decoding error: unknown field \"bogus\", duplicate field \"data.a\", "
                            "duplicate field \"data\"");
        assert_null(json_object_get(a.tree, "details"));
        answer_done(&a);
        a = fixture_ask(f, "POST", MAPS "?dryRun=All", BODY);
        assert_int_equal(a.status, 201);
        assert_int_equal(a.n_warnings, 3);
        answer_done(&a);
        a = fixture_ask(f, "POST", MAPS "?fieldValidation=Ignore", BODY);
        assert_int_equal(a.status, 201);
        assert_int_equal(a.n_warnings, 0);
        assert_string_equal(tree_at(a.tree, "data.a"), "3");
        answer_done(&a);
}

static void options_are_checked_before_bodies(void **state) {
        static const struct verb_case CASES[] = {
                { "POST", MAPS "?dryRun=Some", NULL, "{}", 422, "Invalid",
                  "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"Some\": "
                  "supported values: \"All\"" },
                { "PUT", MAPS "/m?fieldValidation=Maybe", NULL, "{}", 422, "Invalid",
                  "UpdateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: "
                  "\"Maybe\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"" },
                { "PATCH", MAPS "/m?fieldManager=a%0Ab", MERGE, "{}", 422, "Invalid",
                  "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Invalid value: "
                  "\"a\nb\": "
                  "should only contain printable characters" },
                { "PATCH", MAPS "/m?force=true", MERGE, "{}", 422, "Invalid",
                  "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be "
                  "specified "
                  "for non-apply patch" },
                { "DELETE", MAPS "/m", NULL, "{'dryRun':['x']}", 422, "Invalid", NULL },
                { "DELETE", MAPS "/m", NULL, "{'propagationPolicy':'Upwards'}", 422, "Invalid",
                  "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported "
                  "value: "
                  "\"Upwards\": supported values: \"Background\", \"Foreground\", \"Orphan\"" },
                { "DELETE", MAPS "/m?orphanDependents=true", NULL,
                  "{'propagationPolicy':'Foreground'}", 422, "Invalid",
                  "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Invalid value: "
                  "\"Foreground\": orphanDependents and deletionPropagation cannot be both set" },
        };
        struct fixture *f = *state;
        make_map(f);

        assert_answers(f, CASES, ARRAY_SIZE(CASES));
        fixture_do(f, "GET", MAPS "/m?dryRun=Some&fieldValidation=x", NULL, 200);
}

static void patches_that_do_not_fit_are_told_apart(void **state) {
        static const struct verb_case CASES[] = {
                { "PATCH", MAPS "/m", JSON_PATCH, "[{'op':'remove','path':'/data/none'}]", 422,
                  "Invalid", NULL },
                { "PATCH", MAPS "/m", JSON_PATCH, "[{'op':'test','path':'/data/a','value':'2'}]",
                  422, "Invalid", NULL },
                { "PATCH", MAPS "/m", JSON_PATCH, "{'op':'add'}", 400, "BadRequest", NULL },
                { "PATCH", MAPS "/m", JSON_PATCH, "[{'op':'replace','path':'','value':[1]}]", 422,
                  "Invalid", NULL },
                { "PATCH", MAPS "/m", MERGE, "[1]", 422, NULL, NULL },
                { "PATCH", MAPS "/m", STRATEGIC, "{'data':{'$patch':'dance'}}", 400, "BadRequest",
                  NULL },
                { "PATCH", MAPS "/m", MERGE, "{'metadata':{'resourceVersion':'1'}}", 409,
                  "Conflict", NULL },
                { "PATCH", MAPS "/m", MERGE, "{'metadata':{'name':'other'}}", 400, "BadRequest",
                  "the name of the object (other) does not match the name on the URL (m)" },
                { "PATCH", MAPS "/m", MERGE, "{'metadata':{'namespace':'other'}}", 400,
                  "BadRequest",
                  "the namespace of the object (other) does not match the namespace on the request "
                  "(default)" },
                { "PATCH", MAPS "/m", "text/plain", "{}", 415, "UnsupportedMediaType",
                  "the body of the request was in an unknown format - accepted media types "
                  "include: application/json-patch+json, application/merge-patch+json, "
                  "application/strategic-merge-patch+json, application/apply-patch+yaml" },
                { "PATCH", MAPS "/m", MERGE ";charset=utf-8", "{'data':{'b':'1'}}", 200, NULL,
                  NULL },
                { "PATCH", MAPS "/m", MERGE "; x=y", "{'data':{'b':null}}", 200, NULL, NULL },
                { "PATCH", MAPS "/none", MERGE, "{}", 404, "NotFound",
                  "configmaps \"none\" not found" },
                { "PATCH", MAPS "/m?fieldValidation=Strict", MERGE, "{'bogus':1}", 422, "Invalid",
                  " \"\" is invalid: patch: Invalid value: \"{\\\"bogus\\\":1}\": strict decoding "
                  "error: "
                  "unknown field \"bogus\"" },
                { "PATCH", MAPS "/m", STRATEGIC, "{'data':{'b':5}}", 422, "Invalid",
                  " \"\" is invalid: patch: Invalid value: \"{\\\"data\\\":{\\\"b\\\":5}}\": "
                  "data[b]: Invalid "
                  "value: 5: must be a string; put it in quotes" },
        };
        struct fixture *f = *state;
        make_map(f);

        assert_answers(f, CASES, ARRAY_SIZE(CASES));
}

static void yaml_bodies_are_read(void **state) {
        static const struct verb_case CASES[] = {
                { "POST", MAPS, "application/yaml", "metadata: {name: yam}\ndata:\n  a: 'x'\n", 201,
                  NULL, NULL },
                { "POST", MAPS, "application/yaml", "metadata: {name: [\n", 400, "BadRequest",
                  NULL },
                { "POST", MAPS, "text/html", "x", 415, "UnsupportedMediaType", NULL },
        };

        assert_answers(*state, CASES, ARRAY_SIZE(CASES));
}

static void preconditions_are_told_in_words(void **state) {
        struct fixture *f = *state;
        struct answer a;
        AUTO_FREE char *expected = NULL;
        make_map(f);
        a = fixture_ask(f, "GET", MAPS "/m", NULL);
        expected = str_format("Operation cannot be fulfilled on configmaps \"m\": the UID in the "
                              "precondition (x) does not match the UID in record (%s). The object "
                              "might have been deleted and then recreated",
                              tree_at(a.tree, "metadata.uid"));
        answer_done(&a);

        a = fixture_ask(f, "DELETE", MAPS "/m", "{\"preconditions\":{\"uid\":\"x\"}}");
        assert_int_equal(a.status, 409);
        assert_string_equal(tree_at(a.tree, "message"), expected);
        answer_done(&a);
        a = fixture_ask(f, "DELETE", MAPS "/m", "{\"preconditions\":{\"resourceVersion\":\"1\"}}");
        assert_int_equal(a.status, 409);
        answer_done(&a);
        fixture_do(f, "DELETE", MAPS "/m?dryRun=All", NULL, 200);
        a = fixture_ask(f, "DELETE", MAPS "/m", "{\"dryRun\":[\"All\"]}");
        assert_int_equal(a.status, 200);
        assert_int_equal(strlen(tree_at(a.tree, "details.uid")), 36);
        answer_done(&a);
        fixture_do(f, "GET", MAPS "/m", NULL, 200);
}

static void a_collection_may_be_deleted_in_parts(void **state) {
        struct fixture *f = *state;
        struct answer a;
        for (int i = 0; i < 5; i++) {
                AUTO_FREE char *body =
                        str_format("{\"metadata\":{\"name\":\"m%d\",\"labels\":{\"a\":"
                                   "\"%s\"}}}",
                                   i, i < 4 ? "x" : "y");

                fixture_do(f, "POST", MAPS, body, 201);
        }

        fixture_do(f, "DELETE", MAPS "?labelSelector=a%3Dx&limit=3", NULL, 200);
        a = fixture_ask(f, "GET", MAPS "?labelSelector=a", NULL);
        assert_int_equal(json_array_size(json_object_get(a.tree, "items")), 2);
        answer_done(&a);
        fixture_do(f, "DELETE", MAPS "?fieldSelector=metadata.name%3Dm4", NULL, 200);
        a = fixture_ask(f, "GET", MAPS "?labelSelector=a", NULL);
        assert_int_equal(json_array_size(json_object_get(a.tree, "items")), 1);
        answer_done(&a);
}

static void a_dry_run_makes_up_a_name_too(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "POST", MAPS "?dryRun=All",
                                      "{\"metadata\":{\"generateName\":\"g-\"}}");

        assert_int_equal(a.status, 201);
        assert_int_equal(strlen(tree_at(a.tree, "metadata.name")), 7);
        assert_int_equal(strlen(tree_at(a.tree, "metadata.uid")), 36);
        answer_done(&a);
        a = fixture_ask(f, "GET", MAPS "?labelSelector=!kubernetes.io/none", NULL);
        assert_null(strstr(a.text, "g-"));
        answer_done(&a);
}

static void a_strategic_patch_edits_lists(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", PODS, pod_json("web", ""), 201);

        a = fixture_patch(f, PODS "/web/status", STRATEGIC,
                          "{\"status\":{\"conditions\":[{\"type\":\"A\",\"status\":\"True\"},"
                          "{\"type\":\"B\",\"status\":\"True\"}]}}");
        assert_int_equal(a.status, 200);
        answer_done(&a);
        a = fixture_patch(f, PODS "/web/status", STRATEGIC,
                          "{\"status\":{\"$setElementOrder/conditions\":[{\"type\":\"B\"}],"
                          "\"conditions\":[{\"type\":\"A\",\"$patch\":\"delete\"},{\"type\":\"B\","
                          "\"reason\":\"R\"}]}}");
        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "status.conditions.0.type"), "B");
        assert_string_equal(tree_at(a.tree, "status.conditions.0.status"), "True");
        assert_string_equal(tree_at(a.tree, "status.conditions.0.reason"), "R");
        answer_done(&a);
}

/* Clients read status.readyReplicas of an event without asking whether there is a status.
 */
static void a_new_object_has_an_empty_status(void **state) {
        static const struct {
                const char *url, *spec, *status; /* ' for " */
        } CASES[] = {
                { "/apis/apps/v1/namespaces/default/deployments",
                  "'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'"
                  "a':'b'}}"
                  ",'spec':{'containers':[{'name':'c','image':'i'}]}}",
                  "{}" },
                { "/apis/apps/v1/namespaces/default/daemonsets",
                  "'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'"
                  "a':'b'}}"
                  ",'spec':{'containers':[{'name':'c','image':'i'}]}}",
                  "{'currentNumberScheduled':0,'desiredNumberScheduled':0,'"
                  "numberMisscheduled':0,"
                  "'numberReady':0}" },
                { "/api/v1/namespaces/default/services", "'ports':[{'port':80}]",
                  "{'loadBalancer':{}}" },
                { "/apis/policy/v1/namespaces/default/poddisruptionbudgets", "'minAvailable':1",
                  "{'currentHealthy':0,'desiredHealthy':0,'disruptionsAllowed':0,"
                  "'expectedPods':0}" },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
                char body[512], want[256];
                AUTO_FREE char *status = NULL;
                struct answer a;

                (void) snprintf(body, sizeof(body),
                                "{'metadata':{'name':'n'},'status':{'observedGeneration':7},"
                                "'spec':{%s}}",
                                CASES[i].spec);
                (void) snprintf(want, sizeof(want), "%s", CASES[i].status);
                for (char *at = body; *at; at++)
                        *at = *at == '\'' ? '"' : *at;
                for (char *at = want; *at; at++)
                        *at = *at == '\'' ? '"' : *at;
                a = fixture_ask(f, "POST", CASES[i].url, body);
                assert_int_equal(a.status, 201);
                status = json_dumps(json_object_get(a.tree, "status"),
                                    JSON_COMPACT | JSON_SORT_KEYS);
                assert_string_equal(status, want);
                answer_done(&a);
        }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_new_object_has_an_empty_status),
                TEST(duplicate_fields_count_as_asked),
                TEST(options_are_checked_before_bodies),
                TEST(patches_that_do_not_fit_are_told_apart),
                TEST(yaml_bodies_are_read),
                TEST(preconditions_are_told_in_words),
                TEST(a_collection_may_be_deleted_in_parts),
                TEST(a_dry_run_makes_up_a_name_too),
                TEST(a_strategic_patch_edits_lists),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
