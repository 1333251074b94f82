/* The slow part of definitions' lives, as requests to the registry itself: deleting objects,
 * letting go of a definition without objects, asking again for names. */
#include "api/client/timer.h"
#include "api/kinds/crd.h"
#include "api/kinds/object.h"
#include "api/text/text.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/registry/crd.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/record.h"
#include "daemon/registry/rest.h"
#include "daemon/registry/state.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_MAX 200U /* requests at once */
#define RETRY_USEC (1000 * 1000ULL)

static void work(void *data);

static void work_at(struct registry *r, uint64_t delay_usec) {
        if (r->has_stopped || r->crd_work.timer)
                return;
        (void) r->timers->vtable->add(
                r->timers, delay_usec ? r->timers->vtable->now_usec(r->timers) + delay_usec : 0,
                work, r, &r->crd_work.timer);
}

void crd_work_soon(struct registry *r) {
        if (r->crd_work.n_pending == 0)
                work_at(r, 0);
}

void crd_done(struct registry *r) {
        if (r->crd_work.timer)
                r->timers->vtable->cancel(r->timers, r->crd_work.timer);
        r->crd_work.timer = NULL;
}

/* Every answer of a round is in: look again, later when something failed. */
static void answered(void *data, struct rest_response *take_response) {
        struct registry *r = data;

        r->crd_work.has_failed |= take_response->status >= 400 && take_response->status != 404;
        rest_response_done(take_response);
        if (--r->crd_work.n_pending > 0)
                return;
        work_at(r, r->crd_work.has_failed ? RETRY_USEC : 0);
}

static void ask(struct registry *r, const char *method, const char *path, const char *body) {
        static const struct rest_sink SINK = { .respond = answered };
        const struct rest_request request = {
                .method = method,
                .path = path,
                .content_type = "application/merge-patch+json",
                .user = &REGISTRY_USER,
                .body = body,
                .body_len = body ? strlen(body) : 0,
        };

        r->crd_work.n_pending++;
        r->crd_work.n_asked++;
        rest_handle(r, &request, &SINK, r);
}

/* ---- objects ---- */

static bool is_deleted(const struct record *record) {
        json_t *tree = record_tree(record);
        bool is = crd_is_terminating(tree);

        json_decref(tree);
        return is;
}

static char *object_path(const struct kind *k, const struct record *o) {
        return str_format("/apis/%s/%s/%s%s%s%s/%s", k->group, k->version,
                          *o->namespace_ ? "namespaces/" : "", o->namespace_,
                          *o->namespace_ ? "/" : "", k->plural, o->name);
}

/* Paths first: what is asked may change the table at once. */
static void objects_delete(struct registry *r, struct kind_state *s) {
        AUTO_FREE char **paths = calloc(ROUND_MAX, sizeof(*paths));
        size_t n = 0;

        for (size_t i = 0; paths && s->n_served > 0 && i < s->table.n && n < ROUND_MAX; i++) {
                if (is_deleted(s->table.items[i]))
                        continue;
                paths[n] = object_path(s->served[0], s->table.items[i]);
                n += paths[n] != NULL;
        }
        for (size_t i = 0; i < n; i++) {
                ask(r, "DELETE", paths[i], NULL);
                free(paths[i]);
        }
}

/* ---- definitions ---- */

static char *definition_path(const struct record *definition, const char *sub) {
        return str_format("/apis/%s/%s/%s/%s%s", crd_kind.group, crd_kind.version, crd_kind.plural,
                          definition->name, sub);
}

/* A merge patch that leaves out our finalizer. */
static char *release_patch(const json_t *tree) {
        const json_t *meta = json_object_get(tree, "metadata"), *one;
        json_t *kept = json_array(), *patch;
        char *text;
        size_t i;

        json_array_foreach(json_object_get(meta, "finalizers"), i, one) {
                if (!str_eq(json_string_value(one), CRD_FINALIZER))
                        (void) json_array_append(kept, (json_t *) one);
        }
        patch = json_pack("{s:{s:o,s:s}}", "metadata", "finalizers", kept, "resourceVersion",
                          str_or_empty(tree_text(meta, "resourceVersion")));
        text = patch ? text_json_dump(patch, NULL) : NULL;
        json_decref(patch);
        return text;
}

static bool has_finalizer(const json_t *tree) {
        const json_t *list = json_object_get(json_object_get(tree, "metadata"), "finalizers"), *one;
        size_t i;

        json_array_foreach(list, i, one) {
                if (str_eq(json_string_value(one), CRD_FINALIZER))
                        return true;
        }
        return false;
}

static void definition_release(struct registry *r, struct record *definition) {
        json_t *tree = record_tree(definition);
        AUTO_FREE char *path = definition_path(definition, "");
        AUTO_FREE char *patch = tree && has_finalizer(tree) ? release_patch(tree) : NULL;

        if (path && patch)
                ask(r, "PATCH", path, patch);
        json_decref(tree);
}

/* The kind that it made, or NULL. Its name is PLURAL.GROUP. */
static struct kind_state *state_of_definition(struct registry *r, const struct record *definition) {
        const char *dot = strchr(definition->name, '.');
        AUTO_FREE char *plural =
                dot ? strndup(definition->name, (size_t) (dot - definition->name)) : NULL;
        struct kind_state *s = plural ? registry_kind_stored(r, dot + 1, plural) : NULL;

        return s && s->resource.kind->custom ? s : NULL;
}

/* What a definition needs: nothing when its kind is served, the end when it is being deleted, a new
 * look at its names when it has no kind. */
static void definition_look(struct registry *r, struct record *definition) {
        struct kind_state *s = state_of_definition(r, definition);
        AUTO_FREE char *conflict = NULL;
        AUTO_FREE char *path = NULL;
        const char *reason = NULL;
        json_t *tree;

        if (s && !s->is_terminating)
                return; /* most of them: not even read */
        path = definition_path(definition, "/status");
        tree = record_tree(definition);
        if (tree && crd_is_terminating(tree)) {
                if (s && s->table.n > 0)
                        objects_delete(r, s);
                else if (!s || s->table.n_reserved == 0)
                        definition_release(r, definition);
        } else if (!s && tree && path) {
                conflict = crd_conflict(r, tree, &reason);
                if (!conflict)
                        ask(r, "PATCH", path, "{}");
        }
        json_decref(tree);
}

static void work(void *data) {
        struct registry *r = data;
        struct kind_state *s = registry_kind(r, crd_kind.group, crd_kind.version, crd_kind.plural);
        struct record **items;
        size_t n = s->table.n;

        r->crd_work.timer = NULL;
        if (r->crd_work.n_pending > 0 || r->has_stopped)
                return;
        r->crd_work.has_failed = false;
        r->crd_work.n_asked = 0;
        items = calloc(n + 1, sizeof(struct record *));
        if (!items) {
                work_at(r, RETRY_USEC);
                return;
        }
        r->crd_work.n_pending = 1; /* answers that come at once don't end the round */
        for (size_t i = 0; i < n; i++)
                items[i] = record_ref(s->table.items[i]);
        for (size_t i = 0; i < n; i++) {
                if (r->crd_work.n_asked < ROUND_MAX)
                        definition_look(r, items[i]);
                record_unref(items[i]);
        }
        free(items);
        if (--r->crd_work.n_pending == 0 && r->crd_work.n_asked > 0)
                work_at(r, r->crd_work.has_failed ? RETRY_USEC : 0);
}
