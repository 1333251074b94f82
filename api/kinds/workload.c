#include "api/kinds/workload.h"

#include "api/kinds/tables.h"
#include "api/schema/quantity.h"
#include "base/str.h"

#include <stdio.h>

static int workload_default(json_t *tree) {
        json_t *spec = json_object_get(tree, "spec");
        json_t *template = json_object_get(spec, "template");

        return pod_default_spec(json_object_get(template, "spec"));
}

#define SELF struct replica_set_spec
static const struct field replica_set_spec_fields[] = {
        FIELD_OF_OPT_INT(replicas, "replicas", 1, "How many pods there shall be.",
                         .default_json = "1", .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OBJECT(selector, label_selector, "selector", 2, "Which pods are counted.",
                        .flags = FIELD_REQUIRED | FIELD_IMMUTABLE | FIELD_ATOMIC),
        FIELD_OF_OBJECT(template, pod_template_spec, "template", 3, "What new pods are made from."),
        FIELD_OF_INT(min_ready_seconds, "minReadySeconds", 4,
                     "Seconds that a pod must be ready before it counts as available.",
                     .flags = FIELD_NON_NEGATIVE),
};
#undef SELF
static const struct schema replica_set_spec_schema =
        SCHEMA(replica_set_spec, "ReplicaSetSpec", "What a ReplicaSet keeps up.");

#define SELF struct replica_set_condition
static const struct field replica_set_condition_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "Name of the condition.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(status, "status", 2, "True, False or Unknown.", .flags = FIELD_REQUIRED),
        FIELD_OF_TIME(last_transition_time, "lastTransitionTime", 3, "When it last changed."),
        FIELD_OF_STRING(reason, "reason", 4, "One word why."),
        FIELD_OF_STRING(message, "message", 5, "A sentence why."),
};
#undef SELF
static const struct schema replica_set_condition_schema = SCHEMA(
        replica_set_condition, "ReplicaSetCondition", "A yes-or-no question about a ReplicaSet.");

#define SELF struct replica_set_status
static const struct field replica_set_status_fields[] = {
        FIELD_OF_INT(replicas, "replicas", 1, "How many pods there are.", .flags = FIELD_ALWAYS),
        FIELD_OF_INT(fully_labeled_replicas, "fullyLabeledReplicas", 2,
                     "Pods with all labels of the template."),
        FIELD_OF_INT(ready_replicas, "readyReplicas", 4, "Pods that are ready."),
        FIELD_OF_INT(available_replicas, "availableReplicas", 5,
                     "Pods that have been ready for minReadySeconds."),
        FIELD_OF_OPT_INT(terminating_replicas, "terminatingReplicas", 7, "Pods on their way out."),
        FIELD_OF_INT(observed_generation, "observedGeneration", 3, "Generation that was seen."),
        FIELD_OF_OBJECTS(conditions, replica_set_condition, "conditions", 6,
                         "Questions about the ReplicaSet.", .patch = FIELD_PATCH_MERGE,
                         .merge_key = "type"),
};
#undef SELF
static const struct schema replica_set_status_schema =
        SCHEMA(replica_set_status, "ReplicaSetStatus", "How a ReplicaSet is doing.");

#define SELF struct replica_set
static const struct field replica_set_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, replica_set_spec, "spec", 2, "What is kept up.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(status, replica_set_status, "status", 3, "How it is doing.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema replica_set_schema =
        SCHEMA(replica_set, "ReplicaSet", "Keeps a number of equal pods running.");

static void replica_set_check(const void *decoded, struct diags *d) {
        const struct replica_set *rs = decoded;

        pod_check_template(&rs->spec.template, &rs->spec.selector, d);
}

static int replica_set_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct replica_set *rs = decoded;

        if (cell_add_text(cells, rs->metadata.name) < 0 ||
            cell_add(cells, json_integer(rs->spec.replicas.value)) < 0 ||
            cell_add(cells, json_integer(rs->status.replicas)) < 0 ||
            cell_add(cells, json_integer(rs->status.ready_replicas)) < 0 ||
            cell_add_age(cells, &rs->metadata, now_usec) < 0)
                return -ENOMEM;
        return cell_add_workload(cells, &rs->spec.template.spec, &rs->spec.selector);
}

static const struct table_column replica_set_columns[] = {
        COLUMN_NAME,
        { "Desired", "integer", "", 0 },
        { "Current", "integer", "", 0 },
        { "Ready", "integer", "", 0 },
        COLUMN_AGE,
        COLUMNS_WORKLOAD,
};

const struct kind replica_set_kind = {
        .api_version = "apps/v1",
        .group = "apps",
        .version = "v1",
        .name = "ReplicaSet",
        .list_name = "ReplicaSetList",
        .plural = "replicasets",
        .singular = "replicaset",
        .short_names = WORDS("rs"),
        .categories = WORDS("all"),
        .is_namespaced = true,
        .is_stored = true,
        .has_status = true,
        .has_scale = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &replica_set_schema,
        .set_defaults = workload_default,
        .check = replica_set_check,
        .columns = replica_set_columns,
        .n_columns = ARRAY_SIZE(replica_set_columns),
        .add_cells = replica_set_add_cells,
};

