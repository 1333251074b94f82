#pragma once

#include "api/schema/types.h"

#include <stdbool.h>

/* What a whole pod asks for of one resource (kubernetes.io: "Resource Management for Pods and
 * Containers", "Sidecar Containers"). Pure. */
struct container;
struct pod;
struct pod_spec;

/* The sum over containers and sidecars, or what init containers need at their most, whichever is
 * more. Not set where no container says anything of it. of_limits: of limits, else of requests. */
struct quantity pod_amount(const struct pod_spec *spec, const char *name, bool of_limits);

/* The same while a resize is under way: of each container the largest of what is asked for, what
 * its node has granted and what is in force; a wish that can never be granted (Infeasible) doesn't
 * count. docs/adr/0158 */
struct quantity pod_amount_held(const struct pod *p, const char *name, bool of_limits);
struct quantity pod_amount_held_by(const struct pod *p, const struct container *c, const char *name,
                                   bool of_limits);

/* Whether any container has an amount above 0 of cpu or memory: else the pod is BestEffort. */
bool pod_amount_has_compute(const struct pod_spec *spec);
