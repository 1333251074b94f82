#pragma once

#include "api/kinds/meta.h"
#include "api/schema/schema.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/macros.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* A decoded object: immutable, reference-counted, one free. */
struct object {
        unsigned refs;
        const struct kind *kind;
        struct arena *arena;
        const struct object_meta *meta; /* first member of the kind's struct, so: (struct pod *) */
        const char *text;               /* JSON it was made from, or NULL; in the arena */
        size_t text_len;
};

struct object *object_ref(struct object *o);
void object_unref(struct object *o);
DEFINE_AUTO(object);

/* Decodes a tree. k NULL: looked up by the tree's apiVersion and kind. The tree is borrowed and not
 * kept. keep_text: also keep its compact JSON text. Neither defaults nor validates; do that first
 * with kind_default() and kind_validate(). Returns 0, -ENOENT (no such kind), -EINVAL or -ENOMEM.
 */
int object_new_from_json(const struct kind *k, const json_t *tree, bool keep_text,
                         struct object **ret, struct err *e);

/* The same for controllers, which keep it long and look at a part of it: without fields that are
 * FIELD_NODE_ONLY, without text, in hardly more memory than it takes.
 *
 * k         given.
 * revision  what metadata.resourceVersion is to be; NULL: as the tree says.
 * bytes     in: what it may take, 0: not known; out: what it took. Objects of a kind are often as
 *           large as the one before, which saves decoding them twice. NULL: nobody remembers. */
int object_new_outline(const struct kind *k, const json_t *tree, const char *revision,
                       size_t *bytes, struct object **ret, struct err *e);

/* For a moment's look at an object that this program wrote itself (schema_decode_text()): its text
 * isn't kept, values of bytes are NULL. Returns 0, -EINVAL or -ENOMEM. */
int object_glance(const struct kind *k, const char *json, size_t len, struct object **ret,
                  struct err *e);

/* The same from len bytes of JSON text, which is copied when keep_text is set. */
int object_new_from_text(const struct kind *k, const char *text, size_t len, bool keep_text,
                         struct object **ret, struct err *e);

/* A fresh tree of the object, the caller's: parsed from its text where it has one (then nothing is
 * missing), else encoded from its members. NULL: memory is out. */
json_t *object_json(const struct object *o);

/* OBJECT_AS(pod, o): the decoded struct pod, checked against the kind. */
#define OBJECT_AS(type, o) ((const struct type *) object_as((o), &type##_kind))
const void *object_as(const struct object *o, const struct kind *k);

/* "NAMESPACE/NAME", or "NAME" without namespace; at most 512 bytes with NUL. Returns buf. */
#define OBJECT_KEY_MAX 512
char *object_key(const struct object *o, char buf[OBJECT_KEY_MAX]);

/* Kinds made at run time live as long as somebody counts on them; for tables' kinds both do
 * nothing. Objects count on theirs. k may be NULL. */
const struct kind *kind_ref(const struct kind *k);
void kind_unref(const struct kind *k);

/* Brings a tree of version k to the form that is stored, and back. In place; apiVersion and kind
 * follow. Return 0 or -ENOMEM. */
int kind_to_stored(const struct kind *k, json_t *tree);
int kind_from_stored(const struct kind *k, json_t *tree);

/* All kinds of tables that clients can ask for, NULL-terminated, namespaces and nodes first. Those
 * with stored_as are further versions of another one. A server has more: registry_kind_next(). */
const struct kind *const *kind_all(void);

/* Kinds that are asked by POST and never stored (reviews), NULL-terminated. */
const struct kind *const *kind_reviews(void);

/* Kinds that are read and listed but never stored (metrics), NULL-terminated. */
const struct kind *const *kind_all_measured(void);

/* Kinds that are only bodies of requests and answers, NULL-terminated. */
const struct kind *const *kind_all_bodies(void);

/* The kind of "apps/v1" and "Deployment" (stored, body or review), or NULL. */
const struct kind *kind_find(const char *api_version, const char *name);

/* The stored kind of group ("" for core), version ("v1") and plural, or NULL. */
const struct kind *kind_by_resource(const char *group, const char *version, const char *plural);

/* The stored kind a person means: plural, singular, short name, Kind, or any with ".group" behind;
 * letters' case is ignored. NULL: none. */
const struct kind *kind_by_word(const char *word);

/* The word nearest to a mistyped one, for "did you mean", or NULL. */
const char *kind_nearest_word(const char *word);

/* Applies all defaults of the kind to the tree, as Kubernetes shows them in its answers. Sets
 * apiVersion and kind when absent. Returns 0, -EINVAL (not an object) or -ENOMEM. */
int kind_default(const struct kind *k, json_t *tree, struct err *e);

/* schema_validate(), metadata's rules, then the cross-field check (skipped while the tree has
 * errors of type). flags: SCHEMA_*. Returns 0 or -ENOMEM; look at d->n_errors. Pure. */
int kind_validate(const struct kind *k, const json_t *tree, unsigned flags, struct diags *d);

/* Both for a version made from was, whose members (the very nodes) it shares where they stay: those
 * are passed over, and the cross-field check where nothing but the status is new. was NULL: none.
 */
int kind_default_changed(const struct kind *k, json_t *tree, const json_t *was, struct err *e);
int kind_validate_changed(const struct kind *k, const json_t *tree, const json_t *was,
                          unsigned flags, struct diags *d);

/* Whether all that the checks across fields and versions look at is was's own (the very nodes). */
bool kind_only_status_is_new(const struct kind *k, const json_t *tree, const json_t *was);

/* Drops unknown fields and nulls from a tree of that kind. Returns 0 or -ENOMEM. */
int kind_prune(const struct kind *k, json_t *tree);

/* What may not change between two decoded objects of one kind. */
void kind_validate_update(const struct kind *k, const struct object *old,
                          const struct object *fresh, struct diags *d);

/* Adds the cells of one row (k->n_columns) to the array. An object of a custom kind must have its
 * text. Returns 0 or -ENOMEM. */
int kind_add_cells(const struct kind *k, const struct object *o, uint64_t now_usec, json_t *cells);

/* Age as kubectl prints it: "119s", "3m5s", "179m", "3h5m", "47h", "7d5h", "729d"; "<unknown>"
 * when since is 0. Returns buf. */
#define AGE_TEXT_MAX 24
char *age_format(uint64_t since_usec, uint64_t now_usec, char buf[AGE_TEXT_MAX]);
