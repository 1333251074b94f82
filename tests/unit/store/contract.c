#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store_memory.h"
#include "tests/unit/store/harness.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static void every_change_makes_one_revision(void **state) {
        struct bench *b = *state;
        AUTO_DONE(answer) struct answer a = { 0 };

        assert_int_equal(store_revision(b->store), 1);
        assert_int_equal(bench_put(b, "/a", "1", &a), 0);
        assert_int_equal(a.revision, 2);
        assert_int_equal(bench_put(b, "/b", "2", &a), 0);
        assert_int_equal(a.revision, 3);
        assert_int_equal(bench_put(b, "/a", "3", &a), 0);
        assert_int_equal(a.revision, 4);
        assert_int_equal(store_revision(b->store), 4);

        assert_int_equal(bench_get(b, "/a", &a), 0);
        assert_int_equal(a.n, 1);
        assert_string_equal(a.items[0].key, "/a");
        assert_string_equal(a.items[0].value, "3");
        assert_int_equal(a.items[0].create_revision, 2);
        assert_int_equal(a.items[0].mod_revision, 4);
        assert_int_equal(a.items[0].version, 2);
        assert_int_equal(a.revision, 4);
}

static void what_is_not_there_is_an_empty_answer(void **state) {
        struct bench *b = *state;
        AUTO_DONE(answer) struct answer a = { 0 };

        assert_int_equal(bench_get(b, "/a", &a), 0);
        assert_int_equal(a.n, 0);
        assert_int_equal(a.revision, 1);
        assert_int_equal(bench_list(b, LIST_ALL, &a), 0);
        assert_int_equal(a.n, 0);
        assert_false(a.has_more);
}

static void a_deleted_key_starts_anew(void **state) {
        struct bench *b = *state;
        AUTO_DONE(answer) struct answer a = { 0 };

        assert_int_equal(bench_put(b, "/a", "1", NULL), 0);
        assert_int_equal(bench_delete(b, "/a", &a), 0);
        assert_int_equal(a.revision, 3);
        assert_int_equal(a.n_deleted, 1);
        assert_int_equal(bench_get(b, "/a", &a), 0);
        assert_int_equal(a.n, 0);

        assert_int_equal(bench_put(b, "/a", "2", NULL), 0);
        assert_int_equal(bench_get(b, "/a", &a), 0);
        assert_int_equal(a.items[0].create_revision, 4);
        assert_int_equal(a.items[0].version, 1);
}

static void what_changes_nothing_makes_no_revision(void **state) {
        struct bench *b = *state;
        AUTO_DONE(answer) struct answer a = { 0 };

        assert_int_equal(bench_put(b, "/a", "1", NULL), 0);
        assert_int_equal(bench_delete(b, "/missing", &a), 0);
        assert_int_equal(a.n_deleted, 0);
        assert_int_equal(a.revision, 2);
        assert_int_equal(bench_transact(b, &(struct store_txn){ 0 }, &a), 0);
        assert_int_equal(a.revision, 2);
}

static void a_transaction_is_one_revision_or_nothing(void **state) {
        struct bench *b = *state;
        AUTO_DONE(answer) struct answer a = { 0 };
        const struct store_op ops[] = {
                { .verb = STORE_PUT, .key = "/x", .value = "1", .value_len = 1 },
                { .verb = STORE_DELETE, .key = "/old" },
                { .verb = STORE_PUT, .key = "/y", .value = "2", .value_len = 1 },
        };
        const struct store_compare compares[] = {
                { "/old", STORE_MOD_REVISION_IS, 2 },
                { "/x", STORE_IS_ABSENT, 0 },
        };
        const struct store_txn txn = { compares, 2, ops, 3 };

        assert_int_equal(bench_put(b, "/old", "0", NULL), 0);
        assert_int_equal(bench_transact(b, &txn, &a), 0);
        assert_int_equal(a.revision, 3);
        assert_int_equal(a.n_deleted, 1);
        assert_int_equal(bench_list(b, LIST_ALL, &a), 0);
        assert_int_equal(a.n, 2);
        assert_int_equal(a.items[0].mod_revision, 3);
        assert_int_equal(a.items[1].mod_revision, 3);

        assert_int_equal(bench_transact(b, &txn, &a), -EAGAIN);
        assert_int_equal(a.revision, 3);
        assert_int_equal(a.failed_compare, 0);
        assert_int_equal(a.n, 0);
        assert_true(strlen(a.error) > 0);
}

