#pragma once

#include "base/err.h"

#include <stdint.h>

struct image_store;

/* The tar that a stored layer came from, byte by byte the same, so that it has the layer's diff ID:
 * for pushing, saving and neighbours. It is put together from the layer's recipe (headers and
 * paddings) and the unpacked files (docs/adr/0201). */

/* Writes it to fd.
 *
 * diff_id  "sha256:HEX".
 *
 * Returns 0; -ENOENT when the layer isn't here; -ENODATA when it was taken in before recipes were
 * kept (e says to load or pull it again); -EBADMSG when a file was changed since; -EPIPE; or
 * another negative errno. fd may have got part of it then. Blocks; any thread. */
int layer_tar_write(const struct image_store *store, const char *diff_id, int fd, struct err *e);

/* How long it is. Reads the recipe alone; returns as layer_tar_write(). */
int layer_tar_size(const struct image_store *store, const char *diff_id, uint64_t *ret,
                   struct err *e);

/* The same in a child, for callers that read the other end themselves.
 *
 * fd   a pipe's writing end; the caller closes its copy afterwards.
 * ret  the caller's; ended by layer_tar_finish() or layer_tar_cancel(). */
struct layer_tar;
int layer_tar_start(const struct image_store *store, const char *diff_id, int fd,
                    struct layer_tar **ret, struct err *e);

/* Waits for the child; returns what layer_tar_write() would have. */
int layer_tar_finish(struct layer_tar *take_t, struct err *e);

/* Kills the child and waits until it is gone. NULL is ignored. */
void layer_tar_cancel(struct layer_tar *take_t);
