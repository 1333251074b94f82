#include "api/kinds/event.h"
#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/controller.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/gc_plan.h"

#include <stdio.h>
#include <string.h>

/* Keys are "replicasets.apps|NAMESPACE/NAME": one queue for all kinds. */
#define GC_KEY_MAX (OBJECT_KEY_MAX + 128)

struct gc_controller {
        struct core *core;
        struct controller *driver;
};

static void enqueue(struct gc_controller *c, const struct object *o) {
        char key[OBJECT_KEY_MAX], full[GC_KEY_MAX];

        (void) snprintf(full, sizeof(full), "%s%s%s|%s", o->kind->plural,
                        o->kind->group[0] ? "." : "", o->kind->group, object_key(o, key));
        controller_enqueue(c->driver, full);
}

static const struct object *find(const struct gc_controller *c, const char *key) {
        const char *bar = strchr(key, '|');
        char word[128];

        if (!bar || (size_t) (bar - key) >= sizeof(word))
                return NULL;
        memcpy(word, key, (size_t) (bar - key));
        word[bar - key] = '\0';
        return caches_get(c->core->caches, caches_find_resource(c->core->caches, word), bar + 1);
}

static int list_dependents(const struct gc_controller *c, const struct object *owner,
                           struct objects *to) {
        const struct kind *k;
        int r = 0;

        for (size_t i = 0; r == 0 && (k = caches_kind(c->core->caches, i)); i++)
                r = caches_list(c->core->caches, k, CACHE_OWNER, str_or_empty(owner->meta->uid),
                                to);
        return r;
}

/* ---- whom a change concerns ---- */

static void enqueue_dependents(struct gc_controller *c, const struct object *owner) {
        AUTO_DONE(objects) struct objects all = { 0 };

        (void) list_dependents(c, owner, &all);
        for (size_t i = 0; i < all.n; i++)
                enqueue(c, all.items[i]);
}

static const struct object *find_owner(const struct gc_controller *c, const struct object *o,
                                       const struct owner_reference *r) {
        const struct kind *k = caches_find_kind(c->core->caches, r->api_version, r->kind);
        const struct object *owner =
                k ? caches_find(c->core->caches, k, o->meta->namespace, r->name) : NULL;

        return owner && str_eq(owner->meta->uid, r->uid) ? owner : NULL;
}

/* Owners that are being deleted may wait for it. */
static void enqueue_owners(struct gc_controller *c, const struct object *o) {
        for (size_t i = 0; i < o->meta->owner_references.n; i++) {
                const struct object *owner = find_owner(c, o, &o->meta->owner_references.items[i]);

                if (owner && owner->meta->deletion_timestamp != 0)
                        enqueue(c, owner);
        }
}

static bool is_new_incarnation(const struct object *before, const struct object *after) {
        return before && after && !str_eq(before->meta->uid, after->meta->uid);
}

static void on_change(void *data, const char *key, const struct object *before,
                      const struct object *after) {
        struct gc_controller *c = data;
        bool was_going = before && before->meta->deletion_timestamp != 0;

        if (before && (!after || is_new_incarnation(before, after))) {
                enqueue_dependents(c, before);
                enqueue_owners(c, before);
        }
        if (!after)
                return;
        if (after->meta->deletion_timestamp != 0) {
                enqueue(c, after);
                if (!was_going)
                        enqueue_dependents(c, after);
                return;
        }
        if (after->meta->owner_references.n > 0 &&
            (!before || before->meta->owner_references.n != after->meta->owner_references.n ||
             is_new_incarnation(before, after)))
                enqueue(c, after);
        if (before && before->meta->owner_references.n > after->meta->owner_references.n)
                enqueue_owners(c, before);
}

/* ---- planning ---- */

/* A cache that has the owner is believed; that it is missing only the API itself may say. Owners of
 * kinds that orch doesn't know are left alone. */
static enum gc_owner owner_state(struct gc_controller *c, struct run *run, const struct object *o,
                                 const struct owner_reference *r) {
        const struct object *owner = find_owner(c, o, r);
        const struct kind *k = caches_find_kind(c->core->caches, r->api_version, r->kind);
        bool is_waiting;
        struct live l;

        if (owner) {
                is_waiting = owner->meta->deletion_timestamp != 0 &&
                             gc_has_finalizer(owner, GC_FOREGROUND);
                return is_waiting ? GC_OWNER_WAITING : GC_OWNER_PRESENT;
        }
        if (!k || !k->is_stored)
                return GC_OWNER_PRESENT;
        l = run_look(run, k, k->is_namespaced ? o->meta->namespace : NULL, r->name);
        if (l.state == LIVE_ASKED)
                return GC_OWNER_PRESENT; /* nothing comes of this round */
        if (l.state == LIVE_ABSENT || !str_eq(l.uid, r->uid))
                return GC_OWNER_ABSENT;
        return l.is_deleting && l.has_foreground ? GC_OWNER_WAITING : GC_OWNER_PRESENT;
}

static int on_plan(void *data, struct run *run, const char *key, struct changes *changes,
                   struct err *e) {
        struct gc_controller *c = data;
        AUTO_DONE(objects) struct objects dependents = { 0 };
        AUTO_FREE enum gc_owner *owners = NULL;
        struct gc_facts f = { .object = find(c, key) };
        size_t n;

        if (!f.object)
                return 0;
        n = f.object->meta->owner_references.n;
        owners = calloc(n + 1, sizeof(*owners));
        if (!owners || list_dependents(c, f.object, &dependents) < 0)
                return err_set(e, -ENOMEM, "out of memory gathering owners");
        for (size_t i = 0; i < n; i++)
                owners[i] =
                        owner_state(c, run, f.object, &f.object->meta->owner_references.items[i]);
        f.owners = owners;
        f.dependents = dependents.items;
        f.n_dependents = dependents.n;
        return gc_plan(&f, changes, e);
}

static int watch_kind(void *data, const struct kind *k) {
        struct gc_controller *c = data;

        return caches_watch(c->core->caches, k, on_change, c);
}

/* ---- life ---- */

static void on_begin(void *data) {
        controller_begin(((struct gc_controller *) data)->driver);
}

static bool is_idle(const void *data) {
        return controller_is_idle(((const struct gc_controller *) data)->driver);
}

static void on_free(void *data) {
        struct gc_controller *c = data;

        controller_unref(c->driver);
        free(c);
}

int gc_controller_new(struct core *core, struct part *ret, struct err *e) {
        static const struct controller_type type = { .name = "garbage-collector", .plan = on_plan };
        struct gc_controller *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (!c)
                return err_set(e, r, "out of memory for the garbage collector");
        *ret = (struct part){ c, on_begin, is_idle, on_free };
        c->core = core;
        r = controller_new(core, &type, c, &c->driver, e);
        if (r == 0)
                r = caches_on_kind(core->caches, watch_kind, c);
        return r;
}
