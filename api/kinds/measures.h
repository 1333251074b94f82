#pragma once

#include "api/kinds/meta.h"

/* metrics.k8s.io/v1beta1 NodeMetrics and PodMetrics: only read, nothing is stored. */

struct node_metrics {
        struct object_meta metadata;
        uint64_t timestamp;
        const char *window;
        struct quantity_map usage;
};

struct container_metrics {
        const char *name;
        struct quantity_map usage;
};

struct pod_metrics {
        struct object_meta metadata;
        uint64_t timestamp;
        const char *window;
        struct {
                struct container_metrics *items;
                size_t n;
        } containers;
};

extern const struct kind node_metrics_kind, pod_metrics_kind;
