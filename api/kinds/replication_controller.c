/* ReplicationController (numbers: k8s.io/api/core/v1/generated.proto). Tools list the kind and
 * expect it to exist; there are none. */
#include "api/kinds/replication_controller.h"

#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "base/str.h"

#define SELF struct replication_controller_spec
static const struct field replication_controller_spec_fields[] = {
        FIELD_OF_OPT_INT(replicas, "replicas", 1, "How many pods there shall be.",
                         .default_json = "1", .flags = FIELD_NON_NEGATIVE),
        FIELD_KEPT("minReadySeconds", 4, FIELD_INT, FIELD_ONE,
                   "Seconds that a pod must be ready before it counts as available.",
                   .flags = FIELD_NON_NEGATIVE),
        FIELD_KEPT("selector", 2, FIELD_STRING, FIELD_MAP, "Labels of the pods that are counted.",
                   .flags = FIELD_ATOMIC),
        FIELD_KEPT("template", 3, FIELD_OBJECT_PTR, FIELD_ONE, "What new pods are made from.",
                   .schema = &pod_template_spec_schema),
};
#undef SELF
static const struct schema replication_controller_spec_schema =
        SCHEMA(replication_controller_spec, "ReplicationControllerSpec",
               "What a ReplicationController keeps up.");

static const struct field replication_controller_condition_fields[] = {
        FIELDS_OF_KEPT_CONDITION,
};
static const struct schema replication_controller_condition_schema =
        SCHEMA_KEPT(replication_controller_condition, "ReplicationControllerCondition",
                    "A yes-or-no question about a ReplicationController.");

#define SELF struct replication_controller_status
static const struct field replication_controller_status_fields[] = {
        FIELD_OF_INT(replicas, "replicas", 1, "How many pods there are.", .flags = FIELD_ALWAYS),
        FIELD_KEPT("fullyLabeledReplicas", 2, FIELD_INT, FIELD_ONE,
                   "Pods with all labels of the template."),
        FIELD_OF_INT(ready_replicas, "readyReplicas", 4, "Pods that are ready."),
        FIELD_KEPT("availableReplicas", 5, FIELD_INT, FIELD_ONE,
                   "Pods that have been ready for minReadySeconds."),
        FIELD_KEPT("observedGeneration", 3, FIELD_INT, FIELD_ONE, "Generation that was seen."),
        FIELD_KEPT("conditions", 6, FIELD_OBJECT, FIELD_LIST,
                   "Questions about the ReplicationController.",
                   .schema = &replication_controller_condition_schema, .patch = FIELD_PATCH_MERGE,
                   .merge_key = "type"),
};
#undef SELF
static const struct schema replication_controller_status_schema =
        SCHEMA(replication_controller_status, "ReplicationControllerStatus",
               "How a ReplicationController is doing.");

#define SELF struct replication_controller
static const struct field replication_controller_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, replication_controller_spec, "spec", 2, "What is kept up."),
        FIELD_OF_OBJECT(status, replication_controller_status, "status", 3, "How it is doing.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema replication_controller_schema =
        SCHEMA(replication_controller, "ReplicationController", "What ReplicaSets have replaced.");

static void replication_controller_check(const void *decoded, struct diags *d) {
        (void) decoded;
        (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "kind",
                        "Forbidden: orch has no ReplicationControllers; use a Deployment or a "
                        "ReplicaSet");
}

static int replication_controller_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct replication_controller *r = decoded;

        if (cell_add_text(cells, r->metadata.name) < 0 ||
            cell_add(cells, json_integer(r->spec.replicas.value)) < 0 ||
            cell_add(cells, json_integer(r->status.replicas)) < 0 ||
            cell_add(cells, json_integer(r->status.ready_replicas)) < 0)
                return -ENOMEM;
        return cell_add_age(cells, &r->metadata, now_usec);
}

static const struct table_column replication_controller_columns[] = {
        COLUMN_NAME,
        { "Desired", "integer", "", 0 },
        { "Current", "integer", "", 0 },
        { "Ready", "integer", "", 0 },
        COLUMN_AGE,
};

const struct kind replication_controller_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "ReplicationController",
        .list_name = "ReplicationControllerList",
        .plural = "replicationcontrollers",
        .singular = "replicationcontroller",
        .short_names = WORDS("rc"),
        .categories = WORDS("all"),
        .is_namespaced = true,
        .is_stored = true,
        .has_status = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &replication_controller_schema,
        .check = replication_controller_check,
        .columns = replication_controller_columns,
        .n_columns = ARRAY_SIZE(replication_controller_columns),
        .add_cells = replication_controller_add_cells,
};
