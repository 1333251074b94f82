/* PodDisruptionBudget (numbers: k8s.io/api/policy/v1/generated.proto). */
#include "api/kinds/disruption.h"

#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "base/str.h"

#include <stdio.h>

#define SELF struct pod_disruption_budget_spec
static const struct field pod_disruption_budget_spec_fields[] = {
        FIELD_OF_INT_OR_STRING(min_available, "minAvailable", 1,
                               "Pods that must stay, a number or a percentage."),
        FIELD_OF_POINTER(selector, label_selector, "selector", 2, "Which pods are counted.",
                         .patch = FIELD_PATCH_REPLACE),
        FIELD_OF_INT_OR_STRING(max_unavailable, "maxUnavailable", 3,
                               "Pods that may be missing, a number or a percentage."),
        FIELD_OF_STRING(unhealthy_pod_eviction_policy, "unhealthyPodEvictionPolicy", 4,
                        "Whether pods that aren't ready may always be evicted.",
                        .values = WORDS("AlwaysAllow", "IfHealthyBudget"), .flags = FIELD_POINTER),
};
#undef SELF
static const struct schema pod_disruption_budget_spec_schema =
        SCHEMA(pod_disruption_budget_spec, "PodDisruptionBudgetSpec", "How many pods must stay.");

#define SELF struct pod_disruption_budget_status
static const struct field pod_disruption_budget_status_fields[] = {
        FIELD_OF_INT(observed_generation, "observedGeneration", 1, "Generation that was seen."),
        FIELD_KEPT("disruptedPods", 2, FIELD_TIME, FIELD_MAP,
                   "Pods that are being evicted, with the time."),
        FIELD_OF_INT(disruptions_allowed, "disruptionsAllowed", 3, "Pods that may be evicted now.",
                     .flags = FIELD_ALWAYS),
        FIELD_OF_INT(current_healthy, "currentHealthy", 4, "Pods that are ready.",
                     .flags = FIELD_ALWAYS),
        FIELD_OF_INT(desired_healthy, "desiredHealthy", 5, "Pods that must be.",
                     .flags = FIELD_ALWAYS),
        FIELD_OF_INT(expected_pods, "expectedPods", 6, "Pods that are counted.",
                     .flags = FIELD_ALWAYS),
        FIELD_OF_OBJECTS(conditions, condition, "conditions", 7, "Questions about the budget.",
                         .patch = FIELD_PATCH_MERGE, .merge_key = "type"),
};
#undef SELF
static const struct schema pod_disruption_budget_status_schema =
        SCHEMA(pod_disruption_budget_status, "PodDisruptionBudgetStatus", "How a budget stands.");

#define SELF struct pod_disruption_budget
static const struct field pod_disruption_budget_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, pod_disruption_budget_spec, "spec", 2, "How many pods must stay."),
        FIELD_OF_OBJECT(status, pod_disruption_budget_status, "status", 3, "How it stands.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema pod_disruption_budget_schema =
        SCHEMA(pod_disruption_budget, "PodDisruptionBudget",
               "Limits how many pods are evicted at a time.");

static void disruption_check_amount(const struct int_or_string *v, const char *field,
                                    struct diags *d) {
        const char *wrong = NULL;

        if (v->kind == INT_OR_STRING_STRING)
                wrong = schema_format_check(FORMAT_PERCENT, v->text);
        if (wrong)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, field, "Invalid value: \"%s\": %s",
                                v->text, wrong);
        if (v->kind == INT_OR_STRING_INT && v->number < 0)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, field,
                                "Invalid value: %lld: must be greater than or equal to 0",
                                (long long) v->number);
}

static void pod_disruption_budget_check(const void *decoded, struct diags *d) {
        const struct pod_disruption_budget_spec *spec =
                &((const struct pod_disruption_budget *) decoded)->spec;

        if (spec->min_available.kind != INT_OR_STRING_ABSENT &&
            spec->max_unavailable.kind != INT_OR_STRING_ABSENT)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec",
                                "Invalid value: {}: minAvailable and maxUnavailable cannot be "
                                "both set");
        disruption_check_amount(&spec->min_available, "spec.minAvailable", d);
        disruption_check_amount(&spec->max_unavailable, "spec.maxUnavailable", d);
        if (spec->selector)
                label_selector_check(spec->selector, "spec.selector", d);
}

static int disruption_add_amount(const struct int_or_string *v, json_t *cells) {
        char text[32];

        if (v->kind == INT_OR_STRING_STRING)
                return cell_add_text(cells, v->text);
        (void) snprintf(text, sizeof(text), "%lld", (long long) v->number);
        return cell_add_text(cells, v->kind == INT_OR_STRING_INT ? text : "N/A");
}

static int pod_disruption_budget_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct pod_disruption_budget *p = decoded;

        if (cell_add_text(cells, p->metadata.name) < 0 ||
            disruption_add_amount(&p->spec.min_available, cells) < 0 ||
            disruption_add_amount(&p->spec.max_unavailable, cells) < 0 ||
            cell_add(cells, json_integer(p->status.disruptions_allowed)) < 0)
                return -ENOMEM;
        return cell_add_age(cells, &p->metadata, now_usec);
}

static const struct table_column pod_disruption_budget_columns[] = {
        COLUMN_NAME,
        { "Min Available", "string", "", 0 },
        { "Max Unavailable", "string", "", 0 },
        { "Allowed Disruptions", "integer", "", 0 },
        COLUMN_AGE,
};

const struct kind pod_disruption_budget_kind = {
        .api_version = "policy/v1",
        .group = "policy",
        .version = "v1",
        .name = "PodDisruptionBudget",
        .list_name = "PodDisruptionBudgetList",
        .plural = "poddisruptionbudgets",
        .singular = "poddisruptionbudget",
        .short_names = WORDS("pdb"),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .has_status = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &pod_disruption_budget_schema,
        .check = pod_disruption_budget_check,
        .columns = pod_disruption_budget_columns,
        .n_columns = ARRAY_SIZE(pod_disruption_budget_columns),
        .add_cells = pod_disruption_budget_add_cells,
};
