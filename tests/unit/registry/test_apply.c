#include "base/str.h"
#include "daemon/registry/user.h"
#include "tests/unit/registry/fixture.h"

#include <stdlib.h>
#include <string.h>

#define MAPS "/api/v1/namespaces/default/configmaps"
#define PODS "/api/v1/namespaces/default/pods"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
#define APPLY "application/apply-patch+yaml"
#define MERGE "application/merge-patch+json"

/* ' for ". The caller's. */
static char *quoted(const char *text) {
        char *copy = strdup(text);

        for (char *at = copy; *at; at++)
                if (*at == '\'')
                        *at = '"';
        return copy;
}

static struct answer apply(struct fixture *f, const char *url, const char *body) {
        AUTO_FREE char *text = quoted(body);

        return fixture_patch(f, url, APPLY, text);
}

static void apply_gives(struct fixture *f, const char *url, const char *body, unsigned status) {
        struct answer a = apply(f, url, body);

        if (a.status != status)
                print_error("%s: %s\n", url, a.text);
        assert_int_equal(a.status, status);
        answer_done(&a);
}

/* "manager operation subresource {fields}" a line, ' for ". */
static void assert_managers(const json_t *tree, const char *expected) {
        json_t *list = json_object_get(json_object_get(tree, "metadata"), "managedFields"), *one;
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        size_t i;

        strbuf_add(&b, "");
        json_array_foreach(list, i, one) {
                AUTO_FREE char *fields =
                        json_dumps(json_object_get(one, "fieldsV1"), JSON_COMPACT | JSON_SORT_KEYS);

                strbuf_addf(&b, "%s%s %s%s%s %s", i > 0 ? "\n" : "", tree_at(one, "manager"),
                            tree_at(one, "operation"), *tree_at(one, "subresource") ? " " : "",
                            tree_at(one, "subresource"), fields);
                assert_string_not_equal(tree_at(one, "time"), "");
                assert_string_equal(tree_at(one, "fieldsType"), "FieldsV1");
        }
        for (char *at = b.s; at && *at; at++)
                if (*at == '"')
                        *at = '\'';
        assert_string_equal(str_or_empty(b.s), expected);
}

static void assert_object(struct fixture *f, const char *url, const char *managers) {
        struct answer a = fixture_ask(f, "GET", url, NULL);

        assert_int_equal(a.status, 200);
        assert_managers(a.tree, managers);
        answer_done(&a);
}

#define MAP(data) "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'m'},'data':" data "}"
#define URL_A MAPS "/m?fieldManager=a"
#define URL_B MAPS "/m?fieldManager=b"

static void applies_what_is_not_there_and_what_is(void **state) {
        struct fixture *f = *state;
        struct answer a = apply(f, URL_A, MAP("{'x':'1'}"));
        AUTO_FREE char *version = NULL;

        assert_int_equal(a.status, 201);
        assert_managers(a.tree, "a Apply {'f:data':{'f:x':{}}}");
        version = strdup(tree_at(a.tree, "metadata.resourceVersion"));
        answer_done(&a);
        f->clock.now_usec += 5000000;
        a = apply(f, URL_A, MAP("{'x':'1'}"));
        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "metadata.resourceVersion"), version);
        answer_done(&a);
        a = apply(f, URL_A, MAP("{'y':'2'}"));

        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "data.x"), "");
        assert_string_equal(tree_at(a.tree, "data.y"), "2");
        answer_done(&a);
}

static void tells_conflicts_and_yields_to_force(void **state) {
        struct fixture *f = *state;
        struct answer a;
        apply_gives(f, URL_A, MAP("{'x':'1'}"), 201);

        a = apply(f, URL_B, MAP("{'x':'2'}"));

        assert_int_equal(a.status, 409);
        assert_string_equal(tree_at(a.tree, "reason"), "Conflict");
        assert_string_equal(tree_at(a.tree, "message"),
                            "Apply failed with 1 conflict: conflict with \"a\": .data.x");
        assert_string_equal(tree_at(a.tree, "details.causes.0.reason"), "FieldManagerConflict");
        assert_string_equal(tree_at(a.tree, "details.causes.0.message"), "conflict with \"a\"");
        assert_string_equal(tree_at(a.tree, "details.causes.0.field"), ".data.x");
        answer_done(&a);
        apply_gives(f, URL_B "&force=true", MAP("{'x':'2'}"), 200);
        assert_object(f, MAPS "/m", "b Apply {'f:data':{'f:x':{}}}");
}

