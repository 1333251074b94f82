/* PriorityClass and RuntimeClass (numbers: generated.proto of k8s.io/api/scheduling/v1 and
 * node/v1). */
#include "api/kinds/classes.h"

#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "base/str.h"

#define SELF struct priority_class
static const struct field priority_class_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_INT(value, "value", 2, "The priority; higher goes first.",
                     .flags = FIELD_REQUIRED | FIELD_IMMUTABLE),
        FIELD_OF_BOOL(global_default, "globalDefault", 3,
                      "Whether pods without a class have this one."),
        FIELD_OF_STRING(description, "description", 4, "For whom it is."),
        FIELD_OF_STRING(preemption_policy, "preemptionPolicy", 5,
                        "Whether pods of lower priority may be evicted for it.",
                        .default_json = "\"PreemptLowerPriority\"",
                        .values = WORDS("Never", "PreemptLowerPriority"),
                        .flags = FIELD_IMMUTABLE | FIELD_POINTER),
};
#undef SELF
static const struct schema priority_class_schema =
        SCHEMA(priority_class, "PriorityClass", "A name for a priority of pods.");

/* The two classes that every cluster has. */
static bool priority_class_is_system(const struct priority_class *c) {
        return (str_eq(c->metadata.name, "system-node-critical") && c->value == 2000001000) ||
               (str_eq(c->metadata.name, "system-cluster-critical") && c->value == 2000000000);
}

static void priority_class_check(const void *decoded, struct diags *d) {
        const struct priority_class *c = decoded;

        if (priority_class_is_system(c))
                return;
        if (str_starts_with(str_or_empty(c->metadata.name), "system-"))
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "metadata.name",
                                "Forbidden: priority class names with 'system-' prefix are "
                                "reserved for system use only. error: %s is not a known system "
                                "priority class",
                                c->metadata.name);
        if (c->value > PRIORITY_USER_MAX)
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "value",
                                "Forbidden: maximum allowed value of a user defined priority is "
                                "%lld",
                                PRIORITY_USER_MAX);
}

static int priority_class_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct priority_class *c = decoded;

        if (cell_add_text(cells, c->metadata.name) < 0 ||
            cell_add(cells, json_integer(c->value)) < 0 ||
            cell_add(cells, json_boolean(c->global_default)) < 0 ||
            cell_add_age(cells, &c->metadata, now_usec) < 0)
                return -ENOMEM;
        return cell_add_text(cells, c->preemption_policy);
}

static const struct table_column priority_class_columns[] = {
        COLUMN_NAME,
        { "Value", "integer", "", 0 },
        { "Global-Default", "boolean", "", 0 },
        COLUMN_AGE,
        { "PreemptionPolicy", "string", "", 0 },
};

const struct kind priority_class_kind = {
        .api_version = "scheduling.k8s.io/v1",
        .group = "scheduling.k8s.io",
        .version = "v1",
        .name = "PriorityClass",
        .list_name = "PriorityClassList",
        .plural = "priorityclasses",
        .singular = "priorityclass",
        .short_names = WORDS("pc"),
        .categories = WORDS(NULL),
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &priority_class_schema,
        .check = priority_class_check,
        .columns = priority_class_columns,
        .n_columns = ARRAY_SIZE(priority_class_columns),
        .add_cells = priority_class_add_cells,
};

static const struct field overhead_fields[] = {
        FIELD_KEPT("podFixed", 1, FIELD_QUANTITY, FIELD_MAP, "Resources for each pod.",
                   .format = FORMAT_RESOURCES),
};
static const struct schema overhead_schema =
        SCHEMA_KEPT(overhead, "Overhead", "What a runtime needs beside the containers.");

static const struct field scheduling_fields[] = {
        FIELD_KEPT("nodeSelector", 1, FIELD_STRING, FIELD_MAP, "Labels of such nodes."),
        FIELD_KEPT("tolerations", 2, FIELD_OBJECT, FIELD_LIST,
                   "Taints of such nodes that its pods tolerate.", .schema = &toleration_schema,
                   .flags = FIELD_ATOMIC),
};
static const struct schema scheduling_schema =
        SCHEMA_KEPT(scheduling, "Scheduling", "Nodes that have the runtime.");

#define SELF struct runtime_class
static const struct field runtime_class_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_STRING(handler, "handler", 2, "What the node calls the runtime.",
                        .format = FORMAT_DNS_LABEL, .flags = FIELD_REQUIRED | FIELD_IMMUTABLE),
        FIELD_KEPT("overhead", 3, FIELD_OBJECT_PTR, FIELD_ONE,
                   "What it needs beside the containers.", .schema = &overhead_schema),
        FIELD_KEPT("scheduling", 4, FIELD_OBJECT_PTR, FIELD_ONE, "Nodes that have it.",
                   .schema = &scheduling_schema),
};
#undef SELF
static const struct schema runtime_class_schema =
        SCHEMA(runtime_class, "RuntimeClass", "A way of running the containers of a pod.");

static int runtime_class_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct runtime_class *c = decoded;

        if (cell_add_text(cells, c->metadata.name) < 0 || cell_add_text(cells, c->handler) < 0)
                return -ENOMEM;
        return cell_add_age(cells, &c->metadata, now_usec);
}

static const struct table_column runtime_class_columns[] = {
        COLUMN_NAME,
        { "Handler", "string", "", 0 },
        COLUMN_AGE,
};

const struct kind runtime_class_kind = {
        .api_version = "node.k8s.io/v1",
        .group = "node.k8s.io",
        .version = "v1",
        .name = "RuntimeClass",
        .list_name = "RuntimeClassList",
        .plural = "runtimeclasses",
        .singular = "runtimeclass",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &runtime_class_schema,
        .columns = runtime_class_columns,
        .n_columns = ARRAY_SIZE(runtime_class_columns),
        .add_cells = runtime_class_add_cells,
        .caveat = KIND_ONLY_KEPT,
};
