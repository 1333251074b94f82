#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A hash map from strings to pointers. Keys are copied and owned by the map; values are the
 * caller's. Hashing is SipHash with a key drawn once a process, so that names from the network
 * can't be chosen to collide. "struct map m = {0};" is an empty map. One thread. */
struct map_entry {
        char *key; /* owned; NULL: free slot, or map_tombstone */
        void *value;
        uint32_t hash;
};

struct map {
        struct map_entry *entries;
        size_t cap;  /* power of two, or 0 */
        size_t n;    /* live entries */
        size_t used; /* live entries and tombstones */
};

/* Frees keys and table; values too when free_value is given. */
void map_done(struct map *m, void (*free_value)(void *));

/* The value, or NULL. */
void *map_get(const struct map *m, const char *key);
bool map_has(const struct map *m, const char *key);

/* Sets key to value. *ret_old (may be NULL) becomes the value before, or NULL.
 * Returns 0 or -ENOMEM (nothing changed then). */
int map_put(struct map *m, const char *key, void *value, void **ret_old);

/* Takes key out and returns its value, or NULL when there was none. */
void *map_remove(struct map *m, const char *key);

/* Walks live entries in no order: "for (struct map_entry *i = NULL; (i = map_next(m, i));)".
 * map_remove() of the current key is allowed meanwhile, map_put() isn't. */
struct map_entry *map_next(const struct map *m, struct map_entry *after);

#define MAP_FOREACH(i, m) for (struct map_entry *i = NULL; (i = map_next((m), i)) != NULL;)

/* SipHash-1-3 of len bytes with the process's key. */
uint64_t map_hash(const void *data, size_t len);