static void a_refused_compare_tells_what_is_there(void **state) {
        struct bench *b = *state;
        AUTO_DONE(answer) struct answer a = { 0 };
        const struct store_op op = { .verb = STORE_PUT, .key = "/a", .value = "3", .value_len = 1 };
        struct store_compare c[] = {
                { "/a", STORE_IS_PRESENT, 0 },
                { "/a", STORE_MOD_REVISION_IS, 2 },
        };
        const struct store_txn txn = { c, 2, &op, 1 };

        assert_int_equal(bench_put(b, "/a", "1", NULL), 0);
        assert_int_equal(bench_put(b, "/a", "2", NULL), 0);
        assert_int_equal(bench_transact(b, &txn, &a), -EAGAIN);
        assert_int_equal(a.failed_compare, 1);
        assert_int_equal(a.n, 1);
        assert_string_equal(a.items[0].key, "/a");
        assert_int_equal(a.items[0].mod_revision, 3);
        assert_int_equal(a.items[0].version, 2);
        assert_null(a.items[0].value);

        c[1].revision = 3;
        assert_int_equal(bench_transact(b, &txn, &a), 0);
        c[1] = (struct store_compare){ "/a", STORE_IS_ABSENT, 0 };
        assert_int_equal(bench_transact(b, &txn, &a), -EAGAIN);
        c[0] = (struct store_compare){ "/b", STORE_IS_PRESENT, 0 };
        assert_int_equal(bench_transact(b, &txn, &a), -EAGAIN);
        assert_int_equal(a.failed_compare, 0);
        assert_int_equal(store_revision(b->store), 4);
}

static void of_many_waiting_creations_of_one_key_one_succeeds(void **state) {
        enum { N = 100 };
        struct bench *b = *state;
        const struct store_op op = { .verb = STORE_PUT, .key = "/a", .value = "1", .value_len = 1 };
        const struct store_compare c = { "/a", STORE_IS_ABSENT, 0 };
        const struct store_txn txn = { &c, 1, &op, 1 };
        struct answer a[N];

        memset(a, 0, sizeof(a));
        for (int i = 0; i < N; i++)
                assert_int_equal(store_transact(b->store, &txn, answer_take, &a[i], NULL), 0);
        for (int i = 0; i < N; i++) {
                bench_wait(b, &a[i]);
                assert_int_equal(a[i].r, i == 0 ? 0 : -EAGAIN);
                answer_done(&a[i]);
        }
        assert_int_equal(store_revision(b->store), 2);
}

static void a_list_is_paged_as_of_its_revision(void **state) {
        struct bench *b = *state;
        struct store_list list = { .prefix = "/p/", .limit = 7 };
        AUTO_DONE(answer) struct answer a = { 0 };
        AUTO_FREE char *after = NULL;
        int n = 0;

        bench_put_numbered(b, "/o/", 3);
        bench_put_numbered(b, "/p/", 25);
        bench_put_numbered(b, "/q/", 3);
        for (;;) {
                assert_int_equal(bench_list(b, &list, &a), 0);
                assert_int_equal(a.revision, 32);
                for (size_t i = 0; i < a.n; i++, n++) {
                        char key[32];

                        (void) snprintf(key, sizeof(key), "/p/%03d", n);
                        assert_string_equal(a.items[i].key, key);
                        assert_int_equal(atoi(a.items[i].value), n);
                }
                if (!a.has_more)
                        break;
                assert_int_equal(a.n, 7);
                free(after);
                after = strdup(a.items[a.n - 1].key);
                list.after = after;
                list.revision = a.revision;
                /* what happens meanwhile isn't seen */
                assert_int_equal(bench_put(b, "/p/005x", "new", NULL), 0);
                assert_int_equal(bench_put(b, "/p/020", "changed", NULL), 0);
                (void) bench_delete(b, "/p/021", NULL);
                assert_int_equal(bench_put(b, "/p/zzz", "new", NULL), 0);
        }
        assert_int_equal(n, 25);
        assert_int_equal(bench_list(b, &(struct store_list){ .prefix = "/p/" }, &a), 0);
        assert_int_equal(a.n, 26);
}

static void a_list_of_the_future_is_refused(void **state) {
        struct bench *b = *state;
        AUTO_DONE(answer) struct answer a = { 0 };

        assert_int_equal(bench_list(b, &(struct store_list){ .prefix = "", .revision = 2 }, &a),
                         -ERANGE);
        assert_int_equal(
                bench_list(b, &(struct store_list){ .prefix = "", .revision = INT64_MAX }, &a),
                -ERANGE);
}

static void a_list_says_when_it_stopped_for_its_size(void **state) {
        enum { N = 6, LEN = STORE_VALUE_MAX };
        struct bench *b = *state;
        struct store_list list = { .prefix = "" };
        AUTO_DONE(answer) struct answer a = { 0 };
        AUTO_FREE char *value = malloc(LEN + 1), *after = NULL;
        size_t n = 0;

        assert_non_null(value);
        memset(value, 'x', LEN);
        value[LEN] = '\0';
        for (char c = 'a'; c < 'a' + N; c++)
                assert_int_equal(bench_put(b, (char[]){ c, '\0' }, value, NULL), 0);

        do {
                assert_int_equal(bench_list(b, &list, &a), 0);
                assert_true(a.n > 0 && a.n < N);
                for (size_t i = 0; i < a.n; i++) {
                        assert_int_equal(a.items[i].value_len, LEN);
                        assert_memory_equal(a.items[i].value, value, LEN);
                }
                n += a.n;
                free(after);
                after = strdup(a.items[a.n - 1].key);
                list.after = after;
        } while (a.has_more);
        assert_int_equal(n, N);
}

