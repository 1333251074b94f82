#include "api/kinds/endpoints.h"
#include "api/kinds/object.h"
#include "api/kinds/service.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/controller.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/endpoints_plan.h"
#include "daemon/plan/endpointslice_plan.h"

struct endpoints_controller {
        struct core *core;
        struct controller *driver;
};

/* Endpoints have the name of their service: both wake the same key. */
static void on_same_name(void *data, const char *key, const struct object *before,
                         const struct object *after) {
        struct endpoints_controller *c = data;

        controller_enqueue(c->driver, key);
}

static void on_slice(void *data, const char *key, const struct object *before,
                     const struct object *after) {
        struct endpoints_controller *c = data;

        controller_enqueue_label(c->driver, ENDPOINTSLICE_SERVICE, before, after);
}

static int on_plan(void *data, struct run *run, const char *key, struct changes *changes,
                   struct err *e) {
        struct endpoints_controller *c = data;
        AUTO_DONE(objects) struct objects slices = { 0 };
        struct endpoints_facts f = { 0 };

        f.service = caches_get(c->core->caches, &service_kind, key);
        if (!f.service)
                return 0; /* its Endpoints are the garbage collector's */
        f.endpoints = caches_get(c->core->caches, &endpoints_kind, key);
        if (caches_list(c->core->caches, &endpoint_slice_kind, CACHE_NAMESPACE,
                        str_or_empty(f.service->meta->namespace), &slices) < 0)
                return err_set(e, -ENOMEM, "out of memory gathering endpoint slices");
        f.slices = slices.items;
        f.n_slices = slices.n;
        return endpoints_plan(&f, changes, e);
}

static void on_begin(void *data) {
        controller_begin(((struct endpoints_controller *) data)->driver);
}

static bool is_idle(const void *data) {
        return controller_is_idle(((const struct endpoints_controller *) data)->driver);
}

static void on_free(void *data) {
        struct endpoints_controller *c = data;

        controller_unref(c->driver);
        free(c);
}

int endpoints_controller_new(struct core *core, struct part *ret, struct err *e) {
        static const struct controller_type type = { .name = "endpoint-controller",
                                                     .plan = on_plan };
        struct endpoints_controller *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (!c)
                return err_set(e, r, "out of memory for the endpoints controller");
        *ret = (struct part){ c, on_begin, is_idle, on_free };
        c->core = core;
        r = controller_new(core, &type, c, &c->driver, e);
        if (r == 0)
                r = caches_watch(core->caches, &service_kind, on_same_name, c);
        if (r == 0)
                r = caches_watch(core->caches, &endpoints_kind, on_same_name, c);
        if (r == 0)
                r = caches_watch(core->caches, &endpoint_slice_kind, on_slice, c);
        return r;
}