static void refuses_what_is_no_apply(void **state) {
        static const struct {
                const char *url, *body;
                unsigned status;
                const char *message;
        } CASES[] = {
                { MAPS "/m", MAP("{}"), 422,
                  "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is "
                  "required for apply patch" },
                { URL_A, "{'apiVersion':'v2','kind':'ConfigMap'}", 400,
                  "Incorrect version specified in apply patch. Specified patch version: v2, "
                  "expected: v1" },
                { MAPS "/n?fieldManager=a", MAP("{}"), 400,
                  "the name of the object (m) does not match the name on the URL (n)" },
                { URL_A, "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'managedFields':[]}}",
                  400, "metadata.managedFields must be nil" },
                { URL_A, "{'apiVersion':'v1','kind':'ConfigMap','bogus':1}", 400,
                  "failed to create typed patch object (default/m; v1, Kind=ConfigMap): .bogus: "
                  "field not declared in schema" },
                { URL_A, "[]", 400, "error decoding YAML: the body is no map of fields" },
                { "/api/v1/namespaces/none/configmaps/m?fieldManager=a", MAP("{}"), 404,
                  "namespaces \"none\" not found" },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
                struct answer a = apply(f, CASES[i].url, CASES[i].body);

                if (a.status != CASES[i].status)
                        print_error("%zu: %s\n", i, a.text);
                assert_int_equal(a.status, CASES[i].status);
                assert_string_equal(tree_at(a.tree, "message"), CASES[i].message);
                answer_done(&a);
        }
        fixture_do(f, "GET", MAPS "/m", NULL, 404);
}

static void the_version_in_a_body_must_be_the_present_one(void **state) {
        struct fixture *f = *state;
        apply_gives(f, URL_A, MAP("{'x':'1'}"), 201);

        apply_gives(f, URL_A,
                    "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'resourceVersion':'1'},"
                    "'data':{'x':'2'}}",
                    409);
}

static void a_dry_run_applies_nothing(void **state) {
        struct fixture *f = *state;
        struct answer a = apply(f, URL_A "&dryRun=All", MAP("{'x':'1'}"));

        assert_int_equal(a.status, 201);
        assert_managers(a.tree, "a Apply {'f:data':{'f:x':{}}}");
        answer_done(&a);
        fixture_do(f, "GET", MAPS "/m", NULL, 404);
        apply_gives(f, URL_A, MAP("{'x':'1'}"), 201);
        a = apply(f, URL_A "&dryRun=All", MAP("{'y':'1'}"));
        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "data.y"), "1");
        assert_managers(a.tree, "a Apply {'f:data':{'f:y':{}}}");
        answer_done(&a);
        assert_object(f, MAPS "/m", "a Apply {'f:data':{'f:x':{}}}");
}

static void yaml_is_read(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_patch(f, URL_A, APPLY,
                                        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\n"
                                        "data:\n  x: \"yes\"\n");

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "data.x"), "yes");
        answer_done(&a);
}

static void every_write_names_its_author(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *map = quoted(MAP("{'x':'1','y':'1'}"));
        AUTO_FREE char *changed = quoted(MAP("{'x':'1','y':'2'}"));
        struct answer a;
        fixture_do(f, "POST", MAPS "?fieldManager=maker", map, 201);
        assert_object(f, MAPS "/m", "maker Update {'f:data':{'.':{},'f:x':{},'f:y':{}}}");

        fixture_do(f, "PUT", MAPS "/m?fieldManager=changer", changed, 200);
        a = fixture_patch(f, MAPS "/m?fieldManager=changer", MERGE, "{\"data\":{\"z\":\"1\"}}");
        answer_done(&a);
        /* nothing changes: nobody has written */
        a = fixture_patch(f, MAPS "/m?fieldManager=idler", MERGE, "{\"data\":{\"z\":\"1\"}}");
        answer_done(&a);

        assert_object(f, MAPS "/m",
                      "changer Update {'f:data':{'f:y':{},'f:z':{}}}\n"
                      "maker Update {'f:data':{'.':{},'f:x':{}}}");
}

static void sub_resources_have_authors_of_their_own(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", PODS "?fieldManager=maker", pod_json("web", ""), 201);

        a = fixture_patch(f, PODS "/web/status?fieldManager=node", MERGE,
                          "{\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\","
                          "\"status\":\"True\"}]}}");
        assert_int_equal(a.status, 200);
        answer_done(&a);

        a = fixture_ask(f, "GET", PODS "/web", NULL);
        assert_non_null(strstr(a.text,
                               "{\"manager\":\"node\",\"operation\":\"Update\","
                               "\"apiVersion\":\"v1\",\"time\":\"2027-01-15T08:00:00Z\","
                               "\"subresource\":\"status\",\"fieldsType\":\"FieldsV1\","
                               "\"fieldsV1\":{\"f:status\":{\"f:conditions\":{\".\":{},"
                               "\"k:{\\\"type\\\":\\\"Ready\\\"}\":{\".\":{},\"f:status\":{}"
                               ",\"f:type\":{}}},\"f:phase\":{}}}}"));
        assert_null(strstr(a.text, "f:uid"));
        answer_done(&a);
}

