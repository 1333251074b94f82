#include "daemon/registry/eviction.h"

#include "api/kinds/disruption.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/list.h"
#include "base/str.h"
#include "daemon/plan/disruption_plan.h"
#include "daemon/registry/body.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/record.h"
#include "daemon/registry/rest.h"
#include "daemon/registry/state.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* An eviction that was allowed, until its pod shows that it is going: meanwhile the pod counts as
 * gone, so that no other eviction takes the same place in a budget. */
struct eviction_under_way {
        struct list list; /* in registry->evictions */
        struct call *call;
        char *uid; /* owned */
};

/* ---- budgets ---- */

static bool is_leaving(const struct registry *r, const char *uid) {
        LIST_FOREACH(i, &r->evictions)
                if (str_eq(CONTAINER_OF(i, struct eviction_under_way, list)->uid, uid))
                        return true;
        return false;
}

/* Healthy pods that a budget counts, now. Negative: memory is out. */
static int64_t healthy_count(struct call *c, const struct pod_disruption_budget *b) {
        const struct table *t = &c->kind->table;
        int64_t n = 0;

        for (size_t i = table_find(t, c->path.namespace_, ""); i < t->n; i++) {
                const struct record *r = t->items[i];
                AUTO(object) struct object *o = NULL;

                if (!str_eq(r->namespace_, c->path.namespace_))
                        break;
                if (object_glance(&pod_kind, r->json, r->json_len, &o, NULL) < 0)
                        return -ENOMEM;
                n += disruption_counts(b, OBJECT_AS(pod, o)) &&
                     disruption_is_healthy(OBJECT_AS(pod, o)) && !is_leaving(c->registry, r->uid);
        }
        return n;
}

/* The budgets that count a pod: how many, and the first of them. Negative: memory is out. */
static int budget_find(struct call *c, const struct pod *pod, struct object **ret) {
        struct kind_state *k =
                registry_kind_stored(c->registry, "policy", pod_disruption_budget_kind.plural);
        const struct table *t = &k->table;
        int n = 0;

        for (size_t i = table_find(t, c->path.namespace_, ""); i < t->n; i++) {
                const struct record *r = t->items[i];
                AUTO(object) struct object *o = NULL;

                if (!str_eq(r->namespace_, c->path.namespace_))
                        break;
                if (object_glance(&pod_disruption_budget_kind, r->json, r->json_len, &o, NULL) < 0)
                        return -ENOMEM;
                if (!disruption_counts(OBJECT_AS(pod_disruption_budget, o), pod))
                        continue;
                if (n++ == 0)
                        *ret = STEAL(o);
        }
        return n;
}

/* ---- deleting ---- */

static void under_way_free(struct eviction_under_way *x) {
        list_remove(&x->list);
        free(x->uid);
        free(x);
}

/* Whatever a deletion answers, an eviction that succeeds is created. */
static void deleted(void *data, struct rest_response *take_response) {
        struct eviction_under_way *x = data;
        struct call *c = x->call;

        under_way_free(x);
        if (take_response->status >= 300) {
                call_respond(c, take_response);
                return;
        }
        rest_response_done(take_response);
        c->status = 201;
        call_respond_success(c, NULL);
}

/* options: DeleteOptions or NULL; borrowed. */
static void pod_delete(struct call *c, const struct record *r, const json_t *options) {
        static const struct rest_sink SINK = { .respond = deleted };
        AUTO_FREE char *path = str_format("/api/v1/namespaces/%s/pods/%s", r->namespace_, r->name);
        AUTO_FREE char *body = options ? json_dumps(options, JSON_COMPACT) : strdup("{}");
        struct eviction_under_way *x = calloc(1, sizeof(*x));
        const struct rest_request request = {
                .method = "DELETE",
                .path = path,
                .query = c->is_dry_run ? "dryRun=All" : NULL,
                .content_type = "application/json",
                /* Whoever may evict need not be allowed to delete. */
                .user = &REGISTRY_USER,
                .body = body,
                .body_len = body ? strlen(body) : 0,
        };

        if (x) {
                list_init(&x->list);
                x->call = c;
                x->uid = strdup(r->uid);
        }
        if (!x || !x->uid || !path || !body) {
                if (x)
                        under_way_free(x);
                call_fail_memory(c);
                return;
        }
        list_append(&c->registry->evictions, &x->list);
        rest_handle(c->registry, &request, &SINK, x);
}

/* ---- the request ---- */

static void refuse(struct call *c, const struct pod_disruption_budget *b, enum eviction why,
                   int64_t n_healthy) {
        AUTO_FREE char *cause =
                why == EVICTION_UNSEEN
                        ? str_format("The disruption budget %s is still being processed by the "
                                     "server.",
                                     b->metadata.name)
                        : str_format("The disruption budget %s needs %" PRId64 " healthy pods and "
                                     "has %" PRId64 " currently",
                                     b->metadata.name, b->status.desired_healthy, n_healthy);

        call_fail_budget(c, str_or_empty(cause));
}

static void evict(struct call *c, const struct record *r, const struct pod *pod,
                  const json_t *options) {
        AUTO(object) struct object *o = NULL;
        const struct pod_disruption_budget *b;
        enum eviction verdict;
        int64_t n_healthy;
        int n = disruption_is_moot(pod) ? 0 : budget_find(c, pod, &o);

        if (n > 1) {
                call_fail(c, 500, NULL,
                          "This pod has more than one PodDisruptionBudget, which the eviction "
                          "subresource does not support.");
                return;
        }
        b = o ? OBJECT_AS(pod_disruption_budget, o) : NULL;
        n_healthy = b ? healthy_count(c, b) : 0;
        if (n < 0 || n_healthy < 0) {
                call_fail_memory(c);
                return;
        }
        verdict = disruption_evict(b, pod, n_healthy);
        if (verdict == EVICTION_FREE || verdict == EVICTION_ALLOWED)
                pod_delete(c, r, options);
        else
                refuse(c, b, verdict, n_healthy);
}

void eviction_handle(struct call *c) {
        AUTO(object) struct object *pod = NULL;
        AUTO(record) struct record *r = NULL;
        const char *name;
        json_t *options;

        if (!decode_body(c, &c->tree))
                return;
        name = tree_text(json_object_get(c->tree, "metadata"), "name");
        if (!str_is_empty(name) && !str_eq(name, c->path.name)) {
                call_fail(c, 400, "BadRequest",
                          "name in URL does not match name in Eviction object: %s vs %s",
                          c->path.name, name);
                return;
        }
        r = table_get(&c->kind->table, c->path.namespace_, c->path.name);
        if (!r) {
                call_fail_not_found(c);
                return;
        }
        (void) record_ref(r); /* deletion may take it off the table */
        options = json_incref(json_object_get(c->tree, "deleteOptions"));
        if (object_glance(&pod_kind, r->json, r->json_len, &pod, NULL) < 0)
                call_fail_memory(c);
        else
                evict(c, r, OBJECT_AS(pod, pod), options);
        json_decref(options);
}
