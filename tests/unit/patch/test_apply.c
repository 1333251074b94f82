#include "api/kinds/config.h"
#include "api/kinds/pod.h"
#include "api/kinds/service.h"
#include "api/kinds/workload.h"
#include "api/patch/apply.h"
#include "api/patch/apply_walk.h"
#include "api/patch/patch.h"
#include "base/backoff.h"
#include "tests/unit/kinds/fixture.h"
#include "tests/unit/patch/scene.h"

#include <stdio.h>
#include <string.h>

static void an_apply_owns_what_it_names(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;

        assert_int_equal(scene_apply(&s, "a", MAP("{'x':'1','y':'2'}"), false), 1);

        scene_assert_live(&s, MAP("{'x':'1','y':'2'}"));
        scene_assert_owners(&s, "a Apply {'f:data':{'f:x':{},'f:y':{}}}");
        scene_done(&s);
}

static void the_same_apply_again_changes_nothing(void **state) {
        struct scene s = { .kind = &config_map_kind };
        AUTO_FREE char *before = NULL;
        (void) state;
        assert_int_equal(scene_apply(&s, "a", MAP("{'x':'1'}"), false), 1);
        before = strdup(s.managed);
        s.now = 30;

        assert_int_equal(scene_apply(&s, "a", MAP("{'x':'1'}"), false), 0);

        assert_string_equal(s.managed, before);
        scene_done(&s);
}

static void what_its_only_owner_drops_goes(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;
        (void) scene_apply(&s, "a", MAP("{'x':'1','y':'2'}"), false);

        assert_int_equal(scene_apply(&s, "a", MAP("{'x':'1'}"), false), 1);

        scene_assert_live(&s, MAP("{'x':'1'}"));
        scene_assert_owners(&s, "a Apply {'f:data':{'f:x':{}}}");
        scene_done(&s);
}

static void equal_values_make_co_owners(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;
        (void) scene_apply(&s, "a", MAP("{'x':'1','y':'2'}"), false);

        assert_int_equal(scene_apply(&s, "b", MAP("{'x':'1'}"), false), 1);
        scene_assert_owners(
                &s, "a Apply {'f:data':{'f:x':{},'f:y':{}}}\nb Apply {'f:data':{'f:x':{}}}");
        /* a drops both: only y has no owner left */
        assert_int_equal(scene_apply(&s, "a", MAP("{'z':'3'}"), false), 1);

        scene_assert_live(&s, MAP("{'x':'1','z':'3'}"));
        scene_assert_owners(&s, "a Apply {'f:data':{'f:z':{}}}\nb Apply {'f:data':{'f:x':{}}}");
        scene_done(&s);
}

static void another_value_is_a_conflict(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;
        (void) scene_apply(&s, "a", MAP("{'x':'1','y':'2'}"), false);

        assert_int_equal(scene_apply(&s, "b", MAP("{'x':'9'}"), false), -EEXIST);
        assert_string_equal(s.conflict,
                            "Apply failed with 1 conflict: conflict with \"a\": .data.x");
        assert_int_equal(scene_apply(&s, "b", MAP("{'x':'9','y':'9'}"), false), -EEXIST);
        assert_string_equal(s.conflict,
                            "Apply failed with 2 conflicts: conflicts with \"a\":\n- .data.x\n- "
                            ".data.y");

        scene_assert_live(&s, MAP("{'x':'1','y':'2'}"));
        scene_done(&s);
}

static void force_takes_over(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;
        (void) scene_apply(&s, "a", MAP("{'x':'1','y':'2'}"), false);

        assert_int_equal(scene_apply(&s, "b", MAP("{'x':'9'}"), true), 1);

        scene_assert_live(&s, MAP("{'x':'9','y':'2'}"));
        scene_assert_owners(&s, "a Apply {'f:data':{'f:y':{}}}\nb Apply {'f:data':{'f:x':{}}}");
        scene_done(&s);
}

static void an_update_takes_what_it_changes(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;
        (void) scene_apply(&s, "a", MAP("{'x':'1','y':'2','z':'3'}"), false);

        assert_int_equal(scene_update(&s, "u", MAP("{'x':'9','y':'2','n':'4'}")), 1);
        scene_assert_owners(
                &s, "a Apply {'f:data':{'f:y':{}}}\nu Update {'f:data':{'f:n':{},'f:x':{}}}");
        assert_int_equal(scene_apply(&s, "a", MAP("{'x':'1','y':'2'}"), false), -EEXIST);

        assert_string_equal(s.conflict,
                            "Apply failed with 1 conflict: conflict with \"u\" using v1: .data.x");
        scene_done(&s);
}

