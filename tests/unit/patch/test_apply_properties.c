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
        by = scene_author(&s, "me \"x\"", time);
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
                cmocka_unit_test(random_writers_keep_the_accounts_right),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
