/* What stands behind the service default/kubernetes: the server's own machine. One key. */
#include "api/kinds/endpoints.h"
#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/service.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/controller.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"
#include "daemon/plan/apiserver_plan.h"

#include <stdlib.h>
#include <string.h>

#define KEY "default/" APISERVER_SERVICE

struct apiserver_controller {
        struct core *core;
        struct controller *driver;
        char *node_name; /* owned; NULL: the server's machine is no node */
        int64_t port;
};

static void on_endpoints(void *data, const char *key, const struct object *before,
                         const struct object *after) {
        if (str_eq(key, KEY))
                controller_enqueue(((struct apiserver_controller *) data)->driver, KEY);
}

static void on_node(void *data, const char *key, const struct object *before,
                    const struct object *after) {
        struct apiserver_controller *c = data;

        if (str_eq(key, c->node_name))
                controller_enqueue(c->driver, KEY);
}

static int on_plan(void *data, struct run *run, const char *key, struct changes *changes,
                   struct err *e) {
        const struct apiserver_controller *c = data;
        const struct caches *caches = c->core->caches;
        const struct apiserver_facts f = {
                .slice = caches_get(caches, &endpoint_slice_kind, KEY),
                .endpoints = caches_get(caches, &endpoints_kind, KEY),
                .node = c->node_name ? caches_get(caches, &node_kind, c->node_name) : NULL,
                .port = c->port,
        };

        return apiserver_plan(&f, changes, e);
}

/* ---- life ---- */

static void on_begin(void *data) {
        struct apiserver_controller *c = data;

        controller_enqueue(c->driver, KEY);
        controller_begin(c->driver);
}

static bool is_idle(const void *data) {
        return controller_is_idle(((const struct apiserver_controller *) data)->driver);
}

static void on_free(void *data) {
        struct apiserver_controller *c = data;

        controller_unref(c->driver);
        free(c->node_name);
        free(c);
}

int apiserver_controller_new(struct core *core, const char *node_name, int64_t port,
                             struct part *ret, struct err *e) {
        static const struct controller_type type = { .name = "apiserver-endpoints",
                                                     .plan = on_plan,
                                                     .keeps_going = true };
        struct apiserver_controller *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (!c)
                return err_set(e, r, "out of memory for the server's endpoints");
        *ret = (struct part){ c, on_begin, is_idle, on_free };
        c->core = core;
        c->port = port;
        c->node_name = node_name ? strdup(node_name) : NULL;
        if (node_name && !c->node_name)
                return err_set(e, r, "out of memory for the server's endpoints");
        r = controller_new(core, &type, c, &c->driver, e);
        if (r == 0)
                r = caches_watch(core->caches, &endpoint_slice_kind, on_endpoints, c);
        if (r == 0)
                r = caches_watch(core->caches, &endpoints_kind, on_endpoints, c);
        if (r == 0)
                r = caches_watch(core->caches, &node_kind, on_node, c);
        return r;
}
