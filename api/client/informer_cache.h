#pragma once

#include "api/client/informer.h"
#include "base/map.h"

#include <stddef.h>
#include <stdint.h>

/* The objects of an informer and its indices. Knows nothing of lists and watches. */
struct informer_index {
        const char *name;
        informer_index_fn fn;
        struct map by_value; /* value → struct map * of key → struct object * (borrowed) */
};

struct informer_cache {
        struct map objects; /* key → struct object *, a reference each */
        struct informer_index *indices;
        size_t n_indices, cap_indices;
};

void informer_cache_done(struct informer_cache *c);

/* Only while the cache is empty. Returns 0 or -ENOMEM. */
int informer_cache_add_index(struct informer_cache *c, const char *name, informer_index_fn fn);

struct object *informer_cache_get(const struct informer_cache *c, const char *key);

/* Files o (referenced) under key. *ret_before: what was there, the caller's reference, or NULL.
 * Returns 0, or -ENOMEM: then key is in the cache as before or, at worst, no longer. */
int informer_cache_put(struct informer_cache *c, const char *key, struct object *o,
                       struct object **ret_before);

/* Takes key out: the caller's reference, or NULL. */
struct object *informer_cache_remove(struct informer_cache *c, const char *key);

/* The objects of index name under value: key → struct object *, or NULL. */
const struct map *informer_cache_find(const struct informer_cache *c, const char *name,
                                      const char *value);

/* metadata.resourceVersion as a number, 0 where there is none. */
uint64_t informer_object_revision(const struct object *o);
