#include "api/kinds/pod.h"
#include "api/kinds/service.h"
#include "api/kinds/workload.h"
#include "api/patch/patch.h"
#include "api/text/text.h"
#include "tests/unit/kinds/fixture.h"

typedef int (*patch_function)(const json_t *tree, const json_t *patch, json_t **ret, struct err *e);

static int strategic_pod(const json_t *tree, const json_t *patch, json_t **ret, struct err *e) {
        return patch_strategic(&pod_schema, tree, patch, ret, e);
}

struct patch_case {
        const char *tree, *patch;
        const char *expected; /* NULL: refused with code */
        int code;
};

static void assert_cases(patch_function apply, const struct patch_case *cases, size_t n) {
        for (size_t i = 0; i < n; i++) {
                json_t *tree = fixture_tree(cases[i].tree), *patch = fixture_tree(cases[i].patch);
                json_t *kept = json_deep_copy(tree), *out = NULL;
                struct err e = { 0 };
                int r = apply(tree, patch, &out, &e);

                if (r != cases[i].code)
                        fail_msg("case %zu gives %d: %s", i, r, e.text);
                if (cases[i].expected) {
                        json_t *expected = fixture_tree(cases[i].expected);

                        if (!json_equal(out, expected))
                                fail_msg("case %zu gives %s", i, json_dumps(out, JSON_COMPACT));
                        json_decref(expected);
                } else {
                        assert_null(out);
                        assert_true(e.text[0] != '\0');
                }
                assert_true(json_equal(tree, kept));
                json_decref(out);
                json_decref(kept);
                json_decref(tree);
                json_decref(patch);
        }
}

static void merge_patches_follow_rfc_7386(void **state) {
        static const struct patch_case cases[] = {
                { "{'a':'b'}", "{'a':'c'}", "{'a':'c'}", 0 },
                { "{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}", 0 },
                { "{'a':'b'}", "{'a':null}", "{}", 0 },
                { "{'a':['b']}", "{'a':'c'}", "{'a':'c'}", 0 },
                { "{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}", 0 },
                { "{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}", 0 },
                { "['a']", "{'a':'b','c':null}", "{'a':'b'}", 0 },
                { "{'e':null}", "{'a':1}", "{'e':null,'a':1}", 0 },
                { "{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}", 0 },
                { "{'a':'foo'}", "['c']", "['c']", 0 },
        };
        (void) state;

        assert_cases(patch_merge, cases, ARRAY_SIZE(cases));
}

