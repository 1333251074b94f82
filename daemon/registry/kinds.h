#pragma once

#include "base/err.h"
#include "base/refs.h"
#include "daemon/registry/resource.h"
#include "daemon/registry/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kinds that a registry serves: those of api/kinds, and those that come and go with
 * CustomResourceDefinitions. */
struct registry;
struct review;

/* One kind of stored objects, in however many versions it is served. Records, calls and watches
 * count on it, so it outlives its place in the list. */
struct kind_state {
        struct resource resource; /* resource.kind: the version that is stored */
        struct table table;
        const struct kind **served; /* owned array of counted kinds; the preferred version first */
        size_t n_served;
        const struct review *review; /* what answers a kind that is only asked; else NULL */
        struct refs refs;
        bool has_object_readers; /* controllers share record->object */
        size_t outline_bytes;    /* what the last of these took */
        bool is_removed;         /* nobody finds it any more */
        bool is_terminating;     /* its definition is being deleted: nothing new is made */
};

struct kinds {
        struct kind_state **items; /* counted */
        size_t n, cap;
        unsigned next_index;
        uint64_t generation;
};

/* The kinds of kind_all(). Returns 0 or -ENOMEM. */
int kinds_init(struct kinds *k);
void kinds_done(struct kinds *k);

/* Adds a kind: served[0..n) are its versions, stored one of them. All are counted. ret may be NULL.
 * Returns 0 or -ENOMEM (nothing is added). The hub must be told of the index: hub_add_resource().
 */
int kinds_add(struct kinds *k, const struct kind *stored, const struct kind *const *served,
              size_t n_served, struct kind_state **ret);

/* Other versions, or the same with other schemas, for a kind that is there. 0 or -ENOMEM. */
int kinds_replace(struct kinds *k, struct kind_state *state, const struct kind *stored,
                  const struct kind *const *served, size_t n_served);

/* Takes it out of the list; its objects are forgotten. */
void kinds_remove(struct kinds *k, struct kind_state *state);

/* The state that a resource is part of. Not for resources that tests make by themselves. */
struct kind_state *kind_state_of(const struct resource *r);

/* The kind of a path, or NULL. version NULL: any. */
struct kind_state *registry_kind(struct registry *r, const char *group, const char *version,
                                 const char *plural);

/* The same, and which of its versions that is: borrowed. ret_asked is set on success. */
struct kind_state *registry_kind_asked(struct registry *r, const char *group, const char *version,
                                       const char *plural, const struct kind **ret_asked);

/* The kind of a path that is only asked (review.h), or NULL. */
struct kind_state *registry_review(struct registry *r, const char *group, const char *version,
                                   const char *plural, const struct kind **ret_asked);

/* By what it is stored as, served or not. */
struct kind_state *registry_kind_stored(struct registry *r, const char *group, const char *plural);

/* By group and Kind. */
struct kind_state *registry_kind_named(struct registry *r, const char *group, const char *name);

/* Walks every version of every kind that is served, in the order in which they came, the preferred
 * version of each first: "struct kind_cursor at = {0}; while ((k = registry_kind_next(r, &at)))".
 * Kinds are borrowed until the loop turns; kind_ref() keeps one longer. */
struct kind_cursor {
        size_t kind, version;
};
const struct kind *registry_kind_next(const struct registry *r, struct kind_cursor *at);

/* Grows whenever that walk would find something else: for whoever keeps documents made of it. */
uint64_t registry_kinds_generation(const struct registry *r);
