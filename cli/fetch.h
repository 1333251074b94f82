#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>

struct kind;
struct session;

/* What to list. NULL members: everything. */
struct fetch {
        const struct kind *kind;
        const char *namespace_; /* NULL: the session's */
        const char *label_selector, *field_selector;
        bool is_all_namespaces;
};

/* The path of a list, with selectors. The caller's, or NULL. */
char *fetch_path(const struct session *s, const struct fetch *f);

/* Lists, page by page, into one tree {"apiVersion","kind","metadata","items"}; each item carries
 * apiVersion and kind. Returns 0 or session_call()'s errors. */
int fetch_list(struct session *s, const struct fetch *f, json_t **ret_list, struct err *e);

/* One object. */
int fetch_object(struct session *s, const struct kind *k, const char *namespace_, const char *name,
                 json_t **ret_object, struct err *e);

/* Strings deep inside a tree: tree_text(pod, "spec", "nodeName", NULL). "" where there is none. */
const json_t *tree_get(const json_t *tree, ...) __attribute__((sentinel));
const char *tree_text(const json_t *tree, ...) __attribute__((sentinel));
json_int_t tree_number(const json_t *tree, ...) __attribute__((sentinel));