#define DEPLOYMENT                                                                                 \
        "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'d'},'spec':{'replicas':"  \
        "1,'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}},"      \
        "'spec':{'containers':[{'name':'c','image':'i','resources':{'limits':{'memory':"           \
        "'1024Mi'}}}]}}}}"

static void a_scale_is_owned_by_who_scales(void **state) {
        struct fixture *f = *state;
        struct answer a;
        apply_gives(f, DEPLOYMENTS "/d?fieldManager=a", DEPLOYMENT, 201);
        apply_gives(f, DEPLOYMENTS "/d?fieldManager=a", DEPLOYMENT, 200);

        a = fixture_patch(f, DEPLOYMENTS "/d/scale?fieldManager=s", MERGE,
                          "{\"spec\":{\"replicas\":3}}");
        assert_int_equal(a.status, 200);
        answer_done(&a);
        a = apply(f, DEPLOYMENTS "/d?fieldManager=a", DEPLOYMENT);
        assert_int_equal(a.status, 409);
        assert_string_equal(tree_at(a.tree, "message"),
                            "Apply failed with 1 conflict: conflict with \"s\" with subresource "
                            "\"scale\" using apps/v1: .spec.replicas");
        answer_done(&a);
        apply_gives(f, DEPLOYMENTS "/d/scale?fieldManager=h&force=1",
                    "{'apiVersion':'autoscaling/v1','kind':'Scale','metadata':{'name':'d'},'spec':{"
                    "'replicas':4}}",
                    200);
        a = apply(f, DEPLOYMENTS "/d?fieldManager=a", DEPLOYMENT);
        assert_string_equal(tree_at(a.tree, "message"),
                            "Apply failed with 1 conflict: conflict with \"h\" with subresource "
                            "\"scale\": .spec.replicas");
        answer_done(&a);
}

static void an_apply_in_other_words_changes_nothing(void **state) {
        struct fixture *f = *state;
        struct answer a = apply(f, DEPLOYMENTS "/d?fieldManager=a", DEPLOYMENT);
        AUTO_FREE char *version = strdup(tree_at(a.tree, "metadata.resourceVersion"));
        answer_done(&a);
        f->clock.now_usec += 9000000;

        /* 1024Mi is kept as 1Gi */
        a = apply(f, DEPLOYMENTS "/d?fieldManager=a", DEPLOYMENT);

        assert_string_equal(tree_at(a.tree, "metadata.resourceVersion"), version);
        answer_done(&a);
}

static void an_applied_status_is_status_alone(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", PODS "?fieldManager=maker", pod_json("web", ""), 201);

        a = apply(f, PODS "/web/status?fieldManager=n",
                  "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'web','labels':{'x':'y'}},"
                  "'spec':{'nodeName':'z'},'status':{'message':'hi'}}");

        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "status.message"), "hi");
        assert_string_equal(tree_at(a.tree, "spec.nodeName"), "");
        assert_string_equal(tree_at(a.tree, "metadata.labels.x"), "");
        assert_string_equal(tree_at(a.tree, "metadata.managedFields.0.subresource"), "status");
        answer_done(&a);
        apply_gives(f, PODS "/none/status?fieldManager=n", "{'apiVersion':'v1','kind':'Pod'}", 404);
}

