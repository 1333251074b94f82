#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* From a request's body to a tree that may be stored. Functions that return false have answered the
 * call: it is gone. */
struct call;
struct resource;
typedef struct json_t json_t;

/* The JSON of a body or a patch; keys that come twice count as the request wants unknown fields
 * to. False: answered. */
bool decode_text(struct call *c, json_t **ret_tree);

/* The body as a JSON object, the caller's. */
bool decode_body(struct call *c, json_t **ret_tree);

/* Checks that a tree says it is of the path's kind, or says nothing. */
bool decode_kind_matches(struct call *c, const json_t *tree);

/* Defaults and checks the tree: unknown fields (by fieldValidation), then everything else. What
 * stays is what is stored. Members that are the very nodes of was, the present version, are good
 * already; NULL: none. */
bool decode_check(struct call *c, json_t *tree, const json_t *was);

/* decode_check()'s rules for what may not change. */
bool decode_check_update(struct call *c, const json_t *old, const json_t *fresh);

/* The object that trees[key] holds, created when missing or null. Borrowed; NULL when memory is
 * out. */
json_t *tree_object(json_t *tree, const char *key);

/* A string member, or NULL. Borrowed. */
const char *tree_text(const json_t *tree, const char *key);
