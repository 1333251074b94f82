#include "daemon/registry/admit_quota.h"

#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/str.h"
#include "daemon/plan/quota.h"
#include "daemon/registry/call.h"
#include "daemon/registry/quotas.h"
#include "daemon/registry/state.h"

#include <jansson.h>

/* Changes that may need more: of a pod's resources, of a service's type, of a claim's size. */
static bool is_asked(const struct call *c, const json_t *was) {
        const struct kind *k = c->kind->resource.kind;

        if (!k->is_namespaced)
                return false;
        if (!was)
                return true;
        return quota_needs_object(k) && str_eq(c->path.subresource, k == &pod_kind ? "resize" : "");
}

/* Returns 0, -EINVAL or -ENOMEM. *ret stays NULL where the kind's objects needn't be looked at. */
static int decode(const struct kind *k, const json_t *tree, struct object **ret) {
        if (!tree || !quota_needs_object(k))
                return 0;
        return object_new_from_json(k, tree, false, ret, NULL);
}

bool admit_quota(struct call *c, const json_t *tree, const json_t *was) {
        const struct kind *k = c->kind->resource.kind;
        AUTO(object) struct object *now = NULL;
        AUTO(object) struct object *before = NULL;
        AUTO_FREE char *why = NULL;
        struct quota_demand d = {
                .kind = k,
                .namespace_ = c->namespace_ ? c->namespace_ : c->path.namespace_,
                .is_update = was,
        };
        int r;

        if (!is_asked(c, was) || !quotas_has(c->registry->quotas, d.namespace_))
                return true;
        r = decode(k, tree, &now);
        if (r == 0)
                r = decode(k, was, &before);
        d.now = now;
        d.was = before;
        if (r == 0)
                r = quotas_hold(c->registry->quotas, &d, &c->quota, &why);
        if (r == 0 && !why)
                return true;
        if (why)
                call_fail_forbidden(c, why, NULL);
        else
                call_fail_memory(c);
        return false;
}
