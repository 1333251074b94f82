#pragma once

#include "base/err.h"
#include "daemon/image/image.h"

enum image_archive { IMAGE_ARCHIVE_DOCKER, IMAGE_ARCHIVE_OCI };

/* Writes images to fd as an archive that docker, podman, skopeo and containerd load: layers as
 * plain tar, so that they have their diff IDs; the configuration, and so the image's ID, as it
 * came.
 *
 * references  at least one; with a digest or an ID the image gets no name in the archive.
 *
 * Returns 0, -ENOENT, -ENODATA (a layer can't be put together again), -EBADMSG (a layer is
 * damaged), or another negative errno; fd may have got part of it then. Blocks. */
int image_save(struct image_store *store, enum image_archive archive,
               const struct image_words *references, int fd, struct err *e);
