/* NodeMetrics and PodMetrics (numbers: k8s.io/metrics/pkg/apis/metrics/v1beta1/generated.proto). */
#include "api/kinds/measures.h"

#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "api/schema/quantity.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

#define SELF struct node_metrics
static const struct field node_metrics_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name and labels of the node."),
        FIELD_OF_TIME(timestamp, "timestamp", 2, "End of the window.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(window, "window", 3, "How long was measured.", .flags = FIELD_REQUIRED),
        FIELD_OF_QUANTITY_MAP(usage, "usage", 4, "What is used: cpu and memory.",
                              .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema node_metrics_schema =
        SCHEMA(node_metrics, "NodeMetrics", "What a node uses.");

#define SELF struct container_metrics
static const struct field container_metrics_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the container.", .flags = FIELD_REQUIRED),
        FIELD_OF_QUANTITY_MAP(usage, "usage", 2, "What it uses: cpu and memory.",
                              .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema container_metrics_schema =
        SCHEMA(container_metrics, "ContainerMetrics", "What a container uses.");

#define SELF struct pod_metrics
static const struct field pod_metrics_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1,
                        "Name, namespace and labels of the pod."),
        FIELD_OF_TIME(timestamp, "timestamp", 2, "End of the window.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(window, "window", 3, "How long was measured.", .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECTS(containers, container_metrics, "containers", 4, "Its containers.",
                         .patch = FIELD_PATCH_MERGE, .merge_key = "name", .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema pod_metrics_schema =
        SCHEMA(pod_metrics, "PodMetrics", "What the containers of a pod use.");

/* ---- columns ---- */

static int measures_add(int64_t cpu_milli, int64_t memory_bytes, const char *window,
                        json_t *cells) {
        char text[QUANTITY_TEXT_MAX];

        if (cell_add_text(cells, quantity_format_milli(cpu_milli, text)) < 0)
                return -ENOMEM;
        (void) snprintf(text, sizeof(text), "%" PRId64 "Ki", memory_bytes >> 10);
        if (cell_add_text(cells, text) < 0)
                return -ENOMEM;
        return cell_add_text(cells, str_or_empty(window));
}

static int node_metrics_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct node_metrics *m = decoded;

        if (cell_add_text(cells, m->metadata.name) < 0)
                return -ENOMEM;
        return measures_add(quantity_map_get(&m->usage, "cpu").milli,
                            quantity_value(quantity_map_get(&m->usage, "memory")), m->window,
                            cells);
}

static int pod_metrics_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct pod_metrics *m = decoded;
        int64_t cpu = 0, memory = 0;

        for (size_t i = 0; i < m->containers.n; i++) {
                const struct quantity_map *usage = &m->containers.items[i].usage;

                cpu += quantity_map_get(usage, "cpu").milli;
                memory += quantity_value(quantity_map_get(usage, "memory"));
        }
        if (cell_add_text(cells, m->metadata.name) < 0)
                return -ENOMEM;
        return measures_add(cpu, memory, m->window, cells);
}

static const struct table_column measures_columns[] = {
        COLUMN_NAME,
        { "CPU", "string", "", 0 },
        { "Memory", "string", "", 0 },
        { "Window", "string", "", 0 },
};

const struct kind node_metrics_kind = {
        .api_version = "metrics.k8s.io/v1beta1",
        .group = "metrics.k8s.io",
        .version = "v1beta1",
        .name = "NodeMetrics",
        .list_name = "NodeMetricsList",
        .plural = "nodes",
        .singular = "",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_measured = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &node_metrics_schema,
        .columns = measures_columns,
        .n_columns = ARRAY_SIZE(measures_columns),
        .add_cells = node_metrics_add_cells,
};

const struct kind pod_metrics_kind = {
        .api_version = "metrics.k8s.io/v1beta1",
        .group = "metrics.k8s.io",
        .version = "v1beta1",
        .name = "PodMetrics",
        .list_name = "PodMetricsList",
        .plural = "pods",
        .singular = "",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_measured = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &pod_metrics_schema,
        .columns = measures_columns,
        .n_columns = ARRAY_SIZE(measures_columns),
        .add_cells = pod_metrics_add_cells,
};
