#pragma once

/* For back-ends only: what store.c needs from one. */

#include "daemon/store/request.h"
#include "daemon/store/store.h"

#include <stdint.h>

struct store_ops {
        void (*free)(struct store *s);
        int64_t (*revision)(const struct store *s);
        const char *(*failure)(const struct store *s);
        /* Takes q when 0 is returned; otherwise it stays the caller's. Arguments are valid. */
        int (*submit)(struct store *s, struct store_request *q, struct err *e);
        /* As store_watch(). */
        int (*watch)(struct store *s, const struct store_watch_options *options,
                     struct store_watch **ret, struct err *e);
        void (*watch_free)(struct store_watch *w);
        void (*check_leases)(struct store *s);
};

/* First member of every back-end's own struct. */
struct store {
        const struct store_ops *ops;
};

struct store_watch {
        struct store *store;
};
