#include "daemon/plan/taint.h"

#include "api/kinds/node.h"
#include "api/kinds/pod.h"
#include "base/str.h"

/* An empty key with Exists tolerates everything, an empty effect every effect. */
static bool toleration_matches(const struct toleration *o, const struct taint *t) {
        if (!str_is_empty(o->effect) && !str_eq(o->effect, t->effect))
                return false;
        if (!str_is_empty(o->key) && !str_eq(o->key, t->key))
                return false;
        if (str_eq(o->operator, "Exists"))
                return true;
        return !str_is_empty(o->key) && str_eq(str_or_empty(o->value), str_or_empty(t->value));
}

const struct toleration *taint_toleration(const struct pod_spec *spec, const struct taint *t) {
        for (size_t i = 0; i < spec->tolerations.n; i++)
                if (toleration_matches(&spec->tolerations.items[i], t))
                        return &spec->tolerations.items[i];
        return NULL;
}
