/* Server-side apply: what one author wants is laid over what there is.
 *
 *      live ----merge----> merged --prune--> new       config's values win; what only the author
 *      config --fields--> the author's new set         owned and no longer names goes
 *      live/new --compare--> changed                   others who own what changed: conflicts
 */
#include "api/patch/apply.h"

#include "api/patch/apply_walk.h"
#include "api/patch/managers.h"
#include "api/patch/patch.h"
#include "api/patch/tree.h"

#include <stdlib.h>
#include <string.h>

void apply_conflicts_done(struct apply_conflicts *c) {
        free(c->message);
        json_decref(c->causes);
        *c = (struct apply_conflicts){ 0 };
}

/* ---- pruning ---- */

/* A copy of tree without the paths of set. */
static json_t *without(struct field_maker *m, const struct apply_type *t, const json_t *tree,
                       const struct field_set *set) {
        json_t *copy = json_deep_copy(tree);

        if (copy)
                apply_remove(m, t, copy, set);
        else
                m->has_failed = true;
        return copy;
}

/* Every path that a tree has, with the fields above it. */
static const struct field_set *all_named(struct field_maker *m, const struct apply_type *t,
                                         const json_t *tree) {
        return apply_named(m, t, apply_fields(m, t, tree));
}

static const struct field_set *owned_by_all(struct managers *m) {
        const struct field_set *all = field_set_empty();

        for (size_t i = 0; i < m->n; i++)
                all = field_set_union(&m->maker, all, m->items[i].fields);
        return all;
}

/* Takes from *tree what last had and nobody owns any more. What nobody ever owned, but sits inside
 * of something that was removed (a default in a list's element), must not keep it alive; what the
 * author never had must not go. */
static void prune(struct managers *m, const struct apply_request *q, const struct field_set *last,
                  json_t **tree) {
        const struct apply_type *t = q->type;
        struct field_maker *k = &m->maker;
        const struct field_set *all, *kept, *owned, *gone;
        json_t *pruned;

        last = apply_named(k, t, last);
        all = all_named(k, t, *tree);
        owned = apply_named(k, t, owned_by_all(m));
        pruned = without(k, t, *tree, last);
        kept = all_named(k, t, pruned);
        json_decref(pruned);
        pruned =
                without(k, t, *tree, field_set_difference(k, all, field_set_union(k, kept, owned)));
        kept = all_named(k, t, pruned);
        json_decref(pruned);
        gone = field_set_intersection(k, field_set_difference(k, all, kept), last);
        apply_remove(k, t, *tree, gone);
        /* What became empty went, too; unless it is wanted empty. */
        pruned = apply_merge(k, t, *tree, q->config);
        json_decref(*tree);
        *tree = pruned;
        if (!pruned)
                k->has_failed = true;
}

/* ---- conflicts ---- */

json_t *managers_last_applied(const json_t *live, const struct apply_author *by) {
        json_t *annotations = json_object_get(json_object_get(live, "metadata"), "annotations");
        const char *text = json_string_value(json_object_get(annotations, PATCH_LAST_APPLIED));
        json_t *last;

        if (!text || !str_eq(by->manager, "kubectl"))
                return NULL;
        last = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        if (json_is_object(last) && tree_depth(last) <= PATCH_DEPTH_MAX)
                return last;
        json_decref(last);
        return NULL;
}

/* Fields that client-side apply has set and that are still as it left them: kubectl may take them
 * over from itself. */
static const struct field_set *inherited(struct managers *m, const struct apply_request *q) {
        const struct field_set *set;
        struct apply_delta d;

        if (!q->last_applied)
                return field_set_empty();
        set = apply_fields(&m->maker, q->type, q->last_applied);
        d = apply_compare(&m->maker, q->type, q->last_applied, q->live);
        set = field_set_difference(&m->maker, set, d.changed);
        return field_set_difference(&m->maker, set, d.removed);
}

struct conflict {
        const char *manager; /* "\"kubectl\" using v1" */
        const struct field_set *fields;
};

