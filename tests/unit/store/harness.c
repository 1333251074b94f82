#include "tests/unit/store/harness.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store_memory.h"
#include "daemon/store/store_sqlite.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

void answer_done(struct answer *a) {
        for (size_t i = 0; i < a->n; i++)
                free(a->items[i].value);
        free(a->items);
        memset(a, 0, sizeof(*a));
}

static void answer_copy_item(struct answer_item *to, const struct store_kv *from) {
        (void) snprintf(to->key, sizeof(to->key), "%s", from->key);
        to->value_len = from->value_len;
        to->create_revision = from->create_revision;
        to->mod_revision = from->mod_revision;
        to->version = from->version;
        to->lease = from->lease;
        if (!from->value)
                return;
        assert_int_equal(((const char *) from->value)[from->value_len], '\0');
        to->value = malloc(from->value_len + 1);
        assert_non_null(to->value);
        memcpy(to->value, from->value, from->value_len + 1);
}

void answer_take(void *userdata, int r, const struct store_result *result, const struct err *e) {
        struct answer *a = userdata;

        assert_false(a->has_come);
        assert_true((r < 0) == (e != NULL));
        a->has_come = true;
        a->r = r;
        a->revision = result->revision;
        a->failed_compare = result->failed_compare;
        a->n_deleted = result->n_deleted;
        a->has_more = result->has_more;
        a->lease = result->lease;
        if (e)
                (void) snprintf(a->error, sizeof(a->error), "%s", e->text);
        if (r < 0 && r != -EAGAIN)
                return;
        a->n = result->n;
        a->items = calloc(result->n + 1, sizeof(*a->items));
        assert_non_null(a->items);
        for (size_t i = 0; i < result->n; i++)
                answer_copy_item(&a->items[i], &result->items[i]);
}

void bench_wait(struct bench *b, const struct answer *a) {
        while (!a->has_come)
                assert_true(loop_step(b->loop, USEC_NEVER) >= 0);
}

/* Waits for the answer to a request that was accepted with 0; a NULL answer is looked at, not kept.
 */
#define BENCH_ASK(b, a, call)                                                                      \
        ({                                                                                         \
                struct answer ask_own_ = { 0 }, *ask_a_ = (a) ? (a) : &ask_own_;                   \
                int ask_r_;                                                                        \
                answer_done(ask_a_);                                                               \
                ask_r_ = (call);                                                                   \
                if (ask_r_ == 0) {                                                                 \
                        bench_wait((b), ask_a_);                                                   \
                        ask_r_ = ask_a_->r;                                                        \
                }                                                                                  \
                answer_done(&ask_own_);                                                            \
                ask_r_;                                                                            \
        })

int bench_transact(struct bench *b, const struct store_txn *txn, struct answer *a) {
        return BENCH_ASK(b, a, store_transact(b->store, txn, answer_take, ask_a_, NULL));
}

int bench_put_lease(struct bench *b, const char *key, const char *value, int64_t lease,
                    struct answer *a) {
        const struct store_op op = { STORE_PUT, key, value, strlen(value), lease };

        return bench_transact(b, &(struct store_txn){ .ops = &op, .n_ops = 1 }, a);
}

int bench_put(struct bench *b, const char *key, const char *value, struct answer *a) {
        return bench_put_lease(b, key, value, 0, a);
}

void bench_put_numbered(struct bench *b, const char *prefix, int n) {
        for (int i = 0; i < n; i++) {
                char key[32], value[16];

                (void) snprintf(key, sizeof(key), "%s%03d", prefix, i);
                (void) snprintf(value, sizeof(value), "%d", i);
                assert_int_equal(bench_put(b, key, value, NULL), 0);
        }
}

int bench_delete(struct bench *b, const char *key, struct answer *a) {
        const struct store_op op = { .verb = STORE_DELETE, .key = key };

        return bench_transact(b, &(struct store_txn){ .ops = &op, .n_ops = 1 }, a);
}

int bench_get(struct bench *b, const char *key, struct answer *a) {
        return BENCH_ASK(b, a, store_get(b->store, key, answer_take, ask_a_, NULL));
}

int bench_list(struct bench *b, const struct store_list *list, struct answer *a) {
        return BENCH_ASK(b, a, store_list(b->store, list, answer_take, ask_a_, NULL));
}

int bench_compact(struct bench *b, int64_t revision, struct answer *a) {
        return BENCH_ASK(b, a, store_compact(b->store, revision, answer_take, ask_a_, NULL));
}

void seen_take(void *userdata, int r, const struct store_event *events, size_t n,
               int64_t revision) {
        struct seen *s = userdata;
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        assert_int_equal(s->r, 0);
        s->r = r;
        if (r < 0)
                return;
        assert_true(n > 0);
        assert_int_equal(events[n - 1].kv.mod_revision, revision);
        assert_true(events[0].kv.mod_revision > s->last_revision);
        strbuf_add(&b, str_or_empty(s->text));
        for (size_t i = 0; i < n; i++) {
                if (events[i].kind == STORE_EVENT_PUT)
                        strbuf_addf(&b, "+%s=%s@%d ", events[i].kv.key,
                                    (const char *) events[i].kv.value,
                                    (int) events[i].kv.mod_revision);
                else
                        strbuf_addf(&b, "-%s@%d ", events[i].kv.key,
                                    (int) events[i].kv.mod_revision);
        }
        s->n_events += n;
        s->last_revision = revision;
        free(s->text);
        s->text = strbuf_steal(&b);
}

static uint64_t bench_now(void *clock) {
        return ((struct bench *) clock)->now_usec;
}

static int bench_open_memory(struct bench *b, struct err *e) {
        const struct store_memory_options options = {
                .keep_revisions = b->keep_revisions,
                .now_usec = bench_now,
                .clock = b,
        };

        return store_open_memory(b->loop, &options, &b->store, e);
}

static int bench_open_sqlite(struct bench *b, struct err *e) {
        const struct store_sqlite_options options = {
                .keep_revisions = b->keep_revisions,
                .now_usec = bench_now,
                .clock = b,
        };

        return store_open_sqlite(b->loop, b->directory, &options, &b->store, e);
}

const struct bench_backend bench_memory = { "memory", bench_open_memory };
const struct bench_backend bench_sqlite = { "sqlite", bench_open_sqlite };

void bench_reopen(struct bench *b) {
        struct err e = { 0 };

        store_unref(STEAL(b->store));
        if (b->backend->open(b, &e) < 0)
                fail_msg("%s", e.text);
}

int bench_setup(void **state) {
        struct bench *b = calloc(1, sizeof(*b));
        struct err e = { 0 };

        if (!b)
                return -1;
        b->backend = *state;
        /* Ahead of the real clock, so that no lease ends by itself. */
        b->now_usec = clock_now_usec() + 1000000 * USEC_PER_SEC;
        (void) snprintf(b->directory, sizeof(b->directory), "/tmp/orch-test-store-XXXXXX");
        if (!mkdtemp(b->directory) || loop_new(&b->loop, &e) < 0 || b->backend->open(b, &e) < 0) {
                (void) fprintf(stderr, "%s\n", err_text(&e));
                return -1;
        }
        *state = b;
        return 0;
}

int bench_teardown(void **state) {
        struct bench *b = *state;

        store_unref(b->store);
        loop_unref(b->loop);
        (void) dir_remove_all(AT_FDCWD, b->directory, NULL);
        free(b);
        return 0;
}