static void json_patches_follow_rfc_6902(void **state) {
        static const struct patch_case cases[] = {
                { "{'foo':'bar'}", "[{'op':'add','path':'/baz','value':'qux'}]",
                  "{'baz':'qux','foo':'bar'}", 0 },
                { "{'foo':['bar','baz']}", "[{'op':'add','path':'/foo/1','value':'qux'}]",
                  "{'foo':['bar','qux','baz']}", 0 },
                { "{'foo':['bar']}", "[{'op':'add','path':'/foo/-','value':['abc']}]",
                  "{'foo':['bar',['abc']]}", 0 },
                { "{'foo':['bar']}", "[{'op':'add','path':'/foo/2','value':1}]", NULL, -ENOENT },
                { "{'foo':['bar']}", "[{'op':'add','path':'/foo/01','value':1}]", NULL, -ENOENT },
                { "{'a':1,'b':2}", "[{'op':'remove','path':'/a'}]", "{'b':2}", 0 },
                { "{'a':[1,2,3]}", "[{'op':'remove','path':'/a/1'}]", "{'a':[1,3]}", 0 },
                { "{'a':1}", "[{'op':'remove','path':'/b'}]", NULL, -ENOENT },
                { "{'a':1}", "[{'op':'replace','path':'/a','value':2}]", "{'a':2}", 0 },
                { "{'a':1}", "[{'op':'replace','path':'/b','value':2}]", NULL, -ENOENT },
                { "{'a':1}", "[{'op':'replace','path':'','value':{'b':2}}]", "{'b':2}", 0 },
                { "{'a':{'b':1},'c':{}}", "[{'op':'move','from':'/a/b','path':'/c/d'}]",
                  "{'a':{},'c':{'d':1}}", 0 },
                { "{'a':{'b':1}}", "[{'op':'move','from':'/a','path':'/a/b'}]", NULL, -EINVAL },
                { "{'a':[1,2,3]}", "[{'op':'move','from':'/a/0','path':'/a/2'}]", "{'a':[2,3,1]}",
                  0 },
                { "{'a':{'b':1}}", "[{'op':'copy','from':'/a','path':'/c'}]",
                  "{'a':{'b':1},'c':{'b':1}}", 0 },
                { "{'a/b':1,'m~n':2}",
                  "[{'op':'test','path':'/a~1b','value':1},"
                  "{'op':'test','path':'/m~0n','value':2}]",
                  "{'a/b':1,'m~n':2}", 0 },
                { "{'a':1}", "[{'op':'test','path':'/a','value':'1'}]", NULL, -ENOENT },
                { "{'a':1}", "[{'op':'test','path':'/b','value':null}]", NULL, -ENOENT },
                { "{'a':1}", "[{'op':'fly','path':'/a'}]", NULL, -EINVAL },
                { "{'a':1}", "[{'op':'add','path':'a','value':1}]", NULL, -EINVAL },
                { "{'a':1}", "[{'op':'add','path':'/a'}]", NULL, -EINVAL },
                { "{'a':1}", "[{'op':'add','path':'/~2','value':1}]", NULL, -EINVAL },
                { "{'a':1}", "[{'path':'/a','value':1}]", NULL, -EINVAL },
                { "{'a':1}", "[1]", NULL, -EINVAL },
                { "{'a':1}", "{'op':'add'}", NULL, -EINVAL },
                { "{'a':1}", "[]", "{'a':1}", 0 },
                { "{'':1}", "[{'op':'replace','path':'/','value':2}]", "{'':2}", 0 },
        };
        (void) state;

        assert_cases(patch_json, cases, ARRAY_SIZE(cases));
}

static void a_json_patch_that_doubles_itself_is_stopped(void **state) {
        json_t *tree = fixture_tree("{'a':{'b':'0123456789012345678901234567890123456789'}}");
        json_t *patch = json_array(), *out = NULL;
        struct err e = { 0 };
        (void) state;

        for (int i = 0; i < 60; i++)
                assert_int_equal(json_array_append_new(
                                         patch, json_pack("{s:s,s:s,s:s+}", "op", "copy", "from",
                                                          "/a", "path", "/a/c", i % 2 ? "" : "c")),
                                 0);

        assert_int_equal(patch_json(tree, patch, &out, &e), -E2BIG);

        assert_null(out);
        json_decref(tree);
        json_decref(patch);
}

