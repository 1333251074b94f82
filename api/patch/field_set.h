#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* A set of field paths, as managedFields keeps it (metav1.FieldsV1): a tree whose keys are
 *
 *     f:NAME           a member of an object or map
 *     k:{"name":"c"}   the element of a list with these keys
 *     v:VALUE          the element of a set, as JSON
 *     i:N              the element at that place
 *
 * A node that is a member has "." in the text, or is {} where nothing is below it. Nodes are never
 * changed once they are part of a set, so sets share what they have in common. They live in the
 * arena of the maker. */
struct field_set {
        const char *key;               /* "" for the root */
        const struct field_set *first; /* children, sorted by key */
        const struct field_set *next;
        bool is_member;
};

/* Where sets come from. Failures stick: once memory was short, all results are empty and has_failed
 * says so; look at it once, at the end. */
struct field_maker {
        struct arena *arena; /* borrowed */
        bool has_failed;
};

#define FIELD_SET_DEPTH_MAX 128
#define FIELD_SET_BYTES_MAX (1U << 20)

/* Reads FieldsV1. The keys of k: are brought into order; malformed ones are refused. The text isn't
 * kept. Returns 0, -EINVAL, -E2BIG or -ENOMEM. Pure. */
int field_set_parse(struct field_maker *m, const char *text, size_t len,
                    const struct field_set **ret, struct err *e);

/* Appends the text, keys sorted. */
void field_set_format(const struct field_set *s, struct strbuf *b);

/* Appends one key, prefix and key, as a JSON string. */
void field_set_format_key(struct strbuf *b, const char *prefix, const char *key);

/* Nobody's set. */
const struct field_set *field_set_empty(void);
bool field_set_is_empty(const struct field_set *s);
bool field_set_equal(const struct field_set *a, const struct field_set *b);

/* Paths of both, of a but not b, of a and b. A path is not its prefix: {a.b} has no {a}. */
const struct field_set *field_set_union(struct field_maker *m, const struct field_set *a,
                                        const struct field_set *b);
const struct field_set *field_set_difference(struct field_maker *m, const struct field_set *a,
                                             const struct field_set *b);
const struct field_set *field_set_intersection(struct field_maker *m, const struct field_set *a,
                                               const struct field_set *b);

/* Whether all paths of a are in b. */
bool field_set_is_subset(const struct field_set *a, const struct field_set *b);

/* a without the paths of b and all that is below them. */
const struct field_set *field_set_cut(struct field_maker *m, const struct field_set *a,
                                      const struct field_set *b);

/* Calls fn with each path as Kubernetes writes it: .spec.containers[name="c"].image,
 * .spec.set[="x"]. text is borrowed for the call. Returns 0 or -ENOMEM. */
int field_set_each(const struct field_set *s, void (*fn)(void *data, const char *text), void *data);

/* ---- building ---- */

/* A child to be: key is copied into the arena. children: sorted by field_set_sort(). */
struct field_set *field_set_node(struct field_maker *m, const char *prefix, const char *key,
                                 const struct field_set *children, bool is_member);

/* Puts siblings linked by next into order; equal keys are united. */
const struct field_set *field_set_sort(struct field_maker *m, struct field_set *list);

/* The root of such children. */
const struct field_set *field_set_root(struct field_maker *m, const struct field_set *children);
