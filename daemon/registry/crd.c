#include "daemon/registry/crd.h"

#include "api/kinds/crd.h"
#include "api/kinds/custom.h"
#include "api/kinds/object.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/record.h"
#include "daemon/registry/state.h"
#include "daemon/registry/version.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define VERSIONS_MAX 32U /* as the checks of a definition */

static const json_t *spec_of(const json_t *tree) {
        return json_object_get(tree, "spec");
}

bool crd_is_terminating(const json_t *tree) {
        return json_object_get(json_object_get(tree, "metadata"), "deletionTimestamp");
}

/* ---- names ---- */

static bool words_have(const char *const *words, const char *word) {
        for (; words && *words; words++)
                if (str_eq(*words, word))
                        return true;
        return false;
}

static bool name_is_taken(const struct kind *k, const char *word) {
        return str_eq(k->plural, word) || str_eq(k->singular, word) ||
               words_have(k->short_names, word);
}

static char *taken(const char *word, const char *reason, const char **ret_reason) {
        *ret_reason = reason;
        return str_format("\"%s\" is already in use", word);
}

static char *kind_conflict(const struct kind *k, const json_t *names, const char **ret_reason) {
        const char *plural = tree_text(names, "plural"), *singular = tree_text(names, "singular");
        const char *kind = tree_text(names, "kind"), *list = tree_text(names, "listKind");
        const json_t *one;
        size_t i;

        if (name_is_taken(k, str_or_empty(plural)))
                return taken(plural, "PluralConflict", ret_reason);
        if (name_is_taken(k, str_or_empty(singular)))
                return taken(singular, "SingularConflict", ret_reason);
        json_array_foreach(json_object_get(names, "shortNames"), i, one) {
                if (name_is_taken(k, json_string_value(one)))
                        return taken(json_string_value(one), "ShortNamesConflict", ret_reason);
        }
        if (str_eq(k->name, kind) || str_eq(k->list_name, kind))
                return taken(kind, "KindConflict", ret_reason);
        if (str_eq(k->name, list) || str_eq(k->list_name, list))
                return taken(list, "ListKindConflict", ret_reason);
        return NULL;
}

/* Whether a state is the definition's own. */
static bool is_own(const struct kind_state *s, const json_t *tree) {
        const struct kind *k = s->resource.kind;

        return k->custom && str_eq(k->group, tree_text(spec_of(tree), "group")) &&
               str_eq(k->plural, tree_text(json_object_get(spec_of(tree), "names"), "plural"));
}

char *crd_conflict(struct registry *r, const json_t *tree, const char **ret_reason) {
        const char *group = tree_text(spec_of(tree), "group");
        char *found = NULL;

        for (size_t i = 0; i < r->kinds.n && !found; i++) {
                const struct kind_state *s = r->kinds.items[i];

                if (str_eq(s->resource.kind->group, group) && !is_own(s, tree))
                        found = kind_conflict(s->resource.kind,
                                              json_object_get(spec_of(tree), "names"), ret_reason);
        }
        return found;
}

/* ---- admission ---- */

bool crd_admit(struct call *c, json_t *tree) {
        struct crd_verdict verdict = { .now_usec = c->registry->wall_usec(),
                                       .is_terminating = crd_is_terminating(tree) };
        AUTO_FREE char *conflict = crd_conflict(c->registry, tree, &verdict.reason);

        verdict.conflict = conflict;
        if (crd_status_set(tree, &verdict) == 0)
                return true;
        call_fail_memory(c);
        return false;
}

bool crd_admit_object(struct call *c) {
        if (!c->kind->is_terminating && !c->kind->is_removed)
                return true;
        if (c->kind->is_removed)
                call_fail(c, 404, "NotFound", "the server could not find the requested resource");
        else
                call_fail(c, 405, "MethodNotAllowed",
                          "create not allowed while custom resource definition is terminating");
        return false;
}

int crd_hold(struct call *c, json_t *tree) {
        struct crd_verdict verdict = { .now_usec = c->registry->wall_usec(),
                                       .is_terminating = true };
        json_t *meta = json_object_get(tree, "metadata"), *list;

        if (crd_is_terminating(tree))
                return 0;
        list = json_object_get(meta, "finalizers");
        if (!json_is_array(list)) {
                list = json_array();
                if (json_object_set_new(meta, "finalizers", list) < 0)
                        return -ENOMEM;
        }
        if (json_array_append_new(list, json_string(CRD_FINALIZER)) < 0)
                return -ENOMEM;
        return crd_status_set(tree, &verdict);
}

/* ---- kinds ---- */

struct versions {
        const struct kind *stored;
        const struct kind *served[VERSIONS_MAX]; /* counted; the preferred one first */
        size_t n;
};

static void versions_done(struct versions *v) {
        for (size_t i = 0; i < v->n; i++)
                kind_unref(v->served[i]);
        kind_unref(v->stored);
        *v = (struct versions){ 0 };
}

static const char *storage_version(const json_t *tree) {
        const json_t *one;
        size_t i;

        json_array_foreach(json_object_get(spec_of(tree), "versions"), i, one) {
                if (json_is_true(json_object_get(one, "storage")))
                        return tree_text(one, "name");
        }
        return NULL;
}

static int by_version(const void *a, const void *b) {
        const struct kind *const *x = a, *const *y = b;

        return version_compare((*y)->version, (*x)->version);
}