static void an_update_that_changes_nothing_is_not_noticed(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;
        (void) scene_update(&s, "a", MAP("{'x':'1'}"));
        s.now = 9;

        assert_int_equal(scene_update(&s, "b", MAP("{'x':'1'}")), 0);

        scene_assert_owners(&s, "a Update {'f:data':{'.':{},'f:x':{}}}");
        scene_done(&s);
}

static void an_empty_apply_gives_everything_up(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;
        (void) scene_apply(&s, "a", MAP("{'x':'1'}"), false);
        (void) scene_apply(&s, "b", MAP("{'y':'1'}"), false);

        assert_int_equal(
                scene_apply(&s, "a",
                            "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'m'}}",
                            false),
                1);

        scene_assert_live(&s, MAP("{'y':'1'}"));
        scene_assert_owners(&s, "b Apply {'f:data':{'f:y':{}}}");
        scene_done(&s);
}

static void objects_from_before_belong_to_the_past(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;
        s.live = fixture_tree(MAP("{'x':'1','y':'2'}"));

        /* nobody has kept account, and an update doesn't begin to */
        assert_int_equal(scene_update(&s, "u", MAP("{'x':'1','y':'3'}")), 0);
        assert_string_equal(s.managed, "");
        assert_int_equal(scene_apply(&s, "a", MAP("{'x':'9'}"), false), -EEXIST);
        assert_string_equal(s.conflict, "Apply failed with 1 conflict: conflict with "
                                        "\"before-first-apply\" using v1: .data.x");
        assert_int_equal(scene_apply(&s, "a", MAP("{'x':'1'}"), false), 1);

        scene_assert_owners(&s, "a Apply {'f:data':{'f:x':{}}}\n"
                                "before-first-apply Update {'f:data':{'.':{},'f:x':{},'f:y':{}}}");
        scene_done(&s);
}

static void elements_of_keyed_lists_have_owners(void **state) {
        struct scene s = { .kind = &pod_kind };
        (void) state;

        (void) scene_apply(&s, "a", POD("{'containers':[{'name':'c','image':'i'}]}"), false);
        assert_int_equal(scene_apply(&s, "b",
                                     POD("{'containers':[{'name':'d','image':'j'},{'name':'c',"
                                         "'tty':true}]}"),
                                     false),
                         1);

        scene_assert_live(
                &s, POD("{'containers':[{'name':'d','image':'j'},{'name':'c','image':'i','tty':"
                        "true}]}"));
        scene_assert_owners(&s,
                            "a Apply {'f:spec':{'f:containers':{'k:{\\'name\\':\\'c\\'}':{'.':{},"
                            "'f:image':{},'f:name':{}}}}}\n"
                            "b Apply {'f:spec':{'f:containers':{'k:{\\'name\\':\\'c\\'}':{'.':{},"
                            "'f:name':{},'f:tty':{}},'k:{\\'name\\':\\'d\\'}':{'.':{},'f:image':{},"
                            "'f:name':{}}}}}");
        scene_done(&s);
}

static void an_element_that_nobody_wants_goes_with_its_defaults(void **state) {
        struct scene s = { .kind = &pod_kind };
        (void) state;
        (void) scene_apply(
                &s, "a", POD("{'containers':[{'name':'c','image':'i'},{'name':'d','image':'j'}]}"),
                false);
        /* the server adds what nobody owns */
        (void) json_object_set_new(
                json_array_get(json_object_get(json_object_get(s.live, "spec"), "containers"), 1),
                "terminationMessagePath", json_string("/dev/termination-log"));

        assert_int_equal(
                scene_apply(&s, "a", POD("{'containers':[{'name':'c','image':'i'}]}"), false), 1);

        scene_assert_live(&s, POD("{'containers':[{'name':'c','image':'i'}]}"));
        scene_done(&s);
}

static void a_port_without_protocol_is_a_tcp_port(void **state) {
        struct scene s = { .kind = &pod_kind };
        (void) state;
        (void) scene_apply(
                &s, "a",
                POD("{'containers':[{'name':'c','ports':[{'containerPort':80},{'containerPort':80,"
                    "'protocol':'UDP'}]}]}"),
                false);

        assert_int_equal(scene_apply(&s, "b",
                                     POD("{'containers':[{'name':'c','ports':[{'containerPort':80,"
                                         "'protocol':'TCP','name':'web'}]}]}"),
                                     false),
                         1);

        scene_assert_live(&s,
                          POD("{'containers':[{'name':'c','ports':[{'containerPort':80,'protocol':"
                              "'TCP','name':'web'},{'containerPort':80,'protocol':'UDP'}]}]}"));
        scene_done(&s);
}

