#include "daemon/plan/gc_plan.h"

#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/str.h"
#include "daemon/plan/changes.h"

bool gc_has_finalizer(const struct object *o, const char *name) {
        return strings_has(&o->meta->finalizers, name);
}

/* ---- owners that are being deleted ---- */

static void gc_drop_finalizer(const struct object *o, const char *name, struct changes *c) {
        json_t *list = json_array();
        bool ok = list;

        for (size_t i = 0; ok && i < o->meta->finalizers.n; i++)
                if (!str_eq(o->meta->finalizers.items[i], name))
                        ok = json_array_append_new(list,
                                                   json_string(o->meta->finalizers.items[i])) == 0;
        if (!ok) {
                json_decref(list);
                list = NULL;
        }
        (void) changes_patch(c, o, NULL, json_pack("{s:{s:o}}", "metadata", "finalizers", list));
}

static const struct owner_reference *gc_reference(const struct object *o, const char *uid) {
        for (size_t i = 0; i < o->meta->owner_references.n; i++)
                if (str_eq(o->meta->owner_references.items[i].uid, uid))
                        return &o->meta->owner_references.items[i];
        return NULL;
}

static bool gc_is_blocked(const struct gc_facts *f) {
        for (size_t i = 0; i < f->n_dependents; i++) {
                const struct owner_reference *r =
                        gc_reference(f->dependents[i], f->object->meta->uid);

                if (r && r->block_owner_deletion.value)
                        return true;
        }
        return false;
}

/* The owner references of o that keep says true for. */
static void gc_patch_references(const struct object *o, const bool *keep, struct changes *c) {
        json_t *list = json_array();
        bool ok = list;

        for (size_t i = 0; ok && i < o->meta->owner_references.n; i++)
                if (keep[i])
                        ok = json_array_append_new(
                                     list, schema_encode(&owner_reference_schema,
                                                         &o->meta->owner_references.items[i])) == 0;
        if (!ok) {
                json_decref(list);
                list = NULL;
        }
        (void) changes_patch(c, o, NULL,
                             json_pack("{s:{s:o}}", "metadata", "ownerReferences", list));
}

static int gc_orphan_dependent(const struct object *o, const char *uid, struct changes *c) {
        AUTO_FREE bool *keep = calloc(o->meta->owner_references.n + 1, sizeof(*keep));

        if (!keep)
                return -ENOMEM;
        for (size_t i = 0; i < o->meta->owner_references.n; i++)
                keep[i] = !str_eq(o->meta->owner_references.items[i].uid, uid);
        gc_patch_references(o, keep, c);
        return 0;
}

static int gc_plan_going(const struct gc_facts *f, struct changes *c) {
        if (gc_has_finalizer(f->object, GC_ORPHAN)) {
                for (size_t i = 0; i < f->n_dependents; i++)
                        if (gc_orphan_dependent(f->dependents[i], f->object->meta->uid, c) < 0)
                                return -ENOMEM;
                if (f->n_dependents == 0)
                        gc_drop_finalizer(f->object, GC_ORPHAN, c);
                return 0;
        }
        if (gc_has_finalizer(f->object, GC_FOREGROUND) && !gc_is_blocked(f))
                gc_drop_finalizer(f->object, GC_FOREGROUND, c);
        return 0;
}

/* ---- dependents ---- */

struct gc_count {
        size_t n_present, n_waiting, n_absent;
};

static struct gc_count gc_count_owners(const struct gc_facts *f) {
        struct gc_count n = { 0 };

        for (size_t i = 0; i < f->object->meta->owner_references.n; i++) {
                switch (f->owners[i]) {
                case GC_OWNER_PRESENT:
                        n.n_present++;
                        break;
                case GC_OWNER_WAITING:
                        n.n_waiting++;
                        break;
                case GC_OWNER_ABSENT:
                        n.n_absent++;
                        break;
                }
        }
        return n;
}

static const char *gc_propagation(const struct gc_facts *f, const struct gc_count *n) {
        if (gc_has_finalizer(f->object, GC_ORPHAN))
                return "Orphan";
        if (gc_has_finalizer(f->object, GC_FOREGROUND) || (n->n_waiting > 0 && f->n_dependents > 0))
                return "Foreground";
        return "Background";
}

static int gc_plan_dependent(const struct gc_facts *f, struct changes *c) {
        size_t n = f->object->meta->owner_references.n;
        struct gc_count count = gc_count_owners(f);
        AUTO_FREE bool *keep = NULL;
        struct change *it;

        if (n == 0 || count.n_present == n)
                return 0;
        if (count.n_present == 0) {
                it = changes_delete(c, f->object, gc_propagation(f, &count));
                if (it) /* whoever adopts it meanwhile wins */
                        it->revision = changes_text(
                                c, "%s", str_or_empty(f->object->meta->resource_version));
                return 0;
        }
        keep = calloc(n, sizeof(*keep));
        if (!keep)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                keep[i] = f->owners[i] == GC_OWNER_PRESENT;
        gc_patch_references(f->object, keep, c);
        return 0;
}

int gc_plan(const struct gc_facts *f, struct changes *c, struct err *e) {
        int r = f->object->meta->deletion_timestamp ? gc_plan_going(f, c) : gc_plan_dependent(f, c);

        if (r < 0)
                return err_set(e, r, "out of memory while collecting garbage");
        return changes_check(c, e);
}

int gc_plan_pod(const struct object *pod, bool is_node_absent, struct changes *c, struct err *e) {
        struct change *it;

        if (!is_node_absent || str_is_empty(OBJECT_AS(pod, pod)->spec.node_name))
                return 0;
        it = changes_delete(c, pod, NULL);
        if (it)
                it->grace_s = 0;
        change_on_done(c, it, pod,
                       (struct change_event){ "Normal", "NodeGone",
                                              changes_text(c, "Node %s no longer exists",
                                                           OBJECT_AS(pod, pod)->spec.node_name) });
        return changes_check(c, e);
}
