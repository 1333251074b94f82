#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/controller.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/gc_plan.h"

/* A node that was deleted and comes back within this time keeps its pods. */
#define QUARANTINE_USEC (40 * USEC_PER_SEC)

struct podgc_controller {
        struct core *core;
        struct controller *driver;
};

static void on_pod(void *data, const char *key, const struct object *before,
                   const struct object *after) {
        struct podgc_controller *c = data;
        const char *node = after ? OBJECT_AS(pod, after)->spec.node_name : NULL;

        if (!str_is_empty(node) && !caches_find(c->core->caches, &node_kind, NULL, node))
                controller_enqueue_after(c->driver, key, QUARANTINE_USEC);
}

static void on_node(void *data, const char *key, const struct object *before,
                    const struct object *after) {
        struct podgc_controller *c = data;
        AUTO_DONE(objects) struct objects pods = { 0 };
        char pod_key[OBJECT_KEY_MAX];

        if (after)
                return;
        (void) caches_list(c->core->caches, &pod_kind, CACHE_NODE, before->meta->name, &pods);
        for (size_t i = 0; i < pods.n; i++)
                controller_enqueue_after(c->driver, object_key(pods.items[i], pod_key),
                                         QUARANTINE_USEC);
}

/* ---- planning ---- */

static int on_plan(void *data, struct run *run, const char *key, struct changes *changes,
                   struct err *e) {
        struct podgc_controller *c = data;
        const struct object *o = caches_get(c->core->caches, &pod_kind, key);
        const char *node = o ? OBJECT_AS(pod, o)->spec.node_name : NULL;

        if (str_is_empty(node) || caches_find(c->core->caches, &node_kind, NULL, node))
                return 0;
        return gc_plan_pod(o, run_look(run, &node_kind, NULL, node).state == LIVE_ABSENT, changes,
                           e);
}

/* ---- life ---- */

static void on_begin(void *data) {
        controller_begin(((struct podgc_controller *) data)->driver);
}

static bool is_idle(const void *data) {
        return controller_is_idle(((const struct podgc_controller *) data)->driver);
}

static void on_free(void *data) {
        struct podgc_controller *c = data;

        controller_unref(c->driver);
        free(c);
}

int podgc_controller_new(struct core *core, struct part *ret, struct err *e) {
        static const struct controller_type type = { .name = "pod-garbage-collector",
                                                     .plan = on_plan };
        struct podgc_controller *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (!c)
                return err_set(e, r, "out of memory for the pod garbage collector");
        *ret = (struct part){ c, on_begin, is_idle, on_free };
        c->core = core;
        r = controller_new(core, &type, c, &c->driver, e);
        if (r == 0)
                r = caches_watch(core->caches, &pod_kind, on_pod, c);
        if (r == 0)
                r = caches_watch(core->caches, &node_kind, on_node, c);
        return r;
}
