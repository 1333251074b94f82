#include "daemon/registry/admit_toleration.h"

#include "api/kinds/pod.h"
#include "base/str.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/state.h"

#include <jansson.h>

#define STAY_SECONDS 300

static bool is_tolerated(const json_t *tolerations, const char *taint) {
        json_t *one;
        size_t i;

        json_array_foreach((json_t *) tolerations, i, one) {
                const char *key = tree_text(one, "key"), *effect = tree_text(one, "effect");

                if ((str_is_empty(key) || str_eq(key, taint)) &&
                    (str_is_empty(effect) || str_eq(effect, "NoExecute")))
                        return true;
        }
        return false;
}

static json_t *toleration_make(const char *taint) {
        return json_pack("{s:s,s:s,s:s,s:i}", "key", taint, "operator", "Exists", "effect",
                         "NoExecute", "tolerationSeconds", STAY_SECONDS);
}

/* shared: the toleration, which all pods have in common; made when first wanted. Returns 0 or
 * -ENOMEM. */
static int tolerate(json_t *spec, const char *taint, json_t **shared) {
        json_t *list = json_object_get(spec, "tolerations");

        if (is_tolerated(list, taint))
                return 0;
        if (!json_is_array(list)) {
                list = json_array();
                if (json_object_set_new(spec, "tolerations", list) < 0)
                        return -ENOMEM;
        }
        if (!*shared)
                *shared = toleration_make(taint);
        return json_array_append(list, *shared) < 0 ? -ENOMEM : 0;
}

bool admit_tolerations(struct call *c, json_t *tree) {
        json_t *spec = json_object_get(tree, "spec"), **shared = c->registry->shared.tolerations;

        if (c->kind->resource.kind != &pod_kind || !spec || *c->path.subresource)
                return true;
        if (tolerate(spec, "node.kubernetes.io/not-ready", &shared[0]) == 0 &&
            tolerate(spec, "node.kubernetes.io/unreachable", &shared[1]) == 0)
                return true;
        call_fail_memory(c);
        return false;
}
