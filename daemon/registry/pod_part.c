#include "daemon/registry/pod_part.h"

#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/diag.h"
#include "base/str.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/kinds.h"

#include <jansson.h>

struct part {
        const char *name;
        int (*join)(json_t *spec, const json_t *fresh);
        void (*check)(const struct pod *old, const struct pod *fresh, struct diags *d);
};

static int guests_join(json_t *spec, const json_t *fresh) {
        json_t *list = json_object_get(fresh, "ephemeralContainers");

        if (list)
                return json_object_set(spec, "ephemeralContainers", list);
        (void) json_object_del(spec, "ephemeralContainers");
        return 0;
}

static const struct part PARTS[] = {
        { "ephemeralcontainers", guests_join, pod_check_guests },
};

static const struct part *part_of(const struct call *c) {
        for (size_t i = 0; i < ARRAY_SIZE(PARTS); i++)
                if (c->kind->resource.kind == &pod_kind &&
                    str_eq(c->path.subresource, PARTS[i].name))
                        return &PARTS[i];
        return NULL;
}

bool pod_part_is(const struct call *c) {
        return part_of(c) != NULL;
}

json_t *pod_part_join(const struct call *c, const json_t *was, const json_t *fresh) {
        json_t *to = json_deep_copy(was);
        json_t *spec = to ? tree_object(to, "spec") : NULL;

        if (spec && part_of(c)->join(spec, json_object_get(fresh, "spec")) == 0)
                return to;
        json_decref(to);
        return NULL;
}

bool pod_part_check(struct call *c, const json_t *was, const json_t *fresh) {
        AUTO(object) struct object *old = NULL, *now = NULL;
        struct diags d = { 0 };
        bool is_good;

        if (object_new_from_json(&pod_kind, was, false, &old, NULL) < 0 ||
            object_new_from_json(&pod_kind, fresh, false, &now, NULL) < 0) {
                call_fail_memory(c);
                return false;
        }
        part_of(c)->check(OBJECT_AS(pod, old), OBJECT_AS(pod, now), &d);
        is_good = d.n_errors == 0;
        if (!is_good)
                call_fail_invalid(c, &d);
        diags_done(&d);
        return is_good;
}

bool pod_part_check_new(struct call *c, const json_t *tree) {
        const json_t *spec = json_object_get(tree, "spec");

        if (c->kind->resource.kind != &pod_kind ||
            json_array_size(json_object_get(spec, "ephemeralContainers")) == 0)
                return true;
        call_fail_field(c, DIAG_FORBIDDEN, "spec.ephemeralContainers",
                        "Forbidden: cannot be set on create");
        return false;
}
