#include "api/client/informer_cache.h"

#include "api/kinds/object.h"
#include "base/array.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>

uint64_t informer_object_revision(const struct object *o) {
        return o->meta->resource_version ? strtoull(o->meta->resource_version, NULL, 10) : 0;
}

static void free_object(void *o) {
        object_unref(o);
}

static void free_set(void *set) {
        map_done(set, NULL);
        free(set);
}

void informer_cache_done(struct informer_cache *c) {
        for (size_t i = 0; i < c->n_indices; i++)
                map_done(&c->indices[i].by_value, free_set);
        free(c->indices);
        map_done(&c->objects, free_object);
        *c = (struct informer_cache){ 0 };
}

int informer_cache_add_index(struct informer_cache *c, const char *name, informer_index_fn fn) {
        int r = array_reserve(&c->indices, &c->cap_indices, c->n_indices, sizeof(*c->indices));

        if (r < 0)
                return r;
        c->indices[c->n_indices++] = (struct informer_index){ .name = name, .fn = fn };
        return 0;
}

struct object *informer_cache_get(const struct informer_cache *c, const char *key) {
        return map_get(&c->objects, key);
}

/* What one object is filed under; passed through the index function. */
struct filing {
        struct informer_index *index;
        const char *key;
        struct object *object;
        int result;
};

static void file_add(void *data, const char *value) {
        struct filing *f = data;
        struct map *set = map_get(&f->index->by_value, value);

        if (f->result < 0)
                return;
        if (!set) {
                set = calloc(1, sizeof(*set));
                f->result = set ? map_put(&f->index->by_value, value, set, NULL) : -ENOMEM;
                if (f->result < 0) {
                        free(set);
                        return;
                }
        }
        f->result = map_put(set, f->key, f->object, NULL);
}

static void file_remove(void *data, const char *value) {
        struct filing *f = data;
        struct map *set = map_get(&f->index->by_value, value);

        if (!set)
                return;
        (void) map_remove(set, f->key);
        if (set->n == 0)
                free_set(map_remove(&f->index->by_value, value));
}

static int cache_file(struct informer_cache *c, const char *key, struct object *o,
                      void (*what)(void *data, const char *value)) {
        for (size_t i = 0; i < c->n_indices; i++) {
                struct filing f = { .index = &c->indices[i], .key = key, .object = o };

                c->indices[i].fn(o, what, &f);
                if (f.result < 0)
                        return f.result;
        }
        return 0;
}

int informer_cache_put(struct informer_cache *c, const char *key, struct object *o,
                       struct object **ret_before) {
        void *before = NULL;
        int r;

        r = map_put(&c->objects, key, o, &before);
        if (r < 0)
                return r;
        (void) object_ref(o);
        if (before)
                (void) cache_file(c, key, before, file_remove);
        r = cache_file(c, key, o, file_add);
        if (r < 0) {
                object_unref(informer_cache_remove(c, key));
                object_unref(before);
                return r;
        }
        *ret_before = before;
        return 0;
}

struct object *informer_cache_remove(struct informer_cache *c, const char *key) {
        struct object *o = map_get(&c->objects, key);

        if (!o)
                return NULL;
        (void) cache_file(c, key, o, file_remove);
        return map_remove(&c->objects, key);
}

const struct map *informer_cache_find(const struct informer_cache *c, const char *name,
                                      const char *value) {
        for (size_t i = 0; i < c->n_indices; i++)
                if (str_eq(c->indices[i].name, name))
                        return map_get(&c->indices[i].by_value, value);
        return NULL;
}
