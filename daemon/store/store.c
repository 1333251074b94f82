#include "daemon/store/store.h"

#include "daemon/store/backend.h"

#include <inttypes.h>
#include <string.h>

void store_unref(struct store *s) {
        if (s)
                s->ops->free(s);
}

int64_t store_revision(const struct store *s) {
        return s->ops->revision(s);
}

const char *store_failure(const struct store *s) {
        return s->ops->failure(s);
}

void store_check_leases(struct store *s) {
        s->ops->check_leases(s);
}

static int store_no_memory(struct err *e) {
        return err_set(e, -ENOMEM, "out of memory for a request to the store");
}

/* Hands q over; it is gone afterwards in any case. */
static int store_submit(struct store *s, struct store_request *q, store_done_fn done,
                        void *userdata, struct err *e) {
        int r;

        q->done = done;
        q->userdata = userdata;
        r = s->ops->submit(s, q, e);
        if (r < 0)
                store_request_free(q);
        return r;
}

static int store_check_key(const char *key, struct err *e) {
        if (key[0] == '\0')
                return err_set(e, -EINVAL, "the store takes no empty key");
        if (strnlen(key, STORE_KEY_MAX + 1) > STORE_KEY_MAX)
                return err_set(e, -E2BIG, "a key of the store is longer than %d bytes: %.40s…",
                               STORE_KEY_MAX, key);
        return 0;
}

static int store_check_prefix(const char *prefix, struct err *e) {
        if (strnlen(prefix, STORE_KEY_MAX + 1) > STORE_KEY_MAX)
                return err_set(e, -E2BIG, "a prefix is longer than %d bytes: %.40s…", STORE_KEY_MAX,
                               prefix);
        return 0;
}

int store_get(struct store *s, const char *key, store_done_fn done, void *userdata, struct err *e) {
        struct store_request *q;
        int r;

        r = store_check_key(key, e);
        if (r < 0)
                return r;
        q = store_request_new(STORE_REQUEST_GET, strlen(key) + 1);
        if (!q)
                return store_no_memory(e);
        q->key = arena_strdup(q->arena, key);
        if (!q->key) {
                store_request_free(q);
                return store_no_memory(e);
        }
        return store_submit(s, q, done, userdata, e);
}

static bool store_copy_list(struct store_request *q, const struct store_list *list) {
        q->list = *list;
        if (q->list.limit == 0)
                q->list.limit = STORE_LIST_MAX;
        q->list.prefix = arena_strdup(q->arena, list->prefix);
        if (list->after) {
                q->list.after = arena_strdup(q->arena, list->after);
                if (!q->list.after)
                        return false;
        }
        return q->list.prefix != NULL;
}

int store_list(struct store *s, const struct store_list *list, store_done_fn done, void *userdata,
               struct err *e) {
        struct store_request *q;
        int r;

        r = store_check_prefix(list->prefix, e);
        if (r >= 0 && list->after)
                r = store_check_prefix(list->after, e);
        if (r < 0)
                return r;
        if (list->limit > STORE_LIST_MAX)
                return err_set(e, -EINVAL, "a list holds %d items at most", STORE_LIST_MAX);
        if (list->revision < 0)
                return err_set(e, -EINVAL, "a revision is never negative: %" PRId64,
                               list->revision);

        q = store_request_new(STORE_REQUEST_LIST, 2 * STORE_KEY_MAX);
        if (!q)
                return store_no_memory(e);
        if (!store_copy_list(q, list)) {
                store_request_free(q);
                return store_no_memory(e);
        }
        return store_submit(s, q, done, userdata, e);
}

static int store_check_op(const struct store_op *op, struct err *e) {
        int r = store_check_key(op->key, e);

        if (r < 0)
                return r;
        if (op->verb == STORE_DELETE)
                return 0;
        if (op->value_len > STORE_VALUE_MAX)
                return err_set(e, -E2BIG, "%s is too large: %zu bytes, at most %d can be stored",
                               op->key, op->value_len, STORE_VALUE_MAX);
        if (op->lease < 0)
                return err_set(e, -EINVAL, "a lease is never negative: %" PRId64, op->lease);
        return 0;
}

static int store_check_compare(const struct store_compare *c, struct err *e) {
        if (c->condition == STORE_MOD_REVISION_IS && c->revision <= 0)
                return err_set(e, -EINVAL,
                               "%s is compared with revision %" PRId64 ", which no key can have",
                               c->key, c->revision);
        return store_check_key(c->key, e);
}

/* The bytes of keys and values, NULs included, in *ret_bytes. */
static int store_check_txn(const struct store_txn *txn, size_t *ret_bytes, struct err *e) {
        size_t n_bytes = 0;
        int r;

        if (txn->n_ops > STORE_TXN_OPS_MAX || txn->n_compares > STORE_TXN_COMPARES_MAX)
                return err_set(e, -E2BIG, "a transaction has %d operations and %d compares at most",
                               STORE_TXN_OPS_MAX, STORE_TXN_COMPARES_MAX);
        for (size_t i = 0; i < txn->n_compares; i++) {
                r = store_check_compare(&txn->compares[i], e);
                if (r < 0)
                        return r;
                n_bytes += strlen(txn->compares[i].key) + 1;
        }
        for (size_t i = 0; i < txn->n_ops; i++) {
                r = store_check_op(&txn->ops[i], e);
                if (r < 0)
                        return r;
                for (size_t j = 0; j < i; j++)
                        if (strcmp(txn->ops[i].key, txn->ops[j].key) == 0)
                                return err_set(e, -EINVAL, "a transaction changes %s twice",
                                               txn->ops[i].key);
                n_bytes += strlen(txn->ops[i].key) + 1;
                if (txn->ops[i].verb == STORE_PUT)
                        n_bytes += txn->ops[i].value_len + 1;
        }
        if (n_bytes > STORE_TXN_BYTES_MAX)
                return err_set(e, -E2BIG, "a transaction holds %zu bytes, at most %d are possible",
                               n_bytes, STORE_TXN_BYTES_MAX);
        *ret_bytes = n_bytes;
        return 0;
}

