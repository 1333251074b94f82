#include "daemon/registry/remove.h"

#include "api/schema/schema.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/registry/admit.h"
#include "daemon/registry/body.h"
#include "daemon/registry/call.h"
#include "daemon/registry/crd.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/filter.h"
#include "daemon/registry/record.h"
#include "daemon/registry/rest.h"
#include "daemon/registry/state.h"
#include "daemon/registry/write.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOREGROUND "foregroundDeletion"
#define ORPHAN "orphan"
#define GRACE_DEFAULT_S 30
#define GRACE_MAX_S (366LL * 86400)

/* Namespaces that the cluster can't do without. */
static const char *const KEPT_NAMESPACES[] = { "default", "kube-system", "kube-public" };

/* ---- options ---- */

struct remove_options {
        int64_t grace_s;                          /* -1: as the object says */
        const char *propagation, *uid, *revision; /* NULL: not said */
        const char *orphans; /* what the old orphanDependents comes to; NULL: not said */
        const char *dry_run; /* a value that isn't "All"; NULL: none */
        bool is_dry_run;
};

static bool fail_option(struct call *c, enum diag_reason reason, const char *field,
                        char *take_text) {
        AUTO_FREE char *text = take_text;

        call_fail_options(c, "DeleteOptions", reason, field, str_or_empty(text));
        return false;
}

static bool options_check(struct call *c, const struct remove_options *o) {
        if (o->propagation && o->orphans)
                return fail_option(c, DIAG_INVALID, "propagationPolicy",
                                   str_format("Invalid value: \"%s\": orphanDependents and "
                                              "deletionPropagation cannot be both set",
                                              o->propagation));
        if (o->dry_run)
                return fail_option(
                        c, DIAG_NOT_SUPPORTED, "dryRun",
                        str_format("Unsupported value: \"%s\": supported values: \"All\"",
                                   o->dry_run));
        if (o->grace_s < -1 || o->grace_s > GRACE_MAX_S) {
                call_fail(c, 400, "BadRequest", "gracePeriodSeconds must be a number from 0");
                return false;
        }
        if (!o->propagation || str_eq(o->propagation, "Background") ||
            str_eq(o->propagation, "Foreground") || str_eq(o->propagation, "Orphan"))
                return true;
        return fail_option(c, DIAG_NOT_SUPPORTED, "propagationPolicy",
                           str_format("Unsupported value: \"%s\": supported values: "
                                      "\"Background\", \"Foreground\", \"Orphan\"",
                                      o->propagation));
}

/* The body's word counts more than the query's. tree: DeleteOptions or NULL. */
static bool options_read(struct call *c, const json_t *tree, struct remove_options *ret) {
        const json_t *conditions = json_object_get(tree, "preconditions");
        const json_t *grace = json_object_get(tree, "gracePeriodSeconds");
        struct remove_options o = { .grace_s = -1, .is_dry_run = c->is_dry_run };
        size_t i;
        json_t *one;

        if (query_number(&c->query, "gracePeriodSeconds", &o.grace_s) < 0)
                o.grace_s = -2;
        if (json_is_integer(grace))
                o.grace_s = json_integer_value(grace);
        o.propagation = query_get(&c->query, "propagationPolicy");
        if (query_get(&c->query, "orphanDependents"))
                o.orphans = query_bool(&c->query, "orphanDependents") ? "Orphan" : "Background";
        if (tree_text(tree, "propagationPolicy"))
                o.propagation = tree_text(tree, "propagationPolicy");
        if (json_is_boolean(json_object_get(tree, "orphanDependents")))
                o.orphans = json_is_true(json_object_get(tree, "orphanDependents")) ? "Orphan"
                                                                                    : "Background";
        json_array_foreach(json_object_get(tree, "dryRun"), i, one) {
                o.is_dry_run = true;
                if (!str_eq(json_string_value(one), "All"))
                        o.dry_run = str_or_empty(json_string_value(one));
        }
        o.uid = tree_text(conditions, "uid");
        o.revision = tree_text(conditions, "resourceVersion");
        if (!options_check(c, &o))
                return false;
        if (o.orphans)
                o.propagation = o.orphans;
        *ret = o;
        return true;
}

