#include "daemon/store/group.h"

#include "daemon/store/execute.h"
#include "daemon/store/request.h"

#include <string.h>

/* What is tried again when its cause has gone. All else means that the disk can't be trusted. */
static bool group_is_passing(int r) {
        return r == -ENOSPC || r == -EROFS || r == -ENOMEM || r == -EBUSY || r == -EACCES;
}

static void group_fail(struct group *g, int r, const struct err *e) {
        if (g->has_failed || group_is_passing(r))
                return;
        g->has_failed = true;
        g->failure = r;
        memcpy(g->failure_text, err_text(e), strnlen(err_text(e), ERR_TEXT_MAX - 1));
}

static void group_answer_failure(struct group *g, struct store_request *q, int r,
                                 const struct err *e) {
        group_fail(g, r, e);
        q->has_store_failed = g->has_failed;
        q->r = r;
        q->e = *e;
        q->n_events = 0;
        q->result = (struct store_result){ .revision = g->engine->revision };
}

/* Where the engine was, to go back to after a rollback. */
struct group_mark {
        int64_t revision, compacted;
};

static struct group_mark group_mark(const struct group *g) {
        return (struct group_mark){ g->engine->revision, g->engine->compacted };
}

static void group_go_back(struct group *g, struct group_mark mark) {
        g->engine->revision = mark.revision;
        g->engine->compacted = mark.compacted;
}

/* Executes all between begin and commit. A negative errno: nothing of it has happened. */
static int group_try(struct group *g, struct list *requests, bool has_sweep, struct err *e) {
        struct engine *en = g->engine;
        struct group_mark mark = group_mark(g);
        int has_more = 0, r;

        r = en->ops->begin(en, e);
        if (r < 0)
                return r;
        LIST_FOREACH(i, requests) {
                r = execute_request(en, CONTAINER_OF(i, struct store_request, link), e);
                if (r < 0)
                        break;
        }
        if (r >= 0 && has_sweep)
                r = has_more = en->ops->sweep(en, e);
        if (r >= 0)
                r = en->ops->commit(en, e);
        else
                en->ops->rollback(en);
        if (r < 0) {
                group_go_back(g, mark);
                return r;
        }
        if (has_sweep)
                g->has_more_to_sweep = has_more > 0;
        return 0;
}

static void group_execute_one(struct group *g, struct store_request *q) {
        struct err e = { 0 };
        struct list alone;
        int r;

        if (g->has_failed && store_request_is_write(q)) {
                err_set(&e, g->failure, "%s", g->failure_text);
                group_answer_failure(g, q, g->failure, &e);
                return;
        }
        list_init(&alone);
        list_append(&alone, &q->link);
        r = group_try(g, &alone, false, &e);
        list_remove(&q->link);
        if (r < 0)
                group_answer_failure(g, q, r, &e);
}

static void group_execute_each(struct group *g, struct list *requests) {
        struct list rest;

        list_init(&rest);
        while (!list_is_empty(requests)) {
                struct store_request *q = CONTAINER_OF(requests->next, struct store_request, link);

                list_remove(&q->link);
                group_execute_one(g, q);
                list_append(&rest, &q->link);
        }
        while (!list_is_empty(&rest)) {
                struct list *first = rest.next;

                list_remove(first);
                list_append(requests, first);
        }
}

/* Compacts now and then, so that history doesn't grow for ever; half as often as it would be
 * possible. */
static void group_compact_by_itself(struct group *g) {
        struct engine *en = g->engine;
        struct group_mark mark = group_mark(g);
        struct err e = { 0 };

        if (g->keep_revisions <= 0 || g->has_failed ||
            en->revision - MAX(en->compacted, 1) < 2 * g->keep_revisions)
                return;
        if (en->ops->begin(en, &e) < 0)
                return; /* tried again after the next group */
        if (en->ops->compact(en, en->revision - g->keep_revisions, &e) < 0) {
                en->ops->rollback(en);
                group_go_back(g, mark);
                return;
        }
        if (en->ops->commit(en, &e) < 0)
                group_go_back(g, mark);
        else
                g->has_more_to_sweep = true;
}

void group_execute(struct group *g, struct list *requests) {
        struct err e = { 0 };
        bool has_compacted = false;
        int r = -EIO;

        if (!g->has_failed)
                r = group_try(g, requests, g->has_more_to_sweep, &e);
        if (r < 0) {
                /* A disk that failed may have kept a part: then writes aren't tried again. */
                group_fail(g, r, &e);
                group_execute_each(g, requests);
        }
        LIST_FOREACH(i, requests)
                if (CONTAINER_OF(i, struct store_request, link)->kind == STORE_REQUEST_COMPACT)
                        has_compacted = true;
        if (has_compacted)
                g->has_more_to_sweep = true;
        group_compact_by_itself(g);
}

void group_sweep(struct group *g) {
        struct err e = { 0 };
        struct list nothing;

        list_init(&nothing);
        /* A failure only leaves room unused; the next compaction goes on where this one stopped. */
        if (g->has_failed || group_try(g, &nothing, true, &e) < 0)
                g->has_more_to_sweep = false;
}
