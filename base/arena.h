#pragma once

#include "base/macros.h"

#include <stddef.h>

/* Memory that is freed all at once. Everything returned is zeroed, aligned for any type, and lives
 * until arena_unref(). Reference-counted, so that a decoded object needs one free. One thread at a
 * time; a count is changed on the loop thread only. */
struct arena;

/* first_bytes: size of the first chunk, 0 for a default; later chunks grow. NULL: memory is out. */
struct arena *arena_new(size_t first_bytes);
/* One that is kept long, in a single block of slab_alloc(), as long as first_bytes suffice. */
struct arena *arena_new_kept(size_t first_bytes);
struct arena *arena_ref(struct arena *a);
void arena_unref(struct arena *a);
DEFINE_AUTO(arena);

/* NULL when memory is out or n * size overflows. n == 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_alloc_n(struct arena *a, size_t n, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Bytes given out so far, and what aligning them cost. Another arena with as many first bytes holds
 * the same once more. */
size_t arena_used(const struct arena *a);

/* Bytes taken from malloc so far. */
size_t arena_size(const struct arena *a);
