#include "api/kinds/labels.h"
#include "api/kinds/object.h"
#include "api/kinds/workload.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/controller.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/deployment_plan.h"

struct deployment_controller {
        struct core *core;
        struct controller *driver;
};

/* ---- whom a change concerns ---- */

static void on_deployment(void *data, const char *key, const struct object *before,
                          const struct object *after) {
        struct deployment_controller *c = data;

        controller_enqueue(c->driver, key);
}

static void enqueue_owner(struct deployment_controller *c, const struct object *rs) {
        const struct owner_reference *r = rs ? meta_controller(rs->meta) : NULL;

        if (r && str_eq(r->kind, deployment_kind.name))
                controller_enqueue_name(c->driver, rs->meta->namespace, r->name);
}

/* An orphan may be somebody's by its labels. */
static void enqueue_adopters(struct deployment_controller *c, const struct object *rs) {
        AUTO_DONE(objects) struct objects all = { 0 };

        (void) caches_list(c->core->caches, &deployment_kind, CACHE_NAMESPACE,
                           str_or_empty(rs->meta->namespace), &all);
        for (size_t i = 0; i < all.n; i++)
                if (label_selector_matches(&OBJECT_AS(deployment, all.items[i])->spec.selector,
                                           &rs->meta->labels))
                        controller_enqueue_object(c->driver, all.items[i]);
}

static void on_replica_set(void *data, const char *key, const struct object *before,
                           const struct object *after) {
        struct deployment_controller *c = data;

        enqueue_owner(c, before);
        enqueue_owner(c, after);
        if (after && !meta_controller(after->meta))
                enqueue_adopters(c, after);
}

/* Recreate waits for the last old pod to go. */
static void on_pod(void *data, const char *key, const struct object *before,
                   const struct object *after) {
        struct deployment_controller *c = data;
        const struct owner_reference *r = before ? meta_controller(before->meta) : NULL;
        const struct object *rs;

        if (after && str_eq(OBJECT_AS(pod, after)->status.phase, "Running"))
                return;
        if (!r || !str_eq(r->kind, replica_set_kind.name))
                return;
        rs = caches_find(c->core->caches, &replica_set_kind, before->meta->namespace, r->name);
        if (rs)
                enqueue_owner(c, rs);
}

/* ---- planning ---- */

static int gather_pods(struct deployment_controller *c, const struct object *deployment,
                       const struct objects *sets, struct objects *to) {
        int r = 0;

        if (!str_eq(OBJECT_AS(deployment, deployment)->spec.strategy.type, "Recreate"))
                return 0;
        for (size_t i = 0; i < sets->n && r == 0; i++)
                r = caches_list(c->core->caches, &pod_kind, CACHE_OWNER,
                                str_or_empty(sets->items[i]->meta->uid), to);
        return r;
}

static int on_plan(void *data, struct run *run, const char *key, struct changes *changes,
                   struct err *e) {
        struct deployment_controller *c = data;
        AUTO_DONE(objects) struct objects sets = { 0 }, pods = { 0 };
        struct deployment_facts f = { .now_usec = core_wall_usec(c->core),
                                      .failure = controller_failure(c->driver, key) };

        f.deployment = caches_get(c->core->caches, &deployment_kind, key);
        if (!f.deployment)
                return 0; /* its ReplicaSets are the garbage collector's */
        if (caches_list_dependents(c->core->caches, &replica_set_kind, f.deployment, &sets) < 0 ||
            gather_pods(c, f.deployment, &sets, &pods) < 0)
                return err_set(e, -ENOMEM, "out of memory gathering ReplicaSets");
        f.replica_sets = sets.items;
        f.n_replica_sets = sets.n;
        f.pods = pods.items;
        f.n_pods = pods.n;
        return deployment_plan(&f, changes, e);
}

/* ---- life ---- */

static void on_begin(void *data) {
        controller_begin(((struct deployment_controller *) data)->driver);
}

static bool is_idle(const void *data) {
        return controller_is_idle(((const struct deployment_controller *) data)->driver);
}

static void on_free(void *data) {
        struct deployment_controller *c = data;

        controller_unref(c->driver);
        free(c);
}

int deployment_controller_new(struct core *core, struct part *ret, struct err *e) {
        static const struct controller_type type = { .name = "deployment-controller",
                                                     .plan = on_plan };
        struct deployment_controller *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (!c)
                return err_set(e, r, "out of memory for the deployment controller");
        *ret = (struct part){ c, on_begin, is_idle, on_free };
        c->core = core;
        r = controller_new(core, &type, c, &c->driver, e);
        if (r == 0)
                r = caches_watch(core->caches, &deployment_kind, on_deployment, c);
        if (r == 0)
                r = caches_watch(core->caches, &replica_set_kind, on_replica_set, c);
        if (r == 0)
                r = caches_watch(core->caches, &pod_kind, on_pod, c);
        return r;
}
