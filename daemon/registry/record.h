#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One version of one object: immutable, reference-counted, a single allocation. It holds the JSON
 * text as it is served (resourceVersion included) and what lists and watches select by, so that
 * neither parses anything. */
struct object;
struct resource;
typedef struct json_t json_t;

/* Fields that a kind may have its records keep for selectors (others are read from the text). */
#define RECORD_FIELDS_MAX 8

struct record_label {
        const char *key, *value;
};

struct record {
        unsigned n_refs;
        uint32_t n_labels;
        uint64_t revision;
        int64_t stored_revision; /* the store's own count, of the last version that it has; 0: none
                                  */
        const struct resource *resource;
        const char *namespace_; /* "" for cluster-scoped */
        const char *name;
        const char *uid;
        const struct record_label *labels;
        const char *const *fields; /* resource->n_fields values, "" where absent */
        size_t json_len;
        const char *json;                 /* NUL-terminated, one line */
        uint32_t managed_at, managed_len; /* metadata.managedFields in it; 0, 0: none */
        /* The decoded outline, which the controllers' caches share; NULL: nobody wants it, or this
         * isn't the present version any more. Counted; doesn't count as a change. */
        struct object *object;
};

/* Makes a version of an object from its tree.
 *
 * tree      borrowed, not changed; metadata.name must be there. metadata.managedFields may be its
 *           own JSON as a string.
 * revision  becomes metadata.resourceVersion, whatever the tree says there.
 *
 * Returns 0, -EINVAL for what is no object, or -ENOMEM. */
int record_new(const struct resource *resource, const json_t *tree, uint64_t revision,
               struct record **ret_record, struct err *e);

/* The same from stored text, whose resourceVersion counts. */
int record_parse(const struct resource *resource, const char *json, size_t len,
                 struct record **ret_record, struct err *e);

/* Decodes it from the tree that record_new() got, for record->object. bytes: as for
 * object_new_outline(). Returns 0, -EINVAL or -ENOMEM. */
int record_decode(struct record *r, const json_t *tree, size_t *bytes);

/* Lets go of the decoded form. */
void record_forget_object(struct record *r);

struct record *record_ref(struct record *r);
void record_unref(struct record *r);
DEFINE_AUTO(record);

/* The tree again, for whoever wants to change it. The caller's; NULL when memory is out. */
json_t *record_tree(const struct record *r);

/* Bytes that this version takes. */
size_t record_bytes(const struct record *r);

/* Order of lists: namespace, then name. */
int record_compare(const struct record *a, const char *namespace_, const char *name);
