#include "api/kinds/disruption.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/replication_controller.h"
#include "api/kinds/stateful_set.h"
#include "api/kinds/workload.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/controller.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"
#include "daemon/plan/disruption_plan.h"

struct disruption_controller {
        struct core *core;
        struct controller *driver;
};

static void on_budget(void *data, const char *key, const struct object *before,
                      const struct object *after) {
        struct disruption_controller *c = data;

        if (after)
                controller_enqueue(c->driver, key);
}

/* Pods, and what scales them, concern the budgets of their namespace: there are few. */
static void on_other(void *data, const char *key, const struct object *before,
                     const struct object *after) {
        struct disruption_controller *c = data;
        const struct object *o = after ? after : before;
        AUTO_DONE(objects) struct objects budgets = { 0 };

        (void) caches_list(c->core->caches, &pod_disruption_budget_kind, CACHE_NAMESPACE,
                           str_or_empty(o->meta->namespace), &budgets);
        for (size_t i = 0; i < budgets.n; i++)
                controller_enqueue_object(c->driver, budgets.items[i]);
}

static const struct kind *const OWNERS[] = { &replica_set_kind, &deployment_kind,
                                             &stateful_set_kind, &replication_controller_kind };

static int on_plan(void *data, struct run *run, const char *key, struct changes *changes,
                   struct err *e) {
        struct disruption_controller *c = data;
        AUTO_DONE(objects) struct objects pods = { 0 }, owners = { 0 };
        struct disruption_facts f = { .now_usec = core_wall_usec(c->core) };
        const char *ns;
        int r;

        f.budget = caches_get(c->core->caches, &pod_disruption_budget_kind, key);
        if (!f.budget)
                return 0;
        ns = str_or_empty(f.budget->meta->namespace);
        r = caches_list(c->core->caches, &pod_kind, CACHE_NAMESPACE, ns, &pods);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(OWNERS); i++)
                r = caches_list(c->core->caches, OWNERS[i], CACHE_NAMESPACE, ns, &owners);
        if (r < 0)
                return err_set(e, -ENOMEM, "out of memory gathering pods");
        f.pods = pods.items;
        f.n_pods = pods.n;
        f.owners = owners.items;
        f.n_owners = owners.n;
        return disruption_plan(&f, changes, e);
}

static void on_begin(void *data) {
        controller_begin(((struct disruption_controller *) data)->driver);
}

static bool is_idle(const void *data) {
        return controller_is_idle(((const struct disruption_controller *) data)->driver);
}

static void on_free(void *data) {
        struct disruption_controller *c = data;

        controller_unref(c->driver);
        free(c);
}

int disruption_controller_new(struct core *core, struct part *ret, struct err *e) {
        static const struct controller_type type = { .name = "disruption-controller",
                                                     .plan = on_plan };
        struct disruption_controller *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (!c)
                return err_set(e, r, "out of memory for the disruption controller");
        *ret = (struct part){ c, on_begin, is_idle, on_free };
        c->core = core;
        r = controller_new(core, &type, c, &c->driver, e);
        if (r == 0)
                r = caches_watch(core->caches, &pod_disruption_budget_kind, on_budget, c);
        if (r == 0)
                r = caches_watch(core->caches, &pod_kind, on_other, c);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(OWNERS); i++)
                r = caches_watch(core->caches, OWNERS[i], on_other, c);
        return r;
}
