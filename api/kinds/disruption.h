#pragma once

#include "api/kinds/meta.h"

/* policy/v1 PodDisruptionBudget. */

struct pod_disruption_budget_spec {
        struct int_or_string min_available;
        struct label_selector *selector;
        struct int_or_string max_unavailable;
        const char *unhealthy_pod_eviction_policy;
};

struct pod_disruption_budget_status {
        int64_t observed_generation;
        int64_t disruptions_allowed;
        int64_t current_healthy;
        int64_t desired_healthy;
        int64_t expected_pods;
        struct {
                struct condition *items;
                size_t n;
        } conditions;
};

struct pod_disruption_budget {
        struct object_meta metadata;
        struct pod_disruption_budget_spec spec;
        struct pod_disruption_budget_status status;
};

extern const struct kind pod_disruption_budget_kind;
