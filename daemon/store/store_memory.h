#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct loop;
struct store;

struct store_memory_options {
        int64_t keep_revisions; /* compacts by itself, keeping so many at least; 0: never */
        uint64_t (*now_usec)(void *clock); /* for leases; NULL: clock_now_usec() */
        void *clock;
};

/* A store in memory, for tests and simulations: the same contract, nothing is durable.
 *
 * l        NULL: no loop at all; the test calls store_memory_step() to have requests answered, so
 * that everything happens in an order of its own choosing. options  NULL for defaults; read during
 * the call.
 *
 * Returns 0 or -ENOMEM. */
int store_open_memory(struct loop *l, const struct store_memory_options *options,
                      struct store **ret, struct err *e);

/* Carries out at most n requests that wait (SIZE_MAX: all, those of callbacks included) and ends
 * leases whose time has come. Returns how many requests were answered. */
size_t store_memory_step(struct store *s, size_t n);
