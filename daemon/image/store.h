#pragma once

/* The writer's half of the store: orch-image only. */

#include "daemon/image/image.h"

/* Waits for the one writer's place, then empties DIR/tmp. lock->fd: close it (or die) to leave.
 * Returns 0 or a negative errno. Blocks while another orch-image works. */
int image_store_lock(struct image_store *store, int *ret_fd, struct err *e);

/* Paths, the caller's; NULL when memory is out. digest: "sha256:HEX". */
char *image_store_layer_path(const struct image_store *store, const char *digest);
char *image_store_record_path(const struct image_store *store, const char *id);
char *image_store_reference_path(const struct image_store *store, const char *reference);

/* Makes DIR/tmp/WORD-XXXXXX and returns its path (the caller's) in *ret. */
int image_store_make_tmp(const struct image_store *store, const char *word, char **ret,
                         struct err *e);

/* Puts an image in: its record, then its names. Layers must be in place. All of it is on the disk
 * afterwards. Returns 0 or a negative errno; a crash between leaves the image without some names,
 * never a name without image. */
int image_store_publish(struct image_store *store, const char *id, const char *record,
                        const struct image_words *names, struct err *e);

/* Removes records without a name, then layers without a record, except in_use's. Needs the lock. */
int image_store_collect(struct image_store *store, const struct image_words *in_use, struct err *e);
