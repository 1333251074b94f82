#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/controller.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/namespace_plan.h"

#define KINDS_MAX 1000

struct namespace_controller {
        struct core *core;
        struct controller *driver;
};

static void on_namespace(void *data, const char *key, const struct object *before,
                         const struct object *after) {
        struct namespace_controller *c = data;

        if (after && after->meta->deletion_timestamp != 0)
                controller_enqueue(c->driver, key);
}

/* One thing less in the way. */
static void on_content(void *data, const char *key, const struct object *before,
                       const struct object *after) {
        struct namespace_controller *c = data;
        const struct object *ns;

        if (after || str_is_empty(before->meta->namespace))
                return;
        ns = caches_find(c->core->caches, &namespace_kind, NULL, before->meta->namespace);
        if (ns && ns->meta->deletion_timestamp != 0)
                controller_enqueue_object(c->driver, ns);
}

/* ---- planning ---- */

static void look_at_kind(struct run *run, const struct kind *k, const char *ns,
                         struct namespace_content *content, size_t *n) {
        struct live l;

        if (!k->is_namespaced || k->stored_as || *n == KINDS_MAX)
                return;
        l = run_look(run, k, ns, NULL);
        content[(*n)++] =
                (struct namespace_content){ .kind = k, .is_there = l.state != LIVE_ABSENT };
}

static int on_plan(void *data, struct run *run, const char *key, struct changes *changes,
                   struct err *e) {
        AUTO_FREE struct namespace_content *content = calloc(KINDS_MAX, sizeof(*content));
        struct namespace_controller *c = data;
        struct namespace_facts f = { .content = content, .now_usec = core_wall_usec(c->core) };
        const struct kind *const *all = kind_all(), *k;

        if (!content)
                return err_set(e, -ENOMEM, "out of memory gathering a namespace's content");
        f.object = caches_get(c->core->caches, &namespace_kind, key);
        if (!f.object || f.object->meta->deletion_timestamp == 0)
                return 0;
        for (size_t i = 0; all[i]; i++)
                look_at_kind(run, all[i], key, content, &f.n_content);
        for (size_t i = 0; (k = caches_kind(c->core->caches, i)); i++)
                if (k->custom)
                        look_at_kind(run, k, key, content, &f.n_content);
        return namespace_plan(&f, changes, e);
}

static int watch_content(void *data, const struct kind *k) {
        struct namespace_controller *c = data;

        return k->is_namespaced ? caches_watch(c->core->caches, k, on_content, c) : 0;
}

/* ---- life ---- */

static void on_begin(void *data) {
        controller_begin(((struct namespace_controller *) data)->driver);
}

static bool is_idle(const void *data) {
        return controller_is_idle(((const struct namespace_controller *) data)->driver);
}

static void on_free(void *data) {
        struct namespace_controller *c = data;

        controller_unref(c->driver);
        free(c);
}

int namespace_controller_new(struct core *core, struct part *ret, struct err *e) {
        static const struct controller_type type = { .name = "namespace-controller",
                                                     .plan = on_plan };
        struct namespace_controller *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (!c)
                return err_set(e, r, "out of memory for the namespace controller");
        *ret = (struct part){ c, on_begin, is_idle, on_free };
        c->core = core;
        r = controller_new(core, &type, c, &c->driver, e);
        if (r == 0)
                r = caches_watch(core->caches, &namespace_kind, on_namespace, c);
        if (r == 0)
                r = caches_on_kind(core->caches, watch_content, c);
        return r;
}
