/* Which fields of custom objects selectors may name (ValidateCustomResourceSelectableFields() of
 * k8s.io/apiextensions-apiserver). */
#include "api/kinds/crd_selectable.h"

#include "api/kinds/custom_node.h"
#include "base/str.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define SELECTABLE_MAX 8U
#define LISTED_MAX 64U

static const char *text_of(const json_t *object, const char *key) {
        return str_or_empty(json_string_value(json_object_get(object, key)));
}

/* The schema of the field at ".spec.color", or NULL. Lists have no such path. */
static const json_t *schema_at(const json_t *schema, const char *path) {
        char name[256];

        if (*path != '.')
                return NULL;
        while (schema && *path == '.') {
                size_t len = strcspn(++path, ".[");

                if (len == 0 || len >= sizeof(name))
                        return NULL;
                memcpy(name, path, len);
                name[len] = '\0';
                schema = json_object_get(json_object_get(schema, "properties"), name);
                path += len;
        }
        return *path == '\0' ? schema : NULL;
}

static bool type_is_selectable(const char *type) {
        return str_eq(type, "string") || str_eq(type, "boolean") || str_eq(type, "integer");
}

static void path_check(const char *path, const json_t *schema, const char *field, struct diags *d) {
        const json_t *found = schema_at(schema, path);
        bool is_metadata = str_starts_with(path, ".metadata.") || str_eq(path, ".metadata");

        if (is_metadata)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, field,
                                "Invalid value: \"%.100s\": must not point to fields in metadata",
                                path);
        else if (!found)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, field,
                                "Invalid value: \"%.100s\": is an invalid path: does not refer to "
                                "a valid field",
                                path);
        else if (!type_is_selectable(text_of(found, "type")))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, field,
                                "Invalid value: \"%.100s\": must point to a field of type string, "
                                "boolean or integer. Enum string fields and strings with formats "
                                "are allowed.",
                                path);
}

static bool is_told_before(const json_t *list, size_t n, const char *path) {
        for (size_t i = 0; i < n; i++)
                if (str_eq(text_of(json_array_get(list, i), "jsonPath"), path))
                        return true;
        return false;
}

void crd_selectable_check(const json_t *version, const char *at, struct diags *d) {
        const json_t *schema =
                             json_object_get(json_object_get(version, "schema"), "openAPIV3Schema"),
                     *list = json_object_get(version, "selectableFields"), *one;
        char field[160];
        size_t i;

        if (json_array_size(list) > SELECTABLE_MAX) {
                (void) snprintf(field, sizeof(field), "%s.selectableFields", at);
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, field,
                                "Too many: %zu: must have at most %u items", json_array_size(list),
                                SELECTABLE_MAX);
        }
        json_array_foreach(list, i, one) {
                const char *path = text_of(one, "jsonPath");

                if (i >= LISTED_MAX)
                        break;
                (void) snprintf(field, sizeof(field), "%s.selectableFields[%zu].jsonPath", at, i);
                if (*path == '\0')
                        (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, field, "Required value");
                else if (is_told_before(list, i, path))
                        (void) diag_add(d, DIAG_ERROR, DIAG_DUPLICATE, field,
                                        "Duplicate value: \"%.100s\"", path);
                else
                        path_check(path, schema, field, d);
        }
}

bool crd_selectable_has(const json_t *version, const char *name) {
        const json_t *one;
        size_t i;

        json_array_foreach(json_object_get(version, "selectableFields"), i, one) {
                const char *path = text_of(one, "jsonPath");

                if (*path == '.' && str_eq(path + 1, name))
                        return true;
        }
        return false;
}
