/* test-plan FILE…: decision tables. A file has
 *
 *   plan: deployment            which plan is asked
 *   defaults: {KIND: tree, …}   what an object has where a case doesn't say otherwise
 *   cases:
 *   - name: a sentence
 *     now: "2026-01-01T00:10:00Z"    optional
 *     wanted: tree                   the object that is planned for
 *     observed: [tree, …]            what else there is
 *     expect: [action, …]            exactly these, in order; each says as much as matters
 *     again: "2026-…" or false       when the plan wants to be asked again; left out: any
 *
 * An action has verb, kind, name, subresource, body, uid, revision, propagation, grace and event
 * {type, reason, message}. Text that ends in "*" stands for what begins so; null for absence. */

#include "api/kinds/object.h"
#include "api/patch/patch.h"
#include "api/text/text.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "tests/plan/case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (1U << 20)
#define NOW_DEFAULT "2026-01-01T00:10:00Z"

/* ---- comparing ---- */

static bool text_matches(const char *want, const char *has) {
        size_t len = strlen(want);

        if (!has)
                return false;
        return len > 0 && want[len - 1] == '*' ? strncmp(want, has, len - 1) == 0
                                               : strcmp(want, has) == 0;
}

/* Whether has says all that want says; lists have to have the same length. */
static bool tree_matches(const json_t *want, const json_t *has) {
        json_t *v;
        const char *key;
        size_t i;

        if (json_is_null(want))
                return !has || json_is_null(has);
        if (json_is_string(want))
                return text_matches(json_string_value(want), json_string_value(has));
        if (json_is_object(want)) {
                json_object_foreach((json_t *) want, key, v)
                        if (!tree_matches(v, json_object_get(has, key)))
                                return false;
                return json_is_object(has);
        }
        if (json_is_array(want)) {
                if (!json_is_array(has) || json_array_size(want) != json_array_size(has))
                        return false;
                json_array_foreach(want, i, v)
                        if (!tree_matches(v, json_array_get(has, i)))
                                return false;
                return true;
        }
        return json_equal(want, has);
}

/* ---- what the plan said ---- */

static const char *verb_name(enum change_verb verb) {
        static const char *const names[] = {
                [CHANGE_CREATE] = "create", [CHANGE_PATCH] = "patch",   [CHANGE_POST] = "post",
                [CHANGE_PUT] = "put",       [CHANGE_DELETE] = "delete", [CHANGE_EVENT] = "event",
        };

        return names[verb];
}

static json_t *change_tree(const struct change *c) {
        json_t *o = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:s*, s:O*}", "verb",
                              verb_name(c->verb), "kind", c->kind->name, "name", c->name,
                              "subresource", c->subresource, "uid", c->uid, "revision", c->revision,
                              "propagation", c->propagation, "body", c->body);

        if (c->grace_s >= 0)
                (void) tree_set(o, "grace", json_integer(c->grace_s));
        if (c->done.type)
                (void) tree_set(o, "event",
                                json_pack("{s:s, s:s, s:s}", "type", c->done.type, "reason",
                                          c->done.reason, "message", c->done.message));
        return o;
}

static json_t *changes_tree(const struct changes *c) {
        json_t *list = json_array();

        for (size_t i = 0; i < c->n; i++)
                (void) json_array_append_new(list, change_tree(&c->items[i]));
        return list;
}

static bool again_matches(const json_t *want, uint64_t again_usec) {
        uint64_t at = 0;

        if (!want)
                return true;
        if (json_is_string(want) && clock_parse(json_string_value(want), &at) < 0)
                return false;
        return at == again_usec;
}

/* ---- cases ---- */

static int case_add(struct plan_case *pc, const json_t *defaults, const json_t *tree,
                    struct err *e) {
        const char *kind = json_string_value(json_object_get(tree, "kind"));
        const json_t *base = json_object_get(defaults, str_or_empty(kind));
        json_t *full = NULL;
        int r;

        if (pc->n == CASE_OBJECTS_MAX)
                return err_set(e, -E2BIG, "more than %d objects", CASE_OBJECTS_MAX);
        if (!base)
                return err_set(e, -EINVAL, "no defaults for kind %s", str_or_empty(kind));
        r = patch_merge(base, tree, &full, e);
        if (r < 0)
                return r;
        r = object_new_from_json(NULL, full, true, &pc->objects[pc->n], e);
        json_decref(full);
        if (r == 0)
                pc->n++;
        return r;
}

