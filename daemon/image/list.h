#pragma once

#include "base/err.h"
#include "daemon/image/image.h"

#include <jansson.h>

/* What "orch image ls" tells of a store: named images sorted by name, then those without a name.
 *
 * ret  the caller's: [{"id", "names", "sizeBytes", "layers", "created", "architecture", "digest",
 *      "digests", "labels", "pinned", "mounts"}]; what an image hasn't is left out, but for names.
 *
 * Returns 0 or a negative errno. Damaged records are left out. */
int image_describe_all(struct image_store *store, json_t **ret, struct err *e);
