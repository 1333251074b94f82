#include "api/kinds/rbac.h"

#include "api/kinds/tables.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>

#define RBAC_FIELD_MAX 96

#define SELF struct policy_rule
static const struct field policy_rule_fields[] = {
        FIELD_OF_STRINGS(verbs, "verbs", 1, "What may be done: get, list, create; * is all.",
                         .flags = FIELD_REQUIRED | FIELD_ATOMIC),
        FIELD_OF_STRINGS(api_groups, "apiGroups", 2,
                         "Groups of the resources; the empty one is core, * is all.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_STRINGS(resources, "resources", 3,
                         "Resources in the plural, with sub-resources as pods/log; * is all.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_STRINGS(resource_names, "resourceNames", 4,
                         "Names of the objects; none is all of them.", .flags = FIELD_ATOMIC),
        FIELD_OF_STRINGS(non_resource_urls, "nonResourceURLs", 5,
                         "Paths that are no resources, perhaps with a * at the end.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
const struct schema policy_rule_schema =
        SCHEMA(policy_rule, "PolicyRule", "Things that may be done to certain resources.");

#define SELF struct subject
static const struct field subject_fields[] = {
        FIELD_OF_STRING(kind, "kind", 1, "User, Group or ServiceAccount.", .flags = FIELD_REQUIRED,
                        .values = WORDS("ServiceAccount", "User", "Group")),
        FIELD_OF_STRING(api_group, "apiGroup", 2, "Group of the kind; empty for a ServiceAccount."),
        FIELD_OF_STRING(name, "name", 3, "Name of the subject.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(namespace, "namespace", 4, "Namespace of a ServiceAccount."),
};
#undef SELF
static const struct schema subject_schema =
        SCHEMA(subject, "Subject", "Somebody whom a binding gives a role.", .is_atomic = true);

#define SELF struct role_ref
static const struct field role_ref_fields[] = {
        FIELD_OF_STRING(api_group, "apiGroup", 1, "Group of the role's kind.",
                        .values = WORDS(RBAC_GROUP)),
        FIELD_OF_STRING(kind, "kind", 2, "Role or ClusterRole.", .flags = FIELD_REQUIRED,
                        .values = WORDS("Role", "ClusterRole")),
        FIELD_OF_STRING(name, "name", 3, "Name of the role.", .flags = FIELD_REQUIRED,
                        .format = FORMAT_PATH_SEGMENT),
};
#undef SELF
static const struct schema role_ref_schema =
        SCHEMA(role_ref, "RoleRef", "Names a role.", .is_atomic = true);

#define SELF struct role
static const struct field role_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECTS(rules, policy_rule, "rules", 2, "What the role allows.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema role_schema = SCHEMA(role, "Role", "What may be done in one namespace.");

#define SELF struct aggregation_rule
static const struct field aggregation_rule_fields[] = {
        FIELD_OF_OBJECTS(cluster_role_selectors, label_selector, "clusterRoleSelectors", 1,
                         "Cluster roles that one of these chooses add their rules.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema aggregation_rule_schema = SCHEMA(
        aggregation_rule, "AggregationRule", "Which cluster roles are parts of another one.");

#define SELF struct cluster_role
static const struct field cluster_role_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECTS(rules, policy_rule, "rules", 2, "What the role allows.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_POINTER(aggregation_rule, aggregation_rule, "aggregationRule", 3,
                         "Which other roles' rules this one has; rules then follow from them."),
};
#undef SELF
static const struct schema cluster_role_schema =
        SCHEMA(cluster_role, "ClusterRole", "What may be done in the whole cluster.");

#define SELF struct role_binding
static const struct field role_binding_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECTS(subjects, subject, "subjects", 2, "Who gets the role.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_OBJECT(role_ref, role_ref, "roleRef", 3, "The role; it cannot change.",
                        .flags = FIELD_REQUIRED | FIELD_ATOMIC),
};
#undef SELF
static const struct schema role_binding_schema =
        SCHEMA(role_binding, "RoleBinding", "Gives a role to subjects in one namespace.");
static const struct schema cluster_role_binding_schema = {
        .name = "ClusterRoleBinding",
        .doc = "Gives a cluster role to subjects in the whole cluster.",
        .fields = role_binding_fields,
        .n_fields = ARRAY_SIZE(role_binding_fields),
        .size = sizeof(struct role_binding),
};

/* ---- checks (pkg/apis/rbac/validation) ---- */

/* "rules[0].verbs" and the like. */
static const char *rbac_field(char buf[RBAC_FIELD_MAX], const char *list, size_t i,
                              const char *name) {
        (void) snprintf(buf, RBAC_FIELD_MAX, "%s[%zu].%s", list, i, name);
        return buf;
}

static void rule_check_urls(const struct policy_rule *r, bool is_namespaced, size_t i,
                            struct diags *d) {
        char field[RBAC_FIELD_MAX];
        const char *first = r->non_resource_urls.items[0];

        (void) rbac_field(field, "rules", i, "nonResourceURLs");
        if (is_namespaced)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, field,
                                "Invalid value: [\"%s\"]: namespaced rules cannot apply to "
                                "non-resource URLs",
                                first);
        if (r->api_groups.n > 0 || r->resources.n > 0 || r->resource_names.n > 0)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, field,
                                "Invalid value: [\"%s\"]: rules cannot apply to both regular "
                                "resources and non-resource URLs",
                                first);
}

static void rule_check(const struct policy_rule *r, bool is_namespaced, size_t i, struct diags *d) {
        char field[RBAC_FIELD_MAX];

        if (r->non_resource_urls.n > 0) {
                rule_check_urls(r, is_namespaced, i, d);
                return;
        }
        if (r->api_groups.n == 0)
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED,
                                rbac_field(field, "rules", i, "apiGroups"),
                                "Required value: resource rules must supply at least one api "
                                "group");
        if (r->resources.n == 0)
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED,
                                rbac_field(field, "rules", i, "resources"),
                                "Required value: resource rules must supply at least one "
                                "resource");
}

