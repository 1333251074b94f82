#include "daemon/store/execute.h"

#include <inttypes.h>

#define EXECUTE_HISTORY_ROWS_MAX 1000

static int execute_refuse(struct store_request *q, int r) {
        q->r = r;
        return 0;
}

static int execute_get(struct engine *en, struct store_request *q, struct err *e) {
        struct store_kv *kv = arena_alloc(q->arena, sizeof(*kv));
        int r;

        if (!kv)
                return err_set(e, -ENOMEM, "out of memory for an answer of the store");
        r = en->ops->find(en, q->key, q->arena, kv, e);
        if (r < 0)
                return r;
        q->result.items = kv;
        q->result.n = (size_t) r;
        return 0;
}

static int execute_list(struct engine *en, struct store_request *q, struct err *e) {
        struct engine_range range = {
                .prefix = q->list.prefix,
                .after = q->list.after,
                .revision = q->list.revision == 0 ? en->revision : q->list.revision,
                .limit = q->list.limit,
                .bytes_max = STORE_REQUEST_LIST_BYTES,
        };

        if (range.revision > en->revision)
                return execute_refuse(q, err_set(&q->e, -ERANGE,
                                                 "revision %" PRId64
                                                 " is in the future, the newest is %" PRId64,
                                                 range.revision, en->revision));
        if (range.revision < en->compacted)
                return execute_refuse(q, err_set(&q->e, -ESTALE,
                                                 "revision %" PRId64
                                                 " is gone, the oldest kept is %" PRId64
                                                 ": list again from the start",
                                                 range.revision, en->compacted));
        q->result.revision = range.revision;
        return en->ops->range(en, &range, q->arena, &q->result, e);
}

static bool execute_holds(const struct store_compare *c, bool exists, const struct store_kv *kv) {
        switch (c->condition) {
        case STORE_IS_ABSENT:
                return !exists;
        case STORE_IS_PRESENT:
                return exists;
        case STORE_MOD_REVISION_IS:
                return exists && kv->mod_revision == c->revision;
        }
        return false;
}

/* Returns 1 when every compare and lease is as wanted, 0 when q was refused. */
static int execute_checks(struct engine *en, struct store_request *q, struct err *e) {
        struct store_kv *kv;
        int r;

        for (size_t i = 0; i < q->txn.n_compares; i++) {
                struct store_kv now = { 0 };

                r = en->ops->find(en, q->txn.compares[i].key, NULL, &now, e);
                if (r < 0)
                        return r;
                if (execute_holds(&q->txn.compares[i], r > 0, &now))
                        continue;

                kv = arena_alloc(q->arena, sizeof(*kv));
                if (!kv)
                        return err_set(e, -ENOMEM, "out of memory for an answer of the store");
                *kv = now;
                kv->key = q->txn.compares[i].key;
                q->result.items = kv;
                q->result.n = (size_t) r;
                q->result.failed_compare = i;
                return execute_refuse(q,
                                      err_set(&q->e, -EAGAIN, "%s was changed meanwhile", kv->key));
        }
        for (size_t i = 0; i < q->txn.n_ops; i++) {
                int64_t lease = q->txn.ops[i].lease;

                if (q->txn.ops[i].verb != STORE_PUT || lease == 0)
                        continue;
                r = en->ops->lease_has(en, lease, e);
                if (r < 0)
                        return r;
                if (r == 0)
                        return execute_refuse(q, err_set(&q->e, -ENOENT,
                                                         "lease %" PRId64 " has ended or never was",
                                                         lease));
        }
        return 1;
}

/* Adds a row and its event. */
static int execute_add(struct engine *en, struct store_request *q, const struct engine_row *row,
                       struct err *e) {
        int r = en->ops->add(en, row, e);

        if (r < 0)
                return r;
        q->events[q->n_events++] = (struct store_event){
                .kind = row->is_deletion ? STORE_EVENT_DELETE : STORE_EVENT_PUT,
                .kv = row->kv,
        };
        return 0;
}

static int execute_op(struct engine *en, struct store_request *q, const struct store_op *op,
                      struct err *e) {
        struct engine_row row = { .sub = (unsigned) q->n_events };
        struct store_kv old = { 0 };
        int r;

        r = en->ops->find(en, op->key, NULL, &old, e);
        if (r < 0)
                return r;

        row.kv.key = op->key;
        row.kv.mod_revision = en->revision + 1;
        if (op->verb == STORE_DELETE) {
                if (r == 0)
                        return 0;
                row.is_deletion = true;
                q->result.n_deleted++;
        } else {
                row.kv.value = op->value;
                row.kv.value_len = op->value_len;
                row.kv.create_revision = r > 0 ? old.create_revision : row.kv.mod_revision;
                row.kv.version = old.version + 1;
                row.kv.lease = op->lease;
        }
        return execute_add(en, q, &row, e);
}

