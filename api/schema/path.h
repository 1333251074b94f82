#pragma once

#include <stddef.h>

/* A field path as a chain on the stack: nothing is formatted until there is something to say. */
struct path {
        const struct path *up; /* NULL: the root, whose name is a prefix or "" */
        const char *name;      /* field, or map key when is_key; NULL: list index */
        size_t index;
        int is_key;
};

/* Longer paths are cut. */
#define PATH_TEXT_MAX 1024

static inline struct path path_field(const struct path *up, const char *name) {
        return (struct path){ .up = up, .name = name };
}

static inline struct path path_key(const struct path *up, const char *key) {
        return (struct path){ .up = up, .name = key, .is_key = 1 };
}

static inline struct path path_index(const struct path *up, size_t index) {
        return (struct path){ .up = up, .index = index };
}

/* "spec.containers[0].resources.limits[cpu]". buf: PATH_TEXT_MAX bytes. Returns buf. */
char *path_format(const struct path *p, char *buf);
