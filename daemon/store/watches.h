#pragma once

#include "base/err.h"
#include "base/list.h"
#include "daemon/store/backend.h"

#include <stdbool.h>

/* The watches of a store: each reads the past by requests of its own, and then gets what
 * transactions change. On the loop thread. */
struct watches {
        struct list list;
        bool is_held; /* they stay in the list: somebody walks it */
};

void watches_init(struct watches *ws);

/* store_watch() of a back-end, ws that of s. */
int watches_add(struct watches *ws, struct store *s, const struct store_watch_options *options,
                struct store_watch **ret, struct err *e);
/* store_watch_unref() of a back-end. */
void watches_remove(struct store_watch *w);

/* The answer of a request for the past: q->watch goes on with it. */
void watches_continue(struct store_request *q);
/* The answer of a request that changed something. */
void watches_feed(struct watches *ws, struct store_request *q);

/* Before and after answers: nothing is freed between the two. */
void watches_hold(struct watches *ws);
void watches_let_go(struct watches *ws);

/* None of them wants to hear any more. */
void watches_abandon(struct watches *ws);
