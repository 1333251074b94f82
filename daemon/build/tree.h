#pragma once

#include "base/err.h"
#include "daemon/distribution/digest.h"
#include "daemon/plan/build_plan.h"

#include <sys/types.h>

/* Files of one tree, copied into another as COPY means it. */

/* How deep folders may lie in each other. */
#define TREE_DEPTH_MAX 200

/* A folder's names, sorted by bytes. */
struct tree_names {
        char **items;
        size_t n, cap;
};
int tree_names_read(int dirfd, struct tree_names *ret, struct err *e);
void tree_names_done(struct tree_names *names);
DEFINE_AUTO_DONE(tree_names);

struct tree_copy {
        const struct build_step *step;
        int source_fd;            /* root of what is copied from */
        bool keeps_owner;         /* stages and images; of the context everything is root's */
        bool has_owner, has_mode; /* --chown, --chmod */
        uid_t uid;
        gid_t gid;
        mode_t mode;
        struct tree_names sources; /* paths that the step's patterns stand for */
        bool has_many;             /* the target is a folder then */
};

void tree_copy_done(struct tree_copy *copy);
DEFINE_AUTO_DONE(tree_copy);

/* Finds what the step's patterns stand for. Returns 0, -ENOENT (nothing; e names it) or another
 * negative errno. */
int tree_find(struct tree_copy *copy, struct err *e);

/* Adds all that the step reads to a digest: names, kinds, modes, owners where they are kept, and
 * contents; no times. */
int tree_digest(const struct tree_copy *copy, struct digest *d, struct err *e);

/* Copies into target's tree (its root's descriptor). Needs CAP_CHOWN and so on. */
int tree_copy_run(const struct tree_copy *copy, int target_fd, struct err *e);

/* Whether ADD would take a source apart: a tar, plain or packed by gzip, bzip2, xz or zstd, by its
 * first bytes. Such sources are left out by tree_copy_run(). */
int tree_source_is_archive(const struct tree_copy *copy, const char *source);

/* Makes the step's target a folder. Returns a descriptor or a negative errno. */
int tree_target_folder(const struct tree_copy *copy, int target_fd, struct err *e);
