#pragma once

#include "base/err.h"
#include "daemon/store/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct store;

/* A store on an engine in this process: keeps requests in order, groups what waits into one commit,
 * answers on the loop, feeds watches, ends leases.
 *
 *   loop thread            store thread                     loop thread
 *   store_…() -> waiting -> begin, execute …, commit -> finished -> done(), watches
 *
 * Without a thread, the middle runs on the loop, or in store_local_step(). */
struct store_local_options {
        bool has_thread;
        int64_t keep_revisions;
        uint64_t (*now_usec)(void *clock); /* NULL: clock_now_usec() */
        void *clock;
};

/* l          NULL: nothing happens by itself, only in store_local_step(); then has_thread must be
 * false. take_en    freed on failure, too. */
int store_local_new(struct loop *l, struct engine *take_en,
                    const struct store_local_options *options, struct store **ret, struct err *e);

/* Without a thread: carries out and answers at most n waiting requests. Returns how many. */
size_t store_local_step(struct store *s, size_t n);
