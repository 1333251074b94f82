#pragma once

#include "api/patch/apply_type.h"
#include "api/patch/field_set.h"

/* Walks over objects by their types: what managers of fields are built from. Pure. JSON null counts
 * as absent. Failures of memory stick to the maker. */

/* All paths that a value sets: what an apply of it owns. */
const struct field_set *apply_fields(struct field_maker *m, const struct apply_type *t,
                                     const json_t *value);

/* What one has to do to get from was to now. was, now: NULL for absent. */
struct apply_delta {
        const struct field_set *changed; /* added or with another value */
        const struct field_set *removed;
};
struct apply_delta apply_compare(struct field_maker *m, const struct apply_type *t,
                                 const json_t *was, const json_t *now);

/* A fresh tree: live with config laid over it. Elements that config names come in its order. NULL:
 * memory is out. */
json_t *apply_merge(struct field_maker *m, const struct apply_type *t, const json_t *live,
                    const json_t *config);

/* Takes the paths of the set out of the tree, which is changed; what becomes empty goes, too. */
void apply_remove(struct field_maker *m, const struct apply_type *t, json_t *tree,
                  const struct field_set *set);

/* The set, and with each path the fields above it that the schema names. */
const struct field_set *apply_named(struct field_maker *m, const struct apply_type *t,
                                    const struct field_set *set);

/* Whether a config can be applied: no unknown fields, keys there and distinct. Returns 0, -EINVAL
 * (e: ".spec.bogus: field not declared in schema", several of them one a line) or -ENOMEM. */
int apply_check(struct field_maker *m, const struct apply_type *t, const json_t *config,
                struct err *e);
