#pragma once

#include "base/clock.h"

#include <stdint.h>

/* Exponential back-off as pure arithmetic: no clock, no randomness of its own. */
struct backoff {
        uint64_t base_usec;  /* delay after the first failure that is delayed */
        uint64_t most_usec;  /* no delay is longer (before jitter) */
        uint64_t reset_usec; /* healthy for this long: failures count from zero again; 0: never */
        unsigned n_free;     /* so many failures are retried at once, before base_usec */
};

/* client-go's default for controllers: 5 ms doubling to 1,000 s. */
#define BACKOFF_CONTROLLER                                                                         \
        ((struct backoff){ .base_usec = 5 * USEC_PER_MSEC, .most_usec = 1000 * USEC_PER_SEC })

/* CrashLoopBackOff: the first restart at once, then 10 s doubling to 5 min, reset after 10 min. */
#define BACKOFF_CRASH_LOOP                                                                         \
        ((struct backoff){ .base_usec = 10 * USEC_PER_SEC,                                         \
                           .most_usec = 300 * USEC_PER_SEC,                                        \
                           .reset_usec = 600 * USEC_PER_SEC,                                       \
                           .n_free = 1 })

/* The delay after that many failures in a row (0: none). Never overflows, never above most_usec. */
uint64_t backoff_delay(const struct backoff *b, unsigned n_failures);

/* The count of failures after one more: 1 when what failed had run for reset_usec or longer before,
 * else n_failures + 1 (saturating). ran_usec: how long it had been healthy. */
unsigned backoff_count(const struct backoff *b, unsigned n_failures, uint64_t ran_usec);

/* usec lengthened by a random part of up to pct percent (0 to 100), so that many that failed
 * together don't come back together. *seed is the state of the generator and moves on; any start
 * value will do. */
uint64_t backoff_jitter(uint64_t usec, unsigned pct, uint64_t *seed);

/* The next number of a small generator (splitmix64): for jitter and tests, never for secrets. */
uint64_t backoff_random(uint64_t *seed);
