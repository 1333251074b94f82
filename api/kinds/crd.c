#include "api/kinds/crd.h"

#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "base/clock.h"
#include "base/str.h"

#include <ctype.h>

#define SELF struct crd_names
static const struct field crd_names_fields[] = {
        FIELD_OF_STRING(plural, "plural", 1, "Plural name, part of the path.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(singular, "singular", 2, "Singular name; the kind in small letters."),
        FIELD_OF_STRINGS(short_names, "shortNames", 3, "Short names for command lines.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_STRING(kind, "kind", 4, "Kind of the objects.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(list_kind, "listKind", 5,
                        "Kind of their lists; the kind with List behind."),
        FIELD_OF_STRINGS(categories, "categories", 6, "Groups of kinds that it belongs to: all.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema crd_names_schema =
        SCHEMA(crd_names, "CustomResourceDefinitionNames", "What the kind is called.");

#define SELF struct crd_scale
static const struct field crd_scale_fields[] = {
        FIELD_OF_STRING(spec_replicas_path, "specReplicasPath", 1,
                        "Where the wanted number is: .spec.replicas", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(status_replicas_path, "statusReplicasPath", 2,
                        "Where the number that runs is.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(label_selector_path, "labelSelectorPath", 3,
                        "Where the selector of the pods is, as text."),
};
#undef SELF
static const struct schema crd_scale_schema =
        SCHEMA(crd_scale, "CustomResourceSubresourceScale", "Makes the scale sub-resource.");

#define SELF struct crd_subresources
static const struct field crd_subresources_fields[] = {
        FIELD_KEPT("status", 1, FIELD_ANY, FIELD_ONE, "Separates status from the rest."),
        FIELD_OF_POINTER(scale, crd_scale, "scale", 2, "Makes the scale sub-resource."),
};
#undef SELF
static const struct schema crd_subresources_schema =
        SCHEMA(crd_subresources, "CustomResourceSubresources", "Sub-resources of the objects.");

static const char *const column_types[] = {
        "boolean", "date", "integer", "number", "string", NULL
};
static const char *const column_formats[] = { "",     "int32", "int64",     "float",    "double",
                                              "byte", "date",  "date-time", "password", NULL };

#define SELF struct crd_column
static const struct field crd_column_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Heading.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(type, "type", 2, "Type of the cells.", .flags = FIELD_REQUIRED,
                        .values = column_types),
        FIELD_OF_STRING(format, "format", 3, "Format of the cells.", .values = column_formats),
        FIELD_KEPT("description", 4, FIELD_STRING, FIELD_ONE, "What the column shows."),
        FIELD_OF_INT(priority, "priority", 5, "More than 0: only in wide tables."),
        FIELD_OF_STRING(json_path, "jsonPath", 6, "Where the value is: .spec.replicas",
                        .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema crd_column_schema = SCHEMA(crd_column, "CustomResourceColumnDefinition",
                                                      "A column of the table that get prints.");

static const struct field crd_validation_fields[] = {
        FIELD_KEPT("openAPIV3Schema", 1, FIELD_ANY, FIELD_ONE, "The structural schema."),
};
static const struct schema crd_validation_schema = {
        .name = "CustomResourceValidation",
        .doc = "How the objects look.",
        .fields = crd_validation_fields,
        .n_fields = ARRAY_SIZE(crd_validation_fields),
};

static const struct field crd_selectable_fields[] = {
        FIELD_KEPT("jsonPath", 1, FIELD_STRING, FIELD_ONE, "Where the value is: .spec.color",
                   .flags = FIELD_REQUIRED),
};
static const struct schema crd_selectable_schema =
        SCHEMA_KEPT(crd_selectable, "SelectableField", "A field that selectors may name.");

#define SELF struct crd_version
static const struct field crd_version_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name: v1, v1beta1.", .flags = FIELD_REQUIRED),
        FIELD_OF_BOOL(served, "served", 2, "Whether clients can ask for it.",
                      .flags = FIELD_REQUIRED | FIELD_ALWAYS),
        FIELD_OF_BOOL(storage, "storage", 3, "Whether objects are stored so.",
                      .flags = FIELD_REQUIRED | FIELD_ALWAYS),
        FIELD_KEPT("schema", 4, FIELD_OBJECT_PTR, FIELD_ONE, "How the objects look.",
                   .schema = &crd_validation_schema),
        FIELD_OF_POINTER(subresources, crd_subresources, "subresources", 5,
                         "Sub-resources of the objects."),
        FIELD_OF_OBJECTS(additional_printer_columns, crd_column, "additionalPrinterColumns", 6,
                         "Columns of the table that get prints.", .flags = FIELD_ATOMIC),
        FIELD_OF_OPT_BOOL(deprecated, "deprecated", 7,
                          "Whether using it is answered with a warning."),
        FIELD_OF_STRING(deprecation_warning, "deprecationWarning", 8, "Text of that warning."),
        FIELD_KEPT("selectableFields", 9, FIELD_OBJECT, FIELD_LIST,
                   "Fields that selectors may name.", .schema = &crd_selectable_schema,
                   .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema crd_version_schema =
        SCHEMA(crd_version, "CustomResourceDefinitionVersion", "One version of the kind.");

static const char *const conversion_strategies[] = { "None", NULL };

#define SELF struct crd_conversion
static const struct field crd_conversion_fields[] = {
        FIELD_OF_STRING(strategy, "strategy", 1, "How: None changes apiVersion alone.",
                        .flags = FIELD_REQUIRED, .values = conversion_strategies),
        FIELD_OF_UNACTED("webhook", 2, FIELD_ANY, FIELD_ONE, "Who converts."),
};
#undef SELF
static const struct schema crd_conversion_schema =
        SCHEMA(crd_conversion, "CustomResourceConversion", "How versions become each other.");

static const char *const crd_scopes[] = { "Cluster", "Namespaced", NULL };

#define SELF struct crd_spec
static const struct field crd_spec_fields[] = {
        FIELD_OF_STRING(group, "group", 1, "API group: example.com", .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(names, crd_names, "names", 3, "What the kind is called.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(scope, "scope", 4, "Whether objects live in namespaces.",
                        .flags = FIELD_REQUIRED, .values = crd_scopes),
        FIELD_OF_OBJECTS(versions, crd_version, "versions", 7, "Its versions.",
                         .flags = FIELD_REQUIRED | FIELD_ATOMIC),
        FIELD_OF_POINTER(conversion, crd_conversion, "conversion", 9,
                         "How versions become each other."),
        FIELD_OF_BOOL(preserve_unknown_fields, "preserveUnknownFields", 10,
                      "Must be false: fields that no schema knows are dropped."),
};
#undef SELF
static const struct schema crd_spec_schema =
        SCHEMA(crd_spec, "CustomResourceDefinitionSpec", "A kind and its schema.");

#define SELF struct crd_condition
static const struct field crd_condition_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "Name of the condition.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(status, "status", 2, "True, False or Unknown.", .flags = FIELD_REQUIRED),
        FIELD_OF_TIME(last_transition_time, "lastTransitionTime", 3, "When it last changed."),
        FIELD_OF_STRING(reason, "reason", 4, "Why, in one word."),
        FIELD_OF_STRING(message, "message", 5, "Why, in a sentence."),
};
#undef SELF
static const struct schema crd_condition_schema =
        SCHEMA(crd_condition, "CustomResourceDefinitionCondition", "What holds for the kind.");

#define SELF struct crd_status
static const struct field crd_status_fields[] = {
        FIELD_OF_OBJECTS(conditions, crd_condition, "conditions", 1, "What holds for the kind.",
                         .merge_key = "type"),
        FIELD_OF_OBJECT(accepted_names, crd_names, "acceptedNames", 2, "The names that it got."),
        FIELD_OF_STRINGS(stored_versions, "storedVersions", 3,
                         "Versions that objects may be stored in.", .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema crd_status_schema =
        SCHEMA(crd_status, "CustomResourceDefinitionStatus", "What the server made of it.");

#define SELF struct crd
static const struct field crd_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, crd_spec, "spec", 2, "A kind and its schema.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(status, crd_status, "status", 3, "What the server made of it."),
};
#undef SELF
static const struct schema crd_schema = SCHEMA(
        crd, "CustomResourceDefinition", "A kind of objects that this server stores for others.");

/* ---- defaults ---- */

static int names_default(json_t *names) {
        const char *kind = json_string_value(json_object_get(names, "kind"));
        AUTO_FREE char *lower = NULL, *list = NULL;
        int r;

        if (str_is_empty(kind))
                return 0;
        lower = str_format("%s", kind);
        list = str_format("%sList", kind);
        if (!lower || !list)
                return -ENOMEM;
        for (char *c = lower; *c; c++)
                *c = (char) tolower((unsigned char) *c);
        r = default_set(names, "singular", json_string(lower));
        return r == 0 ? default_set(names, "listKind", json_string(list)) : r;
}

static int crd_default(json_t *tree) {
        json_t *spec = json_object_get(tree, "spec");
        int r;

        if (!json_is_object(spec))
                return 0;
        r = default_set(spec, "conversion", json_pack("{s:s}", "strategy", "None"));
        if (r == 0 && json_is_object(json_object_get(spec, "names")))
                r = names_default(json_object_get(spec, "names"));
        return r;
}

bool crd_is_true(const struct crd *c, const char *condition) {
        for (size_t i = 0; i < c->status.conditions.n; i++)
                if (str_eq(c->status.conditions.items[i].type, condition))
                        return str_eq(c->status.conditions.items[i].status, "True");
        return false;
}

/* ---- status ---- */

struct verdict_condition {
        const char *type, *status, *reason, *message;
};

static json_t *conditions_of(json_t *status) {
        json_t *list = json_object_get(status, "conditions");

        if (json_is_array(list))
                return list;
        list = json_array();
        return json_object_set_new(status, "conditions", list) < 0 ? NULL : list;
}

/* The time moves only when the status does. */
static int condition_set(json_t *status, const struct verdict_condition *c, uint64_t now_usec) {
        json_t *list = conditions_of(status), *one;
        char now[CLOCK_TEXT_MAX];
        size_t i, at;

        if (!list)
                return -ENOMEM;
        at = json_array_size(list);
        json_array_foreach(list, i, one) {
                if (!str_eq(json_string_value(json_object_get(one, "type")), c->type))
                        continue;
                at = i;
                if (str_eq(json_string_value(json_object_get(one, "status")), c->status) &&
                    str_eq(json_string_value(json_object_get(one, "reason")), c->reason))
                        return 0;
        }
        one = json_pack("{s:s,s:s,s:s,s:s,s:s}", "lastTransitionTime", clock_format(now_usec, now),
                        "message", c->message, "reason", c->reason, "status", c->status, "type",
                        c->type);
        if (!one)
                return -ENOMEM;
        if (at < json_array_size(list))
                return json_array_set_new(list, at, one) < 0 ? -ENOMEM : 0;
        return json_array_append_new(list, one) < 0 ? -ENOMEM : 0;
}

static int stored_version_add(json_t *status, const json_t *spec) {
        json_t *list = json_object_get(status, "storedVersions"), *one, *version;
        const char *name = NULL;
        size_t i;

        json_array_foreach(json_object_get(spec, "versions"), i, version) {
                if (json_is_true(json_object_get(version, "storage")))
                        name = json_string_value(json_object_get(version, "name"));
        }
        if (!json_is_array(list)) {
                list = json_array();
                if (json_object_set_new(status, "storedVersions", list) < 0)
                        return -ENOMEM;
        }
        json_array_foreach(list, i, one) {
                if (str_eq(json_string_value(one), name))
                        return 0;
        }
        return name && json_array_append_new(list, json_string(name)) < 0 ? -ENOMEM : 0;
}

static int names_accept(json_t *status, const json_t *spec) {
        return json_object_set_new(status, "acceptedNames",
                                   json_deep_copy(json_object_get(spec, "names"))) < 0
                       ? -ENOMEM
                       : 0;
}

int crd_status_set(json_t *tree, const struct crd_verdict *v) {
        static const struct verdict_condition ACCEPTED = { CRD_NAMES_ACCEPTED, "True",
                                                           "NoConflicts", "no conflicts found" };
        static const struct verdict_condition ESTABLISHED = {
                CRD_ESTABLISHED, "True", "InitialNamesAccepted",
                "the initial names have been accepted"
        };
        static const struct verdict_condition REFUSED = { CRD_ESTABLISHED, "False", "NotAccepted",
                                                          "not all names are accepted" };
        static const struct verdict_condition TERMINATING = {
                CRD_TERMINATING, "True", "InstanceDeletionInProgress",
                "CustomResource deletion is in progress"
        };
        const struct verdict_condition conflict = { CRD_NAMES_ACCEPTED, "False", v->reason,
                                                    v->conflict };
        const json_t *spec = json_object_get(tree, "spec");
        json_t *status = json_object_get(tree, "status");
        int r = 0;

        if (!json_is_object(status)) {
                status = json_object();
                if (json_object_set_new(tree, "status", status) < 0)
                        return -ENOMEM;
        }
        r = condition_set(status, v->conflict ? &conflict : &ACCEPTED, v->now_usec);
        /* Once established, a kind stays it. */
        if (r == 0 && (!v->conflict || !json_object_get(status, "acceptedNames")))
                r = condition_set(status, v->conflict ? &REFUSED : &ESTABLISHED, v->now_usec);
        if (r == 0 && v->is_terminating)
                r = condition_set(status, &TERMINATING, v->now_usec);
        if (r == 0 && !v->conflict)
                r = names_accept(status, spec);
        return r == 0 ? stored_version_add(status, spec) : r;
}

/* ---- table ---- */

static int crd_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct crd *c = decoded;
        char when[CLOCK_TEXT_MAX];

        if (cell_add_text(cells, c->metadata.name) < 0)
                return -ENOMEM;
        return cell_add_text(cells, clock_format(c->metadata.creation_timestamp, when));
}

static const struct table_column crd_columns[] = {
        COLUMN_NAME,
        { "Created At", "date", "", 0 },
};

const struct kind crd_kind = {
        .api_version = "apiextensions.k8s.io/v1",
        .group = "apiextensions.k8s.io",
        .version = "v1",
        .name = "CustomResourceDefinition",
        .list_name = "CustomResourceDefinitionList",
        .plural = "customresourcedefinitions",
        .singular = "customresourcedefinition",
        .short_names = WORDS("crd", "crds"),
        .categories = WORDS("api-extensions"),
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .has_status = true,
        .schema = &crd_schema,
        .set_defaults = crd_default,
        .check = crd_check,
        .check_tree = crd_check_tree,
        .check_update = crd_check_update,
        .columns = crd_columns,
        .n_columns = ARRAY_SIZE(crd_columns),
        .add_cells = crd_add_cells,
};
