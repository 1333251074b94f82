#pragma once

#include "api/kinds/meta.h"
#include "api/kinds/pod.h"

/* apps/v1: StatefulSet and ControllerRevision. */

struct rolling_update_stateful_set_strategy {
        struct opt_int partition;
        struct int_or_string max_unavailable;
};

struct stateful_set_update_strategy {
        const char *type;
        struct rolling_update_stateful_set_strategy *rolling_update;
};

struct stateful_set_spec {
        struct opt_int replicas;
        struct label_selector selector;
        struct pod_template_spec template;
        const char *service_name;
        const char *pod_management_policy;
        struct stateful_set_update_strategy update_strategy;
        struct opt_int revision_history_limit;
        int64_t min_ready_seconds;
};

struct stateful_set_status {
        int64_t observed_generation;
        int64_t replicas;
        int64_t ready_replicas;
        int64_t current_replicas;
        int64_t updated_replicas;
        const char *current_revision;
        const char *update_revision;
        struct opt_int collision_count;
        int64_t available_replicas;
};

struct stateful_set {
        struct object_meta metadata;
        struct stateful_set_spec spec;
        struct stateful_set_status status;
};

struct controller_revision {
        struct object_meta metadata;
        int64_t revision;
};

extern const struct kind stateful_set_kind;
extern const struct kind controller_revision_kind;
