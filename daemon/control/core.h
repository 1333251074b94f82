#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* What all controllers share. Inside of daemon/control. */

struct caches;
struct client;
struct events;
struct timers;

struct core {
        struct client *client; /* referenced by struct control */
        struct timers *timers; /* borrowed */
        struct caches *caches; /* borrowed from struct control, as is events */
        struct events *events;
        uint64_t (*wall)(void *data);
        void *wall_data;
        uint64_t random; /* state of core_random() */
        uint64_t n_writes;
};

static inline uint64_t core_wall_usec(const struct core *core) {
        return core->wall(core->wall_data);
}

/* Microseconds that only go forward: for delays. */
uint64_t core_now_usec(const struct core *core);

/* The next number of the seeded sequence: names and jitter, never secrets. */
uint64_t core_random(struct core *core);
