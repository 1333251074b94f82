/* What a CustomResourceDefinition may say (k8s.io/apiextensions-apiserver,
 * pkg/apis/apiextensions/validation). */
#include "api/kinds/crd.h"
#include "api/kinds/crd_selectable.h"
#include "api/kinds/custom_node.h"
#include "base/str.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSIONS_MAX 32U
#define COLUMNS_MAX 100U
#define APPROVED "api-approved.kubernetes.io"

static void say(struct diags *d, enum diag_reason reason, const char *field, const char *fmt, ...)
        PRINTF_LIKE(4, 5);
static void say(struct diags *d, enum diag_reason reason, const char *field, const char *fmt, ...) {
        char text[1024];
        va_list args;

        va_start(args, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        (void) diag_add(d, DIAG_ERROR, reason, field, "%s", text);
}

/* ---- names ---- */

static void label_check(struct diags *d, const char *field, const char *value, const char *before) {
        AUTO_FREE char *lower = str_format("%s", str_or_empty(value));
        const char *wrong;

        if (!lower) {
                d->has_failed = true;
                return;
        }
        for (char *c = lower; *before && *c; c++)
                *c = (char) tolower((unsigned char) *c);
        wrong = schema_format_check(FORMAT_DNS_LABEL_1035, lower);
        if (wrong)
                say(d, DIAG_INVALID, field, "Invalid value: \"%.100s\": %s%s", str_or_empty(value),
                    before, wrong);
}

static void names_check(const struct crd *c, struct diags *d) {
        static const char MIXED[] = "may have mixed case, but should otherwise match: ";
        const struct crd_names *n = &c->spec.names;
        char field[64];

        label_check(d, "spec.names.plural", n->plural, "");
        label_check(d, "spec.names.singular", n->singular, "");
        label_check(d, "spec.names.kind", n->kind, MIXED);
        label_check(d, "spec.names.listKind", n->list_kind, MIXED);
        for (size_t i = 0; i < n->short_names.n; i++) {
                (void) snprintf(field, sizeof(field), "spec.names.shortNames[%zu]", i);
                label_check(d, field, n->short_names.items[i], "");
        }
        for (size_t i = 0; i < n->categories.n; i++) {
                (void) snprintf(field, sizeof(field), "spec.names.categories[%zu]", i);
                label_check(d, field, n->categories.items[i], "");
        }
        if (!str_is_empty(n->kind) && str_eq(n->kind, n->list_kind))
                say(d, DIAG_INVALID, "spec.names.listKind",
                    "Invalid value: \"%.100s\": kind and listKind may not be the same", n->kind);
}

static bool group_is_protected(const char *group) {
        return str_eq(group, "k8s.io") || str_eq(group, "kubernetes.io") ||
               str_ends_with(group, ".k8s.io") || str_ends_with(group, ".kubernetes.io");
}

static void group_check(const struct crd *c, struct diags *d) {
        const char *group = str_or_empty(c->spec.group);
        const char *approval = string_map_get(&c->metadata.annotations, APPROVED);

        if (!str_is_dns_subdomain(group))
                say(d, DIAG_INVALID, "spec.group",
                    "Invalid value: \"%.100s\": a lowercase RFC 1123 subdomain must consist of "
                    "lower case alphanumeric characters, '-' or '.', and must start and end with "
                    "an alphanumeric character",
                    group);
        else if (!strchr(group, '.'))
                say(d, DIAG_INVALID, "spec.group",
                    "Invalid value: \"%.100s\": should be a domain with at least one dot", group);
        if (!group_is_protected(group))
                return;
        if (str_is_empty(approval))
                say(d, DIAG_REQUIRED, "metadata.annotations[" APPROVED "]",
                    "Required value: protected groups must have approval annotation \"" APPROVED
                    "\", see https://github.com/kubernetes/enhancements/pull/1111");
        else if (!str_starts_with(approval, "https://") && !str_starts_with(approval, "http://") &&
                 !str_starts_with(approval, "unapproved"))
                say(d, DIAG_INVALID, "metadata.annotations[" APPROVED "]",
                    "Invalid value: \"%.100s\": protected groups must have approval annotation "
                    "\"" APPROVED "\" with either a URL or a reason starting with \"unapproved\"",
                    approval);
}

/* ---- versions ---- */

static void path_check(struct diags *d, const char *version, const char *key, const char *path,
                       const char *root) {
        char field[160];

        (void) snprintf(field, sizeof(field), "%s.subresources.scale.%s", version, key);
        if (str_is_empty(path))
                say(d, DIAG_REQUIRED, field, "Required value");
        else if (strpbrk(path, "[]'\"{}?*@ ") || strstr(path, "..") || str_ends_with(path, "."))
                say(d, DIAG_INVALID, field,
                    "Invalid value: \"%.100s\": must be a simple json path starting with .", path);
        else if (!str_starts_with(path, root))
                say(d, DIAG_INVALID, field,
                    "Invalid value: \"%.100s\": should be a json path under %.*s", path,
                    (int) strlen(root) - 1, root);
}

static void scale_check(struct diags *d, const char *version, const struct crd_scale *s) {
        path_check(d, version, "specReplicasPath", s->spec_replicas_path, ".spec.");
        path_check(d, version, "statusReplicasPath", s->status_replicas_path, ".status.");
        if (!str_is_empty(s->label_selector_path))
                path_check(d, version, "labelSelectorPath", s->label_selector_path,
                           str_starts_with(s->label_selector_path, ".spec.") ? ".spec."
                                                                             : ".status.");
}

static void columns_check(struct diags *d, const char *version, const struct crd_version *v) {
        AUTO(arena) struct arena *a = arena_new(0);
        const struct column_path *path;

        if (v->additional_printer_columns.n > COLUMNS_MAX)
                say(d, DIAG_INVALID, version, "Too many: at most %u columns", COLUMNS_MAX);
        for (size_t i = 0; i < v->additional_printer_columns.n && i < COLUMNS_MAX; i++) {
                const char *text = v->additional_printer_columns.items[i].json_path;
                char field[160];
                int r;

                (void) snprintf(field, sizeof(field), "%s.additionalPrinterColumns[%zu].jsonPath",
                                version, i);
                r = a ? column_path_parse(str_or_empty(text), a, &path, NULL) : -ENOMEM;
                if (r == -ENOMEM)
                        d->has_failed = true;
                else if (r < 0)
                        say(d, DIAG_INVALID, field,
                            "Invalid value: \"%.100s\": must be a simple json path starting with .",
                            str_or_empty(text));
        }
}

static void version_check(struct diags *d, size_t i, const struct crd_version *v) {
        char version[48], field[96];

        (void) snprintf(version, sizeof(version), "spec.versions[%zu]", i);
        (void) snprintf(field, sizeof(field), "%s.name", version);
        label_check(d, field, v->name, "");
        columns_check(d, version, v);
        if (v->subresources && v->subresources->scale)
                scale_check(d, version, v->subresources->scale);
        (void) snprintf(field, sizeof(field), "%s.deprecationWarning", version);
        if (!str_is_empty(v->deprecation_warning) && !v->deprecated.value)
                say(d, DIAG_INVALID, field,
                    "Invalid value: can only be set for deprecated versions");
}

static void versions_check(const struct crd *c, struct diags *d) {
        size_t n_storage = 0, n = c->spec.versions.n;

        if (n == 0)
                say(d, DIAG_REQUIRED, "spec.versions",
                    "Required value: must have at least one version");
        if (n > VERSIONS_MAX) {
                say(d, DIAG_INVALID, "spec.versions", "Too many: at most %u versions",
                    VERSIONS_MAX);
                return;
        }
        for (size_t i = 0; i < n; i++) {
                const struct crd_version *v = &c->spec.versions.items[i];

                version_check(d, i, v);
                n_storage += v->storage;
                for (size_t other = 0; other < i; other++)
                        if (str_eq(v->name, c->spec.versions.items[other].name))
                                say(d, DIAG_INVALID, "spec.versions",
                                    "Invalid value: \"%.60s\": must contain unique version names",
                                    str_or_empty(v->name));
        }
        if (n > 0 && n_storage != 1)
                say(d, DIAG_INVALID, "spec.versions",
                    "Invalid value: must have exactly one version marked as storage version");
}

void crd_check(const void *decoded, struct diags *d) {
        const struct crd *c = decoded;
        AUTO_FREE char *name = str_format("%s.%s", str_or_empty(c->spec.names.plural),
                                          str_or_empty(c->spec.group));

        if (!name)
                d->has_failed = true;
        else if (!str_eq(name, c->metadata.name))
                say(d, DIAG_INVALID, "metadata.name",
                    "Invalid value: \"%.260s\": must be spec.names.plural+\".\"+spec.group",
                    str_or_empty(c->metadata.name));
        group_check(c, d);
        names_check(c, d);
        versions_check(c, d);
        if (c->spec.preserve_unknown_fields)
                say(d, DIAG_INVALID, "spec.preserveUnknownFields",
                    "Invalid value: true: must be false");
}

/* ---- updates ---- */

static void same_check(struct diags *d, const char *field, const char *was, const char *is) {
        if (!str_eq(str_or_empty(was), str_or_empty(is)))
                say(d, DIAG_INVALID, field, "Invalid value: \"%.100s\": field is immutable",
                    str_or_empty(is));
}

static bool has_version(const struct crd *c, const char *name) {
        for (size_t i = 0; i < c->spec.versions.n; i++)
                if (str_eq(c->spec.versions.items[i].name, name))
                        return true;
        return false;
}

void crd_check_update(const void *old, const void *decoded, struct diags *d) {
        const struct crd *was = old, *is = decoded;
        char field[64];

        same_check(d, "spec.group", was->spec.group, is->spec.group);
        same_check(d, "spec.names.plural", was->spec.names.plural, is->spec.names.plural);
        if (crd_is_true(was, CRD_ESTABLISHED)) {
                same_check(d, "spec.scope", was->spec.scope, is->spec.scope);
                same_check(d, "spec.names.kind", was->spec.names.kind, is->spec.names.kind);
        }
        for (size_t i = 0; i < is->status.stored_versions.n; i++) {
                const char *name = is->status.stored_versions.items[i];

                (void) snprintf(field, sizeof(field), "status.storedVersions[%zu]", i);
                if (!has_version(is, name))
                        say(d, DIAG_INVALID, field,
                            "Invalid value: \"%.60s\": missing from spec.versions; %.60s was "
                            "previously a storage version, and must remain in spec.versions until "
                            "a storage migration ensures no data remains persisted in %.60s and "
                            "removes %.60s from status.storedVersions",
                            name, name, name, name);
        }
}

/* ---- schemas ---- */

static bool has_rules(const json_t *schema, unsigned depth) {
        const char *key;
        json_t *value;
        size_t i;

        if (depth > CUSTOM_DEPTH_MAX * 2)
                return false;
        json_array_foreach((json_t *) schema, i, value) {
                if (has_rules(value, depth + 1))
                        return true;
        }
        json_object_foreach((json_t *) schema, key, value) {
                if ((str_eq(key, "x-kubernetes-validations") && json_array_size(value) > 0) ||
                    has_rules(value, depth + 1))
                        return true;
        }
        return false;
}

int crd_check_tree(const json_t *tree, struct diags *d) {
        const json_t *versions = json_object_get(json_object_get(tree, "spec"), "versions"), *one;
        char at[80], version[48];
        size_t i;
        int r = 0;

        json_array_foreach((json_t *) versions, i, one) {
                const json_t *schema =
                        json_object_get(json_object_get(one, "schema"), "openAPIV3Schema");

                if (i >= VERSIONS_MAX || r < 0)
                        break;
                (void) snprintf(at, sizeof(at), "spec.versions[%zu].schema.openAPIV3Schema", i);
                if (!schema || json_is_null(schema)) {
                        say(d, DIAG_REQUIRED, at, "Required value: schemas are required");
                        continue;
                }
                r = custom_schema_check(schema, at, d);
                (void) snprintf(version, sizeof(version), "spec.versions[%zu]", i);
                crd_selectable_check(one, version, d);
                if (has_rules(schema, 0))
                        (void) diag_add(d, DIAG_WARNING, DIAG_INVALID, at,
                                        "kept but not acted on: x-kubernetes-validations, rules in "
                                        "CEL, are not evaluated");
        }
        return r;
}
