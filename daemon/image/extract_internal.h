#pragma once

#include "daemon/image/extract.h"

#include <limits.h>
#include <sys/types.h>

#define EXTRACT_BYTES_MAX (64ULL << 30)
#define EXTRACT_ENTRIES_MAX 4000000ULL

/* The folder that the last entry went into: most entries follow others of the same folder. */
struct extract_parent {
        int fd; /* -1: none */
        char path[PATH_MAX];
        bool is_setgid; /* hands its group down */
};

struct extract {
        enum unpack_kind kind;
        struct recipe_writer *recipe;
        int kept_fd;
        struct unpack_result *result;
        int root_fd;
        struct extract_parent parent;
        char path[PATH_MAX]; /* of the entry, cleaned */
        char link[PATH_MAX];
        int folders_fd; /* a nameless file: folders and their times, in order */
        char *folders;  /* what isn't in it yet */
        size_t folders_len;
        uint64_t n_unchecked; /* bytes since the last look at the free space */
        bool is_inexact;
};

/* ---- extract_path.c: names and folders ---- */

/* path without "." and empty components; "." for the root. Returns 0, -EBADMSG (".." or too long).
 */
int extract_clean(const char *path, char ret[PATH_MAX], struct err *e);

/* The folder of x->path, made where it is missing. ret_base: the last component. */
int extract_open_parent(struct extract *x, const char **ret_base, struct err *e);

/* Forgets the folder: what led to it may have been replaced. */
void extract_forget_parent(struct extract *x);

/* Removes what stands under base so that the entry can be made; a folder stays for a folder.
 * ret_stays: it stays. ret_was_whiteout: it hid something of the layers below. */
int extract_make_way(struct extract *x, const char *base, const struct tar_entry *entry,
                     bool *ret_stays, bool *ret_was_whiteout, struct err *e);

/* ---- extract_meta.c: owners, modes, attributes, times ---- */

/* fd: of a file; or -1 and base in x->parent.fd. needs_all: nothing is right yet, as in a folder
 * that was there before. */
int extract_set_meta(struct extract *x, int fd, const char *base, const struct tar_entry *entry,
                     bool needs_all, struct err *e);

/* Notes a folder's time for extract_end(). */
int extract_note_folder(struct extract *x, const struct tar_entry *entry, struct err *e);
