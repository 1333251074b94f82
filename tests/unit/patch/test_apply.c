#include "api/kinds/config.h"
#include "api/kinds/pod.h"
#include "api/kinds/service.h"
#include "api/kinds/workload.h"
#include "api/patch/apply.h"
#include "api/patch/apply_walk.h"
#include "api/patch/patch.h"
#include "base/backoff.h"
#include "tests/unit/kinds/fixture.h"

#include <stdio.h>
#include <string.h>

/* One object and those who write it. Each write reads and writes managedFields as text, as the
 * server does. */
struct scene {
        const struct kind *kind;
        json_t *live;  /* NULL: none yet */
        char *managed; /* text */
        unsigned now;  /* seconds */
        char conflict[2000];
        char error[ERR_TEXT_MAX];
};

static void scene_done(struct scene *s) {
        json_decref(s->live);
        free(s->managed);
}

static void scene_keep(struct scene *s, struct managers *m, json_t *take_tree) {
        free(s->managed);
        s->managed = managers_format(m);
        assert_non_null(s->managed);
        json_decref(s->live);
        s->live = take_tree;
}

static void scene_begin(struct scene *s, struct managers *m) {
        assert_int_equal(managers_init(m), 0);
        if (s->managed)
                assert_int_equal(managers_parse(m, s->managed, strlen(s->managed), NULL), 0);
}

static struct apply_author author(struct scene *s, const char *name, char time[24]) {
        (void) snprintf(time, 24, "2026-01-02T03:04:%02uZ", s->now);
        return (struct apply_author){
                .manager = name,
                .api_version = s->kind->api_version,
                .subresource = "",
                .time = time,
        };
}

static int scene_apply_tree(struct scene *s, const char *name, const json_t *config, bool force) {
        struct apply_type type = apply_type_of(s->kind->schema);
        AUTO_DONE(apply_conflicts) struct apply_conflicts c = { 0 };
        char time[24];
        struct apply_request q = {
                .type = &type,
                .live = s->live,
                .config = config,
                .by = author(s, name, time),
                .is_forced = force,
        };
        struct managers m;
        json_t *tree = NULL;
        struct err e = { 0 };
        int r;

        json_t *last = managers_last_applied(s->live, &q.by);

        q.last_applied = last;
        scene_begin(s, &m);
        r = managers_apply(&m, &q, &tree, &c, &e);
        (void) snprintf(s->conflict, sizeof(s->conflict), "%s", str_or_empty(c.message));
        (void) snprintf(s->error, sizeof(s->error), "%s", e.text);
        if (r >= 0)
                scene_keep(s, &m, tree);
        json_decref(last);
        managers_done(&m);
        return r;
}

static int scene_apply(struct scene *s, const char *name, const char *config, bool force) {
        json_t *tree = fixture_tree(config);
        int r = scene_apply_tree(s, name, tree, force);

        json_decref(tree);
        return r;
}

static int scene_update(struct scene *s, const char *name, const char *text) {
        struct apply_type type = apply_type_of(s->kind->schema);
        json_t *tree = fixture_tree(text);
        struct apply_author by;
        struct managers m;
        char time[24];
        int r;

        scene_begin(s, &m);
        by = author(s, name, time);
        r = managers_update(&m, &type, s->live, tree, &by);
        assert_true(r >= 0);
        scene_keep(s, &m, tree);
        managers_done(&m);
        return r;
}

static void assert_live(const struct scene *s, const char *text) {
        json_t *expected = fixture_tree(text);

        if (!json_equal(s->live, expected))
                fail_msg("the object is %s", json_dumps(s->live, JSON_COMPACT));
        json_decref(expected);
}

/* owners: "manager operation {fields}" a line. */
static void assert_owners(const struct scene *s, const char *owners) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        struct managers m;

        assert_int_equal(managers_init(&m), 0);
        assert_int_equal(managers_parse(&m, s->managed, strlen(s->managed), NULL), 0);
        for (size_t i = 0; i < m.n; i++) {
                strbuf_addf(&b, "%s%s %s ", i > 0 ? "\n" : "", m.items[i].name,
                            m.items[i].is_apply ? "Apply" : "Update");
                field_set_format(m.items[i].fields, &b);
        }
        for (char *at = b.s; at && *at; at++)
                if (*at == '"')
                        *at = '\'';
        assert_string_equal(str_or_empty(b.s), owners);
        managers_done(&m);
}

