#pragma once

#include "base/err.h"
#include "daemon/image/image.h"

#include <jansson.h>

/* Taking images in: an OCI layout (directory or archive), a "docker save" archive, or a root file
 * system's tar. */
struct image_load_options {
        const char *name;   /* reference to give; NULL: the archive's own names */
        const char *config; /* import only: JSON of an OCI image configuration's "config" object;
                               NULL: {} */
};

/* Loads every image of what fd (a seekable or streaming archive) or path (a layout directory; then
 * fd is -1) holds.
 *
 * Enters the store, spools what can't be read twice to DIR/tmp, verifies every digest,
 * unpacks the layers that the store hasn't yet, syncs, then publishes. Fails as a whole or
 * publishes image by image, each one whole.
 *
 * ret  the caller's JSON array: [{"id", "names": [...], "sizeBytes", "layers": N, "skipped": N}].
 *
 * Returns 0, -EBADMSG (damaged or no image), -EINVAL (a name is missing or wrong), -ENOSPC, or
 * another negative errno. */
int image_load(struct image_store *store, int fd, const char *path,
               const struct image_load_options *options, json_t **ret, struct err *e);

/* Takes one tar of a root file system as an image of one layer. options->name is required.
 * Otherwise as image_load(). */
int image_import(struct image_store *store, int fd, const struct image_load_options *options,
                 json_t **ret, struct err *e);
