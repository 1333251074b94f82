#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stddef.h>

/* Helpers on trees that all kinds of patches share, and the registry's writes with them. */

/* Levels of nesting: 0 for a scalar. Trees come from bounded readers, so the recursion is bounded.
 */
size_t tree_depth(const json_t *tree);

/* What a copy costs in memory, roughly; stops counting beyond most. */
size_t tree_cost(const json_t *tree, size_t most);

/* Refuses trees deeper than PATCH_DEPTH_MAX. Returns 0 or -EINVAL. */
int tree_check_depth(const json_t *tree, const char *what, struct err *e);

/* A new object with the same members, which both then share. NULL: memory is out. */
json_t *tree_copy_members(const json_t *object);

/* A deep copy without nulls in objects; NULL: memory is out. */
json_t *tree_copy_without_nulls(const json_t *tree);

/* Always -ENOMEM, in words. */
int tree_no_memory(struct err *e);
