#include "daemon/registry/admit_limits.h"

#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/quota.h"
#include "api/kinds/storage.h"
#include "api/schema/quantity.h"
#include "base/str.h"
#include "daemon/plan/limit_range.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/record.h"
#include "daemon/registry/state.h"

#include <jansson.h>
#include <stdlib.h>

#define ANNOTATION "kubernetes.io/limit-ranger"

/* ---- defaults ---- */

/* Gives a container what it lacks. Returns 0 or -ENOMEM. */
static int default_apply(json_t *spec, const struct limit_default *d) {
        json_t *list = json_object_get(spec, d->is_init ? "initContainers" : "containers");
        json_t *resources = tree_object(json_array_get(list, d->container), "resources");
        json_t *amounts =
                resources ? tree_object(resources, d->is_limit ? "limits" : "requests") : NULL;
        char text[QUANTITY_TEXT_MAX];

        if (!amounts)
                return -ENOMEM;
        return json_object_set_new(amounts, d->resource,
                                   json_string(quantity_format(d->amount, text))) < 0
                       ? -ENOMEM
                       : 0;
}

static int annotate(json_t *tree, const struct limit_defaults *d, const struct pod_spec *spec) {
        json_t *annotations = tree_object(tree_object(tree, "metadata"), "annotations");
        AUTO_FREE char *text = limit_defaults_format(d, spec);

        return text && annotations &&
                               json_object_set_new(annotations, ANNOTATION, json_string(text)) == 0
                       ? 0
                       : -ENOMEM;
}

/* Returns how many amounts the pod has got, or an error. */
static int defaults_apply(json_t *tree, const struct limit_range *l, const struct pod *pod) {
        struct limit_defaults d = { 0 };
        int r = limit_range_defaults(l, &pod->spec, &d);

        for (size_t i = 0; r == 0 && i < d.n; i++)
                r = default_apply(json_object_get(tree, "spec"), &d.items[i]);
        if (r == 0 && d.n > 0)
                r = annotate(tree, &d, &pod->spec);
        if (r == 0)
                r = (int) d.n;
        limit_defaults_done(&d);
        return r;
}

/* ---- one object, the limit ranges of its namespace ---- */

struct subject {
        struct call *call;
        json_t *tree;
        struct object *object; /* owned; of tree */
};

static int subject_decode(struct subject *s) {
        object_unref(STEAL(s->object));
        return object_new_from_json(s->call->kind->resource.kind, s->tree, false, &s->object, NULL);
}

static int give(struct subject *s, const struct limit_range *l, char **ret_why) {
        int r = defaults_apply(s->tree, l, OBJECT_AS(pod, s->object));
        (void) ret_why;

        return r > 0 ? subject_decode(s) : r;
}

static int judge(struct subject *s, const struct limit_range *l, char **ret_why) {
        if (s->object->kind == &pod_kind)
                return limit_range_check_pod(l, &OBJECT_AS(pod, s->object)->spec, ret_why);
        return limit_range_check_claim(l, OBJECT_AS(persistent_volume_claim, s->object), ret_why);
}

/* Calls fn for each limit range until one has something to say. Returns 0 or an error. */
static int each_range(struct subject *s, const struct table *t, const char *namespace_,
                      int (*fn)(struct subject *s, const struct limit_range *l, char **ret_why),
                      char **ret_why) {
        int r = 0;

        for (size_t i = table_find(t, namespace_, "");
             r == 0 && !*ret_why && i < t->n && str_eq(t->items[i]->namespace_, namespace_); i++) {
                AUTO(object) struct object *o = NULL;
                const struct record *record = t->items[i];

                r = object_glance(&limit_range_kind, record->json, record->json_len, &o, NULL);
                if (r == 0)
                        r = fn(s, OBJECT_AS(limit_range, o), ret_why);
        }
        return r;
}

/* Pods can't change what is limited but by a resize, claims can. */
static bool is_asked(const struct call *c, const json_t *was) {
        const struct kind *k = c->kind->resource.kind;

        if (k == &pod_kind)
                return !was || str_eq(c->path.subresource, "resize");
        return k == &persistent_volume_claim_kind && !*c->path.subresource;
}

bool admit_limits(struct call *c, json_t *tree, const json_t *was) {
        const char *namespace_ = c->namespace_ ? c->namespace_ : c->path.namespace_;
        struct subject s = { .call = c, .tree = tree };
        AUTO_FREE char *why = NULL;
        struct kind_state *ranges;
        size_t first;
        int r;

        if (!is_asked(c, was))
                return true;
        ranges = registry_kind_named(c->registry, limit_range_kind.group, limit_range_kind.name);
        first = ranges ? table_find(&ranges->table, namespace_, "") : 0;
        if (!ranges || first == ranges->table.n ||
            !str_eq(ranges->table.items[first]->namespace_, namespace_))
                return true;
        r = subject_decode(&s);
        if (r == 0 && !was && c->kind->resource.kind == &pod_kind)
                r = each_range(&s, &ranges->table, namespace_, give, &why);
        if (r == 0)
                r = each_range(&s, &ranges->table, namespace_, judge, &why);
        object_unref(s.object);
        if (why)
                call_fail_forbidden(c, why, NULL);
        else if (r < 0)
                call_fail_memory(c);
        return r == 0 && !why;
}