static void strategic_patches_merge_by_key(void **state) {
        static const struct patch_case cases[] = {
                /* what kubectl set image sends */
                { "{'spec':{'containers':[{'name':'a','image':'1'},{'name':'b','image':'2'}]}}",
                  "{'spec':{'$setElementOrder/containers':[{'name':'a'},{'name':'b'}],'containers':"
                  "[{'name':'b','image':'3'}]}}",
                  "{'spec':{'containers':[{'name':'a','image':'1'},{'name':'b','image':'3'}]}}",
                  0 },
                /* an element more, one less, in a new order */
                { "{'spec':{'containers':[{'name':'a'},{'name':'b'},{'name':'c'}]}}",
                  "{'spec':{'$setElementOrder/containers':[{'name':'d'},{'name':'c'},{'name':'a'}],"
                  "'containers':[{'name':'d'},{'$patch':'delete','name':'b'}]}}",
                  "{'spec':{'containers':[{'name':'d'},{'name':'c'},{'name':'a'}]}}", 0 },
                /* what the server added keeps its place */
                { "{'spec':{'containers':[{'name':'a'},{'name':'sidecar'},{'name':'b'}]}}",
                  "{'spec':{'$setElementOrder/containers':[{'name':'a'},{'name':'b'}]}}",
                  "{'spec':{'containers':[{'name':'a'},{'name':'sidecar'},{'name':'b'}]}}", 0 },
                /* lists without a key are replaced */
                { "{'spec':{'containers':[{'name':'a','args':['x','y']}]}}",
                  "{'spec':{'containers':[{'name':'a','args':['z']}]}}",
                  "{'spec':{'containers':[{'name':'a','args':['z']}]}}", 0 },
                /* a list is replaced on request */
                { "{'spec':{'containers':[{'name':'a'},{'name':'b'}]}}",
                  "{'spec':{'containers':[{'name':'c'},{'$patch':'replace'}]}}",
                  "{'spec':{'containers':[{'name':'c'}]}}", 0 },
                /* sets of words are united, and values leave them */
                { "{'metadata':{'finalizers':['a','b']}}",
                  "{'metadata':{'finalizers':['c','a'],'$deleteFromPrimitiveList/"
                  "finalizers':['b']}}",
                  "{'metadata':{'finalizers':['a','c']}}", 0 },
                /* a volume changes its source */
                { "{'spec':{'volumes':[{'name':'v','emptyDir':{}}]}}",
                  "{'spec':{'volumes':[{'name':'v','hostPath':{'path':'/x'},'$retainKeys':"
                  "['name','hostPath']}]}}",
                  "{'spec':{'volumes':[{'name':'v','hostPath':{'path':'/x'}}]}}", 0 },
                /* maps are replaced and emptied on request */
                { "{'metadata':{'labels':{'a':'1','b':'2'}}}",
                  "{'metadata':{'labels':{'$patch':'replace','c':'3'}}}",
                  "{'metadata':{'labels':{'c':'3'}}}", 0 },
                { "{'metadata':{'labels':{'a':'1'}},'x':1}",
                  "{'metadata':{'labels':{'$patch':'delete'}}}", "{'metadata':{'labels':{}},'x':1}",
                  0 },
                { "{'metadata':{'labels':{'a':'1','b':'2'}}}", "{'metadata':{'labels':{'a':null}}}",
                  "{'metadata':{'labels':{'b':'2'}}}", 0 },
                /* directives never stay behind */
                { "{}",
                  "{'spec':{'$retainKeys':['nodeName'],'nodeName':'n','containers':[{'name':'c',"
                  "'$patch':'merge'}]}}",
                  "{'spec':{'nodeName':'n','containers':[{'name':'c'}]}}", 0 },
                /* nonsense */
                { "{}", "{'spec':{'containers':[{'image':'x'}]}}", NULL, -EINVAL },
                { "{}", "{'spec':{'containers':['x']}}", NULL, -EINVAL },
                { "{}", "{'spec':{'$patch':'fly'}}", NULL, -EINVAL },
                { "{'spec':{}}", "{'spec':{'$retainKeys':3}}", NULL, -EINVAL },
                { "{}", "[]", NULL, -EINVAL },
        };
        (void) state;

        assert_cases(strategic_pod, cases, ARRAY_SIZE(cases));
}

/* What apply does: the difference, and the difference put on the live object. */
static void assert_applied(const struct schema *s, const char *const trees[3], const char *patch,
                           const char *result) {
        json_t *last = trees[0] ? fixture_tree(trees[0]) : NULL;
        json_t *wanted = fixture_tree(trees[1]), *live = fixture_tree(trees[2]);
        json_t *expected_patch = fixture_tree(patch), *expected = fixture_tree(result);
        json_t *diff = NULL, *out = NULL;
        struct err e = { 0 };

        assert_int_equal(patch_three_way(s, last, wanted, live, &diff, &e), 0);
        if (!json_equal(diff, expected_patch))
                fail_msg("patch is %s", json_dumps(diff, JSON_COMPACT));
        assert_int_equal(patch_strategic(s, live, diff, &out, &e), 0);
        if (!json_equal(out, expected))
                fail_msg("result is %s", json_dumps(out, JSON_COMPACT));
        json_decref(last);
        json_decref(wanted);
        json_decref(live);
        json_decref(diff);
        json_decref(out);
        json_decref(expected);
        json_decref(expected_patch);
}