static void role_check(const void *decoded, struct diags *d) {
        const struct role *role = decoded;

        for (size_t i = 0; i < role->rules.n; i++)
                rule_check(&role->rules.items[i], true, i, d);
}

static void cluster_role_check(const void *decoded, struct diags *d) {
        const struct cluster_role *role = decoded;
        const struct aggregation_rule *a = role->aggregation_rule;

        if (a && a->cluster_role_selectors.n == 0)
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED,
                                "aggregationRule.clusterRoleSelectors",
                                "Required value: at least one clusterRoleSelector required if "
                                "aggregationRule is non-nil");
        for (size_t i = 0; a && i < a->cluster_role_selectors.n; i++) {
                char field[RBAC_FIELD_MAX];

                (void) snprintf(field, sizeof(field), "aggregationRule.clusterRoleSelectors[%zu]",
                                i);
                label_selector_check(&a->cluster_role_selectors.items[i], field, d);
        }
        for (size_t i = 0; i < role->rules.n; i++)
                rule_check(&role->rules.items[i], false, i, d);
}

static void subject_check_account(const struct subject *s, bool is_namespaced, size_t i,
                                  struct diags *d) {
        const char *wrong =
                str_is_empty(s->name) ? NULL : schema_format_check(FORMAT_DNS_SUBDOMAIN, s->name);
        char field[RBAC_FIELD_MAX];

        if (wrong)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID,
                                rbac_field(field, "subjects", i, "name"),
                                "Invalid value: \"%s\": %s", s->name, wrong);
        if (!str_is_empty(s->api_group))
                (void) diag_add(d, DIAG_ERROR, DIAG_NOT_SUPPORTED,
                                rbac_field(field, "subjects", i, "apiGroup"),
                                "Unsupported value: \"%s\": supported values: \"\"", s->api_group);
        if (!is_namespaced && str_is_empty(s->namespace))
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED,
                                rbac_field(field, "subjects", i, "namespace"), "Required value");
}