struct conflicts {
        struct conflict *items; /* in the arena */
        size_t n, n_fields;
};

static const char *manager_words(struct managers *m, const struct manager *one) {
        struct arena *a = m->maker.arena;
        const char *sub = *one->subresource
                                  ? arena_printf(a, " with subresource \"%s\"", one->subresource)
                                  : "";

        if (one->is_apply)
                return arena_printf(a, "\"%s\"%s", one->name, str_or_empty(sub));
        return arena_printf(a, "\"%s\"%s using %s", one->name, str_or_empty(sub), one->api_version);
}

static void count_field(void *data, const char *text) {
        (void) text;
        ++*(size_t *) data;
}

static int conflict_compare(const void *a, const void *b) {
        return strcmp(((const struct conflict *) a)->manager,
                      ((const struct conflict *) b)->manager);
}

/* What others own of what would change. */
static struct conflicts conflicts_find(struct managers *m, const struct apply_request *q,
                                       const struct field_set *changed) {
        struct field_maker *k = &m->maker;
        struct conflicts c = { .items = arena_alloc_n(k->arena, m->n + 1, sizeof(*c.items)) };
        const struct field_set *own = inherited(m, q);

        for (size_t i = 0; c.items && i < m->n; i++) {
                const struct manager *one = &m->items[i];
                struct conflict found;

                if (manager_is(one, &q->by, true))
                        continue;
                found.fields = field_set_intersection(k, one->fields, changed);
                found.fields = field_set_difference(k, found.fields, own);
                if (field_set_is_empty(found.fields))
                        continue;
                found.manager = manager_words(m, one);
                if (!found.manager || field_set_each(found.fields, count_field, &c.n_fields) < 0)
                        k->has_failed = true;
                c.items[c.n++] = found;
        }
        if (!c.items)
                k->has_failed = true;
        if (k->has_failed)
                return (struct conflicts){ 0 };
        qsort(c.items, c.n, sizeof(*c.items), conflict_compare);
        return c;
}

struct teller {
        struct strbuf *text;
        json_t *causes;
        const char *manager;
        bool is_one;
};

static void tell_field(void *data, const char *path) {
        struct teller *t = data;
        AUTO_FREE char *message = str_format("conflict with %s", t->manager);
        json_t *cause = json_pack("{s:s,s:s,s:s}", "reason", "FieldManagerConflict", "message",
                                  str_or_empty(message), "field", path);

        if (!message || json_array_append_new(t->causes, cause) < 0)
                t->text->has_failed = true;
        if (t->is_one)
                strbuf_addf(t->text, "conflict with %s: %s", t->manager, path);
        else
                strbuf_addf(t->text, "\n- %s", path);
}

static int conflicts_tell(const struct conflicts *c, struct apply_conflicts *ret, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        struct teller t = { .text = &b, .causes = json_array(), .is_one = c->n_fields == 1 };

        strbuf_addf(&b, "Apply failed with %zu conflict%s: ", c->n_fields,
                    c->n_fields == 1 ? "" : "s");
        for (size_t i = 0; i < c->n; i++) {
                t.manager = c->items[i].manager;
                if (!t.is_one)
                        strbuf_addf(&b, "%sconflicts with %s:", i > 0 ? "\n" : "", t.manager);
                if (field_set_each(c->items[i].fields, tell_field, &t) < 0)
                        b.has_failed = true;
        }
        ret->causes = t.causes;
        ret->message = strbuf_steal(&b);
        return ret->message ? err_set(e, -EEXIST, "%s", ret->message) : tree_no_memory(e);
}

/* ---- the annotation of client-side apply ---- */

/* An object that both ways of apply know: what kubectl applies here is what its other way compares
 * with later. */
