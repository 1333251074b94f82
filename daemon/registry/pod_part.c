#include "daemon/registry/pod_part.h"

#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/diag.h"
#include "base/str.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/kinds.h"

#include <errno.h>
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

static bool has_same_names(const json_t *a, const json_t *b) {
        if (json_array_size(a) != json_array_size(b))
                return false;
        for (size_t i = 0; i < json_array_size(a); i++)
                if (!str_eq(tree_text(json_array_get(a, i), "name"),
                            tree_text(json_array_get(b, i), "name")))
                        return false;
        return true;
}

static int member_take(json_t *to, const json_t *from, const char *name) {
        json_t *value = json_object_get(from, name);

        if (value)
                return json_object_set(to, name, value);
        (void) json_object_del(to, name);
        return 0;
}

/* Containers that come and go or change places are left for the check to name. */
static int sizes_join(json_t *spec, const json_t *fresh) {
        static const char *const LISTS[] = { "containers", "initContainers" };

        for (size_t l = 0; l < ARRAY_SIZE(LISTS); l++) {
                json_t *to = json_object_get(spec, LISTS[l]);
                const json_t *from = json_object_get(fresh, LISTS[l]);

                if (!has_same_names(to, from)) {
                        if (member_take(spec, fresh, LISTS[l]) < 0)
                                return -ENOMEM;
                        continue;
                }
                for (size_t i = 0; i < json_array_size(to); i++)
                        if (member_take(json_array_get(to, i), json_array_get(from, i),
                                        "resources") < 0 ||
                            member_take(json_array_get(to, i), json_array_get(from, i),
                                        "resizePolicy") < 0)
                                return -ENOMEM;
        }
        return 0;
}

static const struct part PARTS[] = {
        { "ephemeralcontainers", guests_join, pod_check_guests },
        { "resize", sizes_join, pod_check_resize },
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
