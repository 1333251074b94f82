#pragma once

#include "base/err.h"
#include "daemon/image/image.h"

#include <jansson.h>
#include <stdbool.h>

/* What people do with images that are here. Each takes its place among the writers itself. */

/* Gives an image a further name. Returns 0, -ENOENT, -EINVAL or another negative errno. */
int image_tag(struct image_store *store, const char *reference, const char *name, struct err *e);

/* Pinned by a name or an ID: neither removed nor collected until it is unpinned. */
int image_pin(struct image_store *store, const char *reference, bool is_pinned, struct err *e);
/* Whether one of the image's names, or its ID, is pinned. */
bool image_is_pinned(const struct image_store *store, const struct image *image);

/* All that is known of one image: what podman's and docker's "image inspect" say. ret: the
 * caller's.
 */
int image_inspect(struct image_store *store, const char *reference, json_t **ret, struct err *e);

/* Takes images away that have no name; is_all: also those that no pod uses, and
 * what builds remember. Never those in in_use
 * and pinned ones. ret: {"removed": [names and IDs], "freedBytes": N}. Returns 0, -EBUSY while
 * images are pulled or loaded, or another negative errno. */
int image_prune(struct image_store *store, bool is_all, const struct image_words *in_use,
                json_t **ret, struct err *e);
