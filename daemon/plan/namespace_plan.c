#include "daemon/plan/namespace_plan.h"

#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/plan/changes.h"

#define NAMESPACE_FINALIZER "kubernetes"
#define NAMESPACE_AGAIN_USEC USEC_PER_SEC

/* The finalizers of others stay. */
static json_t *namespace_finalizers(const struct namespace *n) {
        json_t *list = json_array();

        for (size_t i = 0; i < n->spec.finalizers.n; i++) {
                if (str_eq(n->spec.finalizers.items[i], NAMESPACE_FINALIZER))
                        continue;
                if (json_array_append_new(list, json_string(n->spec.finalizers.items[i])) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

static void namespace_finalize(const struct object *o, struct changes *c) {
        const struct namespace *n = OBJECT_AS(namespace, o);

        if (!strings_has(&n->spec.finalizers, NAMESPACE_FINALIZER))
                return;
        (void) changes_sub(c, CHANGE_PUT, o, "finalize",
                           json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:o}}", "apiVersion", "v1",
                                     "kind", "Namespace", "metadata", "name", o->meta->name,
                                     "resourceVersion", str_or_empty(o->meta->resource_version),
                                     "spec", "finalizers", namespace_finalizers(n)));
}

int namespace_plan(const struct namespace_facts *f, struct changes *c, struct err *e) {
        bool is_empty = true;

        if (f->object->meta->deletion_timestamp == 0)
                return 0;
        for (size_t i = 0; i < f->n_content; i++) {
                if (!f->content[i].is_there)
                        continue;
                is_empty = false;
                (void) changes_delete_all(c, f->content[i].kind, f->object->meta->name);
        }
        if (is_empty)
                namespace_finalize(f->object, c);
        else
                changes_again(c, f->now_usec + NAMESPACE_AGAIN_USEC);
        return changes_check(c, e);
}