static void apply_changes_what_it_owns_only(void **state) {
        static const char *const trees[] = {
                "{'metadata':{'labels':{'a':'1','old':'x'}},'spec':{'replicas':2,'paused':true}}",
                "{'metadata':{'labels':{'a':'2'},'creationTimestamp':null},'spec':{'replicas':2}}",
                ("{'metadata':{'labels':{'a':'1','old':'x','theirs':'y'},'creationTimestamp':'t'},"
                 "'spec':{'replicas':5,'paused':true,'revisionHistoryLimit':10}}"),
        };
        (void) state;

        assert_applied(
                deployment_kind.schema, trees,
                "{'metadata':{'labels':{'a':'2','old':null}},'spec':{'replicas':2,'paused':null}}",
                "{'metadata':{'labels':{'a':'2','theirs':'y'},'creationTimestamp':'t'},'spec':"
                "{'replicas':2,'revisionHistoryLimit':10}}");
}

static void apply_merges_containers_by_name(void **state) {
        static const char *const trees[] = {
                "{'spec':{'containers':[{'name':'a','image':'1','env':[{'name':'X','value':'1'}]},"
                "{'name':'gone','image':'1'}]}}",
                "{'spec':{'containers':[{'name':'a','image':'2'},{'name':'new','image':'1'}]}}",
                "{'spec':{'containers':[{'name':'a','image':'1','env':[{'name':'X','value':'1'}],"
                "'imagePullPolicy':'Always'},{'name':'gone','image':'1'},{'name':'injected',"
                "'image':'i'}]}}",
        };
        (void) state;

        assert_applied(&pod_schema, trees,
                       "{'spec':{'containers':[{'name':'a','image':'2','env':null},{'name':'new',"
                       "'image':'1'},{'$patch':'delete','name':'gone'}],"
                       "'$setElementOrder/containers':[{'name':'a'},{'name':'new'}]}}",
                       "{'spec':{'containers':[{'name':'a','image':'2','imagePullPolicy':'Always'},"
                       "{'name':'new','image':'1'},{'name':'injected','image':'i'}]}}");
}

static void apply_changes_a_strategy_as_a_whole(void **state) {
        static const char *const trees[] = {
                "{'spec':{'strategy':{'type':'RollingUpdate'}}}",
                "{'spec':{'strategy':{'type':'Recreate'}}}",
                "{'spec':{'strategy':{'type':'RollingUpdate','rollingUpdate':{'maxSurge':'25%'}}}}",
        };
        (void) state;

        assert_applied(deployment_kind.schema, trees,
                       "{'spec':{'strategy':{'type':'Recreate','$retainKeys':['type']}}}",
                       "{'spec':{'strategy':{'type':'Recreate'}}}");
}

static void applying_the_same_again_changes_nothing(void **state) {
        static const char *const trees[] = {
                "{'metadata':{'finalizers':['f']},'spec':{'ports':[{'port':80}]}}",
                "{'metadata':{'finalizers':['f']},'spec':{'ports':[{'port':80}]}}",
                ("{'metadata':{'finalizers':['theirs','f']},'spec':{'clusterIP':'10.0.0.1','ports':"
                 "[{'port':80,'protocol':'TCP','targetPort':80}]}}"),
        };
        (void) state;

        assert_applied(service_kind.schema, trees, "{}", trees[2]);
}

static void lists_that_would_cost_their_square_are_refused(void **state) {
        json_t *tree = fixture_tree("{'metadata':{}}"), *list = json_array(), *patch, *out = NULL;
        struct err e = { 0 };
        (void) state;

        for (int i = 0; i < PATCH_LIST_MAX + 1; i++)
                assert_int_equal(json_array_append_new(list, json_sprintf("f%d", i)), 0);
        patch = json_pack("{s:{s:o}}", "metadata", "finalizers", list);

        assert_int_equal(patch_strategic(&pod_schema, tree, patch, &out, &e), -EINVAL);

        assert_non_null(strstr(e.text, "too long"));
        json_decref(tree);
        json_decref(patch);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(merge_patches_follow_rfc_7386),
                cmocka_unit_test(json_patches_follow_rfc_6902),
                cmocka_unit_test(a_json_patch_that_doubles_itself_is_stopped),
                cmocka_unit_test(strategic_patches_merge_by_key),
                cmocka_unit_test(apply_changes_what_it_owns_only),
                cmocka_unit_test(apply_merges_containers_by_name),
                cmocka_unit_test(apply_changes_a_strategy_as_a_whole),
                cmocka_unit_test(applying_the_same_again_changes_nothing),
                cmocka_unit_test(lists_that_would_cost_their_square_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