static void subjects_check(const struct subjects *subjects, bool is_namespaced, struct diags *d) {
        char field[RBAC_FIELD_MAX];

        for (size_t i = 0; i < subjects->n; i++) {
                const struct subject *s = &subjects->items[i];

                if (str_eq(s->kind, "ServiceAccount"))
                        subject_check_account(s, is_namespaced, i, d);
                else if (!str_is_empty(s->kind) && !str_eq(s->api_group, RBAC_GROUP))
                        (void) diag_add(d, DIAG_ERROR, DIAG_NOT_SUPPORTED,
                                        rbac_field(field, "subjects", i, "apiGroup"),
                                        "Unsupported value: \"%s\": supported values: "
                                        "\"" RBAC_GROUP "\"",
                                        str_or_empty(s->api_group));
        }
}

static void role_binding_check(const void *decoded, struct diags *d) {
        const struct role_binding *b = decoded;

        subjects_check(&b->subjects, true, d);
}

static void cluster_role_binding_check(const void *decoded, struct diags *d) {
        const struct role_binding *b = decoded;

        if (str_eq(b->role_ref.kind, "Role"))
                (void) diag_add(d, DIAG_ERROR, DIAG_NOT_SUPPORTED, "roleRef.kind",
                                "Unsupported value: \"Role\": supported values: \"ClusterRole\"");
        subjects_check(&b->subjects, false, d);
}

static void role_binding_check_update(const void *old, const void *decoded, struct diags *d) {
        const struct role_ref *was = &((const struct role_binding *) old)->role_ref;
        const struct role_ref *is = &((const struct role_binding *) decoded)->role_ref;

        if (schema_equal(&role_ref_schema, was, is))
                return;
        (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "roleRef",
                        "Invalid value: {\"apiGroup\":\"%s\",\"kind\":\"%s\",\"name\":\"%s\"}: "
                        "cannot change roleRef",
                        str_or_empty(is->api_group), str_or_empty(is->kind),
                        str_or_empty(is->name));
}

/* ---- defaults (pkg/apis/rbac/v1/defaults.go) ---- */

