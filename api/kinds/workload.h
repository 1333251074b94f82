#pragma once

#include "api/kinds/meta.h"
#include "api/kinds/pod.h"

/* apps/v1: ReplicaSet and Deployment; autoscaling/v1 Scale. */

struct replica_set_spec {
        struct opt_int replicas;
        int64_t min_ready_seconds;
        struct label_selector selector;
        struct pod_template_spec template;
};

struct replica_set_condition {
        const char *type; /* ReplicaFailure */
        const char *status;
        uint64_t last_transition_time;
        const char *reason;
        const char *message;
};

struct replica_set_status {
        int64_t replicas;
        int64_t fully_labeled_replicas;
        int64_t ready_replicas;
        int64_t available_replicas;
        struct opt_int terminating_replicas;
        int64_t observed_generation;
        struct {
                struct replica_set_condition *items;
                size_t n;
        } conditions;
};

struct replica_set {
        struct object_meta metadata;
        struct replica_set_spec spec;
        struct replica_set_status status;
};

struct rolling_update_deployment {
        struct int_or_string max_unavailable;
        struct int_or_string max_surge;
};

struct deployment_strategy {
        const char *type; /* RollingUpdate, Recreate */
        struct rolling_update_deployment *rolling_update;
};

struct deployment_spec {
        struct opt_int replicas;
        struct label_selector selector;
        struct pod_template_spec template;
        struct deployment_strategy strategy;
        int64_t min_ready_seconds;
        struct opt_int revision_history_limit;
        bool paused;
        struct opt_int progress_deadline_seconds;
};

struct deployment_condition {
        const char *type; /* Available, Progressing, ReplicaFailure */
        const char *status;
        uint64_t last_update_time;
        uint64_t last_transition_time;
        const char *reason;
        const char *message;
};

struct deployment_status {
        int64_t observed_generation;
        int64_t replicas;
        int64_t updated_replicas;
        int64_t ready_replicas;
        int64_t available_replicas;
        int64_t unavailable_replicas;
        struct opt_int terminating_replicas;
        struct {
                struct deployment_condition *items;
                size_t n;
        } conditions;
        struct opt_int collision_count;
};

struct deployment {
        struct object_meta metadata;
        struct deployment_spec spec;
        struct deployment_status status;
};

struct scale_spec {
        int64_t replicas;
};

struct scale_status {
        int64_t replicas;
        const char *selector;
};

struct scale {
        struct object_meta metadata;
        struct scale_spec spec;
        struct scale_status status;
};

extern const struct kind replica_set_kind;
extern const struct kind deployment_kind;
extern const struct kind scale_kind;
