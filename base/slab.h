#pragma once

#include <stddef.h>

/* Memory for many things of a few KiB that live long and are replaced by larger ones: versions of
 * objects and what is decoded of them. malloc() puts one thing behind another, so that each that
 * goes leaves a hole that the next, a little larger, doesn't fit into (docs/adr/0175). Here things
 * of like size share slabs of 256 KiB, and a slab with nothing in it is given back to the kernel.
 *
 * Only the thread that called slab_begin() uses slabs, and what it has from here is freed by it
 * alone; everywhere else, for the first few MiB, and for what is large these are malloc() and
 * free(). */

/* From now on this thread's slab_alloc() uses slabs, once so many bytes are out. */
void slab_begin(size_t from_bytes);

/* Uses them no more. Everything from slabs must have been freed. */
void slab_end(void);

/* Not zeroed, aligned as malloc()'s. NULL: memory is out. */
void *slab_alloc(size_t size);

/* size: as it was asked for. NULL is allowed. */
void slab_free(void *memory, size_t size);

/* Bytes of the slabs that there are, for tests and benches. */
size_t slab_bytes(void);
