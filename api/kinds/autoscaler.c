/* HorizontalPodAutoscaler (numbers: k8s.io/api/autoscaling/v2/generated.proto). */
#include "api/kinds/autoscaler.h"

#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "api/schema/quantity.h"
#include "base/str.h"

#include <stdio.h>

/* Metrics that a row shows. */
#define AUTOSCALER_SHOWN_MAX 2

#define SELF struct cross_version_object_reference
static const struct field cross_version_object_reference_fields[] = {
        FIELD_OF_STRING(kind, "kind", 1, "Kind of the object.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(name, "name", 2, "Name of the object.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(api_version, "apiVersion", 3, "API version of the object."),
};
#undef SELF
const struct schema cross_version_object_reference_schema =
        SCHEMA(cross_version_object_reference, "CrossVersionObjectReference",
               "Names what is scaled or measured.", .is_atomic = true);

#define SELF struct metric_target
static const struct field metric_target_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "Utilization, Value or AverageValue.",
                        .values = WORDS("Utilization", "Value", "AverageValue"),
                        .flags = FIELD_REQUIRED),
        FIELD_OF_QUANTITY(value, "value", 2, "The value of the metric."),
        FIELD_OF_QUANTITY(average_value, "averageValue", 3, "The value for each pod."),
        FIELD_OF_OPT_INT(average_utilization, "averageUtilization", 4,
                         "Percentage of what the pods ask for."),
};
#undef SELF
static const struct schema metric_target_schema =
        SCHEMA(metric_target, "MetricTarget", "The value that is aimed at.");

#define SELF struct metric_identifier
static const struct field metric_identifier_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the metric.", .flags = FIELD_REQUIRED),
        FIELD_KEPT("selector", 2, FIELD_OBJECT_PTR, FIELD_ONE,
                   "Which series of the metric are meant.", .schema = &label_selector_schema),
};
#undef SELF
static const struct schema metric_identifier_schema =
        SCHEMA(metric_identifier, "MetricIdentifier", "Names a metric.");

/* Rows that the sources of metrics, and the metrics as they are, share. */
#define FIELD_OF_METRIC(number)                                                                    \
        FIELD_OF_OBJECT(metric, metric_identifier, "metric", number, "The metric.",                \
                        .flags = FIELD_REQUIRED)
#define FIELD_OF_TARGET(number)                                                                    \
        FIELD_OF_OBJECT(target, metric_target, "target", number, "The value that is aimed at.",    \
                        .flags = FIELD_REQUIRED)
#define FIELD_OF_CURRENT(number)                                                                   \
        FIELD_OF_OBJECT(current, metric_value_status, "current", number, "Its value.",             \
                        .flags = FIELD_REQUIRED)

#define SELF struct object_metric_source
static const struct field object_metric_source_fields[] = {
        FIELD_OF_OBJECT(described_object, cross_version_object_reference, "describedObject", 1,
                        "The object.", .flags = FIELD_REQUIRED),
        FIELD_OF_TARGET(2),
        FIELD_OF_METRIC(3),
};
#undef SELF
static const struct schema object_metric_source_schema =
        SCHEMA(object_metric_source, "ObjectMetricSource", "A metric of one object.");

#define SELF struct pods_metric_source
static const struct field pods_metric_source_fields[] = {
        FIELD_OF_METRIC(1),
        FIELD_OF_TARGET(2),
};
#undef SELF
static const struct schema pods_metric_source_schema =
        SCHEMA(pods_metric_source, "PodsMetricSource", "A metric of the pods.");

#define SELF struct resource_metric_source
static const struct field resource_metric_source_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the resource, as cpu.", .flags = FIELD_REQUIRED),
        FIELD_OF_TARGET(2),
};
#undef SELF
static const struct schema resource_metric_source_schema =
        SCHEMA(resource_metric_source, "ResourceMetricSource", "A resource that the pods use.");

