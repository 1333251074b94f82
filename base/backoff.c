#include "base/backoff.h"

#include <limits.h>

uint64_t backoff_delay(const struct backoff *b, unsigned n_failures) {
        uint64_t delay_usec = b->base_usec;

        if (n_failures <= b->n_free)
                return 0;
        for (unsigned i = b->n_free + 1; i < n_failures && delay_usec < b->most_usec; i++) {
                if (delay_usec == 0)
                        return 0;
                if (delay_usec > b->most_usec / 2)
                        return b->most_usec;
                delay_usec *= 2;
        }
        return MIN(delay_usec, b->most_usec);
}

unsigned backoff_count(const struct backoff *b, unsigned n_failures, uint64_t ran_usec) {
        if (b->reset_usec != 0 && ran_usec >= b->reset_usec)
                return 1;
        return n_failures == UINT_MAX ? UINT_MAX : n_failures + 1;
}

uint64_t backoff_random(uint64_t *seed) {
        uint64_t z;

        *seed += 0x9e3779b97f4a7c15ULL;
        z = *seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
}

uint64_t backoff_jitter(uint64_t usec, unsigned pct, uint64_t *seed) {
        uint64_t room = usec / 100 * MIN(pct, 100U) + usec % 100 * MIN(pct, 100U) / 100;
        uint64_t r = backoff_random(seed);

        if (room == 0)
                return usec;
        if (room != UINT64_MAX)
                r %= room + 1;
        return usec > UINT64_MAX - r ? UINT64_MAX : usec + r;
}