/* "count: 120" beside an observed object makes as many, with the number in name and uid. */
static int case_add_many(struct plan_case *pc, const json_t *defaults, const json_t *tree,
                         struct err *e) {
        json_int_t count = json_integer_value(json_object_get(tree, "count"));
        int r = 0;

        if (count == 0)
                return case_add(pc, defaults, tree, e);
        for (json_int_t i = 0; i < count && r == 0; i++) {
                json_t *one = json_deep_copy(tree), *meta = json_object_get(one, "metadata");

                if (!meta) {
                        meta = json_object();
                        (void) json_object_set_new(one, "metadata", meta);
                }
                (void) json_object_set_new(meta, "name", json_sprintf("p%03d", (int) i));
                (void) json_object_set_new(meta, "uid", json_sprintf("u%03d", (int) i));
                (void) json_object_del(one, "count");
                r = case_add(pc, defaults, one, e);
                json_decref(one);
        }
        return r;
}

static int case_load(struct plan_case *pc, const json_t *defaults, const json_t *tree,
                     struct err *e) {
        const char *now = json_string_value(json_object_get(tree, "now"));
        const json_t *wanted = json_object_get(tree, "wanted"), *v;
        int r = clock_parse(now ? now : NOW_DEFAULT, &pc->now_usec);
        size_t i;

        pc->tree = tree;
        if (r == 0 && wanted)
                r = case_add(pc, defaults, wanted, e);
        json_array_foreach(json_object_get(tree, "observed"), i, v)
                if (r == 0)
                        r = case_add_many(pc, defaults, v, e);
        return r;
}

static bool case_run(plan_adapter run, const json_t *defaults, const json_t *tree,
                     const char *file) {
        const char *name = json_string_value(json_object_get(tree, "name"));
        struct plan_case pc = { 0 };
        struct changes c = { 0 };
        struct err e = { 0 };
        json_t *has = NULL;
        bool ok;
        int r = case_load(&pc, defaults, tree, &e);

        if (r == 0)
                r = run(&pc, &c, &e);
        has = changes_tree(&c);
        ok = r == 0 && json_object_get(tree, "expect") &&
             tree_matches(json_object_get(tree, "expect"), has) &&
             again_matches(json_object_get(tree, "again"), c.again_usec);
        if (!ok) {
                AUTO_FREE char *text = json_dumps(has, JSON_INDENT(1));
                char again[CLOCK_TEXT_MAX];

                (void) fprintf(stderr, "%s: %s\n  %s\n  the plan says: %s\n  again: %s\n", file,
                               str_or_empty(name), r < 0 ? e.text : "not as expected", text,
                               c.again_usec ? clock_format(c.again_usec, again) : "no");
        }
        json_decref(has);
        changes_done(&c);
        for (size_t i = 0; i < pc.n; i++)
                object_unref(pc.objects[i]);
        return ok;
}

static bool file_run(const char *file, size_t *n_cases) {
        AUTO_DONE(text_documents) struct text_documents docs = { 0 };
        AUTO_FREE char *text = NULL;
        struct diags d = { 0 };
        struct err e = { 0 };
        const json_t *tree, *v;
        plan_adapter run;
        size_t len, i, n_failed = 0;

        if (file_read(file, FILE_MAX_BYTES, &text, &len, &e) < 0 ||
            text_read_yaml(text, len, file, FILE_MAX_BYTES, &docs, &d) < 0 || docs.n != 1) {
                AUTO_FREE char *why = d.n > 0 ? diag_format(&d.items[0]) : NULL;

                (void) fprintf(stderr, "%s: %s\n", file, why ? why : err_text(&e));
                diags_done(&d);
                return false;
        }
        diags_done(&d);
        tree = docs.items[0].tree;
        run = plan_adapter_find(json_string_value(json_object_get(tree, "plan")));
        if (!run) {
                (void) fprintf(stderr, "%s: names no plan\n", file);
                return false;
        }
        json_array_foreach(json_object_get(tree, "cases"), i, v) {
                n_failed += !case_run(run, json_object_get(tree, "defaults"), v, file);
                ++*n_cases;
        }
        return n_failed == 0;
}

int main(int argc, char **argv) {
        size_t n_cases = 0;
        bool ok = argc > 1;

        for (int i = 1; i < argc; i++)
                ok &= file_run(argv[i], &n_cases);
        (void) printf("%zu cases\n", n_cases);
        return ok && n_cases > 0 ? 0 : 1;
}
