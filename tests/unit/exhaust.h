#pragma once

/* Makes allocations fail. A program that includes this once is linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc; shared libraries and strdup() aren't touched. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* So many allocations still succeed; then n_failing fail; then all succeed again. Any thread. */
struct exhaust {
        atomic_long n_good;
        atomic_long n_failing;
        atomic_bool is_on;
        atomic_bool has_failed;
};

static struct exhaust exhaust;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static inline bool exhaust_is_due(void) {
        if (!atomic_load(&exhaust.is_on) || atomic_fetch_sub(&exhaust.n_good, 1) > 0)
                return false;
        if (atomic_fetch_sub(&exhaust.n_failing, 1) <= 0)
                return false;
        atomic_store(&exhaust.has_failed, true);
        return true;
}

static inline void exhaust_begin(long n_good, long n_failing) {
        atomic_store(&exhaust.n_good, n_good);
        atomic_store(&exhaust.n_failing, n_failing);
        atomic_store(&exhaust.has_failed, false);
        atomic_store(&exhaust.is_on, true);
}

/* Whether any allocation has failed since exhaust_begin(). */
static inline bool exhaust_end(void) {
        atomic_store(&exhaust.is_on, false);
        return atomic_load(&exhaust.has_failed);
}

void *__wrap_malloc(size_t size) {
        return exhaust_is_due() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
        return exhaust_is_due() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size) {
        return exhaust_is_due() ? NULL : __real_realloc(p, size);
}
