#pragma once

#include "base/err.h"

#include <stddef.h>

/* Makes room for one more element in a growing array.
 *
 * items  address of the owned pointer; *cap its room in elements; n elements in use; size bytes
 * each.
 *
 * Returns 0 or -ENOMEM (nothing changed then). */
int array_reserve(void *items, size_t *cap, size_t n, size_t size);
