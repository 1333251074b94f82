#pragma once

#include "api/kinds/meta.h"
#include "api/kinds/pod.h"

/* apps/v1 DaemonSet. */

struct rolling_update_daemon_set {
        struct int_or_string max_unavailable;
        struct int_or_string max_surge;
};

struct daemon_set_update_strategy {
        const char *type;
        struct rolling_update_daemon_set *rolling_update;
};

struct daemon_set_spec {
        struct label_selector selector;
        struct pod_template_spec template;
        struct daemon_set_update_strategy update_strategy;
        int64_t min_ready_seconds;
        struct opt_int revision_history_limit;
};

struct daemon_set_status {
        int64_t current_number_scheduled;
        int64_t number_misscheduled;
        int64_t desired_number_scheduled;
        int64_t number_ready;
        int64_t observed_generation;
        int64_t updated_number_scheduled;
        int64_t number_available;
        int64_t number_unavailable;
        struct opt_int collision_count;
};

struct daemon_set {
        struct object_meta metadata;
        struct daemon_set_spec spec;
        struct daemon_set_status status;
};

extern const struct kind daemon_set_kind;
