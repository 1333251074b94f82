#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What becomes of a node that isn't heard from, and of the pods on it. */

struct changes;
struct object;

/* All that the plan may know. Borrowed. */
struct nodelifecycle_facts {
        const struct object *node;
        const struct object *const *pods; /* on this node */
        size_t n_pods;
        uint64_t heard_usec;    /* since when nothing was heard: the last renewal of its lease or
                                   write of its status, at the earliest the controller's own start */
        bool is_heard;          /* a renewal was really seen since the controller\'s start */
        uint64_t since_usec;    /* the same clock, now */
        uint64_t grace_usec;    /* silent for longer: unknown */
        uint64_t eviction_usec; /* pods without a toleration of their own go after that */
        size_t n_nodes;         /* in the cluster */
        size_t n_silent;        /* of those, not heard from for grace_usec, this one included */
        uint64_t now_usec;      /* wall clock: for conditions, taints and tolerations */
};

/* Silent for grace_usec: conditions go to Unknown, the node is tainted unreachable (not-ready while
 * its own word is that it isn't ready), its pods count as not ready, and after their
 * tolerationSeconds they are deleted. Heard from again:
 * what this plan had made Unknown or not ready is taken back, since a node writes its status only
 * when that changes, and then the taints go.
 *
 * Where all nodes are silent the server is the one cut off, or has just come back: nothing is
 * evicted then. Returns 0 or -ENOMEM. Pure. */
int nodelifecycle_plan(const struct nodelifecycle_facts *f, struct changes *c, struct err *e);
