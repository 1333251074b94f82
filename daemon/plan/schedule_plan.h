#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The scheduler's decisions: which node each waiting pod goes to, or in words why none will do. */

struct changes;
struct object;

/* A binding that was sent and has not come back in the cache yet. */
struct schedule_assumed {
        const struct object *pod;
        const char *node;
};

/* All that the plan may know. Borrowed. */
struct schedule_facts {
        const struct object *const *nodes;
        size_t n_nodes;
        const struct object *const *pods; /* all pods that have a node */
        size_t n_pods;
        const struct schedule_assumed *assumed;
        size_t n_assumed;
        const struct object *const *waiting; /* pods without node and not assumed, in any order */
        size_t n_waiting;
        uint64_t now_usec; /* wall clock */
};

/* One per waiting pod, in the order in which they were served. */
struct schedule_choice {
        const struct object *pod;
        const char *node; /* borrowed from the facts; NULL: none fits */
};

/* Serves the waiting pods, higher priority and then older first. A pod that fits gets a change of
 * its subresource binding with event Scheduled; for one that doesn't, condition PodScheduled and
 * event FailedScheduling say why, once as long as the reason stays the same.
 *
 * ret_choices  n_waiting elements, filled; the caller's array.
 *
 * Returns the number of choices or -ENOMEM. Pure. */
int schedule_plan(const struct schedule_facts *f, struct schedule_choice *ret_choices,
                  struct changes *c, struct err *e);
