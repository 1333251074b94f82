#pragma once

#include "base/err.h"
#include "daemon/image/image.h"

/* Images as folders to look into: their layers in one read-only overlay. What is mounted, and
 * where, only the kernel knows: nothing has to be written, and nothing is left after a reboot. */

struct image_mount {
        char *id;   /* "sha256:HEX" */
        char *path; /* where it is seen */
};

struct image_mounts {
        struct image_mount *items;
        size_t n;
};

void image_mounts_done(struct image_mounts *mounts);
DEFINE_AUTO_DONE(image_mounts);

/* The mounts of a store's images among those of /proc/self/mountinfo (proc(5)).
 * text: NUL-terminated. Returns 0 or -ENOMEM. Pure. */
int image_mounts_parse(const char *text, const char *store_dir, struct image_mounts *ret);

/* The same for this process. Returns 0 or a negative errno. */
int image_mounts_read(const struct image_store *store, struct image_mounts *ret, struct err *e);

/* Where an image is mounted first; NULL: nowhere. Borrowed. */
const char *image_mounts_find(const struct image_mounts *mounts, const char *id);

/* Mounts an image at DIR/HEX, unless it is there already; devices don't work there, and nobody gets
 * rights by a file's mode. While it is mounted it is neither removed nor collected.
 *
 * dir       absolute; made where it is missing.
 * ret_path  the caller's.
 *
 * Returns 0, -ENOENT or another negative errno. Needs CAP_SYS_ADMIN. */
int image_mount(struct image_store *store, const char *reference, const char *dir, char **ret_path,
                struct err *e);

/* Unmounts an image everywhere, or what is seen at one path; folders in dir that were made for it
 * go.
 *
 * what     a reference, or an absolute path.
 * ret      the paths that were freed: the caller's.
 *
 * Returns 0, -ENOENT when nothing is mounted so, -EBUSY while somebody works in it, or another
 * negative errno. */
int image_unmount(struct image_store *store, const char *what, const char *dir,
                  struct image_words *ret, struct err *e);
