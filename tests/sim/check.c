#include "api/kinds/labels.h"
#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/service.h"
#include "api/kinds/workload.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/control/control.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- at any instant ---- */

struct count {
        const char *app;
        int n, n_available, n_all;
};

static int count_pod(void *data, const char *key, struct object *o) {
        struct count *c = data;
        const struct pod *p = OBJECT_AS(pod, o);

        if (!str_eq(string_map_get(&p->metadata.labels, "app"), c->app))
                return 0;
        c->n_all++;
        if (p->metadata.deletion_timestamp != 0 || str_eq(p->status.phase, "Failed"))
                return 0;
        c->n++;
        c->n_available += pod_is_ready(p);
        return 0;
}

void check_pods(struct world *w) {
        for (size_t i = 0; i < w->n_apps; i++) {
                struct sim_app *a = &w->apps[i];
                struct count c = { .app = a->name };

                if (!a->is_watched || !a->exists)
                        continue;
                (void) informer_each(w->pods, count_pod, &c);
                if (c.n > a->replicas + a->surge)
                        world_violated(w, "%s has %d pods, more than %d + %d", a->name, c.n,
                                       a->replicas, a->surge);
                if (c.n_available >= a->replicas)
                        a->has_been_up = true;
                if (a->has_been_up && c.n_available < a->replicas - a->unavailable)
                        world_violated(w, "%s has %d available pods, fewer than %d - %d", a->name,
                                       c.n_available, a->replicas, a->unavailable);
        }
}

/* ---- at the end ---- */

struct find_uid {
        const char *uid;
        const struct object *found;
};

static int find_by_uid(void *data, const char *key, struct object *o) {
        struct find_uid *f = data;

        if (str_eq(o->meta->uid, f->uid))
                f->found = o;
        return f->found ? 1 : 0;
}

static size_t count_controllers(const struct object *o) {
        size_t n = 0;

        for (size_t i = 0; i < o->meta->owner_references.n; i++)
                n += o->meta->owner_references.items[i].controller.value;
        return n;
}

/* Everything has one owner, and that is there. */
static void check_owner(struct world *w, const struct object *o, const struct informer *owners) {
        const struct owner_reference *r = meta_controller(o->meta);
        struct find_uid f = { .uid = r ? r->uid : NULL };

        if (!r)
                return; /* a user's own pod */
        if (count_controllers(o) != 1)
                world_violated(w, "%s %s has %zu controllers", o->kind->name, o->meta->name,
                               count_controllers(o));
        (void) informer_each(owners, find_by_uid, &f);
        if (!f.found)
                world_violated(w, "%s %s is an orphan of %s", o->kind->name, o->meta->name,
                               r->name);
}

static int check_pod(void *data, const char *key, struct object *o) {
        struct world *w = data;
        const struct pod *p = OBJECT_AS(pod, o);

        check_owner(w, o, w->sets);
        if (str_is_empty(p->spec.node_name))
                world_violated(w, "pod %s was never scheduled", o->meta->name);
        if (p->metadata.deletion_timestamp != 0)
                world_violated(w, "pod %s never goes", o->meta->name);
        return 0;
}

/* Every node renews its lease again: nothing may be left of its silence. */
static int check_node(void *data, const char *key, struct object *o) {
        const struct node *n = OBJECT_AS(node, o);
        const struct node_condition *ready = node_condition_find(&n->status, "Ready");

        if (n->spec.taints.n != 0)
                world_violated(data, "node %s still has taint %s", key,
                               n->spec.taints.items[0].key);
        if (!ready || !str_eq(ready->status, "True"))
                world_violated(data, "node %s is never Ready again", key);
        return 0;
}

static int check_set(void *data, const char *key, struct object *o) {
        check_owner(data, o, ((struct world *) data)->deployments);
        return 0;
}

struct addresses {
        struct world *w;
        const char *app;
        size_t n_ready, n_all;
};

static int count_addresses(void *data, const char *key, struct object *o) {
        struct addresses *a = data;
        const struct endpoint_slice *s = OBJECT_AS(endpoint_slice, o);

        if (!str_eq(string_map_get(&o->meta->labels, "kubernetes.io/service-name"), a->app))
                return 0;
        for (size_t i = 0; i < s->endpoints.n; i++) {
                const struct endpoint *e = &s->endpoints.items[i];
                AUTO_FREE char *pod = str_format("default/%s", e->target_ref->name);

                a->n_all++;
                a->n_ready += e->conditions.ready.value;
                if (!informer_get(a->w->pods, pod))
                        world_violated(a->w, "slice %s names pod %s, which is gone", o->meta->name,
                                       pod);
        }
        return 0;
}

static void check_app(struct world *w, const struct sim_app *a) {
        AUTO_FREE char *key = str_format("default/%s", a->name);
        const struct object *o = informer_get(w->deployments, key);
        struct count c = { .app = a->name };
        struct addresses at = { .w = w, .app = a->name };
        const struct deployment *d;

        (void) informer_each(w->pods, count_pod, &c);
        (void) informer_each(w->slices, count_addresses, &at);
        if (!o) {
                if (a->exists)
                        world_violated(w, "deployment %s is lost", a->name);
                if (c.n_all != 0)
                        world_violated(w, "%s is deleted, %d pods remain", a->name, c.n_all);
                return;
        }
        d = OBJECT_AS(deployment, o);
        if (c.n != a->replicas || c.n_available != a->replicas)
                world_violated(w, "%s has %d pods, %d available, wants %d", a->name, c.n,
                               c.n_available, a->replicas);
        if (d->status.updated_replicas != a->replicas || d->status.replicas != a->replicas ||
            d->status.available_replicas != a->replicas ||
            d->status.observed_generation != d->metadata.generation)
                world_violated(
                        w, "%s's status is behind: %lld updated, %lld in all, %lld available",
                        a->name, (long long) d->status.updated_replicas,
                        (long long) d->status.replicas, (long long) d->status.available_replicas);
        if (at.n_ready != (size_t) a->replicas)
                world_violated(w, "%s's slices hold %zu ready addresses of %d", a->name, at.n_ready,
                               a->replicas);
}

void check_end(struct world *w) {
        (void) informer_each(w->kubelets, check_node, w); /* first: why pods have no place */
        (void) informer_each(w->pods, check_pod, w);
        (void) informer_each(w->sets, check_set, w);
        for (size_t i = 0; i < w->n_apps; i++)
                check_app(w, &w->apps[i]);
}
