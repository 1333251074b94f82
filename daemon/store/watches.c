#include "daemon/store/watches.h"

#include "base/str.h"
#include "daemon/store/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*   catching up --(the past is read)--> live --> ended
 *        \________(compacted, out of memory)____/   */
enum watch_state { WATCH_CATCHING_UP, WATCH_LIVE, WATCH_ENDED };

struct watch {
        struct store_watch base;
        struct watches *all;
        struct list link; /* in all->list */
        enum watch_state state;
        bool is_gone;          /* unreferenced, but still in use below us */
        bool has_request;      /* a history request points here */
        int64_t next_revision; /* live: older events have been seen already */
        store_watch_fn changed;
        void *userdata;
        char prefix[];
};

static void watch_release(struct watch *w) {
        if (!w->is_gone || w->has_request || w->all->is_held)
                return;
        list_remove(&w->link);
        free(w);
}

void watches_remove(struct store_watch *base) {
        struct watch *w = CONTAINER_OF(base, struct watch, base);

        w->is_gone = true;
        watch_release(w);
}

static void watch_end(struct watch *w, int r) {
        w->state = WATCH_ENDED;
        if (!w->is_gone)
                w->changed(w->userdata, r, NULL, 0, w->base.store->ops->revision(w->base.store));
}

/* Asks for the past of w, a piece at a time. */
static int watch_read(struct watch *w, int64_t from_revision, struct err *e) {
        struct store_request *q = store_request_new(STORE_REQUEST_HISTORY, 0);
        int r;

        if (!q)
                return err_set(e, -ENOMEM, "out of memory for a watch");
        q->key = w->prefix; /* w waits for the request */
        q->revision = from_revision;
        q->watch = &w->base;
        r = w->base.store->ops->submit(w->base.store, q, e);
        if (r < 0) {
                store_request_free(q);
                return r;
        }
        w->has_request = true;
        return 0;
}

int watches_add(struct watches *ws, struct store *s, const struct store_watch_options *options,
                struct store_watch **ret, struct err *e) {
        size_t len = strlen(options->prefix) + 1;
        struct watch *w = calloc(1, sizeof(*w) + len);
        int r;

        if (!w)
                return err_set(e, -ENOMEM, "out of memory for a watch");
        memcpy(w->prefix, options->prefix, len);
        w->base.store = s;
        w->all = ws;
        w->changed = options->changed;
        w->userdata = options->userdata;
        r = watch_read(w, options->from_revision, e);
        if (r < 0) {
                free(w);
                return r;
        }
        list_append(&ws->list, &w->link);
        *ret = &w->base;
        return 0;
}

/* A piece of the past has come. */
void watches_continue(struct store_request *q) {
        struct watch *w = CONTAINER_OF(q->watch, struct watch, base);
        int r;

        w->has_request = false;
        if (w->is_gone)
                return;
        if (q->r < 0) {
                watch_end(w, q->r);
                return;
        }
        if (q->n_events > 0)
                w->changed(w->userdata, 0, q->events, q->n_events,
                           q->events[q->n_events - 1].kv.mod_revision);
        if (w->is_gone)
                return;
        if (q->result.has_more) {
                r = watch_read(w, q->next_revision, NULL);
                if (r < 0)
                        watch_end(w, r);
                return;
        }
        w->state = WATCH_LIVE;
        w->next_revision = MAX(q->revision, q->result.revision + 1);
}

static void watch_feed(struct watch *w, struct store_request *q) {
        size_t n = 0;

        if (w->state != WATCH_LIVE || w->is_gone)
                return;
        for (size_t i = 0; i < q->n_events; i++)
                if (q->events[i].kv.mod_revision >= w->next_revision &&
                    str_starts_with(q->events[i].kv.key, w->prefix))
                        q->matching[n++] = q->events[i];
        if (n > 0)
                w->changed(w->userdata, 0, q->matching, n, q->matching[n - 1].kv.mod_revision);
}

void watches_feed(struct watches *ws, struct store_request *q) {
        LIST_FOREACH(i, &ws->list)
                watch_feed(CONTAINER_OF(i, struct watch, link), q);
}

void watches_init(struct watches *ws) {
        list_init(&ws->list);
        ws->is_held = false;
}

void watches_hold(struct watches *ws) {
        ws->is_held = true;
}

void watches_let_go(struct watches *ws) {
        ws->is_held = false;
        LIST_FOREACH(i, &ws->list)
                watch_release(CONTAINER_OF(i, struct watch, link));
}

void watches_abandon(struct watches *ws) {
        LIST_FOREACH(i, &ws->list)
                CONTAINER_OF(i, struct watch, link)->is_gone = true;
}
