#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A directory of small files that changes all at once:
 *
 *   DIR/..HASH/key   the files
 *   DIR/..data       -> ..HASH, replaced by rename
 *   DIR/key          -> ..data/key
 */
struct volume_file {
        const char *path; /* relative, without ".." */
        const void *data;
        size_t len;
        mode_t mode;
        uid_t uid; /* owner; 0: root */
};

/* Whether a path may be used: relative, not empty, no ".." part, does not begin with "..". Pure. */
bool volume_file_path_is_valid(const char *path);

/* Brings DIR to these files; a DIR that has them already isn't touched. gid: (gid_t) -1: none.
 * Returns 1 when something changed, 0, -EINVAL (a path) or an errno. */
int volume_files_write(const char *dir, const struct volume_file *files, size_t n, gid_t gid,
                       struct err *e);
