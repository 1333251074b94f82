#pragma once

#include "daemon/build/builder.h"

/* Finds an image that the plan names, here or in a registry, and sets its id and configuration.
 * Returns 0 or a negative errno; e begins with the place. Blocks. */
int build_find_image(struct builder *b, struct build_image *image, struct err *e);