static void keys_of_any_bytes_sort_bytewise(void **state) {
        static const char *const keys[] = { "\x01",      " ", "%",        "a",    "a\xff",
                                            "a\xff\xff", "b", "\xc3\xa4", "\xff", "\xff\xff" };
        struct bench *b = *state;
        AUTO_DONE(answer) struct answer a = { 0 };

        for (size_t i = ARRAY_SIZE(keys); i-- > 0;)
                assert_int_equal(bench_put(b, keys[i], "", NULL), 0);

        assert_int_equal(bench_list(b, LIST_ALL, &a), 0);
        assert_int_equal(a.n, ARRAY_SIZE(keys));
        for (size_t i = 0; i < a.n; i++) {
                assert_string_equal(a.items[i].key, keys[i]);
                assert_string_equal(a.items[i].value, "");
        }
        assert_int_equal(bench_list(b, &(struct store_list){ .prefix = "a" }, &a), 0);
        assert_int_equal(a.n, 3);
        assert_int_equal(bench_list(b, &(struct store_list){ .prefix = "a\xff" }, &a), 0);
        assert_int_equal(a.n, 2);
        assert_int_equal(bench_list(b, &(struct store_list){ .prefix = "\xff" }, &a), 0);
        assert_int_equal(a.n, 2);
        assert_int_equal(bench_list(b, &(struct store_list){ .prefix = "a", .after = "A" }, &a), 0);
        assert_int_equal(a.n, 3);
}

static void values_of_any_bytes_come_back(void **state) {
        struct bench *b = *state;
        AUTO_DONE(answer) struct answer a = { 0 };
        char value[512];
        const struct store_op op = {
                .verb = STORE_PUT, .key = "/a", .value = value, .value_len = sizeof(value)
        };

        for (size_t i = 0; i < sizeof(value); i++)
                value[i] = (char) i;
        assert_int_equal(bench_transact(b, &(struct store_txn){ .ops = &op, .n_ops = 1 }, NULL), 0);

        assert_int_equal(bench_get(b, "/a", &a), 0);
        assert_int_equal(a.items[0].value_len, sizeof(value));
        assert_memory_equal(a.items[0].value, value, sizeof(value));
}

static int refused(struct bench *b, const struct store_txn *txn) {
        struct answer a = { 0 };
        struct err e = { 0 };
        int r = store_transact(b->store, txn, answer_take, &a, &e);

        assert_int_equal(e.code, r);
        assert_true(strlen(e.text) > 0);
        while (loop_step(b->loop, 0) > 0)
                ;
        assert_false(a.has_come);
        return r;
}

static int refused_op(struct bench *b, const struct store_op *op) {
        return refused(b, &(struct store_txn){ .ops = op, .n_ops = 1 });
}

static void what_is_out_of_bounds_is_refused_at_once(void **state) {
        struct bench *b = *state;
        AUTO_FREE char *value = calloc(1, STORE_VALUE_MAX + 1);
        struct store_op ops[STORE_TXN_OPS_MAX + 1], twice[2], large[3];
        char key[STORE_KEY_MAX + 2], keys[STORE_TXN_OPS_MAX + 1][8];
        struct store_compare c = { "/a", STORE_MOD_REVISION_IS, 0 };

        memset(key, 'k', sizeof(key));
        key[sizeof(key) - 1] = '\0';
        assert_int_equal(refused_op(b, &(struct store_op){ STORE_PUT, "", "v", 1, 0 }), -EINVAL);
        assert_int_equal(refused_op(b, &(struct store_op){ STORE_DELETE, "", NULL, 0, 0 }),
                         -EINVAL);
        assert_int_equal(refused_op(b, &(struct store_op){ STORE_PUT, key, "v", 1, 0 }), -E2BIG);
        assert_int_equal(
                refused_op(b, &(struct store_op){ STORE_PUT, "/a", value, STORE_VALUE_MAX + 1, 0 }),
                -E2BIG);
        for (int i = 0; i <= STORE_TXN_OPS_MAX; i++) {
                (void) snprintf(keys[i], sizeof(keys[i]), "%d", i);
                ops[i] = (struct store_op){ STORE_PUT, keys[i], "v", 1, 0 };
        }
        assert_int_equal(
                refused(b, &(struct store_txn){ .ops = ops, .n_ops = STORE_TXN_OPS_MAX + 1 }),
                -E2BIG);
        twice[0] = twice[1] = ops[0];
        assert_int_equal(refused(b, &(struct store_txn){ .ops = twice, .n_ops = 2 }), -EINVAL);
        for (int i = 0; i < 3; i++)
                large[i] = (struct store_op){ STORE_PUT, keys[i], value, STORE_VALUE_MAX, 0 };
        assert_int_equal(refused(b, &(struct store_txn){ .ops = large, .n_ops = 3 }), -E2BIG);
        assert_int_equal(refused(b, &(struct store_txn){ .compares = &c, .n_compares = 1 }),
                         -EINVAL);
        assert_int_equal(bench_list(b, &(struct store_list){ .prefix = "", .limit = 1001 }, NULL),
                         -EINVAL);
        assert_int_equal(bench_compact(b, 0, NULL), -EINVAL);

        assert_int_equal(store_revision(b->store), 1);
        ops[0].key = key + 1;
        assert_int_equal(
                bench_transact(b, &(struct store_txn){ .ops = ops, .n_ops = STORE_TXN_OPS_MAX },
                               NULL),
                0);
        assert_int_equal(store_revision(b->store), 2);
}

