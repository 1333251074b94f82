#pragma once

#include "api/schema/schema.h"

/* What every list and map member looks like, whatever its elements. */
struct member_list {
        void *items;
        size_t n;
};

/* Bytes of one element of a list or map field. */
size_t member_element_size(const struct field *f);

static inline void *member_at(const struct field *f, void *base) {
        return (char *) base + f->offset;
}

static inline const void *member_const_at(const struct field *f, const void *base) {
        return (const char *) base + f->offset;
}

/* Whether a member says nothing and is left out of JSON. */
bool member_is_empty(const struct field *f, const void *member);