#define MAP(data) "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'m'},'data':" data "}"
#define POD(spec) "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'},'spec':" spec "}"

static void an_apply_owns_what_it_names(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;

        assert_int_equal(scene_apply(&s, "a", MAP("{'x':'1','y':'2'}"), false), 1);

        assert_live(&s, MAP("{'x':'1','y':'2'}"));
        assert_owners(&s, "a Apply {'f:data':{'f:x':{},'f:y':{}}}");
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

        assert_live(&s, MAP("{'x':'1'}"));
        assert_owners(&s, "a Apply {'f:data':{'f:x':{}}}");
        scene_done(&s);
}

static void equal_values_make_co_owners(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;
        (void) scene_apply(&s, "a", MAP("{'x':'1','y':'2'}"), false);

        assert_int_equal(scene_apply(&s, "b", MAP("{'x':'1'}"), false), 1);
        assert_owners(&s, "a Apply {'f:data':{'f:x':{},'f:y':{}}}\nb Apply {'f:data':{'f:x':{}}}");
        /* a drops both: only y has no owner left */
        assert_int_equal(scene_apply(&s, "a", MAP("{'z':'3'}"), false), 1);

        assert_live(&s, MAP("{'x':'1','z':'3'}"));
        assert_owners(&s, "a Apply {'f:data':{'f:z':{}}}\nb Apply {'f:data':{'f:x':{}}}");
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

        assert_live(&s, MAP("{'x':'1','y':'2'}"));
        scene_done(&s);
}

static void force_takes_over(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;
        (void) scene_apply(&s, "a", MAP("{'x':'1','y':'2'}"), false);

        assert_int_equal(scene_apply(&s, "b", MAP("{'x':'9'}"), true), 1);

        assert_live(&s, MAP("{'x':'9','y':'2'}"));
        assert_owners(&s, "a Apply {'f:data':{'f:y':{}}}\nb Apply {'f:data':{'f:x':{}}}");
        scene_done(&s);
}

