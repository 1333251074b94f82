#pragma once

#include "base/list.h"
#include "daemon/store/engine.h"

#include <stdbool.h>

/* What the thread of a local store keeps from group to group. */
struct group {
        struct engine *engine;
        int64_t keep_revisions; /* 0: never compacts by itself */
        bool has_failed; /* writes are refused from now on: what is on disk isn't known for sure */
        bool has_more_to_sweep;
        int failure; /* negative errno */
        char failure_text[ERR_TEXT_MAX];
};

/* Carries the requests of a list out, in order, as one transaction of the engine; where that fails,
 * each as its own, so that each gets its own answer. Afterwards every request has its answer, and
 * what was answered with 0 is durable. Blocks. */
void group_execute(struct group *g, struct list *requests);

/* One step of what compaction left to do. Blocks. */
void group_sweep(struct group *g);
