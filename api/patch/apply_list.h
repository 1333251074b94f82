#pragma once

#include "api/patch/apply_type.h"
#include "api/patch/field_set.h"

/* Lists whose elements have names: those of APPLY_KEYED and APPLY_SET. */
struct apply_element {
        const char *key; /* "k:{...}" or "v:..."; in the maker's arena */
        json_t *value;   /* borrowed */
        size_t index;    /* in the list */
};

struct apply_elements {
        struct apply_element *items; /* sorted by key, then index; in the maker's arena */
        size_t n;
        size_t n_nameless; /* elements that lack a key and are left out */
};

/* What an effective type is for a value: a shape that its JSON type bears out. */
enum apply_shape apply_shape_of(const struct apply_type *t, const json_t *value);

/* The named elements of a list. t: APPLY_KEYED or APPLY_SET. */
struct apply_elements apply_elements_of(struct field_maker *m, const struct apply_type *t,
                                        const json_t *list);

/* Appends an element's key as it stands in a set. False: it has none, and what was appended is of
 * no use. */
bool apply_element_key(const struct apply_type *t, const json_t *element, struct strbuf *b);

/* The first element with that key, or NULL. */
const struct apply_element *apply_elements_find(const struct apply_elements *e, const char *key);

/* The name of the key that an element lacks, or NULL. */
const char *apply_missing_key(const struct apply_type *t, const json_t *element);
