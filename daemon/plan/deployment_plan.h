#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* The Deployment controller's decisions, as Kubernetes makes them: rolling update within maxSurge
 * and maxUnavailable, Recreate, pause, proportional scaling, revisions and their history, undo by
 * reuse of a ReplicaSet with an equal template, progress deadline, status and conditions. */

struct changes;
struct object;

#define DEPLOYMENT_REVISION "deployment.kubernetes.io/revision"
#define DEPLOYMENT_REVISION_HISTORY "deployment.kubernetes.io/revision-history"
#define DEPLOYMENT_DESIRED "deployment.kubernetes.io/desired-replicas"
#define DEPLOYMENT_MAX "deployment.kubernetes.io/max-replicas"

/* All that the plan may know. Borrowed. */
struct deployment_facts {
        const struct object *deployment;
        const struct object *const *replica_sets; /* of the namespace; others' are ignored */
        size_t n_replica_sets;
        const struct object *const *pods; /* owned by those; needed with strategy Recreate only */
        size_t n_pods;
        const char *failure; /* why the last create was refused, NULL: it wasn't */
        uint64_t now_usec;   /* wall clock */
};

/* Adds what is to be done to c: patches and creations of ReplicaSets, the Deployment's status. A
 * plan is one step; the changes that it makes bring about the next.
 *
 * Returns 0, -EINVAL for a Deployment that can't be planned for, or -ENOMEM. Pure. */
int deployment_plan(const struct deployment_facts *f, struct changes *c, struct err *e);
