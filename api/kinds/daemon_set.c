/* DaemonSet (numbers: k8s.io/api/apps/v1/generated.proto). */
#include "api/kinds/daemon_set.h"

#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "api/schema/quantity.h"
#include "base/str.h"

#define SELF struct rolling_update_daemon_set
static const struct field rolling_update_daemon_set_fields[] = {
        FIELD_OF_INT_OR_STRING(max_unavailable, "maxUnavailable", 1,
                               "Pods that may be missing meanwhile, a number or a percentage.",
                               .format = FORMAT_PERCENT),
        FIELD_OF_INT_OR_STRING(max_surge, "maxSurge", 2,
                               "Pods that may be too many meanwhile, a number or a percentage.",
                               .format = FORMAT_PERCENT),
};
#undef SELF
static const struct schema rolling_update_daemon_set_schema = SCHEMA(
        rolling_update_daemon_set, "RollingUpdateDaemonSet", "How fast a rolling update goes.");

#define SELF struct daemon_set_update_strategy
static const struct field daemon_set_update_strategy_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "Node by node, or when somebody deletes them.",
                        .values = WORDS("RollingUpdate", "OnDelete")),
        FIELD_OF_POINTER(rolling_update, rolling_update_daemon_set, "rollingUpdate", 2,
                         "How fast, for RollingUpdate."),
};
#undef SELF
static const struct schema daemon_set_update_strategy_schema =
        SCHEMA(daemon_set_update_strategy, "DaemonSetUpdateStrategy",
               "How old pods are replaced by new ones.");

#define SELF struct daemon_set_spec
static const struct field daemon_set_spec_fields[] = {
        FIELD_OF_OBJECT(selector, label_selector, "selector", 1, "Which pods are counted.",
                        .flags = FIELD_REQUIRED | FIELD_IMMUTABLE | FIELD_ATOMIC),
        FIELD_OF_OBJECT(template, pod_template_spec, "template", 2, "What new pods are made from.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(update_strategy, daemon_set_update_strategy, "updateStrategy", 3,
                        "How old pods are replaced by new ones."),
        FIELD_OF_INT(min_ready_seconds, "minReadySeconds", 4,
                     "Seconds that a pod must be ready before it counts as available.",
                     .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OPT_INT(revision_history_limit, "revisionHistoryLimit", 6,
                         "Old revisions that are kept for rollout undo.", .default_json = "10",
                         .flags = FIELD_NON_NEGATIVE),
};
#undef SELF
static const struct schema daemon_set_spec_schema =
        SCHEMA(daemon_set_spec, "DaemonSetSpec", "What a DaemonSet keeps up on every node.");

static const struct field daemon_set_condition_fields[] = {
        FIELDS_OF_KEPT_CONDITION,
};
static const struct schema daemon_set_condition_schema = SCHEMA_KEPT(
        daemon_set_condition, "DaemonSetCondition", "A yes-or-no question about a DaemonSet.");

#define SELF struct daemon_set_status
static const struct field daemon_set_status_fields[] = {
        FIELD_OF_INT(current_number_scheduled, "currentNumberScheduled", 1,
                     "Nodes that have a pod and should.", .flags = FIELD_ALWAYS),
        FIELD_OF_INT(number_misscheduled, "numberMisscheduled", 2,
                     "Nodes that have a pod and should not.", .flags = FIELD_ALWAYS),
        FIELD_OF_INT(desired_number_scheduled, "desiredNumberScheduled", 3,
                     "Nodes that should have a pod.", .flags = FIELD_ALWAYS),
        FIELD_OF_INT(number_ready, "numberReady", 4, "Nodes whose pod is ready.",
                     .flags = FIELD_ALWAYS),
        FIELD_OF_INT(observed_generation, "observedGeneration", 5, "Generation that was seen."),
        FIELD_OF_INT(updated_number_scheduled, "updatedNumberScheduled", 6,
                     "Nodes whose pod is made from today's template."),
        FIELD_OF_INT(number_available, "numberAvailable", 7,
                     "Nodes whose pod has been ready for minReadySeconds."),
        FIELD_OF_INT(number_unavailable, "numberUnavailable", 8,
                     "Nodes whose pod is missing or not available."),
        FIELD_OF_OPT_INT(collision_count, "collisionCount", 9,
                         "How often a revision's name was taken."),
        FIELD_KEPT("conditions", 10, FIELD_OBJECT, FIELD_LIST, "Questions about the DaemonSet.",
                   .schema = &daemon_set_condition_schema, .patch = FIELD_PATCH_MERGE,
                   .merge_key = "type"),
};
#undef SELF
static const struct schema daemon_set_status_schema =
        SCHEMA(daemon_set_status, "DaemonSetStatus", "How a DaemonSet is doing.");

#define SELF struct daemon_set
static const struct field daemon_set_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, daemon_set_spec, "spec", 2, "What is kept up."),
        FIELD_OF_OBJECT(status, daemon_set_status, "status", 3, "How it is doing.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema daemon_set_schema =
        SCHEMA(daemon_set, "DaemonSet", "Keeps a pod running on every node.");

static int daemon_set_default(json_t *tree) {
        json_t *rolling = NULL;
        int r = default_rolling(tree, "updateStrategy", &rolling);

        if (r < 0 || !rolling)
                return r;
        r = default_set(rolling, "maxUnavailable", json_integer(1));
        return r < 0 ? r : default_set(rolling, "maxSurge", json_integer(0));
}

static void daemon_set_check(const void *decoded, struct diags *d) {
        const struct daemon_set_spec *spec = &((const struct daemon_set *) decoded)->spec;
        const struct rolling_update_daemon_set *ru = spec->update_strategy.rolling_update;
        bool has_surge, has_gap;

        pod_check_template(&spec->template, &spec->selector, d);
        if (!ru || !str_eq(spec->update_strategy.type, "RollingUpdate"))
                return;
        has_surge = int_or_string_resolve(&ru->max_surge, 100, true, 0) > 0;
        has_gap = int_or_string_resolve(&ru->max_unavailable, 100, true, 1) > 0;
        if (!has_surge && !has_gap)
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED,
                                "spec.updateStrategy.rollingUpdate.maxUnavailable",
                                "Required value: cannot be 0 when maxSurge is 0");
        if (has_surge && has_gap)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID,
                                "spec.updateStrategy.rollingUpdate.maxSurge",
                                "Invalid value: may not be set when maxUnavailable is non-zero");
}

