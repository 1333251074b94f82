#include "base/arena.h"

#include "base/slab.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_FIRST_DEFAULT 1024
#define ARENA_CHUNK_MAX (256 * 1024)
#define ARENA_ALIGN _Alignof(max_align_t)

struct arena_chunk {
        struct arena_chunk *next;
        size_t cap, used;
        _Alignas(max_align_t) char data[];
};

/* The first chunk lies in the arena's own block. */
struct arena {
        unsigned refs;
        bool is_kept;
        size_t total_bytes;
        struct arena_chunk *chunks; /* newest first */
        struct arena_chunk first;
};

/* Of an arena with so many bytes in its first chunk. */
static size_t arena_bytes(size_t cap) {
        return offsetof(struct arena, first) + sizeof(struct arena_chunk) + cap;
}

static struct arena_chunk *arena_grow(struct arena *a, size_t cap) {
        struct arena_chunk *c = calloc(1, sizeof(*c) + cap);

        if (!c)
                return NULL;
        c->cap = cap;
        c->next = a->chunks;
        a->chunks = c;
        a->total_bytes += sizeof(*c) + cap;
        return c;
}

static struct arena *arena_begin(void *memory, size_t cap) {
        struct arena *a = memory;

        if (!a)
                return NULL;
        a->refs = 1;
        a->total_bytes = arena_bytes(cap);
        a->first.cap = cap;
        a->chunks = &a->first;
        return a;
}

struct arena *arena_new(size_t first_bytes) {
        size_t cap = first_bytes ? first_bytes : ARENA_FIRST_DEFAULT;

        return arena_begin(calloc(1, arena_bytes(cap)), cap);
}

struct arena *arena_new_kept(size_t first_bytes) {
        size_t cap = first_bytes ? first_bytes : ARENA_FIRST_DEFAULT;
        void *memory = slab_alloc(arena_bytes(cap));
        struct arena *a;

        if (memory)
                memset(memory, 0, arena_bytes(cap));
        a = arena_begin(memory, cap);
        if (a)
                a->is_kept = true;
        return a;
}

struct arena *arena_ref(struct arena *a) {
        a->refs++;
        return a;
}

void arena_unref(struct arena *a) {
        if (!a || --a->refs > 0)
                return;
        while (a->chunks != &a->first) {
                struct arena_chunk *c = a->chunks;

                a->chunks = c->next;
                free(c);
        }
        if (a->is_kept)
                slab_free(a, arena_bytes(a->first.cap));
        else
                free(a);
}

/* align: power of two. Text needs none, which saves half of what short names would take. */
static void *arena_take(struct arena *a, size_t size, size_t align) {
        struct arena_chunk *c = a->chunks;
        size_t at = (c->used + align - 1) & ~(align - 1);

        if (size > SIZE_MAX / 2)
                return NULL;
        if (at > c->cap || c->cap - at < size) {
                size_t cap = MIN(c->cap * 2, (size_t) ARENA_CHUNK_MAX);

                c = arena_grow(a, MAX(cap, size));
                if (!c)
                        return NULL;
                at = 0;
        }
        c->used = at + size;
        return c->data + at;
}

void *arena_alloc(struct arena *a, size_t size) {
        return arena_take(a, size, ARENA_ALIGN);
}

void *arena_alloc_n(struct arena *a, size_t n, size_t size) {
        size_t total;

        if (__builtin_mul_overflow(n, size, &total))
                return NULL;
        return arena_alloc(a, total);
}

char *arena_strndup(struct arena *a, const char *s, size_t len) {
        char *copy = arena_take(a, len + 1, 1);

        if (copy)
                memcpy(copy, s, len);
        return copy;
}

char *arena_strdup(struct arena *a, const char *s) {
        return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...) {
        char *s = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(NULL, 0, fmt, ap);
        va_end(ap);
        if (n < 0)
                return NULL;
        s = arena_take(a, (size_t) n + 1, 1);
        if (!s)
                return NULL;
        va_start(ap, fmt);
        (void) vsnprintf(s, (size_t) n + 1, fmt, ap);
        va_end(ap);
        return s;
}

size_t arena_size(const struct arena *a) {
        return a->total_bytes;
}

size_t arena_used(const struct arena *a) {
        size_t used = 0;

        /* What begins a chunk may need aligning elsewhere. */
        for (const struct arena_chunk *c = a->chunks; c; c = c->next)
                used += c->used + (c->next ? ARENA_ALIGN - 1 : 0);
        return used;
}