static void a_thousand_waiting_transactions_are_answered_in_order(void **state) {
        enum { N = 1000 };
        struct bench *b = *state;
        AUTO_FREE struct answer *a = calloc(N, sizeof(*a));
        AUTO_DONE(answer) struct answer all = { 0 };

        for (int i = 0; i < N; i++) {
                char key[16];
                const struct store_op op = { STORE_PUT, key, "v", 1, 0 };

                (void) snprintf(key, sizeof(key), "%d", i % 100);
                assert_int_equal(store_transact(b->store,
                                                &(struct store_txn){ .ops = &op, .n_ops = 1 },
                                                answer_take, &a[i], NULL),
                                 0);
        }
        bench_wait(b, &a[N - 1]);
        for (int i = 0; i < N; i++) {
                assert_true(a[i].has_come);
                assert_int_equal(a[i].r, 0);
                assert_int_equal(a[i].revision, i + 2);
                answer_done(&a[i]);
        }
        assert_int_equal(bench_list(b, LIST_ALL, &all), 0);
        assert_int_equal(all.n, 100);
        for (size_t i = 0; i < all.n; i++)
                assert_int_equal(all.items[i].version, 10);
}

struct again {
        struct bench *b;
        struct answer last;
        int n_left;
};

static void put_again(void *userdata, int r, const struct store_result *result,
                      const struct err *e) {
        struct again *g = userdata;
        const struct store_op op = { STORE_PUT, "/a", "v", 1, 0 };
        const struct store_compare c = { "/a", STORE_MOD_REVISION_IS, result->revision };

        (void) e;
        assert_int_equal(r, 0);
        g->n_left--;
        assert_int_equal(store_transact(g->b->store, &(struct store_txn){ &c, 1, &op, 1 },
                                        g->n_left > 0 ? put_again : answer_take,
                                        g->n_left > 0 ? (void *) g : &g->last, NULL),
                         0);
}

static void a_callback_may_ask_for_more(void **state) {
        struct bench *b = *state;
        struct again g = { .b = b, .n_left = 50 };
        const struct store_op op = { STORE_PUT, "/a", "v", 1, 0 };

        assert_int_equal(store_transact(b->store, &(struct store_txn){ .ops = &op, .n_ops = 1 },
                                        put_again, &g, NULL),
                         0);
        bench_wait(b, &g.last);
        assert_int_equal(g.last.r, 0);
        assert_int_equal(g.last.revision, 52);
        answer_done(&g.last);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                CONTRACT_ALL(every_change_makes_one_revision),
                CONTRACT_ALL(what_is_not_there_is_an_empty_answer),
                CONTRACT_ALL(a_deleted_key_starts_anew),
                CONTRACT_ALL(what_changes_nothing_makes_no_revision),
                CONTRACT_ALL(a_transaction_is_one_revision_or_nothing),
                CONTRACT_ALL(a_refused_compare_tells_what_is_there),
                CONTRACT_ALL(of_many_waiting_creations_of_one_key_one_succeeds),
                CONTRACT_ALL(a_list_is_paged_as_of_its_revision),
                CONTRACT_ALL(a_list_of_the_future_is_refused),
                CONTRACT_ALL(a_list_says_when_it_stopped_for_its_size),
                CONTRACT_ALL(keys_of_any_bytes_sort_bytewise),
                CONTRACT_ALL(values_of_any_bytes_come_back),
                CONTRACT_ALL(what_is_out_of_bounds_is_refused_at_once),
                CONTRACT_ALL(a_thousand_waiting_transactions_are_answered_in_order),
                CONTRACT_ALL(a_callback_may_ask_for_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
