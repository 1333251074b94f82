/* What pods/P/resize may change (ValidatePodResize of pkg/apis/core/validation), worded as there.
 */
#include "api/kinds/pod.h"
#include "api/kinds/tables.h"
#include "base/str.h"

#include <stdio.h>

#define RESIZE_PATH_MAX 128

static bool is_mutable(const char *resource) {
        return str_eq(resource, "cpu") || str_eq(resource, "memory");
}

static bool has_all(const struct quantity_map *m, const struct quantity_map *of) {
        for (size_t i = 0; i < of->n; i++)
                if (!quantity_map_get(m, of->items[i].key).is_set)
                        return false;
        return true;
}

/* Whether what may not change of a map is the same. */
static bool is_same_rest(const struct quantity_map *old, const struct quantity_map *fresh) {
        for (size_t i = 0; i < old->n; i++)
                if (!is_mutable(old->items[i].key) &&
                    quantity_map_get(fresh, old->items[i].key).milli != old->items[i].value.milli)
                        return false;
        for (size_t i = 0; i < fresh->n; i++)
                if (!is_mutable(fresh->items[i].key) &&
                    !quantity_map_get(old, fresh->items[i].key).is_set)
                        return false;
        return true;
}

/* What isn't resources has stayed already, but for the policy. */
static bool is_resize_only(const struct container *old, const struct container *fresh) {
        struct container like = *fresh;

        like.resources = old->resources;
        return is_same_rest(&old->resources.limits, &fresh->resources.limits) &&
               is_same_rest(&old->resources.requests, &fresh->resources.requests) &&
               schema_equal(&container_schema, old, &like);
}

static void check_one(const char *path, const struct container *old, const struct container *fresh,
                      bool is_fixed, struct diags *d) {
        const struct resource_requirements *was = &old->resources, *now = &fresh->resources;
        char below[RESIZE_PATH_MAX + 24];

        if (is_fixed) {
                (void) snprintf(below, sizeof(below), "%s.resources", path);
                if (!schema_equal(&resource_requirements_schema, was, now))
                        (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, below,
                                        "Forbidden: resources for non-sidecar init containers are "
                                        "immutable");
                return;
        }
        (void) snprintf(below, sizeof(below), "%s.resources.limits", path);
        if (!has_all(&now->limits, &was->limits))
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, below,
                                "Forbidden: resource limits cannot be removed");
        (void) snprintf(below, sizeof(below), "%s.resources.requests", path);
        if (!has_all(&now->requests, &was->requests))
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, below,
                                "Forbidden: resource requests cannot be removed");
}

/* Returns whether both lists name the same containers in the same order. */
static bool check_order(const char *name, const struct containers *old,
                        const struct containers *fresh, struct diags *d) {
        bool is_same = true;

        if (old->n != fresh->n) {
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "spec",
                                "Forbidden: containers may not be added or removed on resize");
                return false;
        }
        for (size_t i = 0; i < old->n; i++) {
                char path[RESIZE_PATH_MAX];

                if (str_eq(old->items[i].name, fresh->items[i].name))
                        continue;
                (void) snprintf(path, sizeof(path), "spec.%s[%zu].name", name, i);
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, path,
                                "Forbidden: containers may not be renamed or reordered on resize");
                is_same = false;
        }
        return is_same;
}

/* Returns whether nothing but cpu and memory has changed. */
static bool check_list(const char *name, const struct containers *old,
                       const struct containers *fresh, bool is_init, struct diags *d) {
        bool is_good = true;

        for (size_t i = 0; i < old->n; i++) {
                const struct container *was = &old->items[i], *now = &fresh->items[i];
                bool is_fixed = is_init && !str_eq(was->restart_policy, "Always");
                char path[RESIZE_PATH_MAX];

                (void) snprintf(path, sizeof(path), "spec.%s[%zu]", name, i);
                check_one(path, was, now, is_fixed, d);
                is_good &= is_fixed || is_resize_only(was, now);
        }
        return is_good;
}

void pod_check_resize(const struct pod *old, const struct pod *fresh, struct diags *d) {
        const struct pod_spec *was = &old->spec, *now = &fresh->spec;
        const char *qos = pod_qos_class(was);
        bool is_good;

        if (!str_eq(qos, pod_qos_class(now)))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec",
                                "Invalid value: \"%s\": Pod QOS Class may not change as a result "
                                "of resizing",
                                qos);
        is_good = check_order("containers", &was->containers, &now->containers, d);
        if (!check_order("initContainers", &was->init_containers, &now->init_containers, d) ||
            !is_good)
                return;
        is_good =
                check_list("initContainers", &was->init_containers, &now->init_containers, true, d);
        is_good &= check_list("containers", &was->containers, &now->containers, false, d);
        if (!is_good)
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "spec",
                                "Forbidden: only cpu and memory resources are mutable");
}