static void an_update_takes_what_it_changes(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;
        (void) scene_apply(&s, "a", MAP("{'x':'1','y':'2','z':'3'}"), false);

        assert_int_equal(scene_update(&s, "u", MAP("{'x':'9','y':'2','n':'4'}")), 1);
        assert_owners(&s, "a Apply {'f:data':{'f:y':{}}}\nu Update {'f:data':{'f:n':{},'f:x':{}}}");
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

        assert_owners(&s, "a Update {'f:data':{'.':{},'f:x':{}}}");
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

        assert_live(&s, MAP("{'y':'1'}"));
        assert_owners(&s, "b Apply {'f:data':{'f:y':{}}}");
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

        assert_owners(&s, "a Apply {'f:data':{'f:x':{}}}\n"
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

        assert_live(&s, POD("{'containers':[{'name':'d','image':'j'},{'name':'c','image':'i','tty':"
                            "true}]}"));
        assert_owners(&s, "a Apply {'f:spec':{'f:containers':{'k:{\\'name\\':\\'c\\'}':{'.':{},"
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

        assert_live(&s, POD("{'containers':[{'name':'c','image':'i'}]}"));
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

        assert_live(&s, POD("{'containers':[{'name':'c','ports':[{'containerPort':80,'protocol':"
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

        assert_live(&s, POD("{'nodeSelector':{'y':'1'},'containers':[{'name':'c','args':['1']}]}"));
        scene_done(&s);
}

static void label_selectors_are_atomic(void **state) {
        struct scene s = { .kind = &deployment_kind };
        (void) state;

        (void) scene_apply(&s, "a", "{'spec':{'selector':{'matchLabels':{'a':'b'}}}}", false);

        assert_owners(&s, "a Apply {'f:spec':{'f:selector':{}}}");
        scene_done(&s);
}

static void sets_are_united_and_given_up_one_by_one(void **state) {
        struct scene s = { .kind = &config_map_kind };
        (void) state;
        (void) scene_apply(&s, "a", "{'metadata':{'finalizers':['x/a','x/b']}}", false);

        assert_int_equal(scene_apply(&s, "b", "{'metadata':{'finalizers':['x/b','x/c']}}", false),
                         1);
        assert_live(&s, "{'metadata':{'finalizers':['x/a','x/b','x/c']}}");
        assert_int_equal(scene_apply(&s, "a", "{'metadata':{'finalizers':['x/a']}}", false), 1);
        assert_int_equal(scene_apply(&s, "b", "{'metadata':{'finalizers':['x/c']}}", false), 1);

        assert_live(&s, "{'metadata':{'finalizers':['x/a','x/c']}}");
        assert_owners(&s, "a Apply {'f:metadata':{'f:finalizers':{'v:\\'x/a\\'':{}}}}\n"
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

/* ---- properties ---- */

static json_t *random_config(uint64_t *seed) {
        static const char *const NAMES[] = { "a", "b", "c", "d" };
        json_t *containers = json_array(), *labels = json_object(), *finalizers = json_array();
        json_t *spec;

        for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
                uint64_t r = backoff_random(seed);
                json_t *c, *env = json_array();

                if (r & 1)
                        (void) json_object_set_new(labels, NAMES[i],
                                                   json_string(r & 2 ? "x" : "y"));
                if (r & 4)
                        (void) json_array_append_new(finalizers, json_string(NAMES[i]));
                if (r & 8)
                        (void) json_array_append_new(env, json_pack("{s:s,s:s}", "name", "E",
                                                                    "value", r & 16 ? "1" : "2"));
                if (r & 32)
                        (void) json_array_append_new(
                                env, json_pack("{s:s,s:s}", "name", "F", "value", "1"));
                if (!(r & 64)) {
                        json_decref(env);
                        continue;
                }
                c = json_pack("{s:s,s:o}", "name", NAMES[i], "env", env);
                if (r & 128)
                        (void) json_object_set_new(c, "image", json_string(r & 256 ? "i" : "j"));
                if (r & 512)
                        (void) json_object_set_new(c, "args",
                                                   json_pack("[s]", r & 1024 ? "u" : "v"));
                (void) (backoff_random(seed) & 1 ? json_array_append_new(containers, c)
                                                 : json_array_insert_new(containers, 0, c));
        }
        spec = json_pack("{s:o}", "containers", containers);
        return json_pack("{s:s,s:s,s:{s:s,s:o,s:o},s:o}", "apiVersion", "v1", "kind", "Pod",
                         "metadata", "name", "p", "labels", labels, "finalizers", finalizers,
                         "spec", spec);
}

static void drop_empty(json_t *tree) {
        const char *key;
        json_t *one;
        void *next;
        size_t i;

        json_array_foreach(tree, i, one)
                drop_empty(one);
        json_object_foreach_safe(tree, next, key, one) {
                drop_empty(one);
                if ((json_is_array(one) && json_array_size(one) == 0) ||
                    (json_is_object(one) && json_object_size(one) == 0))
                        (void) json_object_del(tree, key);
        }
}

/* The owners together cover every field, and none owns what isn't there. */
static void check_cover(const struct scene *s, uint64_t seed) {
        struct apply_type type = apply_type_of(s->kind->schema);
        const struct field_set *all, *owned = field_set_empty(), *unowned;
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        static const char META[] =
                "{\"f:apiVersion\":{},\"f:kind\":{},\"f:metadata\":{\"f:name\":{}}}";
        const struct field_set *meta = NULL;
        struct managers m;

        assert_int_equal(managers_init(&m), 0);
        assert_int_equal(managers_parse(&m, s->managed, strlen(s->managed), NULL), 0);
        assert_int_equal(field_set_parse(&m.maker, META, strlen(META), &meta, NULL), 0);
        all = field_set_difference(&m.maker, apply_fields(&m.maker, &type, s->live), meta);
        for (size_t i = 0; i < m.n; i++)
                owned = field_set_union(&m.maker, owned, m.items[i].fields);
        unowned = field_set_difference(&m.maker, all, owned);
        field_set_format(unowned, &b);
        if (!field_set_is_empty(unowned))
                fail_msg("seed %llu: nobody owns %s", (unsigned long long) seed, b.s);
        strbuf_reset(&b);
        for (size_t i = 0; i < m.n; i++) {
                const struct field_set *excess;

                if (!m.items[i].is_apply)
                        continue;
                /* {} of a map that others have filled */
                excess = field_set_difference(&m.maker, m.items[i].fields,
                                              apply_named(&m.maker, &type, all));
                field_set_format(excess, &b);
                if (!field_set_is_empty(excess))
                        fail_msg("seed %llu: %s owns what isn't there: %s",
                                 (unsigned long long) seed, m.items[i].name, b.s);
        }
        managers_done(&m);
}

static void random_writers_keep_the_accounts_right(void **state) {
        static const char *const WHO[] = { "a", "b", "c" };
        (void) state;

        for (uint64_t run = 1; run <= 300; run++) {
                struct scene s = { .kind = &pod_kind };
                uint64_t seed = run;

                for (unsigned step = 0; step < 12; step++) {
                        json_t *config = random_config(&seed);
                        const char *who = WHO[backoff_random(&seed) % ARRAY_SIZE(WHO)];
                        bool force = backoff_random(&seed) & 1;
                        bool may_be_empty = run % 2;
                        int r;

                        if (!may_be_empty)
                                drop_empty(config);
                        s.now = step;
                        if (s.live && backoff_random(&seed) % 3 == 0) {
                                AUTO_FREE char *text = json_dumps(config, JSON_COMPACT);

                                (void) scene_update(&s, who, text);
                        } else {
                                r = scene_apply_tree(&s, who, config, force);
                                if (r >= 0 && scene_apply_tree(&s, who, config, false) != 0)
                                        fail_msg("run %llu: a second apply isn't idle: %s",
                                                 (unsigned long long) run, s.conflict);
                                assert_true(r >= 0 || r == -EEXIST);
                        }
                        /* Nobody needs to own an empty map. */
                        if (!may_be_empty && s.live && s.managed && *s.managed)
                                check_cover(&s, run);
                        json_decref(config);
                }
                scene_done(&s);
        }
}

/* ---- new objects in one walk ---- */

static void assert_created_alike(const struct kind *k, const char *text, int expected) {
        struct apply_type type = apply_type_of(k->schema);
        struct scene s = { .kind = k };
        json_t *tree = fixture_tree(text);
        struct apply_author by;
        char *brief = NULL, time[24];
        int r;

        assert_int_equal(scene_update(&s, "me \"x\"", text), 1);
        by = author(&s, "me \"x\"", time);
        r = managers_created(&type, tree, &by, &brief);
        assert_int_equal(r, expected);
        if (r == 0)
                assert_string_equal(brief, s.managed);
        free(brief);
        json_decref(tree);
        scene_done(&s);
}

static void the_owner_of_a_new_object_is_told_in_one_walk(void **state) {
        (void) state;

        assert_created_alike(&config_map_kind, MAP("{'b':'1','a':'2','\\u0001\\\\\\\"':'x'}"), 0);
        assert_created_alike(&config_map_kind, MAP("{}"), 0);
        assert_created_alike(
                &pod_kind,
                POD("{'containers':[{'name':'b','image':'i','resources':{},'env':[{'name':'E'}],"
                    "'ports':[{'containerPort':80},{'containerPort':8,'protocol':'UDP'}]},"
                    "{'name':'a','resources':{'limits':{'cpu':null}},'volumeMounts':null},"
                    "{'image':'nameless'}],'tolerations':[{'key':'k'}],'securityContext':{}}"),
                0);
        assert_created_alike(
                &pod_kind,
                "{'kind':'Pod','metadata':{'name':'p','uid':'u','labels':{'z':'1','y':'2'},"
                "'finalizers':['q','p'],'ownerReferences':[{'uid':'1','name':'n'}]}}",
                0);
        /* Which of two elements is which? */
        assert_created_alike(&pod_kind, POD("{'containers':[{'name':'a'},{'name':'a'}]}"),
                             -ENOTSUP);
}

static void what_nobody_owns_has_no_managers(void **state) {
        struct apply_type type = apply_type_of(config_map_kind.schema);
        struct apply_author by = { .manager = "me", .api_version = "v1", .subresource = "" };
        json_t *tree =
                fixture_tree("{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'m'}}");
        char *text = NULL;
        (void) state;

        assert_int_equal(managers_created(&type, tree, &by, &text), 0);

        assert_string_equal(text, "");
        free(text);
        json_decref(tree);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_owner_of_a_new_object_is_told_in_one_walk),
                cmocka_unit_test(what_nobody_owns_has_no_managers),
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
                cmocka_unit_test(random_writers_keep_the_accounts_right),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