#define SELF struct container_resource_metric_source
static const struct field container_resource_metric_source_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the resource, as cpu.", .flags = FIELD_REQUIRED),
        FIELD_OF_TARGET(2),
        FIELD_OF_STRING(container, "container", 3, "Name of the container.",
                        .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema container_resource_metric_source_schema =
        SCHEMA(container_resource_metric_source, "ContainerResourceMetricSource",
               "A resource that one container of the pods uses.");

#define SELF struct external_metric_source
static const struct field external_metric_source_fields[] = {
        FIELD_OF_METRIC(1),
        FIELD_OF_TARGET(2),
};
#undef SELF
static const struct schema external_metric_source_schema = SCHEMA(
        external_metric_source, "ExternalMetricSource", "A metric from outside of the cluster.");

#define SELF struct metric_spec
static const struct field metric_spec_fields[] = {
        FIELD_OF_STRING(
                type, "type", 1, "Which of the fields below is set.",
                .values = WORDS("Object", "Pods", "Resource", "ContainerResource", "External"),
                .flags = FIELD_REQUIRED),
        FIELD_OF_POINTER(object, object_metric_source, "object", 2, "A metric of one object."),
        FIELD_OF_POINTER(pods, pods_metric_source, "pods", 3, "A metric of the pods."),
        FIELD_OF_POINTER(resource, resource_metric_source, "resource", 4,
                         "A resource that the pods use."),
        FIELD_OF_POINTER(container_resource, container_resource_metric_source, "containerResource",
                         7, "A resource that one container of the pods uses."),
        FIELD_OF_POINTER(external, external_metric_source, "external", 5,
                         "A metric from outside of the cluster."),
};
#undef SELF
static const struct schema metric_spec_schema =
        SCHEMA(metric_spec, "MetricSpec", "One metric that decides how many pods there are.");

static const struct field hpa_scaling_policy_fields[] = {
        FIELD_KEPT("type", 1, FIELD_STRING, FIELD_ONE, "Pods or Percent.",
                   .values = WORDS("Pods", "Percent"), .flags = FIELD_REQUIRED),
        FIELD_KEPT("value", 2, FIELD_INT, FIELD_ONE, "How many, or how much.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("periodSeconds", 3, FIELD_INT, FIELD_ONE, "Seconds of the while.",
                   .flags = FIELD_REQUIRED),
};
static const struct schema hpa_scaling_policy_schema = SCHEMA_KEPT(
        hpa_scaling_policy, "HPAScalingPolicy", "By how much the number may change in a while.");

static const struct field hpa_scaling_rules_fields[] = {
        FIELD_KEPT("stabilizationWindowSeconds", 3, FIELD_OPT_INT, FIELD_ONE,
                   "Seconds of the past that are looked at.", .flags = FIELD_NON_NEGATIVE),
        FIELD_KEPT("selectPolicy", 1, FIELD_STRING, FIELD_ONE,
                   "Which policy counts: Max, Min or Disabled.",
                   .values = WORDS("Max", "Min", "Disabled"), .flags = FIELD_POINTER),
        FIELD_KEPT("policies", 2, FIELD_OBJECT, FIELD_LIST, "By how much the number may change.",
                   .schema = &hpa_scaling_policy_schema, .flags = FIELD_ATOMIC),
        FIELD_KEPT("tolerance", 4, FIELD_QUANTITY, FIELD_ONE, "Difference that is left alone."),
};
static const struct schema hpa_scaling_rules_schema = SCHEMA_KEPT(
        hpa_scaling_rules, "HPAScalingRules", "How the number changes in one direction.");

static const struct field horizontal_pod_autoscaler_behavior_fields[] = {
        FIELD_KEPT("scaleUp", 1, FIELD_OBJECT_PTR, FIELD_ONE, "Upwards.",
                   .schema = &hpa_scaling_rules_schema),
        FIELD_KEPT("scaleDown", 2, FIELD_OBJECT_PTR, FIELD_ONE, "Downwards.",
                   .schema = &hpa_scaling_rules_schema),
};
static const struct schema horizontal_pod_autoscaler_behavior_schema =
        SCHEMA_KEPT(horizontal_pod_autoscaler_behavior, "HorizontalPodAutoscalerBehavior",
                    "How the number changes.");

#define SELF struct horizontal_pod_autoscaler_spec
static const struct field horizontal_pod_autoscaler_spec_fields[] = {
        FIELD_OF_OBJECT(scale_target_ref, cross_version_object_reference, "scaleTargetRef", 1,
                        "What is scaled.", .flags = FIELD_REQUIRED),
        FIELD_OF_OPT_INT(min_replicas, "minReplicas", 2, "The least number of pods.",
                         .default_json = "1", .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_INT(max_replicas, "maxReplicas", 3, "The greatest number of pods.",
                     .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECTS(metrics, metric_spec, "metrics", 4, "What decides between them.",
                         .flags = FIELD_ATOMIC),
        FIELD_KEPT("behavior", 5, FIELD_OBJECT_PTR, FIELD_ONE, "How the number changes.",
                   .schema = &horizontal_pod_autoscaler_behavior_schema),
};
#undef SELF
static const struct schema horizontal_pod_autoscaler_spec_schema =
        SCHEMA(horizontal_pod_autoscaler_spec, "HorizontalPodAutoscalerSpec",
               "What is scaled, between which numbers, by what.");

#define SELF struct metric_value_status
static const struct field metric_value_status_fields[] = {
        FIELD_OF_QUANTITY(value, "value", 1, "The value of the metric."),
        FIELD_OF_QUANTITY(average_value, "averageValue", 2, "The value for each pod."),
        FIELD_OF_OPT_INT(average_utilization, "averageUtilization", 3,
                         "Percentage of what the pods ask for."),
};
#undef SELF
static const struct schema metric_value_status_schema =
        SCHEMA(metric_value_status, "MetricValueStatus", "The value that a metric has.");

#define SELF struct object_metric_status
static const struct field object_metric_status_fields[] = {
        FIELD_OF_METRIC(1),
        FIELD_OF_CURRENT(2),
        FIELD_OF_OBJECT(described_object, cross_version_object_reference, "describedObject", 3,
                        "The object.", .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema object_metric_status_schema =
        SCHEMA(object_metric_status, "ObjectMetricStatus", "A metric of one object, as it is.");

#define SELF struct pods_metric_status
static const struct field pods_metric_status_fields[] = {
        FIELD_OF_METRIC(1),
        FIELD_OF_CURRENT(2),
};
#undef SELF
static const struct schema pods_metric_status_schema =
        SCHEMA(pods_metric_status, "PodsMetricStatus", "A metric of the pods, as it is.");

#define SELF struct resource_metric_status
static const struct field resource_metric_status_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the resource.", .flags = FIELD_REQUIRED),
        FIELD_OF_CURRENT(2),
};
#undef SELF
static const struct schema resource_metric_status_schema = SCHEMA(
        resource_metric_status, "ResourceMetricStatus", "A resource that the pods use, as it is.");

#define SELF struct container_resource_metric_status
static const struct field container_resource_metric_status_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the resource.", .flags = FIELD_REQUIRED),
        FIELD_OF_CURRENT(2),
        FIELD_OF_STRING(container, "container", 3, "Name of the container.",
                        .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema container_resource_metric_status_schema =
        SCHEMA(container_resource_metric_status, "ContainerResourceMetricStatus",
               "A resource that one container uses, as it is.");

#define SELF struct external_metric_status
static const struct field external_metric_status_fields[] = {
        FIELD_OF_METRIC(1),
        FIELD_OF_CURRENT(2),
};
#undef SELF
static const struct schema external_metric_status_schema =
        SCHEMA(external_metric_status, "ExternalMetricStatus", "A metric from outside, as it is.");

#define SELF struct metric_status
static const struct field metric_status_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "Which of the fields below is set.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_POINTER(object, object_metric_status, "object", 2, "A metric of one object."),
        FIELD_OF_POINTER(pods, pods_metric_status, "pods", 3, "A metric of the pods."),
        FIELD_OF_POINTER(resource, resource_metric_status, "resource", 4,
                         "A resource that the pods use."),
        FIELD_OF_POINTER(container_resource, container_resource_metric_status, "containerResource",
                         7, "A resource that one container of the pods uses."),
        FIELD_OF_POINTER(external, external_metric_status, "external", 5,
                         "A metric from outside of the cluster."),
};
#undef SELF
static const struct schema metric_status_schema =
        SCHEMA(metric_status, "MetricStatus", "One metric, as it is.");

static const struct field horizontal_pod_autoscaler_condition_fields[] = {
        FIELDS_OF_KEPT_CONDITION,
};
static const struct schema horizontal_pod_autoscaler_condition_schema =
        SCHEMA_KEPT(horizontal_pod_autoscaler_condition, "HorizontalPodAutoscalerCondition",
                    "A yes-or-no question about an autoscaler.");

#define SELF struct horizontal_pod_autoscaler_status
static const struct field horizontal_pod_autoscaler_status_fields[] = {
        FIELD_KEPT("observedGeneration", 1, FIELD_OPT_INT, FIELD_ONE, "Generation that was seen."),
        FIELD_KEPT("lastScaleTime", 2, FIELD_TIME, FIELD_ONE, "When it last changed the number."),
        FIELD_OF_INT(current_replicas, "currentReplicas", 3, "How many pods there are."),
        FIELD_OF_INT(desired_replicas, "desiredReplicas", 4, "How many there shall be.",
                     .flags = FIELD_ALWAYS),
        FIELD_OF_OBJECTS(current_metrics, metric_status, "currentMetrics", 5,
                         "The metrics, as they are.", .flags = FIELD_ATOMIC),
        FIELD_KEPT("conditions", 6, FIELD_OBJECT, FIELD_LIST, "Questions about the autoscaler.",
                   .schema = &horizontal_pod_autoscaler_condition_schema,
                   .patch = FIELD_PATCH_MERGE, .merge_key = "type"),
};
#undef SELF
static const struct schema horizontal_pod_autoscaler_status_schema =
        SCHEMA(horizontal_pod_autoscaler_status, "HorizontalPodAutoscalerStatus",
               "How an autoscaler is doing.");

#define SELF struct horizontal_pod_autoscaler
static const struct field horizontal_pod_autoscaler_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, horizontal_pod_autoscaler_spec, "spec", 2,
                        "What is scaled, and by what."),
        FIELD_OF_OBJECT(status, horizontal_pod_autoscaler_status, "status", 3, "How it is doing.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema horizontal_pod_autoscaler_schema =
        SCHEMA(horizontal_pod_autoscaler, "HorizontalPodAutoscaler",
               "Decides how many pods something has.");

/* ---- defaults and checks ---- */

/* Without metrics: 80 % of the processor time that the pods ask for. */
static int horizontal_pod_autoscaler_default(json_t *tree) {
        json_t *spec = json_object_get(tree, "spec");

        if (!json_is_object(spec) || json_array_size(json_object_get(spec, "metrics")) > 0)
                return 0;
        (void) json_object_del(spec, "metrics");
        return default_set(spec, "metrics",
                           json_pack("[{s:s,s:{s:s,s:{s:s,s:i}}}]", "type", "Resource", "resource",
                                     "name", "cpu", "target", "type", "Utilization",
                                     "averageUtilization", 80));
}

static void autoscaler_check_metric(const struct metric_spec *m, size_t i, struct diags *d) {
        const bool is_there[] = { m->object, m->pods, m->resource, m->container_resource,
                                  m->external };
        AUTO_FREE char *field = str_format("spec.metrics[%zu]", i);
        size_t n = 0;

        for (size_t k = 0; k < ARRAY_SIZE(is_there); k++)
                n += is_there[k];
        if (!field)
                d->has_failed = true;
        else if (n != 1)
                (void) diag_add(d, DIAG_ERROR, n == 0 ? DIAG_REQUIRED : DIAG_FORBIDDEN, field,
                                n == 0 ? "Required value: must populate information for the given "
                                         "metric source"
                                       : "Forbidden: may not set more than one metric source");
}

void autoscaler_check_bounds(struct opt_int least, int64_t most, struct diags *d) {
        if (least.is_set && least.value < 1)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.minReplicas",
                                "Invalid value: %lld: must be greater than or equal to 1",
                                (long long) least.value);
        if (most < 1)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.maxReplicas",
                                "Invalid value: %lld: must be greater than 0", (long long) most);
        else if (most < least.value)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.maxReplicas",
                                "Invalid value: %lld: must be greater than or equal to "
                                "`minReplicas`",
                                (long long) most);
}

static void horizontal_pod_autoscaler_check(const void *decoded, struct diags *d) {
        const struct horizontal_pod_autoscaler_spec *spec =
                &((const struct horizontal_pod_autoscaler *) decoded)->spec;

        autoscaler_check_bounds(spec->min_replicas, spec->max_replicas, d);
        for (size_t i = 0; i < spec->metrics.n; i++)
                autoscaler_check_metric(&spec->metrics.items[i], i, d);
}

/* ---- the row ---- */

/* One metric: its name, its target, and what is measured of it, if anything is. */
struct autoscaler_metric {
        const char *name; /* "" for metrics without one in the row */
        const struct metric_target *target;
        const struct metric_value_status *current; /* NULL: not measured */
};

static struct autoscaler_metric autoscaler_metric(const struct metric_spec *m,
                                                  const struct metric_status *s) {
        if (m->resource)
                return (struct autoscaler_metric){ m->resource->name, &m->resource->target,
                                                   s && s->resource ? &s->resource->current
                                                                    : NULL };
        if (m->container_resource)
                return (struct autoscaler_metric){
                        m->container_resource->name, &m->container_resource->target,
                        s && s->container_resource ? &s->container_resource->current : NULL
                };
        if (m->pods)
                return (struct autoscaler_metric){ "", &m->pods->target,
                                                   s && s->pods ? &s->pods->current : NULL };
        if (m->object)
                return (struct autoscaler_metric){ "", &m->object->target,
                                                   s && s->object ? &s->object->current : NULL };
        if (m->external)
                return (struct autoscaler_metric){ "", &m->external->target,
                                                   s && s->external ? &s->external->current
                                                                    : NULL };
        return (struct autoscaler_metric){ 0 };
}

static void autoscaler_add_amount(struct strbuf *b, const struct quantity *q) {
        char text[QUANTITY_TEXT_MAX];

        strbuf_add(b, q && q->is_set ? quantity_format_milli(q->milli, text) : "<unknown>");
}

/* "cpu: 12%/80%" */
static void autoscaler_add_metric(struct strbuf *b, const struct autoscaler_metric *m) {
        const struct metric_value_status *now = m->current;

        if (!str_is_empty(m->name))
                strbuf_addf(b, "%s: ", m->name);
        if (m->target->average_utilization.is_set) {
                if (now && now->average_utilization.is_set)
                        strbuf_addf(b, "%lld%%", (long long) now->average_utilization.value);
                else
                        strbuf_add(b, "<unknown>");
                strbuf_addf(b, "/%lld%%", (long long) m->target->average_utilization.value);
        } else if (m->target->average_value.is_set) {
                autoscaler_add_amount(b, now ? &now->average_value : NULL);
                strbuf_add(b, "/");
                autoscaler_add_amount(b, &m->target->average_value);
        } else {
                autoscaler_add_amount(b, now ? &now->value : NULL);
                strbuf_add(b, "/");
                autoscaler_add_amount(b, &m->target->value);
        }
}

static void autoscaler_targets(const struct horizontal_pod_autoscaler *h, struct strbuf *b) {
        size_t n = h->spec.metrics.n;

        for (size_t i = 0; i < n && i < AUTOSCALER_SHOWN_MAX; i++) {
                const struct metric_status *s = i < h->status.current_metrics.n
                                                        ? &h->status.current_metrics.items[i]
                                                        : NULL;
                struct autoscaler_metric m = autoscaler_metric(&h->spec.metrics.items[i], s);

                if (!m.target)
                        continue;
                if (b->len > 0)
                        strbuf_add(b, ", ");
                autoscaler_add_metric(b, &m);
        }
        if (n > AUTOSCALER_SHOWN_MAX)
                strbuf_addf(b, " + %zu more...", n - AUTOSCALER_SHOWN_MAX);
}

int autoscaler_add_cells(const struct autoscaler_row *row, uint64_t now_usec, json_t *cells) {
        AUTO_FREE char *reference = str_format("%s/%s", str_or_empty(row->target->kind),
                                               str_or_empty(row->target->name));

        if (!reference || cell_add_text(cells, row->metadata->name) < 0 ||
            cell_add_text(cells, reference) < 0 || cell_add_text(cells, row->metrics) < 0 ||
            cell_add_opt_int(cells, row->min_replicas) < 0 ||
            cell_add(cells, json_integer(row->max_replicas)) < 0 ||
            cell_add(cells, json_integer(row->current_replicas)) < 0)
                return -ENOMEM;
        return cell_add_age(cells, row->metadata, now_usec);
}

static int horizontal_pod_autoscaler_add_cells(const void *decoded, uint64_t now_usec,
                                               json_t *cells) {
        const struct horizontal_pod_autoscaler *h = decoded;
        AUTO_DONE(strbuf) struct strbuf targets = { 0 };

        autoscaler_targets(h, &targets);
        if (targets.has_failed)
                return -ENOMEM;
        return autoscaler_add_cells(
                &(struct autoscaler_row){
                        .metadata = &h->metadata,
                        .target = &h->spec.scale_target_ref,
                        .metrics = targets.s,
                        .min_replicas = h->spec.min_replicas,
                        .max_replicas = h->spec.max_replicas,
                        .current_replicas = h->status.current_replicas,
                },
                now_usec, cells);
}

const struct table_column autoscaler_columns[AUTOSCALER_COLUMNS] = {
        COLUMN_NAME,
        { "Reference", "string", "", 0 },
        { "Targets", "string", "", 0 },
        { "MinPods", "string", "", 0 },
        { "MaxPods", "integer", "", 0 },
        { "Replicas", "integer", "", 0 },
        COLUMN_AGE,
};

const struct kind horizontal_pod_autoscaler_kind = {
        .api_version = "autoscaling/v2",
        .group = "autoscaling",
        .version = "v2",
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
        .schema = &horizontal_pod_autoscaler_schema,
        .set_defaults = horizontal_pod_autoscaler_default,
        .check = horizontal_pod_autoscaler_check,
        .columns = autoscaler_columns,
        .n_columns = AUTOSCALER_COLUMNS,
        .add_cells = horizontal_pod_autoscaler_add_cells,
        .caveat = KIND_ONLY_KEPT,
};
