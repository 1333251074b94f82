/* autoscaling/v1, a view on what is stored as v2 (numbers:
 * k8s.io/api/autoscaling/v1/generated.proto). Metrics and behaviour that v1 has no field for travel
 * in annotations, as in Kubernetes, so that nothing is lost when somebody reads and writes v1. */
#include "api/kinds/autoscaler.h"
#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "api/text/text.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define AUTOSCALER_METRICS "autoscaling.alpha.kubernetes.io/metrics"
#define AUTOSCALER_BEHAVIOR "autoscaling.alpha.kubernetes.io/behavior"
#define AUTOSCALER_CONDITIONS "autoscaling.alpha.kubernetes.io/conditions"
#define AUTOSCALER_CURRENT "autoscaling.alpha.kubernetes.io/current-metrics"

#define SELF struct horizontal_pod_autoscaler_v1_spec
static const struct field horizontal_pod_autoscaler_v1_spec_fields[] = {
        FIELD_OF_OBJECT(scale_target_ref, cross_version_object_reference, "scaleTargetRef", 1,
                        "What is scaled.", .flags = FIELD_REQUIRED),
        FIELD_OF_OPT_INT(min_replicas, "minReplicas", 2, "The least number of pods.",
                         .default_json = "1", .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_INT(max_replicas, "maxReplicas", 3, "The greatest number of pods.",
                     .flags = FIELD_REQUIRED),
        FIELD_OF_OPT_INT(target_cpu_utilization_percentage, "targetCPUUtilizationPercentage", 4,
                         "Percentage of the processor time asked for that is aimed at.",
                         .flags = FIELD_NON_NEGATIVE),
};
#undef SELF
static const struct schema horizontal_pod_autoscaler_v1_spec_schema =
        SCHEMA(horizontal_pod_autoscaler_v1_spec, "HorizontalPodAutoscalerSpec",
               "What is scaled, and between which numbers.");

#define SELF struct horizontal_pod_autoscaler_v1_status
static const struct field horizontal_pod_autoscaler_v1_status_fields[] = {
        FIELD_KEPT("observedGeneration", 1, FIELD_OPT_INT, FIELD_ONE, "Generation that was seen."),
        FIELD_KEPT("lastScaleTime", 2, FIELD_TIME, FIELD_ONE, "When it last changed the number."),
        FIELD_OF_INT(current_replicas, "currentReplicas", 3, "How many pods there are.",
                     .flags = FIELD_ALWAYS),
        FIELD_OF_INT(desired_replicas, "desiredReplicas", 4, "How many there shall be.",
                     .flags = FIELD_ALWAYS),
        FIELD_OF_OPT_INT(current_cpu_utilization_percentage, "currentCPUUtilizationPercentage", 5,
                         "Percentage of the processor time asked for that is used."),
};
#undef SELF
static const struct schema horizontal_pod_autoscaler_v1_status_schema =
        SCHEMA(horizontal_pod_autoscaler_v1_status, "HorizontalPodAutoscalerStatus",
               "How an autoscaler is doing.");

#define SELF struct horizontal_pod_autoscaler_v1
static const struct field horizontal_pod_autoscaler_v1_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, horizontal_pod_autoscaler_v1_spec, "spec", 2, "What is scaled."),
        FIELD_OF_OBJECT(status, horizontal_pod_autoscaler_v1_status, "status", 3,
                        "How it is doing.", .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema horizontal_pod_autoscaler_v1_schema =
        SCHEMA(horizontal_pod_autoscaler_v1, "HorizontalPodAutoscaler",
               "Decides how many pods something has.");

/* ---- from v2 to v1 ---- */

/* The percentage of processor time among metrics or their states, whichever member part names;
 * *ret_i is its place. NULL: none. */
static json_t *autoscaler_cpu(const json_t *metrics, const char *part, size_t *ret_i) {
        json_t *metric;
        size_t i;

        json_array_foreach((json_t *) metrics, i, metric) {
                const json_t *resource = json_object_get(metric, "resource");
                json_t *value =
                        json_object_get(json_object_get(resource, part), "averageUtilization");

                if (!str_eq(json_string_value(json_object_get(resource, "name")), "cpu") || !value)
                        continue;
                *ret_i = i;
                return value;
        }
        return NULL;
}

/* Moves what is left of member into an annotation as JSON text, and drops the member. */
static int autoscaler_stash(json_t *tree, json_t *parent, const char *member,
                            const char *annotation) {
        json_t *value = json_object_get(parent, member), *notes;
        AUTO_FREE char *text = NULL;
        int r;

        if (!value)
                return 0;
        if (json_array_size(value) + json_object_size(value) == 0) {
                (void) json_object_del(parent, member);
                return 0;
        }
        text = json_dumps(value, JSON_COMPACT);
        r = default_set(tree, "metadata", json_object());
        if (r == 0)
                r = default_set(json_object_get(tree, "metadata"), "annotations", json_object());
        notes = json_object_get(json_object_get(tree, "metadata"), "annotations");
        if (r < 0 || !text || json_object_set_new(notes, annotation, json_string(text)) < 0)
                return -ENOMEM;
        (void) json_object_del(parent, member);
        return 0;
}

/* The first processor metric becomes the field that v1 has for it. */
static int autoscaler_take_cpu(json_t *parent, const char *member, const char *part,
                               const char *field) {
        json_t *metrics = json_object_get(parent, member), *value;
        size_t i = 0;

        value = autoscaler_cpu(metrics, part, &i);
        if (!value)
                return 0;
        if (json_object_set(parent, field, value) < 0)
                return -ENOMEM;
        return json_array_remove(metrics, i) < 0 ? -ENOMEM : 0;
}

static int horizontal_pod_autoscaler_v1_from_stored(json_t *tree) {
        json_t *spec = json_object_get(tree, "spec"), *status = json_object_get(tree, "status");
        int r;

        r = autoscaler_take_cpu(spec, "metrics", "target", "targetCPUUtilizationPercentage");
        if (r == 0)
                r = autoscaler_take_cpu(status, "currentMetrics", "current",
                                        "currentCPUUtilizationPercentage");
        if (r == 0)
                r = autoscaler_stash(tree, spec, "metrics", AUTOSCALER_METRICS);
        if (r == 0)
                r = autoscaler_stash(tree, spec, "behavior", AUTOSCALER_BEHAVIOR);
        if (r == 0)
                r = autoscaler_stash(tree, status, "conditions", AUTOSCALER_CONDITIONS);
        return r < 0 ? r : autoscaler_stash(tree, status, "currentMetrics", AUTOSCALER_CURRENT);
}

/* ---- and back ---- */

/* Moves an annotation's JSON back to a member. Text that is none stays where it is. */
static int autoscaler_unstash(json_t *tree, json_t *parent, const char *member,
                              const char *annotation) {
        json_t *notes = json_object_get(json_object_get(tree, "metadata"), "annotations");
        const char *text = json_string_value(json_object_get(notes, annotation));
        json_t *value = NULL;
        int r;

        if (!text || !parent)
                return 0;
        r = text_read_json(text, strlen(text), 0, &value, NULL);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        (void) json_object_del(notes, annotation);
        if (json_object_size(notes) == 0)
                (void) json_object_del(json_object_get(tree, "metadata"), "annotations");
        return json_object_set_new(parent, member, value) < 0 ? -ENOMEM : 0;
}

static int autoscaler_put_cpu(json_t *parent, const char *member, const char *part,
                              const char *field) {
        json_t *value = json_object_get(parent, field), *metrics, *metric;
        bool is_target = str_eq(part, "target");

        if (!json_is_integer(value))
                return 0;
        if (default_set(parent, member, json_array()) < 0)
                return -ENOMEM;
        metrics = json_object_get(parent, member);
        metric = json_pack("{s:s,s:{s:s,s:{s:O}}}", "type", "Resource", "resource", "name", "cpu",
                           part, "averageUtilization", value);
        if (!metric)
                return -ENOMEM;
        if (is_target &&
            json_object_set_new(json_object_get(json_object_get(metric, "resource"), part), "type",
                                json_string("Utilization")) < 0) {
                json_decref(metric);
                return -ENOMEM;
        }
        (void) json_object_del(parent, field);
        return json_array_insert_new(metrics, 0, metric) < 0 ? -ENOMEM : 0;
}

static int horizontal_pod_autoscaler_v1_to_stored(json_t *tree) {
        json_t *spec = json_object_get(tree, "spec"), *status = json_object_get(tree, "status");
        int r;

        r = autoscaler_unstash(tree, spec, "metrics", AUTOSCALER_METRICS);
        if (r == 0)
                r = autoscaler_unstash(tree, spec, "behavior", AUTOSCALER_BEHAVIOR);
        if (r == 0)
                r = autoscaler_unstash(tree, status, "conditions", AUTOSCALER_CONDITIONS);
        if (r == 0)
                r = autoscaler_unstash(tree, status, "currentMetrics", AUTOSCALER_CURRENT);
        if (r == 0)
                r = autoscaler_put_cpu(spec, "metrics", "target", "targetCPUUtilizationPercentage");
        return r < 0 ? r
                     : autoscaler_put_cpu(status, "currentMetrics", "current",
                                          "currentCPUUtilizationPercentage");
}

/* ---- defaults and checks ---- */

/* Without any metric: 80 % of the processor time that the pods ask for, as in v2. */
static int horizontal_pod_autoscaler_v1_default(json_t *tree) {
        const json_t *notes = json_object_get(json_object_get(tree, "metadata"), "annotations");
        json_t *spec = json_object_get(tree, "spec");

        if (!json_is_object(spec) || json_object_get(notes, AUTOSCALER_METRICS))
                return 0;
        return default_set(spec, "targetCPUUtilizationPercentage", json_integer(80));
}

static void horizontal_pod_autoscaler_v1_check(const void *decoded, struct diags *d) {
        const struct horizontal_pod_autoscaler_v1_spec *spec =
                &((const struct horizontal_pod_autoscaler_v1 *) decoded)->spec;

        autoscaler_check_bounds(spec->min_replicas, spec->max_replicas, d);
}

/* ---- the row ---- */

static int horizontal_pod_autoscaler_v1_add_cells(const void *decoded, uint64_t now_usec,
                                                  json_t *cells) {
        const struct horizontal_pod_autoscaler_v1 *h = decoded;
        char now[32] = "<unknown>", text[80] = "<unset>";

        if (h->status.current_cpu_utilization_percentage.is_set)
                (void) snprintf(now, sizeof(now), "%lld%%",
                                (long long) h->status.current_cpu_utilization_percentage.value);
        if (h->spec.target_cpu_utilization_percentage.is_set)
                (void) snprintf(text, sizeof(text), "cpu: %s/%lld%%", now,
                                (long long) h->spec.target_cpu_utilization_percentage.value);
        return autoscaler_add_cells(
                &(struct autoscaler_row){
                        .metadata = &h->metadata,
                        .target = &h->spec.scale_target_ref,
                        .metrics = text,
                        .min_replicas = h->spec.min_replicas,
                        .max_replicas = h->spec.max_replicas,
                        .current_replicas = h->status.current_replicas,
                },
                now_usec, cells);
}

const struct kind horizontal_pod_autoscaler_v1_kind = {
        .api_version = "autoscaling/v1",
        .group = "autoscaling",
        .version = "v1",
        .name = "HorizontalPodAutoscaler",
        .list_name = "HorizontalPodAutoscalerList",
        .plural = "horizontalpodautoscalers",
        .singular = "horizontalpodautoscaler",
        .short_names = WORDS("hpa"),
        .categories = WORDS("all"),
        .is_namespaced = true,
        .is_stored = true,
        .has_status = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &horizontal_pod_autoscaler_v1_schema,
        .caveat = KIND_ONLY_KEPT,
        .set_defaults = horizontal_pod_autoscaler_v1_default,
        .check = horizontal_pod_autoscaler_v1_check,
        .columns = autoscaler_columns,
        .n_columns = AUTOSCALER_COLUMNS,
        .add_cells = horizontal_pod_autoscaler_v1_add_cells,
        .stored_as = &horizontal_pod_autoscaler_kind,
        .to_stored = horizontal_pod_autoscaler_v1_to_stored,
        .from_stored = horizontal_pod_autoscaler_v1_from_stored,
};
