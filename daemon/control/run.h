#pragma once

#include "daemon/control/controller.h"
#include "daemon/plan/changes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One key's way through the driver. Between controller.c and run.c. */

struct run_end {
        int result;          /* 0, or what went wrong first */
        struct err error;    /* in words */
        const char *refusal; /* of a counted change; borrowed, NULL: none */
        uint64_t again_usec; /* wall clock, 0: no need */
};

struct run_config {
        struct core *core;
        const struct controller_type *type;
        void *data; /* of the type */
        const char *key;
        /* The run is over and about to be freed. Called from run_start() at the earliest. */
        void (*on_end)(void *owner, struct run *run, const struct run_end *end);
        void *owner;
};

/* Plans. *ret is NULL when there is nothing to carry out, then *ret_end says how it ended. Returns
 * 0 or -ENOMEM. */
int run_new(const struct run_config *config, struct run **ret, struct run_end *ret_end,
            struct err *e);

/* Begins to carry out. The run may be over and gone when this returns. */
void run_start(struct run *run);

/* Cancels what is under way; on_end is not called. */
void run_unref(struct run *run);

const char *run_key(const struct run *run);
