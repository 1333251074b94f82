#pragma once

#include "base/err.h"
#include "daemon/image/image.h"

#include <jansson.h>
#include <stdint.h>

/* What the node does with images by itself: room is made when the disk fills, and a folder of
 * archives is kept loaded. */

struct image_gc_options {
        unsigned high_pct;    /* of the file system in use: from here on images go */
        unsigned low_pct;     /* until less than this is in use */
        uint64_t min_age_sec; /* came or used later than this ago: stays; a pod may be about to want
                                 it */
        const char *used_dir; /* files HEX whose times are the last uses; NULL: none are known */
        const struct image_words *in_use; /* IDs that stay */
};

/* Removes images that are neither in use nor pinned, nameless ones first, then those whose last
 * use (or coming) is longest ago, until there is room (kubelet's thresholds).
 *
 * ret  the caller's JSON: {"usedPercent": N, "removed": ["name or ID"]}.
 *
 * Returns 0, also where nothing could go; -EBUSY while images are pulled or loaded; or another
 * negative errno. Blocks. */
int image_gc(struct image_store *store, const struct image_gc_options *options, json_t **ret,
             struct err *e);

/* Loads the archives of a folder that are new or changed since the last time, and pins their
 * images; what an archive that changed or went had pinned isn't pinned any more. Files whose names
 * end with .tar, .tgz, .tar.gz, .tar.zst, .tar.xz or .tar.bz2. Marks in DIR/loaded/ say what was
 * done.
 *
 * ret  the caller's JSON: {"loaded": ["file"], "unchanged": N, "failed": [{"file", "reason"}]}; a
 *      bad archive doesn't keep others from loading.
 *
 * Returns 0 or a negative errno. A folder that is missing has no archives. Blocks. */
int image_sync_folder(struct image_store *store, const char *dir, json_t **ret, struct err *e);
