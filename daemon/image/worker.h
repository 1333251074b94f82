#pragma once

#include "base/err.h"

#include <stddef.h>

/* Work in a child of its own: what parses what others wrote, or keeps a core busy beside others. It
 * is killed together with its parent, and says one result through a pipe when it ends. */
struct worker;

#define WORKER_FDS_MAX 3
#define WORKER_RESULT_MAX 1024

struct worker_options {
        int fds[WORKER_FDS_MAX]; /* the child's WORKER_FD(i); -1: none. Everything else but the
                                    standard ones is closed there. */
        /* Runs in the child. result: result_len zeroed bytes for the parent. Returns 0 or a
         * negative errno with e set. */
        int (*run)(void *userdata, void *result, struct err *e);
        void *userdata;
        size_t result_len; /* at most WORKER_RESULT_MAX */
};

#define WORKER_FD(i) (3 + (i))

/* options: borrowed for the call; fds stay the caller's. Returns 0 or a negative errno. Forks: no
 * other thread may hold a lock that run needs. */
int worker_start(const struct worker_options *options, struct worker **ret, struct err *e);

/* Readable once the child has ended, well or not; then worker_finish() doesn't block. */
int worker_report_fd(const struct worker *w);

/* Waits for the child; returns what run did. result: filled on success. */
int worker_finish(struct worker *take_w, void *result, struct err *e);

/* Kills the child and waits until it is gone. NULL is ignored. */
void worker_cancel(struct worker *take_w);