#define SELF struct rolling_update_deployment
static const struct field rolling_update_deployment_fields[] = {
        FIELD_OF_INT_OR_STRING(max_unavailable, "maxUnavailable", 1,
                               "Pods that may be missing meanwhile, a number or a percentage.",
                               .default_json = "\"25%\"", .format = FORMAT_PERCENT),
        FIELD_OF_INT_OR_STRING(max_surge, "maxSurge", 2,
                               "Pods that may be too many meanwhile, a number or a percentage.",
                               .default_json = "\"25%\"", .format = FORMAT_PERCENT),
};
#undef SELF
static const struct schema rolling_update_deployment_schema = SCHEMA(
        rolling_update_deployment, "RollingUpdateDeployment", "How fast a rolling update goes.");

#define SELF struct deployment_strategy
static const struct field deployment_strategy_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "Replace pods one by one, or all at once.",
                        .default_json = "\"RollingUpdate\"",
                        .values = WORDS("Recreate", "RollingUpdate")),
        FIELD_OF_POINTER(rolling_update, rolling_update_deployment, "rollingUpdate", 2,
                         "How fast, for RollingUpdate."),
};
#undef SELF
static const struct schema deployment_strategy_schema =
        SCHEMA(deployment_strategy, "DeploymentStrategy", "How old pods are replaced by new ones.");

#define SELF struct deployment_spec
static const struct field deployment_spec_fields[] = {
        FIELD_OF_OPT_INT(replicas, "replicas", 1, "How many pods there shall be.",
                         .default_json = "1", .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OBJECT(selector, label_selector, "selector", 2, "Which pods are counted.",
                        .flags = FIELD_REQUIRED | FIELD_IMMUTABLE | FIELD_ATOMIC),
        FIELD_OF_OBJECT(template, pod_template_spec, "template", 3, "What new pods are made from.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(strategy, deployment_strategy, "strategy", 4,
                        "How old pods are replaced by new ones.", .flags = FIELD_RETAIN_KEYS),
        FIELD_OF_INT(min_ready_seconds, "minReadySeconds", 5,
                     "Seconds that a pod must be ready before it counts as available.",
                     .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OPT_INT(revision_history_limit, "revisionHistoryLimit", 6,
                         "Old ReplicaSets that are kept for rollout undo.", .default_json = "10",
                         .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_BOOL(paused, "paused", 7, "Whether changes of the template wait."),
        FIELD_OF_OPT_INT(progress_deadline_seconds, "progressDeadlineSeconds", 9,
                         "Seconds without progress after which a rollout has failed.",
                         .default_json = "600", .flags = FIELD_NON_NEGATIVE),
};
#undef SELF
static const struct schema deployment_spec_schema = SCHEMA(
        deployment_spec, "DeploymentSpec", "What a Deployment keeps up and how it changes it.");

#define SELF struct deployment_condition
static const struct field deployment_condition_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "Name of the condition.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(status, "status", 2, "True, False or Unknown.", .flags = FIELD_REQUIRED),
        FIELD_OF_TIME(last_update_time, "lastUpdateTime", 6, "When it was last looked at."),
        FIELD_OF_TIME(last_transition_time, "lastTransitionTime", 7, "When it last changed."),
        FIELD_OF_STRING(reason, "reason", 4, "One word why."),
        FIELD_OF_STRING(message, "message", 5, "A sentence why."),
};
#undef SELF
static const struct schema deployment_condition_schema = SCHEMA(
        deployment_condition, "DeploymentCondition", "A yes-or-no question about a Deployment.");

#define SELF struct deployment_status
static const struct field deployment_status_fields[] = {
        FIELD_OF_INT(observed_generation, "observedGeneration", 1, "Generation that was seen."),
        FIELD_OF_INT(replicas, "replicas", 2, "How many pods there are."),
        FIELD_OF_INT(updated_replicas, "updatedReplicas", 3, "Pods made from today's template."),
        FIELD_OF_INT(ready_replicas, "readyReplicas", 7, "Pods that are ready."),
        FIELD_OF_INT(available_replicas, "availableReplicas", 4,
                     "Pods that have been ready for minReadySeconds."),
        FIELD_OF_INT(unavailable_replicas, "unavailableReplicas", 5,
                     "Pods that are still missing."),
        FIELD_OF_OPT_INT(terminating_replicas, "terminatingReplicas", 9, "Pods on their way out."),
        FIELD_OF_OBJECTS(conditions, deployment_condition, "conditions", 6,
                         "Questions about the Deployment.", .patch = FIELD_PATCH_MERGE,
                         .merge_key = "type"),
        FIELD_OF_OPT_INT(collision_count, "collisionCount", 8,
                         "How often a ReplicaSet's name was taken."),
};
#undef SELF
static const struct schema deployment_status_schema =
        SCHEMA(deployment_status, "DeploymentStatus", "How a Deployment is doing.");

#define SELF struct deployment
static const struct field deployment_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, deployment_spec, "spec", 2, "What is kept up.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(status, deployment_status, "status", 3, "How it is doing.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema deployment_schema = SCHEMA(
        deployment, "Deployment",
        "Keeps a number of equal pods running and replaces them when their template changes.");

static int deployment_default(json_t *tree) {
        json_t *rolling = NULL;
        int r = default_rolling(tree, "strategy", &rolling);

        return r < 0 || !rolling ? r : schema_default(&rolling_update_deployment_schema, rolling);
}

static void deployment_check(const void *decoded, struct diags *d) {
        const struct deployment_spec *spec = &((const struct deployment *) decoded)->spec;
        const struct rolling_update_deployment *ru = spec->strategy.rolling_update;

        pod_check_template(&spec->template, &spec->selector, d);
        if (ru && str_eq(spec->strategy.type, "Recreate"))
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "spec.strategy.rollingUpdate",
                                "Forbidden: may not be specified when strategy `type` is "
                                "'Recreate'");
        else if (ru && int_or_string_resolve(&ru->max_unavailable, 100, true, 1) == 0 &&
                 int_or_string_resolve(&ru->max_surge, 100, true, 1) == 0)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID,
                                "spec.strategy.rollingUpdate.maxUnavailable",
                                "Invalid value: 0: may not be 0 when `maxSurge` is 0");
        if (ru && int_or_string_resolve(&ru->max_unavailable, 100, true, 0) > 100 &&
            ru->max_unavailable.kind == INT_OR_STRING_STRING)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID,
                                "spec.strategy.rollingUpdate.maxUnavailable",
                                "Invalid value: \"%s\": must not be greater than 100%%",
                                ru->max_unavailable.text);
        if (spec->progress_deadline_seconds.is_set &&
            spec->progress_deadline_seconds.value <= spec->min_ready_seconds)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.progressDeadlineSeconds",
                                "Invalid value: %lld: must be greater than minReadySeconds",
                                (long long) spec->progress_deadline_seconds.value);
}

