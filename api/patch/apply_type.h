#pragma once

#include "api/schema/schema.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* What server-side apply must know of a field: who owns its parts, and how elements of its list are
 * told apart (Kubernetes: x-kubernetes-list-type, -list-map-keys, -map-type). The static tables are
 * one source of this, the structural schemas of CustomResourceDefinitions another. */

enum apply_shape {
        APPLY_ATOMIC,  /* a scalar, or an object or list that has owners only as a whole */
        APPLY_OBJECT,  /* object or map: each member has owners of its own */
        APPLY_KEYED,   /* list of objects that are told apart by keys */
        APPLY_SET,     /* list of distinct scalars */
        APPLY_DEDUCED, /* no schema: objects are APPLY_OBJECT, all else is APPLY_ATOMIC */
};

struct apply_ops;

/* A small value, copied freely. What it points to outlives the operation. */
struct apply_type {
        const struct apply_ops *ops;
        const void *node; /* the source's own */
        enum apply_shape shape;
        bool is_named;       /* a field that the schema names, not an entry of a map */
        bool is_embedded;    /* there even when nobody writes it: a struct inside a struct */
        bool is_unknown;     /* the schema doesn't have this field */
        const char *keys[4]; /* APPLY_KEYED: names, in alphabetical order */
        size_t n_keys;
};

struct apply_ops {
        /* The type of a member of an APPLY_OBJECT. */
        struct apply_type (*member)(const struct apply_type *of, const char *name);
        /* The type of the elements of an APPLY_KEYED (always objects). */
        struct apply_type (*element)(const struct apply_type *of);
        /* What an element of an APPLY_KEYED has under a key that it leaves out: a fresh tree; NULL:
         * the key must be there. */
        json_t *(*key_default)(const struct apply_type *of, const char *key);
};

/* An object described by a static table. Its metadata is described by the tables, too. */
struct apply_type apply_type_of(const struct schema *s);

/* A value without schema. */
struct apply_type apply_type_deduced(void);

/* The types of parts; both also answer for APPLY_DEDUCED and for what has no ops. */
struct apply_type apply_type_member(const struct apply_type *of, const char *name);
struct apply_type apply_type_element(const struct apply_type *of);
