#pragma once

#include "base/err.h"
#include "daemon/image/image.h"

/* From what a step wrote to a layer of the store. */
struct layer_write {
        struct image_store *store;
        bool has_epoch;
        int64_t epoch; /* seconds: no time in the layer is later */
};

/* Packs an overlay's upper folder and takes it in. Entries are sorted, and nothing in the tar
 * depends on the machine or the hour but the files' own times, so equal files give an equal digest.
 *
 * ret_diff_id  the caller's; NULL when the folder holds nothing.
 *
 * Returns 0, -EOPNOTSUPP (the overlay moved folders by reference) or another negative errno.
 * Blocks, forks. */
int layer_write_upper(const struct layer_write *w, const char *upper, char **ret_diff_id,
                      struct err *e);
