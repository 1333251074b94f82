#include "api/kinds/labels.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/service.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/controller.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/endpointslice_plan.h"

struct endpointslice_controller {
        struct core *core;
        struct controller *driver;
};

/* ---- whom a change concerns ---- */

static void on_service(void *data, const char *key, const struct object *before,
                       const struct object *after) {
        struct endpointslice_controller *c = data;

        controller_enqueue(c->driver, key);
}

static bool service_selects(const struct object *service, const struct object *pod) {
        const struct string_map *selector = &OBJECT_AS(service, service)->spec.selector;

        return pod && selector->n > 0 && string_map_is_subset(selector, &pod->meta->labels);
}

/* Nothing that a slice says has changed: most writes of a pod's status are of that sort. */
static bool pod_looks_alike(const struct object *before, const struct object *after) {
        const struct pod *a, *b;

        if (!before || !after || !str_eq(before->meta->uid, after->meta->uid))
                return false;
        a = OBJECT_AS(pod, before);
        b = OBJECT_AS(pod, after);
        return pod_is_ready(a) == pod_is_ready(b) && str_eq(a->status.phase, b->status.phase) &&
               str_eq(a->status.pod_ip, b->status.pod_ip) &&
               a->status.pod_ips.n == b->status.pod_ips.n &&
               str_eq(a->spec.node_name, b->spec.node_name) &&
               !a->metadata.deletion_timestamp == !b->metadata.deletion_timestamp &&
               string_map_is_subset(&a->metadata.labels, &b->metadata.labels) &&
               string_map_is_subset(&b->metadata.labels, &a->metadata.labels);
}

static void on_pod(void *data, const char *key, const struct object *before,
                   const struct object *after) {
        struct endpointslice_controller *c = data;
        const struct object *o = after ? after : before;
        AUTO_DONE(objects) struct objects all = { 0 };

        if (pod_looks_alike(before, after))
                return;
        (void) caches_list(c->core->caches, &service_kind, CACHE_NAMESPACE,
                           str_or_empty(o->meta->namespace), &all);
        for (size_t i = 0; i < all.n; i++)
                if (service_selects(all.items[i], before) || service_selects(all.items[i], after))
                        controller_enqueue_object(c->driver, all.items[i]);
}

static void on_slice(void *data, const char *key, const struct object *before,
                     const struct object *after) {
        struct endpointslice_controller *c = data;

        controller_enqueue_label(c->driver, ENDPOINTSLICE_SERVICE, before, after);
}

/* ---- planning ---- */

static int on_plan(void *data, struct run *run, const char *key, struct changes *changes,
                   struct err *e) {
        struct endpointslice_controller *c = data;
        AUTO_DONE(objects) struct objects pods = { 0 }, slices = { 0 };
        struct endpointslice_facts f = { .name_seed = core_random(c->core) };
        const char *ns;

        f.service = caches_get(c->core->caches, &service_kind, key);
        if (!f.service)
                return 0; /* its slices are the garbage collector's */
        ns = str_or_empty(f.service->meta->namespace);
        if (caches_list(c->core->caches, &pod_kind, CACHE_NAMESPACE, ns, &pods) < 0 ||
            caches_list(c->core->caches, &endpoint_slice_kind, CACHE_NAMESPACE, ns, &slices) < 0)
                return err_set(e, -ENOMEM, "out of memory gathering endpoints");
        f.pods = pods.items;
        f.n_pods = pods.n;
        f.slices = slices.items;
        f.n_slices = slices.n;
        return endpointslice_plan(&f, changes, e);
}

/* ---- life ---- */

static void on_begin(void *data) {
        controller_begin(((struct endpointslice_controller *) data)->driver);
}

static bool is_idle(const void *data) {
        return controller_is_idle(((const struct endpointslice_controller *) data)->driver);
}

static void on_free(void *data) {
        struct endpointslice_controller *c = data;

        controller_unref(c->driver);
        free(c);
}

int endpointslice_controller_new(struct core *core, struct part *ret, struct err *e) {
        static const struct controller_type type = { .name = "endpointslice-controller",
                                                     .plan = on_plan };
        struct endpointslice_controller *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (!c)
                return err_set(e, r, "out of memory for the endpointslice controller");
        *ret = (struct part){ c, on_begin, is_idle, on_free };
        c->core = core;
        r = controller_new(core, &type, c, &c->driver, e);
        if (r == 0)
                r = caches_watch(core->caches, &service_kind, on_service, c);
        if (r == 0)
                r = caches_watch(core->caches, &pod_kind, on_pod, c);
        if (r == 0)
                r = caches_watch(core->caches, &endpoint_slice_kind, on_slice, c);
        return r;
}
