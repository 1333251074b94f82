#pragma once

#include "base/err.h"
#include "base/macros.h"
#include "daemon/image/recipe.h"
#include "daemon/image/tar.h"
#include "daemon/image/unpack.h"

/* Writes a tar's entries as files below "/" of a process that has made the target its root, so that
 * no path and no link leads out. */
struct extract;

/* recipe  what is written is told to it; NULL: nobody keeps one.
 * kept_fd a folder for contents that later entries replace; -1 without a recipe.
 * result  counted into; size, entries, skipped. Both borrowed. */
int extract_new(enum unpack_kind kind, struct recipe_writer *recipe, int kept_fd,
                struct unpack_result *result, struct extract **ret, struct err *e);
void extract_unref(struct extract *x);
DEFINE_AUTO(extract);

/* Makes one entry; a regular file's payload is read from tar. Returns 0, -EBADMSG (a forbidden
 * path, a link to nothing), -EFBIG, -ENOSPC (also when the file system is nearly full), or another
 * negative errno. */
int extract_entry(struct extract *x, struct tar_reader *tar, const struct tar_entry *entry,
                  struct err *e);

/* Gives the folders their times, which writing into them has changed. */
int extract_end(struct extract *x, struct err *e);

/* Whether the recipe gives the same tar again. Not where a folder or a link that other entries went
 * through was replaced. */
bool extract_is_exact(const struct extract *x);