static int execute_transact(struct engine *en, struct store_request *q, struct err *e) {
        int r = execute_checks(en, q, e);

        if (r <= 0)
                return r;
        for (size_t i = 0; i < q->txn.n_ops; i++) {
                r = execute_op(en, q, &q->txn.ops[i], e);
                if (r < 0)
                        return r;
        }
        if (q->n_events > 0)
                en->revision++;
        return 0;
}

static int execute_compact(struct engine *en, struct store_request *q, struct err *e) {
        if (q->revision > en->revision)
                return execute_refuse(q, err_set(&q->e, -ERANGE,
                                                 "revision %" PRId64
                                                 " is in the future, the newest is %" PRId64,
                                                 q->revision, en->revision));
        if (q->revision <= en->compacted)
                return execute_refuse(q, err_set(&q->e, -ESTALE,
                                                 "revision %" PRId64 " has been compacted already",
                                                 q->revision));
        return en->ops->compact(en, q->revision, e);
}

static int execute_revoke(struct engine *en, struct store_request *q, struct err *e) {
        const char **keys = NULL;
        size_t n = 0;
        int r;

        r = en->ops->lease_has(en, q->lease_id, e);
        if (r < 0)
                return r;
        if (r == 0)
                return execute_refuse(q, err_set(&q->e, -ENOENT,
                                                 "lease %" PRId64 " has ended or never was",
                                                 q->lease_id));
        r = en->ops->lease_keys(en, q->lease_id, q->arena, &keys, &n, e);
        if (r < 0)
                return r;

        q->events = arena_alloc_n(q->arena, n, 2 * sizeof(*q->events));
        if (!q->events)
                return err_set(e, -ENOMEM, "out of memory for the keys of a lease");
        q->matching = q->events + n;
        for (size_t i = 0; i < n; i++) {
                struct engine_row row = { .is_deletion = true, .sub = i % ENGINE_SUB_MAX };

                if (row.sub == 0)
                        en->revision++;
                row.kv.key = keys[i];
                row.kv.mod_revision = en->revision;
                r = execute_add(en, q, &row, e);
                if (r < 0)
                        return r;
        }
        q->result.n_deleted = n;
        r = en->ops->lease_remove(en, q->lease_id, e);
        return MIN(r, 0);
}

static int execute_history(struct engine *en, struct store_request *q, struct err *e) {
        struct engine_history what = {
                .prefix = q->key,
                .from_revision = q->revision == 0 ? en->compacted + 1 : q->revision,
                .rows_max = EXECUTE_HISTORY_ROWS_MAX,
                .bytes_max = STORE_REQUEST_HISTORY_BYTES,
        };
        struct engine_events found;
        int r;

        if (what.from_revision <= en->compacted)
                return execute_refuse(q, err_set(&q->e, -ESTALE,
                                                 "revision %" PRId64
                                                 " is gone, the oldest kept is %" PRId64
                                                 ": list again",
                                                 q->revision, en->compacted + 1));
        r = en->ops->history(en, &what, q->arena, &found, e);
        if (r < 0)
                return r;
        q->events = found.events;
        q->n_events = found.n;
        q->next_revision = found.next_revision;
        q->result.has_more = q->next_revision != 0;
        return 0;
}

static int execute_keepalive(struct store_request *q) {
        if (!q->is_keepalive_known)
                return execute_refuse(q, err_set(&q->e, -ENOENT,
                                                 "lease %" PRId64 " has ended or never was",
                                                 q->lease_id));
        return 0;
}

static int execute_by_kind(struct engine *en, struct store_request *q, struct err *e) {
        switch (q->kind) {
        case STORE_REQUEST_GET:
                return execute_get(en, q, e);
        case STORE_REQUEST_LIST:
                return execute_list(en, q, e);
        case STORE_REQUEST_TRANSACT:
                return execute_transact(en, q, e);
        case STORE_REQUEST_COMPACT:
                return execute_compact(en, q, e);
        case STORE_REQUEST_GRANT:
                return en->ops->lease_add(en, q->ttl_sec, &q->result.lease, e);
        case STORE_REQUEST_KEEPALIVE:
                return execute_keepalive(q);
        case STORE_REQUEST_REVOKE:
                return execute_revoke(en, q, e);
        case STORE_REQUEST_HISTORY:
                return execute_history(en, q, e);
        }
        return err_set(e, -EINVAL, "unknown request %d", (int) q->kind);
}

int execute_request(struct engine *en, struct store_request *q, struct err *e) {
        int r;

        q->r = 0;
        q->n_events = 0;
        q->result = (struct store_result){ 0 };
        r = execute_by_kind(en, q, e);
        if (r < 0)
                return r;
        if (q->result.revision == 0)
                q->result.revision = en->revision;
        return 0;
}
