#pragma once

#include "api/kinds/meta.h"
#include "base/err.h"
#include "base/macros.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum selector_op {
        SELECTOR_IN,     /* also = and == */
        SELECTOR_NOT_IN, /* also != ; an absent key matches */
        SELECTOR_EXISTS,
        SELECTOR_NOT_EXISTS,
        SELECTOR_GREATER, /* numbers only: "tier>2" */
        SELECTOR_LESS,
};

struct selector_term {
        const char *key;
        enum selector_op op;
        const char **values;
        size_t n_values;
};

/* Terms that must all hold. Immutable; one free. */
struct selector {
        struct selector_term *terms;
        size_t n;
        struct arena *arena;
};

void selector_unref(struct selector *s);
DEFINE_AUTO(selector);

/* Parses a label selector: "a=b,c!=d,e in (x,y),f notin (z),g,!h". "" and NULL match everything.
 * At most 64 KiB. Returns 0, -EINVAL or -ENOMEM. */
int selector_parse(const char *text, struct selector **ret, struct err *e);

/* Parses a field selector: "metadata.name=x,status.phase!=Running"; = == != only, and a backslash
 * before each comma, equals sign and backslash of a value. Likewise. */
int selector_parse_fields(const char *text, struct selector **ret, struct err *e);

/* Whether labels match. s NULL matches everything. labels may be NULL: none. */
bool selector_matches(const struct selector *s, const struct string_map *labels);

/* The same over a JSON object of strings (metadata.labels). */
bool selector_matches_json(const struct selector *s, const json_t *labels);

/* The same with values given by a function: get(ctx, key) is NULL for an absent key. */
bool selector_matches_with(const struct selector *s, const char *(*get)(void *ctx, const char *key),
                           void *ctx);

/* Whether a LabelSelector matches labels; an empty one matches everything. */
bool label_selector_matches(const struct label_selector *s, const struct string_map *labels);

/* Whether all pairs of a plain selector (Service, nodeSelector) are among labels; an empty one
 * matches everything. */
bool string_map_is_subset(const struct string_map *pairs, const struct string_map *labels);

/* "app=web,tier in (a,b)": a LabelSelector as kubectl and Scale print it; "<none>" is the caller's
 * business. The caller's; NULL: memory is out. */
char *label_selector_format(const struct label_selector *s);

/* The value at a dotted path ("spec.nodeName") as selectors compare it: text as it is, numbers and
 * booleans printed into buf, absent and null "". */
const char *field_value(const json_t *tree, const char *path, char *buf, size_t len);