/* What kubectl does to an object that its client side has applied until now. */
static void managers_can_be_rewritten(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *map = quoted(MAP("{'x':'1'}"));
        AUTO_FREE char *patch = NULL, *text = NULL;
        struct answer a;
        fixture_do(f, "POST", MAPS "?fieldManager=kubectl-client-side-apply", map, 201);
        a = fixture_ask(f, "GET", MAPS "/m", NULL);
        text = str_format("[{'op':'replace','path':'/metadata/managedFields','value':[{'manager':"
                          "'kubectl','operation':'Apply','apiVersion':'v1','time':"
                          "'2027-01-15T08:00:00Z','fieldsType':'FieldsV1','fieldsV1':{'f:data':{"
                          "'f:x':{}}}}]},{'op':'replace','path':'/metadata/resourceVersion','value'"
                          ":'%s'}]",
                          tree_at(a.tree, "metadata.resourceVersion"));
        patch = quoted(text);
        answer_done(&a);

        a = fixture_patch(f, MAPS "/m", "application/json-patch+json", patch);
        assert_int_equal(a.status, 200);
        answer_done(&a);
        assert_object(f, MAPS "/m", "kubectl Apply {'f:data':{'f:x':{}}}");
        a = fixture_patch(f, MAPS "/m", "application/json-patch+json", patch);
        assert_int_equal(a.status, 409);
        answer_done(&a);
        a = fixture_patch(f, MAPS "/m", MERGE, "{\"metadata\":{\"managedFields\":[{}]}}");
        assert_int_equal(a.status, 200);
        answer_done(&a);
        assert_object(f, MAPS "/m", "");
        /* the first apply afterwards inherits from the past */
        apply_gives(f, URL_A, MAP("{'x':'1'}"), 200);
        assert_object(f, MAPS "/m",
                      "a Apply {'f:data':{'f:x':{}}}\n"
                      "before-first-apply Update {'f:data':{'.':{},'f:x':{}}}");
}

static void managers_survive_a_restart(void **state) {
        struct fixture *f = *state;
        apply_gives(f, URL_A, MAP("{'x':'1'}"), 201);

        fixture_restart(f);

        assert_object(f, MAPS "/m", "a Apply {'f:data':{'f:x':{}}}");
        apply_gives(f, URL_B, MAP("{'x':'2'}"), 409);
}

static void unknown_managers_do_no_harm(void **state) {
        struct fixture *f = *state;
        struct answer a;
        apply_gives(f, URL_A, MAP("{'x':'1'}"), 201);

        a = fixture_patch(f, MAPS "/m", MERGE,
                          "{\"metadata\":{\"managedFields\":[{\"manager\":\"z\",\"operation\":"
                          "\"Dance\"}]}}");
        assert_int_equal(a.status, 200);
        answer_done(&a);

        assert_object(f, MAPS "/m", "a Apply {'f:data':{'f:x':{}}}");
}

#define RBAC "/apis/rbac.authorization.k8s.io/v1/"

static void may(struct fixture *f, const char *verbs) {
        AUTO_FREE char *role =
                str_format("{\"metadata\":{\"name\":\"r\"},\"rules\":[{\"verbs\":[%s],"
                           "\"apiGroups\":[\"\"],\"resources\":[\"configmaps\"]}]}",
                           verbs);

        fixture_do(f, "POST", RBAC "clusterroles", role, 201);
        fixture_do(f, "POST", RBAC "clusterrolebindings",
                   "{\"metadata\":{\"name\":\"b\"},\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":"
                   "\"r\"},\"subjects\":[{\"kind\":\"User\",\"name\":\"ann\"}]}",
                   201);
}

static const struct user ANN = { .name = "ann" };

static void only_those_who_may_create_create_by_apply(void **state) {
        struct fixture *f = *state;
        struct answer a;
        apply_gives(f, MAPS "/there?fieldManager=a",
                    "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'there'}}", 201);
        may(f, "\"patch\"");
        f->user = &ANN;

        apply_gives(f, MAPS "/there?fieldManager=b",
                    "{'apiVersion':'v1','kind':'ConfigMap','data':{'x':'1'}}", 200);
        a = apply(f, URL_A, MAP("{'x':'1'}"));

        assert_int_equal(a.status, 403);
        assert_non_null(strstr(a.text, "cannot create resource"));
        answer_done(&a);
        f->user = NULL;
}

static void collections_are_a_right_of_their_own(void **state) {
        struct fixture *f = *state;
        apply_gives(f, URL_A, MAP("{'x':'1'}"), 201);
        may(f, "\"deletecollection\"");
        f->user = &ANN;

        fixture_do(f, "DELETE", MAPS "/m", NULL, 403);
        fixture_do(f, "DELETE", MAPS "?fieldSelector=metadata.name%3Dm", NULL, 200);

        f->user = NULL;
        fixture_do(f, "GET", MAPS "/m", NULL, 404);
}