static void atomic_lists_and_maps_have_one_owner(void **state) {
        struct scene s = { .kind = &pod_kind };
        (void) state;
        (void) scene_apply(
                &s, "a", POD("{'nodeSelector':{'x':'1'},'containers':[{'name':'c','args':['1']}]}"),
                false);

        assert_int_equal(
                scene_apply(&s, "b",
                            POD("{'nodeSelector':{'y':'1'},'containers':[{'name':'c','args':['2']}]"
                                "}"),
                            false),
                -EEXIST);
        assert_string_equal(s.conflict, "Apply failed with 2 conflicts: conflicts with \"a\":\n- "
                                        ".spec.containers[name=\"c\"].args\n- .spec.nodeSelector");
        assert_int_equal(scene_apply(&s, "b", POD("{'nodeSelector':{'y':'1'}}"), true), 1);

        scene_assert_live(
                &s, POD("{'nodeSelector':{'y':'1'},'containers':[{'name':'c','args':['1']}]}"));
        scene_done(&s);
}

static void label_selectors_are_atomic(void **state) {
        struct scene s = { .kind = &deployment_kind };
        (void) state;

        (void) scene_apply(&s, "a", "{'spec':{'selector':{'matchLabels':{'a':'b'}}}}", false);

        scene_assert_owners(&s, "a Apply {'f:spec':{'f:selector':{}}}");
        scene_done(&s);
}

static void sets_are_united_and_given_up_one_by_one(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;
        (void) scene_apply(&s, "a", "{'metadata':{'finalizers':['x/a','x/b']}}", false);

        assert_int_equal(scene_apply(&s, "b", "{'metadata':{'finalizers':['x/b','x/c']}}", false),
                         1);
        scene_assert_live(&s, "{'metadata':{'finalizers':['x/a','x/b','x/c']}}");
        assert_int_equal(scene_apply(&s, "a", "{'metadata':{'finalizers':['x/a']}}", false), 1);
        assert_int_equal(scene_apply(&s, "b", "{'metadata':{'finalizers':['x/c']}}", false), 1);

        scene_assert_live(&s, "{'metadata':{'finalizers':['x/a','x/c']}}");
        scene_assert_owners(&s, "a Apply {'f:metadata':{'f:finalizers':{'v:\\'x/a\\'':{}}}}\n"
                                "b Apply {'f:metadata':{'f:finalizers':{'v:\\'x/c\\'':{}}}}");
        scene_done(&s);
}

