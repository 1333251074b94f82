/* Gives the kinds of CustomResourceDefinitions caches, so that the garbage collector and the end of
 * a namespace reach their objects. */
#include "api/kinds/crd.h"
#include "api/kinds/custom.h"
#include "api/kinds/object.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"

#include <string.h>

struct custom_controller {
        struct core *core;
};

/* Any served version does: only metadata is looked at. */
static const char *served_version(const struct crd *d) {
        for (size_t i = 0; i < d->spec.versions.n; i++)
                if (d->spec.versions.items[i].served)
                        return d->spec.versions.items[i].name;
        return NULL;
}

static const struct kind *cached_kind(const struct custom_controller *c, const struct crd *d) {
        const struct kind *k = caches_find_resource(c->core->caches, d->metadata.name);

        return k && k->custom ? k : NULL;
}

static void kind_come(struct custom_controller *c, const struct crd *d, const char *version) {
        const struct custom_names names = {
                .group = d->spec.group,
                .version = version,
                .kind = d->spec.names.kind,
                .list_kind = d->spec.names.list_kind,
                .plural = d->spec.names.plural,
                .singular = d->spec.names.singular,
                .is_namespaced = str_eq(d->spec.scope, "Namespaced"),
        };
        const struct kind *k = NULL;
        struct err e = { 0 };
        int r = custom_kind_new_named(&names, &k, &e);

        if (r == 0)
                r = caches_add_kind(c->core->caches, k, &e);
        if (r < 0)
                LOG_WARN(d->metadata.name,
                         "its objects are not watched (%s): they stay when their owners or "
                         "namespaces go, until the server starts anew",
                         err_text(&e));
        kind_unref(k);
}

/* Level, not edge: whatever happened to the definition, its kind becomes what it says now. */
static void on_definition(void *data, const char *key, const struct object *before,
                          const struct object *after) {
        const struct crd *d = OBJECT_AS(crd, after ? after : before);
        struct custom_controller *c = data;
        const struct kind *k = cached_kind(c, d);
        const char *version = after && crd_is_true(d, CRD_ESTABLISHED) ? served_version(d) : NULL;

        if (k && version && str_eq(k->version, version) && str_eq(k->name, d->spec.names.kind) &&
            (!before || str_eq(before->meta->uid, d->metadata.uid)))
                return;
        if (k)
                caches_remove_kind(c->core->caches, k);
        if (version)
                kind_come(c, d, version);
}

/* ---- life ---- */

static void on_begin(void *data) {
        (void) data;
}

static bool is_idle(const void *data) {
        (void) data;
        return true;
}

int custom_controller_new(struct core *core, struct part *ret, struct err *e) {
        struct custom_controller *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return err_set(e, -ENOMEM, "out of memory for the kinds of definitions");
        *ret = (struct part){ c, on_begin, is_idle, free };
        c->core = core;
        r = caches_watch(core->caches, &crd_kind, on_definition, c);
        return r < 0 ? err_set(e, r, "out of memory for the kinds of definitions") : 0;
}