static void heartbeats_are_nobodys_news(void **state) {
        static const char LEASE[] = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
        struct fixture *f = *state;
        struct answer a;
        AUTO_FREE char *before = NULL;
        fixture_do(
                f, "POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases?fieldManager=n",
                "{\"metadata\":{\"name\":\"l\"},\"spec\":{\"holderIdentity\":\"n\",\"renewTime\":"
                "\"2026-01-02T03:04:05.000000Z\"}}",
                201);
        a = fixture_ask(f, "GET", LEASE, NULL);
        before = json_dumps(json_object_get(json_object_get(a.tree, "metadata"), "managedFields"),
                            JSON_SORT_KEYS);
        answer_done(&a);
        f->clock.now_usec += 10000000;

        a = fixture_patch(f,
                          "/apis/coordination.k8s.io/v1/namespaces/default/leases/l?fieldManager=o",
                          MERGE, "{\"spec\":{\"renewTime\":\"2026-01-02T03:04:15.000000Z\"}}");

        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "spec.renewTime"), "2026-01-02T03:04:15.000000Z");
        AUTO_FREE char *after =
                json_dumps(json_object_get(json_object_get(a.tree, "metadata"), "managedFields"),
                           JSON_SORT_KEYS);
        assert_string_equal(after, before);
        answer_done(&a);
}

#define TABS "/apis/example.com/v1/namespaces/default/tabs"

static void custom_kinds_are_applied_by_their_schemas(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *crd = quoted(
                "{'apiVersion':'apiextensions.k8s.io/v1','kind':'CustomResourceDefinition',"
                "'metadata':{'name':'tabs.example.com'},'spec':{'group':'example.com','scope':"
                "'Namespaced','names':{'plural':'tabs','kind':'Tab'},'versions':[{'name':'v1',"
                "'served':true,'storage':true,'schema':{'openAPIV3Schema':{'type':'object',"
                "'properties':{'spec':{'type':'object','properties':{'keyed':{'type':'array',"
                "'x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['id'],'items':{'type'"
                ":"
                "'object','required':['id'],'properties':{'id':{'type':'string'},'n':{'type':"
                "'integer'}}}},'set':{'type':'array','x-kubernetes-list-type':'set','items':{'type'"
                ":"
                "'string'}},'list':{'type':'array','items':{'type':'string'}},'free':{'type':"
                "'object','x-kubernetes-preserve-unknown-fields':true}}}}}}}]}}");
        struct answer a;
        fixture_do(f, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd, 201);
        fixture_run(f, 0);

        apply_gives(
                f, TABS "/t?fieldManager=a",
                "{'apiVersion':'example.com/v1','kind':'Tab','spec':{'keyed':[{'id':'x','n':1}],"
                "'set':['p'],'list':['1'],'free':{'k':{'l':[1]}}}}",
                201);
        apply_gives(
                f, TABS "/t?fieldManager=b",
                "{'apiVersion':'example.com/v1','kind':'Tab','spec':{'keyed':[{'id':'y','n':1}],"
                "'set':['q'],'free':{'m':1}}}",
                200);
        a = apply(f, TABS "/t?fieldManager=b",
                  "{'apiVersion':'example.com/v1','kind':'Tab','spec':{'keyed':[{'id':'x','n':2}],"
                  "'list':['2']}}");
        assert_int_equal(a.status, 409);
        assert_string_equal(tree_at(a.tree, "details.causes.0.field"), ".spec.keyed[id=\"x\"].n");
        assert_string_equal(tree_at(a.tree, "details.causes.1.field"), ".spec.list");
        answer_done(&a);
        a = apply(f, TABS "/t?fieldManager=a",
                  "{'apiVersion':'example.com/v1','kind':'Tab','spec':{'set':['p']}}");
        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "spec.keyed.0.id"), "y");
        assert_string_equal(tree_at(a.tree, "spec.set.1"), "q");
        assert_null(json_object_get(json_object_get(a.tree, "spec"), "list"));
        answer_done(&a);
        apply_gives(f, TABS "/t?fieldManager=a",
                    "{'apiVersion':'example.com/v1','kind':'Tab','spec':{'bogus':1}}", 400);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(applies_what_is_not_there_and_what_is),
                TEST(tells_conflicts_and_yields_to_force),
                TEST(refuses_what_is_no_apply),
                TEST(the_version_in_a_body_must_be_the_present_one),
                TEST(a_dry_run_applies_nothing),
                TEST(yaml_is_read),
                TEST(every_write_names_its_author),
                TEST(sub_resources_have_authors_of_their_own),
                TEST(a_scale_is_owned_by_who_scales),
                TEST(an_apply_in_other_words_changes_nothing),
                TEST(an_applied_status_is_status_alone),
                TEST(managers_can_be_rewritten),
                TEST(managers_survive_a_restart),
                TEST(unknown_managers_do_no_harm),
                TEST(only_those_who_may_create_create_by_apply),
                TEST(collections_are_a_right_of_their_own),
                TEST(heartbeats_are_nobodys_news),
                TEST(custom_kinds_are_applied_by_their_schemas),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
