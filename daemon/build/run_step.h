#pragma once

#include "base/ip.h"
#include "daemon/build/builder.h"
#include "daemon/runtime/runtime.h"

/* One RUN under way. Private to the files run_*.c. */

#define RUN_MOUNTS_MAX 104

struct run_step {
        struct builder_stage *stage;
        const struct build_step *step;
        char *dir; /* folder for views, scripts and upper folders of mounts */
        char uid[40];
        struct runtime_pod *pod;
        struct run_log *log;
        size_t address; /* of the configuration's; SIZE_MAX: none */
        struct image_words env, layers;
        struct runtime_mount mounts[RUN_MOUNTS_MAX];
        size_t n_mounts;
        struct image_words texts; /* that mounts point to */
        struct build_view views[RUN_MOUNTS_MAX];
        size_t n_views;
        int locks[RUN_MOUNTS_MAX]; /* of cache folders */
        size_t n_locks;
        int r; /* what came of it */
        char *diff_id;
        struct err why;
};

/* Fills in mounts and what of secrets goes into the environment. Returns 0, -EAGAIN (a cache is
 * locked by another step), or another negative errno. */
int run_mounts_open(struct run_step *run, struct err *e);
void run_mounts_close(struct run_step *run);

/* Adds what the step's mounts show to a digest. */
struct digest;
int run_mounts_digest(struct builder_stage *s, const struct build_step *step, struct digest *d,
                      struct err *e);

/* Takes out of an upper folder what only the mounts needed: empty files and folders that the layers
 * below don't have. */
int run_clean(const struct run_step *run, const char *upper, struct err *e);

/* What the container prints, followed. */
int run_log_new(struct run_step *run, const char *path, struct run_log **ret, struct err *e);
/* Looks for more from now on, if it doesn't yet: before the container has started its folder may
 * not be there. NULL is fine. */
void run_log_watch(struct run_log *log);
void run_log_drain(struct run_log *log);
void run_log_free(struct run_log *log);