static bool preconditions_hold(struct call *c, const struct remove_options *o,
                               const struct record *old) {
        AUTO_FREE char *why = NULL;
        char now[24];

        (void) snprintf(now, sizeof(now), "%" PRIu64, old->revision);
        if (o->uid && !str_eq(o->uid, old->uid))
                why = str_format("the UID in the precondition (%s) does not match the UID in "
                                 "record (%s). The object might have been deleted and then "
                                 "recreated",
                                 o->uid, old->uid);
        else if (o->revision && !str_eq(o->revision, now))
                why = str_format("the ResourceVersion in the precondition (%s) does not match the "
                                 "ResourceVersion in record (%s). The object might have been "
                                 "modified",
                                 o->revision, now);
        else
                return true;
        call_fail_conflict(c, str_or_empty(why));
        return false;
}

/* ---- the plan ---- */

static int finalizer_set(json_t *meta, const char *name, bool is_wanted) {
        json_t *list = json_object_get(meta, "finalizers"), *one;
        bool is_there = false;
        size_t i;

        json_array_foreach(list, i, one) {
                if (!str_eq(json_string_value(one), name))
                        continue;
                is_there = true;
                if (is_wanted)
                        break;
                (void) json_array_remove(list, i);
                i--;
        }
        if (!is_wanted || is_there)
                return 0;
        if (!list) {
                list = json_array();
                if (json_object_set_new(meta, "finalizers", list) < 0)
                        return -ENOMEM;
        }
        return json_array_append_new(list, json_string(name)) < 0 ? -ENOMEM : 0;
}

/* How long a pod may take to stop; 0 for what stops at once. */
static int64_t grace_of(const struct call *c, const struct remove_options *o, const json_t *tree) {
        const json_t *spec = json_object_get(tree, "spec");
        const json_t *said = json_object_get(spec, "terminationGracePeriodSeconds");
        const char *phase = tree_text(json_object_get(tree, "status"), "phase");

        if (!(c->kind->resource.flags & RESOURCE_GRACEFUL))
                return 0;
        /* No node has it, or it has stopped already: there is nobody to wait for. */
        if (str_is_empty(tree_text(spec, "nodeName")) || str_eq(phase, "Succeeded") ||
            str_eq(phase, "Failed"))
                return 0;
        if (o->grace_s >= 0)
                return o->grace_s;
        return json_is_integer(said) ? MAX(json_integer_value(said), (json_int_t) 0)
                                     : GRACE_DEFAULT_S;
}

/* Marks the object as being deleted. A second request can only shorten the time. Returns 1 when
 * something changed, 0 or -ENOMEM. */
static int mark_deleted(struct call *c, json_t *tree, int64_t grace_s) {
        json_t *meta = json_object_get(tree, "metadata"), *old;
        uint64_t now_usec = c->registry->wall_usec();
        char when[CLOCK_TEXT_MAX];

        old = json_object_get(meta, "deletionGracePeriodSeconds");
        if (json_object_get(meta, "deletionTimestamp") && json_integer_value(old) <= grace_s)
                return 0;
        (void) clock_format(now_usec + (uint64_t) grace_s * USEC_PER_SEC, when);
        if (json_object_set_new(meta, "deletionTimestamp", json_string(when)) < 0 ||
            json_object_set_new(meta, "deletionGracePeriodSeconds", json_integer(grace_s)) < 0)
                return -ENOMEM;
        if (c->kind->resource.flags & RESOURCE_NAMESPACE) {
                json_t *status = tree_object(tree, "status");

                if (!status || json_object_set_new(status, "phase", json_string("Terminating")) < 0)
                        return -ENOMEM;
        }
        return 1;
}