static int versions_make(const json_t *tree, struct versions *v, struct err *e) {
        struct custom_version wanted = { .definition = tree, .name = storage_version(tree) };
        const json_t *one;
        size_t i;
        int r;

        if (!wanted.name)
                return err_set(e, -EINVAL, "no version is the storage version");
        r = custom_kind_new(&wanted, &v->stored, e);
        wanted.stored_as = v->stored;
        json_array_foreach(json_object_get(spec_of(tree), "versions"), i, one) {
                wanted.name = tree_text(one, "name");
                if (r < 0 || v->n == VERSIONS_MAX || !json_is_true(json_object_get(one, "served")))
                        continue;
                if (str_eq(wanted.name, v->stored->version))
                        v->served[v->n] = kind_ref(v->stored);
                else
                        r = custom_kind_new(&wanted, &v->served[v->n], e);
                v->n += r == 0;
        }
        /* Somebody must be able to delete what there is. */
        if (r == 0 && v->n == 0 && crd_is_terminating(tree))
                v->served[v->n++] = kind_ref(v->stored);
        if (r < 0)
                versions_done(v);
        else
                qsort(v->served, v->n, sizeof(v->served[0]), by_version);
        return r;
}

static struct kind_state *state_of(struct registry *r, const json_t *tree) {
        for (size_t i = 0; i < r->kinds.n; i++)
                if (is_own(r->kinds.items[i], tree))
                        return r->kinds.items[i];
        return NULL;
}

static bool is_established(const json_t *tree) {
        const json_t *status = json_object_get(tree, "status"), *one;
        size_t i;

        json_array_foreach(json_object_get(status, "conditions"), i, one) {
                if (str_eq(tree_text(one, "type"), CRD_ESTABLISHED))
                        return str_eq(tree_text(one, "status"), "True");
        }
        return false;
}

static int kind_install(struct registry *r, const json_t *tree, struct err *e) {
        struct kind_state *state = state_of(r, tree);
        struct versions v = { 0 };
        int result;

        if (!state && !is_established(tree))
                return 0;
        if (state && (state->n_served > 0 || !crd_is_terminating(tree)) &&
            json_equal(spec_of(custom_definition(state->resource.kind)), spec_of(tree))) {
                state->is_terminating = crd_is_terminating(tree);
                return 0;
        }
        result = versions_make(tree, &v, e);
        if (result < 0)
                return result;
        if (state) {
                result = kinds_replace(&r->kinds, state, v.stored, v.served, v.n);
                crd_refresh(state);
        } else {
                result = kinds_add(&r->kinds, v.stored, v.served, v.n, &state);
                /* While loading there is no hub yet: it will be made for all. */
                if (result == 0 && r->hub && hub_add_resource(r->hub, &state->resource) < 0) {
                        kinds_remove(&r->kinds, state);
                        result = -ENOMEM;
                }
        }
        versions_done(&v);
        if (result == 0)
                state->is_terminating = crd_is_terminating(tree);
        return result < 0 ? err_set(e, result, "memory is out") : 0;
}

static void kind_drop(struct registry *r, const json_t *tree) {
        struct kind_state *state = state_of(r, tree);

        if (!state)
                return;
        if (r->hub)
                hub_end_resource(r->hub, &state->resource);
        kinds_remove(&r->kinds, state);
}

static void definition_apply(struct registry *r, enum change change, struct record *now) {
        json_t *tree = record_tree(now);
        struct err e = { 0 };

        if (!tree)
                (void) err_set(&e, -ENOMEM, "memory is out");
        else if (change == CHANGE_DELETED)
                kind_drop(r, tree);
        else
                (void) kind_install(r, tree, &e);
        if (e.code < 0)
                LOG_ERROR(now->name, "this kind can't be served (%s); change its definition",
                          e.text);
        json_decref(tree);
}

void crd_published(struct registry *r, enum change change, struct record *now) {
        definition_apply(r, change, now);
        crd_work_soon(r);
}

void crd_object_published(struct registry *r) {
        crd_work_soon(r);
}

/* ---- loading ---- */

static struct kind_state *definitions(struct registry *r) {
        return registry_kind(r, crd_kind.group, crd_kind.version, crd_kind.plural);
}

void crd_loaded(struct registry *r) {
        struct kind_state *s = definitions(r);

        for (size_t i = 0; i < s->table.n; i++)
                definition_apply(r, CHANGE_ADDED, s->table.items[i]);
}

void crd_objects_loaded(struct registry *r) {
        for (size_t i = 0; i < r->kinds.n; i++)
                if (r->kinds.items[i]->resource.kind->custom)
                        crd_refresh(r->kinds.items[i]);
        crd_work_soon(r);
}

/* The same object as today's definition has it, or NULL where nothing changes (or memory is out:
 * then it stays as it is). */
static struct record *record_refresh(struct kind_state *state, const struct record *old) {
        const struct kind *k = state->resource.kind;
        json_t *tree = record_tree(old), *before = tree ? json_deep_copy(tree) : NULL;
        struct record *fresh = NULL;

        if (before && json_object_set_new(tree, "apiVersion", json_string(k->api_version)) == 0 &&
            json_object_set_new(tree, "kind", json_string(k->name)) == 0 &&
            custom_default(k, tree) == 0 && !json_equal(tree, before) &&
            record_new(&state->resource, tree, old->revision, &fresh, NULL) == 0)
                fresh->stored_revision = old->stored_revision;
        json_decref(tree);
        json_decref(before);
        return fresh;
}

void crd_refresh(struct kind_state *state) {
        for (size_t i = 0; i < state->table.n; i++) {
                struct record *fresh = record_refresh(state, state->table.items[i]);

                if (fresh)
                        table_put(&state->table, fresh); /* takes the same place */
        }
}

struct record *crd_record_of(struct registry *r, const struct kind_state *state) {
        const struct kind *k = state->resource.kind;
        AUTO_FREE char *name = str_format("%s.%s", k->plural, k->group);

        return name ? table_get(&definitions(r)->table, "", name) : NULL;
}
