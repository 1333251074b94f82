#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* PodDisruptionBudgets: how many pods must stay, how many may be evicted
 * (pkg/controller/disruption of Kubernetes). Pure. */
struct changes;
struct object;
struct pod;
struct pod_disruption_budget;

/* All of the budget's namespace; borrowed. Others' pods are ignored. */
struct disruption_facts {
        const struct object *budget;
        const struct object *const *pods;
        size_t n_pods;
        const struct object *const *owners; /* ReplicaSets, Deployments, StatefulSets and
                                               ReplicationControllers */
        size_t n_owners;
        uint64_t now_usec; /* wall clock */
};

/* Adds the budget's status where it isn't so. Returns 0 or -ENOMEM. */
int disruption_plan(const struct disruption_facts *f, struct changes *c, struct err *e);

/* Whether a budget counts a pod. Without a selector it counts none, with an empty one all. */
bool disruption_counts(const struct pod_disruption_budget *b, const struct pod *p);

/* Ready, and not on its way out. */
bool disruption_is_healthy(const struct pod *p);

/* ---- one eviction ---- */

enum eviction {
        EVICTION_FREE,    /* no budget is asked: it ended, never ran, is going, or may always go */
        EVICTION_ALLOWED, /* the budget loses one */
        EVICTION_UNSEEN,  /* the budget's status is older than its spec */
        EVICTION_REFUSED,
};

/* budget: the one that counts the pod, NULL: none.
 * n_healthy: of its pods now, without those whose eviction is under way. */
enum eviction disruption_evict(const struct pod_disruption_budget *budget, const struct pod *pod,
                               int64_t n_healthy);

/* Whether the pod's own state makes budgets unimportant. */
bool disruption_is_moot(const struct pod *pod);
