#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/controller.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/nodelifecycle_plan.h"

#include <stdio.h>

#define LEASE_NAMESPACE "kube-node-lease"

/* When a node was last heard from, by our own clock: its clock may be anywhere. What was heard
 * before this process started doesn't count, so a server that comes back gives every node its full
 * time. */
struct heard {
        uint64_t at_usec;
        bool is_real;      /* a renewal was seen, not only the start of this process */
        char revision[24]; /* of the lease at that time */
};

struct nodelifecycle_controller {
        struct core *core;
        struct controller *driver;
        struct nodelifecycle_config config;
        struct map heard; /* node → struct heard, owned */
};

static struct heard *heard_of(struct nodelifecycle_controller *c, const char *node) {
        struct heard *h = map_get(&c->heard, node);

        if (h)
                return h;
        h = calloc(1, sizeof(*h));
        if (!h || map_put(&c->heard, node, h, NULL) < 0) {
                free(h);
                return NULL;
        }
        h->at_usec = core_now_usec(c->core);
        return h;
}

static bool heard_is_silent(const struct nodelifecycle_controller *c, const struct heard *h) {
        return core_now_usec(c->core) - h->at_usec >= c->config.grace_usec;
}

static void hear(struct nodelifecycle_controller *c, struct heard *h, const char *revision) {
        h->at_usec = core_now_usec(c->core);
        (void) snprintf(h->revision, sizeof(h->revision), "%s", revision);
}

static void on_lease(void *data, const char *key, const struct object *before,
                     const struct object *after) {
        struct nodelifecycle_controller *c = data;
        struct heard *h;

        if (!after || !str_eq(after->meta->namespace, LEASE_NAMESPACE))
                return;
        h = heard_of(c, after->meta->name);
        if (!h || (before && OBJECT_AS(lease, before)->spec.renew_time ==
                                     OBJECT_AS(lease, after)->spec.renew_time))
                return;
        if (before && (heard_is_silent(c, h) || !h->is_real))
                controller_enqueue(c->driver, after->meta->name);
        h->is_real |= before != NULL;
        hear(c, h, str_or_empty(after->meta->resource_version));
}

static void on_node(void *data, const char *key, const struct object *before,
                    const struct object *after) {
        struct nodelifecycle_controller *c = data;

        if (!after) {
                free(map_remove(&c->heard, key));
                return;
        }
        controller_enqueue(c->driver, key);
}

/* ---- planning ---- */

/* Before a node is given up its lease is looked up: the watch may have lost a renewal. False: not
 * known yet. */
static bool confirm_silence(struct nodelifecycle_controller *c, struct run *run, const char *node,
                            struct heard *h) {
        struct live l;

        if (!heard_is_silent(c, h))
                return true;
        l = run_look(run, &lease_kind, LEASE_NAMESPACE, node);
        if (l.state == LIVE_ASKED)
                return false;
        if (l.state == LIVE_PRESENT && !str_eq(l.revision, h->revision)) {
                h->is_real = true;
                hear(c, h, l.revision);
        }
        return true;
}

static int count_nodes(struct nodelifecycle_controller *c, struct nodelifecycle_facts *f) {
        AUTO_DONE(objects) struct objects nodes = { 0 };
        int r = caches_list(c->core->caches, &node_kind, NULL, NULL, &nodes);

        f->n_nodes = nodes.n;
        for (size_t i = 0; i < nodes.n; i++) {
                const struct heard *h = heard_of(c, nodes.items[i]->meta->name);

                f->n_silent += h && heard_is_silent(c, h);
        }
        return r;
}

static int on_plan(void *data, struct run *run, const char *key, struct changes *changes,
                   struct err *e) {
        struct nodelifecycle_controller *c = data;
        AUTO_DONE(objects) struct objects pods = { 0 };
        struct nodelifecycle_facts f = { .since_usec = core_now_usec(c->core),
                                         .grace_usec = c->config.grace_usec,
                                         .eviction_usec = c->config.eviction_usec,
                                         .now_usec = core_wall_usec(c->core) };
        struct heard *h = heard_of(c, key);

        f.node = caches_get(c->core->caches, &node_kind, key);
        if (!f.node)
                return 0;
        if (h && !confirm_silence(c, run, key, h))
                return 0;
        if (!h || count_nodes(c, &f) < 0 ||
            caches_list(c->core->caches, &pod_kind, CACHE_NODE, key, &pods) < 0)
                return err_set(e, -ENOMEM, "out of memory gathering a node's pods");
        f.heard_usec = h->at_usec;
        f.is_heard = h->is_real;
        f.pods = pods.items;
        f.n_pods = pods.n;
        return nodelifecycle_plan(&f, changes, e);
}

/* ---- life ---- */

static void on_begin(void *data) {
        controller_begin(((struct nodelifecycle_controller *) data)->driver);
}

static bool is_idle(const void *data) {
        return controller_is_idle(((const struct nodelifecycle_controller *) data)->driver);
}

static void on_free(void *data) {
        struct nodelifecycle_controller *c = data;

        controller_unref(c->driver);
        map_done(&c->heard, free);
        free(c);
}

int nodelifecycle_controller_new(struct core *core, const struct nodelifecycle_config *config,
                                 struct part *ret, struct err *e) {
        static const struct controller_type type = { .name = "node-controller", .plan = on_plan };
        struct nodelifecycle_controller *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (!c)
                return err_set(e, r, "out of memory for the node lifecycle controller");
        *ret = (struct part){ c, on_begin, is_idle, on_free };
        c->core = core;
        c->config = *config;
        r = controller_new(core, &type, c, &c->driver, e);
        if (r == 0)
                r = caches_watch(core->caches, &node_kind, on_node, c);
        if (r == 0)
                r = caches_watch(core->caches, &lease_kind, on_lease, c);
        return r;
}