static int role_binding_default(json_t *tree) {
        json_t *ref = json_object_get(tree, "roleRef"), *one;
        size_t i;

        if (json_is_object(ref) &&
            str_is_empty(json_string_value(json_object_get(ref, "apiGroup"))) &&
            json_object_set_new(ref, "apiGroup", json_string(RBAC_GROUP)) < 0)
                return -ENOMEM;
        json_array_foreach(json_object_get(tree, "subjects"), i, one) {
                const char *kind = json_string_value(json_object_get(one, "kind"));

                if ((str_eq(kind, "User") || str_eq(kind, "Group")) &&
                    str_is_empty(json_string_value(json_object_get(one, "apiGroup"))) &&
                    json_object_set_new(one, "apiGroup", json_string(RBAC_GROUP)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* ---- columns ---- */

static int role_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct object_meta *m = &((const struct role *) decoded)->metadata;
        char text[CLOCK_TEXT_MAX];
        (void) now_usec;

        if (cell_add_text(cells, m->name) < 0)
                return -ENOMEM;
        return cell_add_text(cells, m->creation_timestamp == 0
                                            ? "<unknown>"
                                            : clock_format(m->creation_timestamp, text));
}

/* The names of all subjects of one kind: "jane, joe", "ns/builder"; perhaps nothing. */
static int cell_add_subjects(json_t *cells, const struct subjects *subjects, const char *kind) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (size_t i = 0; i < subjects->n; i++) {
                const struct subject *s = &subjects->items[i];

                if (!str_eq(s->kind, kind))
                        continue;
                if (b.len > 0)
                        strbuf_add(&b, ", ");
                if (str_eq(kind, "ServiceAccount"))
                        strbuf_addf(&b, "%s/", str_or_empty(s->namespace));
                strbuf_add(&b, str_or_empty(s->name));
        }
        return b.has_failed ? -ENOMEM : cell_add(cells, json_string(str_or_empty(b.s)));
}

static int role_binding_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct role_binding *b = decoded;
        AUTO_FREE char *role =
                str_format("%s/%s", str_or_empty(b->role_ref.kind), str_or_empty(b->role_ref.name));

        if (!role || cell_add_text(cells, b->metadata.name) < 0 || cell_add_text(cells, role) < 0 ||
            cell_add_age(cells, &b->metadata, now_usec) < 0 ||
            cell_add_subjects(cells, &b->subjects, "User") < 0 ||
            cell_add_subjects(cells, &b->subjects, "Group") < 0)
                return -ENOMEM;
        return cell_add_subjects(cells, &b->subjects, "ServiceAccount");
}

static const struct table_column role_columns[] = {
        COLUMN_NAME,
        { "Created At", "date", "", 0 },
};

static const struct table_column role_binding_columns[] = {
        COLUMN_NAME,
        { "Role", "string", "", 0 },
        COLUMN_AGE,
        { "Users", "string", "", 1 },
        { "Groups", "string", "", 1 },
        { "ServiceAccounts", "string", "", 1 },
};

const struct kind role_kind = {
        .api_version = RBAC_GROUP "/v1",
        .group = RBAC_GROUP,
        .version = "v1",
        .name = "Role",
        .list_name = "RoleList",
        .plural = "roles",
        .singular = "role",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .name_format = FORMAT_PATH_SEGMENT,
        .schema = &role_schema,
        .check = role_check,
        .columns = role_columns,
        .n_columns = ARRAY_SIZE(role_columns),
        .add_cells = role_add_cells,
};

const struct kind cluster_role_kind = {
        .api_version = RBAC_GROUP "/v1",
        .group = RBAC_GROUP,
        .version = "v1",
        .name = "ClusterRole",
        .list_name = "ClusterRoleList",
        .plural = "clusterroles",
        .singular = "clusterrole",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_stored = true,
        .name_format = FORMAT_PATH_SEGMENT,
        .schema = &cluster_role_schema,
        .check = cluster_role_check,
        .columns = role_columns,
        .n_columns = ARRAY_SIZE(role_columns),
        .add_cells = role_add_cells,
};

const struct kind role_binding_kind = {
        .api_version = RBAC_GROUP "/v1",
        .group = RBAC_GROUP,
        .version = "v1",
        .name = "RoleBinding",
        .list_name = "RoleBindingList",
        .plural = "rolebindings",
        .singular = "rolebinding",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .name_format = FORMAT_PATH_SEGMENT,
        .schema = &role_binding_schema,
        .set_defaults = role_binding_default,
        .check = role_binding_check,
        .check_update = role_binding_check_update,
        .columns = role_binding_columns,
        .n_columns = ARRAY_SIZE(role_binding_columns),
        .add_cells = role_binding_add_cells,
};

const struct kind cluster_role_binding_kind = {
        .api_version = RBAC_GROUP "/v1",
        .group = RBAC_GROUP,
        .version = "v1",
        .name = "ClusterRoleBinding",
        .list_name = "ClusterRoleBindingList",
        .plural = "clusterrolebindings",
        .singular = "clusterrolebinding",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_stored = true,
        .name_format = FORMAT_PATH_SEGMENT,
        .schema = &cluster_role_binding_schema,
        .set_defaults = role_binding_default,
        .check = cluster_role_binding_check,
        .check_update = role_binding_check_update,
        .columns = role_binding_columns,
        .n_columns = ARRAY_SIZE(role_binding_columns),
        .add_cells = role_binding_add_cells,
};
