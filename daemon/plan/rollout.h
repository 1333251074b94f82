#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The arithmetic of a rollout: how many pods each ReplicaSet of a Deployment shall have. Numbers
 * in, numbers out; deployment_plan.c puts them into objects. All sums saturate at INT32_MAX, which
 * is the most that a replicas field holds. */

/* One ReplicaSet of the Deployment. */
struct rollout_set {
        int64_t spec;          /* spec.replicas: what was asked for last */
        int64_t running;       /* status.replicas: what there is as far as is known */
        int64_t available;     /* status.availableReplicas */
        int64_t annotated_max; /* annotation max-replicas, 0: none */
        uint64_t created_usec;
        const char *name; /* borrowed; breaks ties */
        bool is_new;      /* its template is the Deployment's */
        bool is_settled;  /* its status was written in view of the present spec */
        int64_t want;     /* out: the new spec.replicas */
};

struct rollout_limits {
        int64_t replicas; /* of the Deployment */
        int64_t max_surge;
        int64_t max_unavailable;
};

/* A percentage (0-100 and more) of total, rounded up or down, as Kubernetes reads maxSurge (up) and
 * maxUnavailable (down). */
int64_t rollout_percent(int64_t percent, int64_t total, bool is_rounded_up);

/* Sees to it that a rollout can move at all: where both limits are 0, one pod may be unavailable;
 * never more unavailable than there are replicas. */
void rollout_limits_settle(struct rollout_limits *l);

/* The next step of a rolling update. Fills want of each set. A set that is new must exist among
 * sets or has_new is false; then *ret_new_replicas says with how many pods to create it.
 *
 * While a set isn't settled nothing is scaled: its status may still speak of pods that an earlier
 * step has taken away, or not yet of those that one has added. A new set is then created empty.
 *
 * Counts an old set with the larger of what was asked for and what still runs, and believes no more
 * available pods than were asked for: so neither a slow ReplicaSet controller nor a stale status
 * makes the sum leave [replicas - max_unavailable, replicas + max_surge]. */
void rollout_step(const struct rollout_limits *l, struct rollout_set *sets, size_t n,
                  int64_t *ret_new_replicas);

/* Replicas were changed: in the middle of a rollout every set gets its proportion, else the only
 * active set (or the new one) gets them all. Reorders sets. last_replicas: status.replicas of the
 * Deployment, the base where a set carries no annotation.
 *
 * False: more pods are due, but sets that shrink haven't let go of theirs, or their statuses don't
 * tell; nothing changes, and the proportions (annotations) are to stay until the next try. */
bool rollout_scale(const struct rollout_limits *l, struct rollout_set *sets, size_t n,
                   int64_t last_replicas);

/* Recreate: old sets go to 0; true once none of them asks for pods any more. */
bool rollout_stop_old(struct rollout_set *sets, size_t n);