static int deployment_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct deployment *dep = decoded;
        char ready[64];

        (void) snprintf(ready, sizeof(ready), "%lld/%lld", (long long) dep->status.ready_replicas,
                        (long long) dep->spec.replicas.value);
        if (cell_add_text(cells, dep->metadata.name) < 0 || cell_add_text(cells, ready) < 0 ||
            cell_add(cells, json_integer(dep->status.updated_replicas)) < 0 ||
            cell_add(cells, json_integer(dep->status.available_replicas)) < 0 ||
            cell_add_age(cells, &dep->metadata, now_usec) < 0)
                return -ENOMEM;
        return cell_add_workload(cells, &dep->spec.template.spec, &dep->spec.selector);
}

static const struct table_column deployment_columns[] = {
        COLUMN_NAME,
        { "Ready", "string", "", 0 },
        { "Up-to-date", "integer", "", 0 },
        { "Available", "integer", "", 0 },
        COLUMN_AGE,
        COLUMNS_WORKLOAD,
};

const struct kind deployment_kind = {
        .api_version = "apps/v1",
        .group = "apps",
        .version = "v1",
        .name = "Deployment",
        .list_name = "DeploymentList",
        .plural = "deployments",
        .singular = "deployment",
        .short_names = WORDS("deploy"),
        .categories = WORDS("all"),
        .is_namespaced = true,
        .is_stored = true,
        .has_status = true,
        .has_scale = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &deployment_schema,
        .set_defaults = deployment_default,
        .check = deployment_check,
        .columns = deployment_columns,
        .n_columns = ARRAY_SIZE(deployment_columns),
        .add_cells = deployment_add_cells,
};

#define SELF struct scale_spec
static const struct field scale_spec_fields[] = {
        FIELD_OF_INT(replicas, "replicas", 1, "How many pods there shall be.",
                     .flags = FIELD_NON_NEGATIVE | FIELD_ALWAYS),
};
#undef SELF
static const struct schema scale_spec_schema =
        SCHEMA(scale_spec, "ScaleSpec", "The number that is wanted.");

#define SELF struct scale_status
static const struct field scale_status_fields[] = {
        FIELD_OF_INT(replicas, "replicas", 1, "How many pods there are.", .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(selector, "selector", 2, "Which pods are counted."),
};
#undef SELF
static const struct schema scale_status_schema =
        SCHEMA(scale_status, "ScaleStatus", "The number that there is.");

#define SELF struct scale
static const struct field scale_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name of the scaled object."),
        FIELD_OF_OBJECT(spec, scale_spec, "spec", 2, "The number that is wanted."),
        FIELD_OF_OBJECT(status, scale_status, "status", 3, "The number that there is."),
};
#undef SELF
static const struct schema scale_schema =
        SCHEMA(scale, "Scale", "The number of pods of a scalable object.");

const struct kind scale_kind = {
        .api_version = "autoscaling/v1",
        .group = "autoscaling",
        .version = "v1",
        .name = "Scale",
        .list_name = "ScaleList",
        .plural = "scales",
        .singular = "scale",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &scale_schema,
};