static bool has_holders(const struct call *c, const json_t *tree) {
        const json_t *meta = json_object_get(tree, "metadata");

        if (json_array_size(json_object_get(meta, "finalizers")) > 0)
                return true;
        return c->kind->resource.flags & RESOURCE_NAMESPACE &&
               json_array_size(json_object_get(json_object_get(tree, "spec"), "finalizers")) > 0;
}

/* ---- carrying out ---- */

static void fail_commit(struct call *c, const char *text) {
        call_fail(c, 500, "InternalError", "Internal error occurred: %s", text);
}

static void removed(void *data, int result, const char *text, struct record *now) {
        struct call *c = data;

        if (result < 0) {
                fail_commit(c, text);
                return;
        }
        admit_removed(c, c->tree);
        call_respond_record(c, now);
}

static void marked(void *data, int result, const char *text, struct record *now) {
        struct call *c = data;

        if (result < 0)
                fail_commit(c, text);
        else
                call_respond_record(c, now);
}

static void submit(struct call *c, enum change change, struct record *old, commit_done_fn done) {
        const struct change_request request = {
                .kind = c->kind,
                .change = change,
                .tree = c->tree,
                .old = old,
                .is_volatile = c->kind->resource.flags & RESOURCE_VOLATILE,
                .done = done,
                .data = c,
        };
        struct err e = { 0 };

        if (commit_submit(c->registry, &request, &e) < 0)
                fail_commit(c, err_text(&e));
}

void remove_submit(struct call *c, struct record *old) {
        submit(c, CHANGE_DELETED, old, removed);
}

static void remove_carry_out(struct call *c, struct record *old, const struct remove_options *o) {
        json_t *meta = json_object_get(c->tree, "metadata");
        int64_t grace_s = grace_of(c, o, c->tree);
        bool is_changed;
        int r = 0;

        if (c->kind->resource.flags & RESOURCE_DEFINITION)
                r = crd_hold(c, c->tree);
        if (r == 0 && o->propagation) {
                r = finalizer_set(meta, FOREGROUND, str_eq(o->propagation, "Foreground"));
                if (r == 0)
                        r = finalizer_set(meta, ORPHAN, str_eq(o->propagation, "Orphan"));
        }
        if (r == 0 && grace_s == 0 && !has_holders(c, c->tree)) {
                c->tells_status = true;
                if (o->is_dry_run)
                        call_respond_success(c, old->uid);
                else
                        remove_submit(c, old);
                return;
        }
        if (r == 0)
                r = mark_deleted(c, c->tree, grace_s);
        if (r < 0) {
                call_fail_memory(c);
                return;
        }
        is_changed = r > 0 || o->propagation;
        if (o->is_dry_run)
                call_respond_tree(c, c->tree);
        else if (is_changed)
                submit(c, CHANGE_MODIFIED, old, marked);
        else
                call_respond_record(c, old);
}

static bool is_kept(const struct call *c) {
        if (!(c->kind->resource.flags & RESOURCE_NAMESPACE))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(KEPT_NAMESPACES); i++)
                if (str_eq(c->path.name, KEPT_NAMESPACES[i]))
                        return true;
        return false;
}

static void remove_run(struct call *c) {
        struct record *old = table_get(&c->kind->table, c->path.namespace_, c->path.name);
        json_t *options = c->tree;
        struct remove_options o;

        c->tree = NULL;
        if (!old) {
                call_fail_not_found(c);
        } else if (is_kept(c)) {
                call_fail_forbidden(c, "this namespace may not be deleted", NULL);
        } else if (options_read(c, options, &o) && preconditions_hold(c, &o, old)) {
                c->tree = record_tree(old);
                if (c->tree)
                        remove_carry_out(c, old, &o);
                else
                        call_fail_memory(c);
        }
        json_decref(options);
}

void remove_object(struct call *c) {
        if (c->body && !decode_body(c, &c->tree))
                return;
        c->name = strdup(c->path.name);
        if (!c->name)
                call_fail_memory(c);
        else
                write_wait(c, remove_run);
}

/* ---- collections: one request for each object ---- */

