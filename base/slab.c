#include "base/slab.h"

#include "base/array.h"
#include "base/list.h"
#include "base/macros.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLAB_BYTES ((size_t) 256 << 10)
#define STEP_BYTES 128U
#define LARGEST_BYTES (16U << 10)
#define CLASSES (LARGEST_BYTES / STEP_BYTES)

struct block {
        struct block *next;
};

/* At the start of SLAB_BYTES that begin at a multiple of SLAB_BYTES. */
struct slab {
        struct list link; /* among those of its class that have room */
        struct block *free;
        size_t size;  /* of a block */
        size_t fresh; /* where blocks begin that nobody has had: their pages aren't there yet */
        size_t n_used;
};

/* slabs: sorted by address, for slab_free() to know its own. */
static __thread struct {
        bool is_used;
        size_t from_bytes, out_bytes;
        struct list roomy[CLASSES];
        struct slab **slabs;
        size_t n, cap;
} pool;

void slab_begin(size_t from_bytes) {
        pool.is_used = true;
        pool.from_bytes = from_bytes;
        for (size_t i = 0; i < CLASSES; i++)
                list_init(&pool.roomy[i]);
}

void slab_end(void) {
        assert(pool.n == 0);
        free(pool.slabs);
        memset(&pool, 0, sizeof(pool));
}

size_t slab_bytes(void) {
        return pool.n * SLAB_BYTES;
}

/* The first slab that doesn't begin before at. */
static size_t slab_find(const struct slab *at) {
        size_t low = 0, high = pool.n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (pool.slabs[middle] < at)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* The slab that memory lies in, or NULL. */
static struct slab *slab_of(const void *memory) {
        struct slab *s = (struct slab *) ((uintptr_t) memory & ~(SLAB_BYTES - 1));
        size_t i = slab_find(s);

        return i < pool.n && pool.slabs[i] == s ? s : NULL;
}

/* Twice as much is mapped, and what isn't aligned given back. */
static void *aligned_map(void) {
        char *at = mmap(NULL, 2 * SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                        -1, 0);
        size_t lead;

        if (at == MAP_FAILED)
                return NULL;
        lead = (SLAB_BYTES - ((uintptr_t) at & (SLAB_BYTES - 1))) & (SLAB_BYTES - 1);
        if (lead > 0)
                (void) munmap(at, lead);
        (void) munmap(at + lead + SLAB_BYTES, SLAB_BYTES - lead);
        return at + lead;
}

static struct slab *slab_new(size_t class) {
        struct slab *s;
        size_t i;

        if (array_reserve(&pool.slabs, &pool.cap, pool.n, sizeof(struct slab *)) < 0)
                return NULL;
        s = aligned_map();
        if (!s)
                return NULL;
        s->size = (class + 1) * STEP_BYTES;
        s->fresh = STEP_BYTES;
        list_init(&s->link);
        i = slab_find(s);
        memmove(&pool.slabs[i + 1], &pool.slabs[i], (pool.n - i) * sizeof(struct slab *));
        pool.slabs[i] = s;
        pool.n++;
        return s;
}

static void slab_unmap(struct slab *s) {
        size_t i = slab_find(s);

        list_remove(&s->link);
        pool.n--;
        memmove(&pool.slabs[i], &pool.slabs[i + 1], (pool.n - i) * sizeof(struct slab *));
        (void) munmap(s, SLAB_BYTES);
}

static bool has_room(const struct slab *s) {
        return s->free || s->fresh + s->size <= SLAB_BYTES;
}

static void *slab_take(struct slab *s) {
        struct block *b = s->free;

        if (b) {
                s->free = b->next;
        } else {
                b = (struct block *) (void *) ((char *) s + s->fresh);
                s->fresh += s->size;
        }
        s->n_used++;
        return b;
}

void *slab_alloc(size_t size) {
        size_t class = size > 0 ? (size - 1) / STEP_BYTES : 0;
        struct slab *s;
        void *memory;

        if (!pool.is_used)
                return malloc(size);
        if (size > LARGEST_BYTES || pool.out_bytes < pool.from_bytes) {
                memory = malloc(size);
                pool.out_bytes += memory ? size : 0;
                return memory;
        }
        if (list_is_empty(&pool.roomy[class])) {
                s = slab_new(class);
                if (!s)
                        return malloc(size);
                list_append(&pool.roomy[class], &s->link);
        }
        s = CONTAINER_OF(pool.roomy[class].next, struct slab, link);
        memory = slab_take(s);
        if (!has_room(s))
                list_remove(&s->link);
        pool.out_bytes += size;
        return memory;
}

void slab_free(void *memory, size_t size) {
        struct slab *s = memory && pool.n > 0 ? slab_of(memory) : NULL;
        struct block *b = memory;
        bool was_full;

        if (pool.is_used && memory)
                pool.out_bytes -= size < pool.out_bytes ? size : pool.out_bytes;
        if (!s) {
                free(memory);
                return;
        }
        was_full = !has_room(s);
        b->next = s->free;
        s->free = b;
        if (--s->n_used == 0)
                slab_unmap(s);
        else if (was_full)
                list_append(&pool.roomy[s->size / STEP_BYTES - 1], &s->link);
}
