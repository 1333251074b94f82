/* The account "default" and the authority's certificate in every namespace. Keys: namespaces. */
#include "api/kinds/config.h"
#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/service_account.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/controller.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"
#include "daemon/plan/account_plan.h"
#include "daemon/plan/changes.h"

#include <stdlib.h>
#include <string.h>

struct account_controller {
        struct core *core;
        struct controller *driver;
        char *ca_pem; /* owned; NULL: there is no authority */
};

static void on_namespace(void *data, const char *key, const struct object *before,
                         const struct object *after) {
        struct account_controller *c = data;

        if (after && after->meta->deletion_timestamp == 0)
                controller_enqueue(c->driver, key);
}

static void on_account(void *data, const char *key, const struct object *before,
                       const struct object *after) {
        struct account_controller *c = data;

        if (!after && str_eq(before->meta->name, ACCOUNT_DEFAULT))
                controller_enqueue(c->driver, before->meta->namespace);
}

static void on_config_map(void *data, const char *key, const struct object *before,
                          const struct object *after) {
        struct account_controller *c = data;
        const struct object *any = after ? after : before;

        if (str_eq(any->meta->name, ACCOUNT_CA_CONFIG_MAP))
                controller_enqueue(c->driver, any->meta->namespace);
}

static int on_plan(void *data, struct run *run, const char *key, struct changes *changes,
                   struct err *e) {
        struct account_controller *c = data;
        const struct caches *caches = c->core->caches;
        const struct account_facts f = {
                .namespace_ = caches_get(caches, &namespace_kind, key),
                .account = caches_find(caches, &service_account_kind, key, ACCOUNT_DEFAULT),
                .config_map = caches_find(caches, &config_map_kind, key, ACCOUNT_CA_CONFIG_MAP),
                .ca_pem = c->ca_pem,
        };

        return f.namespace_ ? account_plan(&f, changes, e) : 0;
}

/* ---- life ---- */

static void on_begin(void *data) {
        controller_begin(((struct account_controller *) data)->driver);
}

static bool is_idle(const void *data) {
        return controller_is_idle(((const struct account_controller *) data)->driver);
}

static void on_free(void *data) {
        struct account_controller *c = data;

        controller_unref(c->driver);
        free(c->ca_pem);
        free(c);
}

int account_controller_new(struct core *core, const char *ca_pem, struct part *ret, struct err *e) {
        static const struct controller_type type = { .name = "serviceaccount-controller",
                                                     .plan = on_plan,
                                                     .keeps_going = true };
        struct account_controller *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (!c)
                return err_set(e, r, "out of memory for the accounts' controller");
        *ret = (struct part){ c, on_begin, is_idle, on_free };
        c->core = core;
        c->ca_pem = ca_pem ? strdup(ca_pem) : NULL;
        if (ca_pem && !c->ca_pem)
                return err_set(e, r, "out of memory for the accounts' controller");
        r = controller_new(core, &type, c, &c->driver, e);
        if (r == 0)
                r = caches_watch(core->caches, &namespace_kind, on_namespace, c);
        if (r == 0)
                r = caches_watch(core->caches, &service_account_kind, on_account, c);
        if (r == 0)
                r = caches_watch(core->caches, &config_map_kind, on_config_map, c);
        return r;
}
