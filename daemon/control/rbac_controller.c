/* The default roles and bindings, seen to once at each start; and cluster roles that are made of
 * others. */
#include "api/kinds/object.h"
#include "api/kinds/rbac.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/controller.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/rbac_defaults.h"
#include "daemon/plan/rbac_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rbac_controller {
        struct core *core;
        struct controller *defaults; /* keys: indexes of rbac_defaults */
        struct controller *aggregation;
};

/* ---- defaults ---- */

static int on_default(void *data, struct run *run, const char *key, struct changes *changes,
                      struct err *e) {
        struct rbac_controller *c = data;
        int64_t index;

        if (str_to_int64(key, 0, (int64_t) rbac_defaults_count() - 1, &index) < 0)
                return 0;
        return rbac_default_plan((size_t) index,
                                 caches_get(c->core->caches, rbac_default_kind((size_t) index),
                                            rbac_default_name((size_t) index)),
                                 changes, e);
}

/* Until all caches are complete keys only gather, so the order is that of the table. */
static void defaults_begin(struct rbac_controller *c) {
        char key[24];

        for (size_t i = 0; i < rbac_defaults_count(); i++) {
                (void) snprintf(key, sizeof(key), "%zu", i);
                controller_enqueue(c->defaults, key);
        }
        controller_begin(c->defaults);
}

/* ---- aggregation ---- */

static int compare_names(const void *a, const void *b) {
        const struct object *const *x = a, *const *y = b;

        return strcmp((*x)->meta->name, (*y)->meta->name);
}

/* Any role may be a part of any that is made of others; those are few. */
#define KEY_ALL "*"

static void aggregates_enqueue(struct rbac_controller *c, const struct objects *all) {
        for (size_t i = 0; i < all->n; i++)
                if (OBJECT_AS(cluster_role, all->items[i])->aggregation_rule)
                        controller_enqueue_object(c->aggregation, all->items[i]);
}

static int on_aggregate(void *data, struct run *run, const char *key, struct changes *changes,
                        struct err *e) {
        AUTO_DONE(objects) struct objects all = { 0 };
        struct rbac_controller *c = data;
        const struct object *role;

        if (caches_list(c->core->caches, &cluster_role_kind, NULL, NULL, &all) < 0)
                return err_set(e, -ENOMEM, "out of memory for the roles");
        if (str_eq(key, KEY_ALL)) {
                aggregates_enqueue(c, &all);
                return 0;
        }
        role = caches_get(c->core->caches, &cluster_role_kind, key);
        if (!role || all.n == 0)
                return 0;
        qsort(all.items, all.n, sizeof(*all.items), compare_names);
        return rbac_aggregate_plan(role, all.items, all.n, changes, e);
}

static void on_role(void *data, const char *key, const struct object *before,
                    const struct object *after) {
        controller_enqueue(((struct rbac_controller *) data)->aggregation, KEY_ALL);
}

/* ---- life ---- */

static void on_begin(void *data) {
        struct rbac_controller *c = data;

        defaults_begin(c);
        controller_begin(c->aggregation);
}

static bool is_idle(const void *data) {
        const struct rbac_controller *c = data;

        return controller_is_idle(c->defaults) && controller_is_idle(c->aggregation);
}

static void on_free(void *data) {
        struct rbac_controller *c = data;

        controller_unref(c->defaults);
        controller_unref(c->aggregation);
        free(c);
}

int rbac_controller_new(struct core *core, struct part *ret, struct err *e) {
        static const struct controller_type defaults = { .name = "rbac-bootstrap",
                                                         .plan = on_default };
        static const struct controller_type aggregation = {
                .name = "clusterrole-aggregation-controller",
                .plan = on_aggregate,
        };
        struct rbac_controller *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (!c)
                return err_set(e, r, "out of memory for the roles' controller");
        *ret = (struct part){ c, on_begin, is_idle, on_free };
        c->core = core;
        r = controller_new(core, &defaults, c, &c->defaults, e);
        if (r == 0)
                r = controller_new(core, &aggregation, c, &c->aggregation, e);
        if (r == 0)
                r = caches_watch(core->caches, &cluster_role_kind, on_role, c);
        return r;
}
