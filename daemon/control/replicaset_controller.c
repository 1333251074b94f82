#include "api/kinds/labels.h"
#include "api/kinds/object.h"
#include "api/kinds/workload.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/controller.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/replicaset_plan.h"

struct replicaset_controller {
        struct core *core;
        struct controller *driver;
};

/* ---- whom a change concerns ---- */

static void on_replica_set(void *data, const char *key, const struct object *before,
                           const struct object *after) {
        struct replicaset_controller *c = data;

        controller_enqueue(c->driver, key);
}

static void enqueue_owner(struct replicaset_controller *c, const struct object *pod) {
        const struct owner_reference *r = pod ? meta_controller(pod->meta) : NULL;

        if (r && str_eq(r->kind, replica_set_kind.name))
                controller_enqueue_name(c->driver, pod->meta->namespace, r->name);
}

/* An orphan may be somebody's by its labels. */
static void enqueue_adopters(struct replicaset_controller *c, const struct object *pod) {
        AUTO_DONE(objects) struct objects all = { 0 };

        (void) caches_list(c->core->caches, &replica_set_kind, CACHE_NAMESPACE,
                           str_or_empty(pod->meta->namespace), &all);
        for (size_t i = 0; i < all.n; i++)
                if (label_selector_matches(&OBJECT_AS(replica_set, all.items[i])->spec.selector,
                                           &pod->meta->labels))
                        controller_enqueue_object(c->driver, all.items[i]);
}

static void on_pod(void *data, const char *key, const struct object *before,
                   const struct object *after) {
        struct replicaset_controller *c = data;

        enqueue_owner(c, before);
        enqueue_owner(c, after);
        if (after && !meta_controller(after->meta))
                enqueue_adopters(c, after);
}

/* ---- planning ---- */

static int on_plan(void *data, struct run *run, const char *key, struct changes *changes,
                   struct err *e) {
        struct replicaset_controller *c = data;
        AUTO_DONE(objects) struct objects pods = { 0 };
        struct replicaset_facts f = { .now_usec = core_wall_usec(c->core),
                                      .name_seed = core_random(c->core),
                                      .failure = controller_failure(c->driver, key) };

        f.replica_set = caches_get(c->core->caches, &replica_set_kind, key);
        if (!f.replica_set)
                return 0; /* its pods are the garbage collector's */
        if (caches_list_dependents(c->core->caches, &pod_kind, f.replica_set, &pods) < 0)
                return err_set(e, -ENOMEM, "out of memory gathering pods");
        f.pods = pods.items;
        f.n_pods = pods.n;
        return replicaset_plan(&f, changes, e);
}

/* ---- life ---- */

static void on_begin(void *data) {
        controller_begin(((struct replicaset_controller *) data)->driver);
}

static bool is_idle(const void *data) {
        return controller_is_idle(((const struct replicaset_controller *) data)->driver);
}

static void on_free(void *data) {
        struct replicaset_controller *c = data;

        controller_unref(c->driver);
        free(c);
}

int replicaset_controller_new(struct core *core, struct part *ret, struct err *e) {
        static const struct controller_type type = { .name = "replicaset-controller",
                                                     .plan = on_plan };
        struct replicaset_controller *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (!c)
                return err_set(e, r, "out of memory for the replicaset controller");
        *ret = (struct part){ c, on_begin, is_idle, on_free };
        c->core = core;
        r = controller_new(core, &type, c, &c->driver, e);
        if (r == 0)
                r = caches_watch(core->caches, &replica_set_kind, on_replica_set, c);
        if (r == 0)
                r = caches_watch(core->caches, &pod_kind, on_pod, c);
        return r;
}