static int daemon_set_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct daemon_set *s = decoded;
        const struct daemon_set_status *st = &s->status;

        if (cell_add_text(cells, s->metadata.name) < 0 ||
            cell_add(cells, json_integer(st->desired_number_scheduled)) < 0 ||
            cell_add(cells, json_integer(st->current_number_scheduled)) < 0 ||
            cell_add(cells, json_integer(st->number_ready)) < 0 ||
            cell_add(cells, json_integer(st->updated_number_scheduled)) < 0 ||
            cell_add(cells, json_integer(st->number_available)) < 0 ||
            cell_add_map(cells, &s->spec.template.spec.node_selector) < 0 ||
            cell_add_age(cells, &s->metadata, now_usec) < 0)
                return -ENOMEM;
        return cell_add_workload(cells, &s->spec.template.spec, &s->spec.selector);
}

static const struct table_column daemon_set_columns[] = {
        COLUMN_NAME,
        { "Desired", "integer", "", 0 },
        { "Current", "integer", "", 0 },
        { "Ready", "integer", "", 0 },
        { "Up-to-date", "integer", "", 0 },
        { "Available", "integer", "", 0 },
        { "Node Selector", "string", "", 0 },
        COLUMN_AGE,
        COLUMNS_WORKLOAD,
};

const struct kind daemon_set_kind = {
        .api_version = "apps/v1",
        .group = "apps",
        .version = "v1",
        .name = "DaemonSet",
        .list_name = "DaemonSetList",
        .plural = "daemonsets",
        .singular = "daemonset",
        .short_names = WORDS("ds"),
        .categories = WORDS("all"),
        .is_namespaced = true,
        .is_stored = true,
        .has_status = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &daemon_set_schema,
        .set_defaults = daemon_set_default,
        .check = daemon_set_check,
        .columns = daemon_set_columns,
        .n_columns = ARRAY_SIZE(daemon_set_columns),
        .add_cells = daemon_set_add_cells,
        .caveat = KIND_ONLY_KEPT,
};
