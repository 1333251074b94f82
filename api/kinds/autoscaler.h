#pragma once

#include "api/kinds/meta.h"
#include "api/schema/field.h"

#include <jansson.h>

struct table_column;

/* HorizontalPodAutoscaler: stored as autoscaling/v2, served as autoscaling/v1, too. */

struct cross_version_object_reference {
        const char *kind;
        const char *name;
        const char *api_version;
};

struct metric_target {
        const char *type;
        struct quantity value;
        struct quantity average_value;
        struct opt_int average_utilization;
};

struct metric_identifier {
        const char *name;
};

struct object_metric_source {
        struct cross_version_object_reference described_object;
        struct metric_target target;
        struct metric_identifier metric;
};

struct pods_metric_source {
        struct metric_identifier metric;
        struct metric_target target;
};

struct resource_metric_source {
        const char *name;
        struct metric_target target;
};

struct container_resource_metric_source {
        const char *name;
        struct metric_target target;
        const char *container;
};

struct external_metric_source {
        struct metric_identifier metric;
        struct metric_target target;
};

struct metric_spec {
        const char *type;
        struct object_metric_source *object;
        struct pods_metric_source *pods;
        struct resource_metric_source *resource;
        struct container_resource_metric_source *container_resource;
        struct external_metric_source *external;
};

struct horizontal_pod_autoscaler_spec {
        struct cross_version_object_reference scale_target_ref;
        struct opt_int min_replicas;
        int64_t max_replicas;
        struct {
                struct metric_spec *items;
                size_t n;
        } metrics;
};

struct metric_value_status {
        struct quantity value;
        struct quantity average_value;
        struct opt_int average_utilization;
};

struct object_metric_status {
        struct metric_identifier metric;
        struct metric_value_status current;
        struct cross_version_object_reference described_object;
};

struct pods_metric_status {
        struct metric_identifier metric;
        struct metric_value_status current;
};

struct resource_metric_status {
        const char *name;
        struct metric_value_status current;
};

struct container_resource_metric_status {
        const char *name;
        struct metric_value_status current;
        const char *container;
};

struct external_metric_status {
        struct metric_identifier metric;
        struct metric_value_status current;
};

struct metric_status {
        const char *type;
        struct object_metric_status *object;
        struct pods_metric_status *pods;
        struct resource_metric_status *resource;
        struct container_resource_metric_status *container_resource;
        struct external_metric_status *external;
};

struct horizontal_pod_autoscaler_status {
        int64_t current_replicas;
        int64_t desired_replicas;
        struct {
                struct metric_status *items;
                size_t n;
        } current_metrics;
};

struct horizontal_pod_autoscaler {
        struct object_meta metadata;
        struct horizontal_pod_autoscaler_spec spec;
        struct horizontal_pod_autoscaler_status status;
};

struct horizontal_pod_autoscaler_v1_spec {
        struct cross_version_object_reference scale_target_ref;
        struct opt_int min_replicas;
        int64_t max_replicas;
        struct opt_int target_cpu_utilization_percentage;
};

struct horizontal_pod_autoscaler_v1_status {
        int64_t current_replicas;
        int64_t desired_replicas;
        struct opt_int current_cpu_utilization_percentage;
};

struct horizontal_pod_autoscaler_v1 {
        struct object_meta metadata;
        struct horizontal_pod_autoscaler_v1_spec spec;
        struct horizontal_pod_autoscaler_v1_status status;
};

extern const struct kind horizontal_pod_autoscaler_kind;
extern const struct kind horizontal_pod_autoscaler_v1_kind;

extern const struct schema cross_version_object_reference_schema;

/* Checks the least and the greatest number of pods, in either version. */
void autoscaler_check_bounds(struct opt_int least, int64_t most, struct diags *d);

/* What both versions show in a table; all borrowed. */
struct autoscaler_row {
        const struct object_meta *metadata;
        const struct cross_version_object_reference *target;
        const char *metrics; /* "cpu: 12%/80%" */
        struct opt_int min_replicas;
        int64_t max_replicas, current_replicas;
};

#define AUTOSCALER_COLUMNS 7
extern const struct table_column autoscaler_columns[AUTOSCALER_COLUMNS];

/* Adds the row's cells, kubectl's. Returns 0 or -ENOMEM. */
int autoscaler_add_cells(const struct autoscaler_row *row, uint64_t now_usec, json_t *cells);