static int annotation_follow(const struct apply_request *q, json_t *tree) {
        json_t *annotations = json_object_get(json_object_get(tree, "metadata"), "annotations");
        json_t *copy, *meta, *inner;
        char *text, *line;
        int r = -ENOMEM;

        if (!str_eq(q->by.manager, "kubectl") ||
            !json_object_get(json_object_get(json_object_get(q->live, "metadata"), "annotations"),
                             PATCH_LAST_APPLIED))
                return 0;
        copy = json_deep_copy(q->config);
        meta = json_object_get(copy, "metadata");
        inner = json_object_get(meta, "annotations");
        if (inner)
                (void) json_object_del(inner, PATCH_LAST_APPLIED);
        else
                (void) json_object_set_new(meta, "annotations", json_object());
        text = copy ? json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        line = text ? str_format("%s\n", text) : NULL;
        if (line && json_object_set_new(annotations, PATCH_LAST_APPLIED, json_string(line)) == 0)
                r = 0;
        free(text);
        free(line);
        json_decref(copy);
        return r;
}

/* ---- apply ---- */

/* An object from before anybody kept account: all of it belongs to the past. */
static int begin_account(struct managers *m, const struct apply_request *q) {
        struct apply_author past = q->by;

        if (m->n > 0 || !q->live)
                return 0;
        past.manager = MANAGERS_BEFORE_APPLY;
        past.subresource = "";
        return managers_update(m, q->type, NULL, q->live, &past);
}

/* The author's entry gets its new set. Returns what it had before. */
static const struct field_set *author_set(struct managers *m, const struct apply_request *q,
                                          const struct field_set *fields) {
        struct manager *own = managers_find(m, &q->by, true);
        const struct field_set *last;

        if (!own)
                own = managers_add(m, &q->by, true);
        if (!own)
                return field_set_empty();
        last = own->fields;
        own->fields = fields;
        return last;
}

static int author_stamp(struct managers *m, const struct apply_request *q) {
        struct manager *own = managers_find(m, &q->by, true);

        if (!own)
                return 0;
        own->time = q->by.time ? arena_strdup(m->maker.arena, q->by.time) : NULL;
        own->api_version = arena_strdup(m->maker.arena, q->by.api_version);
        return own->api_version ? 0 : -ENOMEM;
}

/* From merged to new, and who owns what then. */
static int account(struct managers *m, const struct apply_request *q, json_t **tree,
                   struct apply_conflicts *ret_conflicts, struct err *e) {
        const struct field_set *fields, *last;
        struct conflicts conflicts;
        struct apply_delta d;
        bool is_changed;

        fields = managers_strip(&m->maker, apply_fields(&m->maker, q->type, q->config));
        last = author_set(m, q, fields);
        if (!field_set_is_subset(last, fields))
                prune(m, q, last, tree);
        d = apply_compare(&m->maker, q->type, q->live, *tree);
        if (!q->is_forced) {
                conflicts = conflicts_find(m, q, d.changed);
                if (conflicts.n > 0)
                        return conflicts_tell(&conflicts, ret_conflicts, e);
        }
        is_changed = managers_lose(m, &d, &q->by, true) || !field_set_equal(last, fields);
        managers_drop_empty(m);
        if (annotation_follow(q, *tree) < 0)
                return tree_no_memory(e);
        is_changed |= !q->live || !json_equal(q->live, *tree);
        if (is_changed && author_stamp(m, q) < 0)
                return tree_no_memory(e);
        return m->maker.has_failed ? tree_no_memory(e) : is_changed;
}

int managers_apply(struct managers *m, const struct apply_request *request, json_t **ret_tree,
                   struct apply_conflicts *ret_conflicts, struct err *e) {
        json_t *tree;
        int r;

        if (!json_is_object(request->config))
                return err_set(e, -EINVAL, "an applied config must be a map of fields");
        r = tree_check_depth(request->config, "config", e);
        if (r == 0)
                r = apply_check(&m->maker, request->type, request->config, e);
        if (r == 0 && begin_account(m, request) < 0)
                r = tree_no_memory(e);
        if (r < 0)
                return r;
        tree = apply_merge(&m->maker, request->type, request->live, request->config);
        if (!tree)
                return tree_no_memory(e);
        r = account(m, request, &tree, ret_conflicts, e);
        if (r < 0) {
                json_decref(tree);
                return r;
        }
        *ret_tree = tree;
        return r;
}
