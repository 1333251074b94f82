#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The ReplicaSet controller's decisions: which pods are its own, how many to make, which to delete
 * first, what its status says. */

struct changes;
struct object;
struct pod;

/* Pods made or deleted in one step at most, as in Kubernetes. */
#define REPLICASET_BURST 500

/* All that the plan may know. Borrowed. */
struct replicaset_facts {
        const struct object *replica_set;
        const struct object *const *pods; /* of the namespace; others' are ignored */
        size_t n_pods;
        const char *failure; /* why pods were refused last time, NULL: they weren't */
        uint64_t name_seed;  /* random: the new pods' names are made of it */
        uint64_t now_usec;   /* wall clock */
};

/* Adds what is to be done to c. The pods must include all that earlier steps have made: the driver
 * sees to it that its caches have caught up with its own writes.
 *
 * Returns 0, -EINVAL for a ReplicaSet without template, or -ENOMEM. Pure. */
int replicaset_plan(const struct replicaset_facts *f, struct changes *c, struct err *e);

/* Neither finished nor being deleted. */
bool replicaset_pod_is_active(const struct pod *p);

/* Ready for at least min_ready_s. *ret_due_usec (may be NULL): when it will be, if it stays ready;
 * 0: not to be foreseen. */
bool replicaset_pod_is_available(const struct pod *p, int64_t min_ready_s, uint64_t now_usec,
                                 uint64_t *ret_due_usec);