static void configs_that_do_not_fit_are_refused(void **state) {
        static const char *const cases[][2] = {
                { "{'spec':{'bogus':1}}", ".spec.bogus: field not declared in schema" },
                { POD("{'containers':[{'name':'c'},{'name':'c'}]}"),
                  ".spec.containers: duplicate entries for key [name=\"c\"]" },
                { POD("{'containers':[{'image':'c'}]}"),
                  ".spec.containers: element 0: associative list with keys has an element that "
                  "omits key field \"name\" (and doesn't have default value)" },
                { POD("{'containers':[{'name':'c','imag':'x'}],'hots':1}"),
                  "errors:\n.spec.containers[name=\"c\"].imag: field not declared in schema\n"
                  ".spec.hots: field not declared in schema" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct scene s = { .kind = &pod_kind };

                assert_int_equal(scene_apply(&s, "a", cases[i][0], false), -EINVAL);
                assert_string_equal(s.error, cases[i][1]);
                scene_done(&s);
        }
}

static void kubectl_inherits_from_its_client_side(void **state) {
        struct scene s = { .kind = &config_map_kind };
        json_t *tree = fixture_tree(MAP("{'x':'1','y':'2'}"));
        AUTO_FREE char *last = json_dumps(tree, JSON_COMPACT | JSON_SORT_KEYS);
        AUTO_FREE char *text = NULL;
        const char *said;
        (void) state;
        (void) json_object_set_new(json_object_get(tree, "metadata"), "annotations",
                                   json_pack("{s:s}", PATCH_LAST_APPLIED, last));
        text = json_dumps(tree, JSON_COMPACT);
        (void) scene_update(&s, "kubectl-client-side-apply", text);

        /* y is somebody else's by now */
        (void) json_object_set_new(json_object_get(tree, "data"), "y", json_string("7"));
        free(text);
        text = json_dumps(tree, JSON_COMPACT);
        (void) scene_update(&s, "other", text);
        assert_int_equal(scene_apply(&s, "helm", MAP("{'x':'5'}"), false), -EEXIST);
        assert_int_equal(scene_apply(&s, "kubectl", MAP("{'x':'5','y':'5'}"), false), -EEXIST);
        assert_string_equal(
                s.conflict,
                "Apply failed with 1 conflict: conflict with \"other\" using v1: .data.y");
        assert_int_equal(scene_apply(&s, "kubectl", MAP("{'x':'5'}"), false), 1);

        said = json_string_value(
                json_object_get(json_object_get(json_object_get(s.live, "metadata"), "annotations"),
                                PATCH_LAST_APPLIED));
        assert_string_equal(said,
                            "{\"apiVersion\":\"v1\",\"data\":{\"x\":\"5\"},\"kind\":"
                            "\"ConfigMap\",\"metadata\":{\"annotations\":{},\"name\":\"m\"}}\n");
        assert_int_equal(scene_apply(&s, "kubectl", MAP("{'x':'5'}"), false), 0);
        json_decref(tree);
        scene_done(&s);
}

static void old_updates_become_one_past(void **state) {
        struct scene s = { .kind = &config_map_kind };
        char name[16], text[200];
        struct managers m;
        size_t n_updates = 0;
        (void) state;

        for (unsigned i = 0; i < 15; i++) {
                s.now = i;
                (void) snprintf(name, sizeof(name), "m%u", i);
                (void) snprintf(text, sizeof(text), MAP("{'x':'%u'}"), i);
                /* each adds one key and keeps the others */
                if (i > 0) {
                        (void) snprintf(text, sizeof(text), "k%u", i);
                        (void) json_object_set_new(json_object_get(s.live, "data"), text,
                                                   json_string("v"));
                        AUTO_FREE char *now = json_dumps(s.live, JSON_COMPACT);

                        (void) json_object_del(json_object_get(s.live, "data"), text);
                        (void) scene_update(&s, name, now);
                } else {
                        (void) scene_update(&s, name, text);
                }
        }

        assert_int_equal(managers_init(&m), 0);
        assert_int_equal(managers_parse(&m, s.managed, strlen(s.managed), NULL), 0);
        n_updates = m.n;
        assert_int_equal(n_updates, MANAGERS_UPDATE_MAX);
        assert_non_null(strstr(s.managed, MANAGERS_ANCIENT));
        assert_non_null(strstr(s.managed, "\"m14\""));
        managers_done(&m);
        scene_done(&s);
}

static void managers_can_be_wiped(void **state) {
        struct managers m;
        struct err e = { 0 };
        (void) state;

        assert_int_equal(managers_init(&m), 0);
        assert_int_equal(managers_parse(&m, "[{}]", 4, &e), 0);
        assert_int_equal(m.n, 0);
        assert_int_equal(managers_parse(&m, "[{\"manager\":\"x\"}]", 17, &e), -EINVAL);
        managers_done(&m);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_apply_owns_what_it_names),
                cmocka_unit_test(the_same_apply_again_changes_nothing),
                cmocka_unit_test(what_its_only_owner_drops_goes),
                cmocka_unit_test(equal_values_make_co_owners),
                cmocka_unit_test(another_value_is_a_conflict),
                cmocka_unit_test(force_takes_over),
                cmocka_unit_test(an_update_takes_what_it_changes),
                cmocka_unit_test(an_update_that_changes_nothing_is_not_noticed),
                cmocka_unit_test(an_empty_apply_gives_everything_up),
                cmocka_unit_test(objects_from_before_belong_to_the_past),
                cmocka_unit_test(elements_of_keyed_lists_have_owners),
                cmocka_unit_test(an_element_that_nobody_wants_goes_with_its_defaults),
                cmocka_unit_test(a_port_without_protocol_is_a_tcp_port),
                cmocka_unit_test(atomic_lists_and_maps_have_one_owner),
                cmocka_unit_test(label_selectors_are_atomic),
                cmocka_unit_test(sets_are_united_and_given_up_one_by_one),
                cmocka_unit_test(configs_that_do_not_fit_are_refused),
                cmocka_unit_test(kubectl_inherits_from_its_client_side),
                cmocka_unit_test(old_updates_become_one_past),
                cmocka_unit_test(managers_can_be_wiped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
