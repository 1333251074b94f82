#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A namespace on its way out: first everything in it, then its finalizer, and with that itself. */

struct changes;
struct kind;
struct object;

/* What the API says about one kind in the namespace. */
struct namespace_content {
        const struct kind *kind;
        bool is_there; /* at least one object, perhaps on its way out already */
};

/* All that the plan may know. Borrowed. */
struct namespace_facts {
        const struct object *object;
        const struct namespace_content *content; /* all namespaced kinds */
        size_t n_content;
        uint64_t now_usec; /* wall clock */
};

/* Deletes the collections that are there and asks to be called again; once nothing is there, takes
 * the finalizer away. Returns 0 or -ENOMEM. Pure. */
int namespace_plan(const struct namespace_facts *f, struct changes *c, struct err *e);
