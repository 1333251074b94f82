#include "api/text/text.h"

#include <malloc.h>
#include <stdlib.h>

/* Nodes of trees come and go by the hundred for each request, and malloc() keeps only seven of a
 * size at hand: the rest it splits and joins again, ten times the price of a list. jansson's
 * allocators get no pointer of ours, so the lists are this thread's. */

#define CLASSES 17U
#define CLASS_BYTES 16U
#define SMALLEST_BYTES 24U /* what malloc() gives at least */
#define LARGEST_BYTES (SMALLEST_BYTES + (CLASSES - 1) * CLASS_BYTES)
#define KEPT_BYTES_MAX (1U << 20)

struct block {
        struct block *next;
};

struct lists {
        bool is_used;
        size_t kept_bytes;
        struct block *free[CLASSES];
};

static __thread struct lists lists;

/* The class whose blocks have room for size; at most CLASSES - 1 for up to LARGEST_BYTES. */
static size_t class_for(size_t size) {
        return size <= SMALLEST_BYTES ? 0 : (size - SMALLEST_BYTES + CLASS_BYTES - 1) / CLASS_BYTES;
}

static void *memory_get(size_t size) {
        size_t class = class_for(size);
        struct block *block;

        if (size > LARGEST_BYTES || !lists.is_used || !lists.free[class])
                return malloc(size);
        block = lists.free[class];
        lists.free[class] = block->next;
        lists.kept_bytes -= SMALLEST_BYTES + class * CLASS_BYTES;
        return block;
}

static void memory_put(void *memory) {
        struct block *block = memory;
        size_t bytes, class;

        if (!memory)
                return;
        bytes = malloc_usable_size(memory);
        if (!lists.is_used || bytes < SMALLEST_BYTES || bytes > LARGEST_BYTES ||
            lists.kept_bytes > KEPT_BYTES_MAX) {
                free(memory);
                return;
        }
        class = (bytes - SMALLEST_BYTES) / CLASS_BYTES;
        block->next = lists.free[class];
        lists.free[class] = block;
        lists.kept_bytes += SMALLEST_BYTES + class * CLASS_BYTES;
}

void text_json_keep_memory(void) {
        lists.is_used = true;
        json_set_alloc_funcs(memory_get, memory_put);
}

void text_json_release_memory(void) {
        json_set_alloc_funcs(malloc, free);
        for (size_t i = 0; i < CLASSES; i++)
                while (lists.free[i]) {
                        struct block *block = lists.free[i];

                        lists.free[i] = block->next;
                        free(block);
                }
        lists = (struct lists){ 0 };
}