struct collection {
        struct call *call;
        size_t n_pending;
        struct rest_response failure; /* the first one */
        bool has_failed;
};

static void collection_put(struct collection *x) {
        struct call *c = x->call;

        if (--x->n_pending > 0)
                return;
        if (x->has_failed) {
                AUTO_FREE char *text = x->failure.body ? body_flatten(x->failure.body, NULL) : NULL;

                c->status = x->failure.status;
                call_respond_text(c, STEAL(text));
        } else {
                call_respond_success(c, NULL);
        }
        rest_response_done(&x->failure);
        free(x);
}

static void one_removed(void *data, struct rest_response *take_response) {
        struct collection *x = data;

        if (take_response->status >= 300 && take_response->status != 404 && !x->has_failed) {
                x->failure = *take_response;
                x->has_failed = true;
                *take_response = (struct rest_response){ 0 };
        }
        rest_response_done(take_response);
        collection_put(x);
}

static char *record_path(const struct record *r) {
        const struct kind *k = r->resource->kind;
        const char *namespaces = *r->namespace_ ? "namespaces/" : "";
        const char *slash = *r->namespace_ ? "/" : "";

        if (*k->group)
                return str_format("/apis/%s/%s/%s%s%s%s/%s", k->group, k->version, namespaces,
                                  r->namespace_, slash, k->plural, r->name);
        return str_format("/api/%s/%s%s%s%s/%s", k->version, namespaces, r->namespace_, slash,
                          k->plural, r->name);
}

static void one_remove(struct collection *x, const struct record *r, const char *query) {
        static const struct rest_sink SINK = { .respond = one_removed };
        AUTO_FREE char *path = record_path(r);
        const struct rest_request request = {
                .method = "DELETE",
                .path = path,
                .query = query,
                .content_type = x->call->content_type,
                /* Whoever may delete collections need not be allowed to delete by name. */
                .user = &REGISTRY_USER,
                .body = x->call->body,
                .body_len = x->call->body_len,
        };

        if (!path)
                return; /* the next collection takes it */
        x->n_pending++;
        rest_handle(x->call->registry, &request, &SINK, x);
}

/* The part of the query that each deletion shares. */
static char *shared_query(const struct call *c) {
        static const char *const KEYS[] = { "gracePeriodSeconds", "propagationPolicy",
                                            "orphanDependents", "dryRun" };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(KEYS); i++) {
                const char *value = query_get(&c->query, KEYS[i]);

                /* Values of these are words and numbers; what isn't would be refused anyway. */
                if (value && value[strcspn(value, "&%+=# ")] == '\0')
                        strbuf_addf(&b, "%s%s=%s", b.len > 0 ? "&" : "", KEYS[i], value);
        }
        return b.len > 0 ? strbuf_steal(&b) : strdup("");
}

void remove_collection(struct call *c) {
        AUTO_DONE(filter) struct filter f = { 0 };
        AUTO(body) struct body *pinned = body_new();
        AUTO_FREE char *query = shared_query(c);
        struct collection *x;
        const struct table *t = &c->kind->table;
        size_t n, n_wanted = 0;
        int64_t limit = 0;

        if (query_number(&c->query, "limit", &limit) < 0 || limit < 0) {
                call_fail(c, 400, "BadRequest", "limit must be a number from 0");
                return;
        }
        if (!filter_read(c, &f))
                return;
        x = calloc(1, sizeof(*x));
        if (!x || !pinned || !query) {
                free(x);
                call_fail_memory(c);
                return;
        }
        x->call = c;
        x->n_pending = 1;
        /* Requests may be answered, and the table change, while they are made. */
        for (size_t i = 0; i < t->n && (limit == 0 || n_wanted < (size_t) limit); i++) {
                if (!filter_matches(&f, t->items[i]))
                        continue;
                body_add_record(pinned, t->items[i]);
                n_wanted++;
        }
        (void) body_pieces(pinned, &n);
        for (size_t i = 0; i < n; i++)
                one_remove(x, body_record(pinned, i), query);
        collection_put(x);
}
