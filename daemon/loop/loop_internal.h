#pragma once

#include "daemon/loop/loop.h"

/* What the files of daemon/loop share. */
struct work_pool;

struct loop {
        unsigned n_refs;
        sd_event *event;
        sd_event_source *on_term;
        sd_event_source *on_int;
        struct work_pool *pool; /* NULL until work is submitted */
        bool is_exiting;
};

/* Lets running work end, drops what waits, calls every done() that is owed. NULL is fine. */
void work_pool_free(struct work_pool *p);
