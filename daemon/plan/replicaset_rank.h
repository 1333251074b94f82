#pragma once

#include <stddef.h>

/* Which pods go first when there are too many. */

struct object;

/* Sorts pods, the first to be deleted first, as Kubernetes does: without a node; pending before
 * unknown before running; not ready; lower annotation controller.kubernetes.io/pod-deletion-cost;
 * more of its kind on the same node; ready for a shorter time; more restarts; younger; by name, so
 * that the order is always the same. Returns 0 or -ENOMEM. Pure. */
int replicaset_rank(const struct object **pods, size_t n);
