#pragma once

#include "api/schema/types.h"

#include <stdbool.h>

/* What a whole pod asks for of one resource (kubernetes.io: "Resource Management for Pods and
 * Containers", "Sidecar Containers"). Pure. */
struct pod_spec;

/* The sum over containers and sidecars, or what init containers need at their most, whichever is
 * more. Not set where no container says anything of it. of_limits: of limits, else of requests. */
struct quantity pod_amount(const struct pod_spec *spec, const char *name, bool of_limits);

/* Whether any container has an amount above 0 of cpu or memory: else the pod is BestEffort. */
bool pod_amount_has_compute(const struct pod_spec *spec);
