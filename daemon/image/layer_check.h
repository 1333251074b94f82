#pragma once

#include "base/err.h"

#include <stdbool.h>

struct image_store;

/* Compares a layer with its recipe: each file's kind and size; is_deep: everything, by putting the
 * tar together and comparing what it says with what is there.
 *
 * Returns 0; -EBADMSG with what is damaged; -ENODATA when there is no recipe to compare with; or
 * another negative errno. Blocks. Forks where is_deep. */
int layer_check(const struct image_store *store, const char *diff_id, bool is_deep, struct err *e);
