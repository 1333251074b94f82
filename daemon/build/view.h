#pragma once

#include "base/err.h"
#include "daemon/image/image.h"

/* Layers as one tree, mounted in this program's own mount namespace. */
struct build_view {
        char *path;  /* where it is mounted */
        char *upper; /* what is written lands here; NULL: read-only */
        char *work;
        bool is_mounted;
};

/* store_dir: the image store. diff_ids: lowest first; none: an empty tree. dir: an empty folder of
 * the caller's to put mount point and upper folder into, not on an overlay. Returns 0 or a negative
 * errno. */
int build_view_open(const char *store_dir, const struct image_words *diff_ids, const char *dir,
                    bool is_writable, struct build_view *ret, struct err *e);

/* Whether a layer comes again further up. An overlay takes each folder once, and the upper one
 * alone shows the same: all that the lower one holds is in it, and nothing between can outlive it.
 */
bool build_view_is_repeated(const struct image_words *diff_ids, size_t index);

/* Unmounts; the upper folder stays the caller's to read and remove. */
void build_view_close(struct build_view *view);
void build_view_done(struct build_view *view);
DEFINE_AUTO_DONE(build_view);

/* Opens a path as if the view's root were the machine's (openat2, RESOLVE_IN_ROOT): links stay
 * inside. Returns a descriptor or a negative errno. */
int build_open_inside(int rootfd, const char *path, int flags);
