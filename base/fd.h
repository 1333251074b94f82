#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads until the end. Returns 0, -EFBIG past max_bytes, -ENOMEM or read()'s errno. *ret_text is
 * NUL-terminated and the caller's; ret_len may be NULL. Blocks. */
int fd_read_all(int fd, size_t max_bytes, char **ret_text, size_t *ret_len, struct err *e);

/* Writes it all, retrying short writes. Returns 0 or write()'s errno. Blocks. */
int fd_write_all(int fd, const void *data, size_t len);

int fd_set_nonblock(int fd, bool on);

/* The whole file, as fd_read_all(). */
int file_read(const char *path, size_t max_bytes, char **ret_text, size_t *ret_len, struct err *e);

/* Replaces path by rename, so that a reader sees the old or the new content, never half of it.
 * is_durable: fsync file and directory first (a write to flash: only for what must survive power).
 */
int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, bool is_durable,
                      struct err *e);

/* Writes text into an existing file in one write() (for /proc, /sys and cgroups). */
int file_write_text(const char *path, const char *text, struct err *e);

/* mkdir -p. Existing directories keep their mode. */
int dir_make_all(const char *path, mode_t mode, struct err *e);

/* Takes a directory for this process alone until *ret_fd is closed (or the process dies): what
 * keeps a second daemon off. Writes nothing. user: the word for who may hold it already, option:
 * how to choose another; both for the message. Returns 0, -EBUSY when another process has it, or a
 * negative errno. */
int dir_lock(const char *path, const char *user, const char *option, int *ret_fd, struct err *e);

/* rm -r of path relative to dirfd (AT_FDCWD: as it stands). Never follows links, never crosses into
 * another file system. Missing is success. */
int dir_remove_all(int dirfd, const char *path, struct err *e);
