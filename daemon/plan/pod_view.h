#pragma once

#include "daemon/plan/pod_plan.h"

/* The half of pod_plan() that people see: phase, conditions, container states. Called by pod_plan()
 * after the actions; reads their wake time for "back-off" messages.
 * Returns 0 or -ENOMEM. Pure. */
int pod_view_fill(struct arena *a, const struct pod_wanted *wanted, const struct pod_observed *seen,
                  struct pod_plan *plan);

/* Shared facts. Over: exited, and its restart policy leaves it so. */
bool pod_container_is_over(const struct pod_wanted *w, const struct pod_observed *seen, size_t i);
bool pod_init_is_done(const struct pod_wanted *w, const struct pod_observed *seen);
/* Whether the pod has reached Succeeded or Failed; which, in *ret_failed (set when true). */
bool pod_is_over(const struct pod_wanted *w, const struct pod_observed *seen, bool *ret_failed);