static bool store_copy_op(struct arena *a, struct store_op *to, const struct store_op *from) {
        char *value;

        *to = *from;
        to->key = arena_strdup(a, from->key);
        if (!to->key)
                return false;
        if (from->verb == STORE_DELETE)
                return true;
        value = arena_alloc(a, from->value_len + 1); /* zeroed: the NUL is there */
        if (!value)
                return false;
        if (from->value_len > 0)
                memcpy(value, from->value, from->value_len);
        to->value = value;
        return true;
}

static bool store_copy_txn(struct store_request *q, const struct store_txn *txn) {
        struct store_compare *compares;
        struct store_op *ops;

        compares = arena_alloc_n(q->arena, txn->n_compares, sizeof(*compares));
        ops = arena_alloc_n(q->arena, txn->n_ops, sizeof(*ops));
        q->events = arena_alloc_n(q->arena, txn->n_ops, 2 * sizeof(*q->events));
        if (!compares || !ops || !q->events)
                return false;
        q->matching = q->events + txn->n_ops;

        for (size_t i = 0; i < txn->n_compares; i++) {
                compares[i] = txn->compares[i];
                compares[i].key = arena_strdup(q->arena, txn->compares[i].key);
                if (!compares[i].key)
                        return false;
        }
        for (size_t i = 0; i < txn->n_ops; i++)
                if (!store_copy_op(q->arena, &ops[i], &txn->ops[i]))
                        return false;
        q->txn = (struct store_txn){ compares, txn->n_compares, ops, txn->n_ops };
        return true;
}

int store_transact(struct store *s, const struct store_txn *txn, store_done_fn done, void *userdata,
                   struct err *e) {
        struct store_request *q;
        size_t n_bytes = 0;
        int r;

        r = store_check_txn(txn, &n_bytes, e);
        if (r < 0)
                return r;
        n_bytes += txn->n_compares * sizeof(struct store_compare);
        n_bytes += txn->n_ops * (sizeof(struct store_op) + 2 * sizeof(struct store_event));
        n_bytes += (2 * txn->n_ops + txn->n_compares + 4) * 16; /* alignment */
        q = store_request_new(STORE_REQUEST_TRANSACT, n_bytes);
        if (!q)
                return store_no_memory(e);
        if (!store_copy_txn(q, txn)) {
                store_request_free(q);
                return store_no_memory(e);
        }
        return store_submit(s, q, done, userdata, e);
}

int store_compact(struct store *s, int64_t revision, store_done_fn done, void *userdata,
                  struct err *e) {
        struct store_request *q;

        if (revision <= 0)
                return err_set(e, -EINVAL, "nothing can be compacted at revision %" PRId64,
                               revision);
        q = store_request_new(STORE_REQUEST_COMPACT, 0);
        if (!q)
                return store_no_memory(e);
        q->revision = revision;
        return store_submit(s, q, done, userdata, e);
}

int store_lease_grant(struct store *s, uint64_t ttl_sec, store_done_fn done, void *userdata,
                      struct err *e) {
        struct store_request *q;

        if (ttl_sec == 0 || ttl_sec > STORE_LEASE_TTL_MAX_SEC)
                return err_set(e, -EINVAL, "a lease lives 1 to %llu seconds, not %" PRIu64,
                               STORE_LEASE_TTL_MAX_SEC, ttl_sec);
        q = store_request_new(STORE_REQUEST_GRANT, 0);
        if (!q)
                return store_no_memory(e);
        q->ttl_sec = ttl_sec;
        return store_submit(s, q, done, userdata, e);
}

static int store_lease_submit(struct store *s, enum store_request_kind kind, int64_t lease,
                              store_done_fn done, void *userdata, struct err *e) {
        struct store_request *q;

        if (lease <= 0)
                return err_set(e, -EINVAL, "there is no lease %" PRId64, lease);
        q = store_request_new(kind, 0);
        if (!q)
                return store_no_memory(e);
        q->lease_id = lease;
        return store_submit(s, q, done, userdata, e);
}

int store_lease_keepalive(struct store *s, int64_t lease, store_done_fn done, void *userdata,
                          struct err *e) {
        return store_lease_submit(s, STORE_REQUEST_KEEPALIVE, lease, done, userdata, e);
}

int store_lease_revoke(struct store *s, int64_t lease, store_done_fn done, void *userdata,
                       struct err *e) {
        return store_lease_submit(s, STORE_REQUEST_REVOKE, lease, done, userdata, e);
}

int store_watch(struct store *s, const struct store_watch_options *options,
                struct store_watch **ret, struct err *e) {
        int r = store_check_prefix(options->prefix, e);

        if (r < 0)
                return r;
        if (options->from_revision < 0)
                return err_set(e, -EINVAL, "a revision is never negative: %" PRId64,
                               options->from_revision);
        return s->ops->watch(s, options, ret, e);
}

void store_watch_unref(struct store_watch *w) {
        if (w)
                w->store->ops->watch_free(w);
}
