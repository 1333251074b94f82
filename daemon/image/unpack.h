#pragma once

#include "base/err.h"
#include "daemon/distribution/digest.h"

#include <stdbool.h>
#include <stdint.h>

/* What was read. */
struct unpack_result {
        char blob_digest[DIGEST_TEXT_MAX]; /* of the bytes as they came (OCI: the layer's
                                              descriptor) */
        char diff_id[DIGEST_TEXT_MAX]; /* of the tar inside the compression (OCI: rootfs.diff_ids)
                                        */
        uint64_t size_bytes;           /* sum of the regular files */
        uint64_t n_entries;
        uint64_t n_skipped; /* device nodes and sockets, left out */
};

enum unpack_kind {
        UNPACK_LAYER, /* ".wh." names become overlayfs whiteouts, owners and attributes are kept */
        UNPACK_PLAIN, /* an archive of blobs: plain files, folders and links only */
};

/* Unpacks a tar (plain, gzip, zstd, xz or bzip2) into an empty folder: one pass, constant memory,
 * both digests taken on the way. Works in a child that has made the folder its root, so no path and
 * no link leads out of it, and that has no capability but those that files need.
 *
 * fd    read to its end. dir: absolute, exists.
 *
 * Returns 0; -EBADMSG when the input is no tar, is cut short or has a forbidden path; -EFBIG past
 * 64 GiB or 4,000,000 entries; -ENOSPC when the disk is nearly full; or another negative errno.
 * What was unpacked by then stays for the caller to remove. Blocks; needs CAP_SYS_CHROOT, CAP_MKNOD
 * and CAP_SYS_ADMIN (opaque folders). It forks. */
int unpack_tar(int fd, enum unpack_kind kind, const char *dir, struct unpack_result *ret,
               struct err *e);

/* The same side by side with other work: starts, and returns while the child reads.
 *
 * fd   a pipe's reading end, or a file; the caller may close its copy afterwards. The child keeps
 *      no other descriptor of the caller's but the standard ones.
 * ret  the caller's; ended by unpack_finish() or unpack_cancel(). */
struct unpacking;
int unpack_start(int fd, enum unpack_kind kind, const char *dir, struct unpacking **ret,
                 struct err *e);

/* The same for a layer that is to be put together again later (recipe.h): base_fd is a folder that
 * has an empty one "root" in it; "recipe" and "kept" are made beside that. A layer that can't be
 * put together again gets no recipe. */
int unpack_start_layer(int fd, int base_fd, struct unpacking **ret, struct err *e);

/* Readable once the child has ended, well or not; then unpack_finish() doesn't block. A child that
 * gives up early closes its end of the pipe: the writer sees EPIPE, unpack_finish() tells why. */
int unpack_report_fd(const struct unpacking *u);

/* Waits for the child; returns what unpack_tar() would have. */
int unpack_finish(struct unpacking *take_u, struct unpack_result *ret, struct err *e);

/* Kills the child and waits until it is gone. NULL is ignored. */
void unpack_cancel(struct unpacking *take_u);
