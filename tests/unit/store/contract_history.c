#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store_memory.h"
#include "tests/unit/store/harness.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static void watch(struct bench *b, const char *prefix, int64_t from, struct seen *s) {
        const struct store_watch_options options = {
                .prefix = prefix,
                .from_revision = from,
                .changed = seen_take,
                .userdata = s,
        };

        assert_int_equal(store_watch(b->store, &options, &s->watch, NULL), 0);
}

static void settle(struct bench *b) {
        struct answer a = { 0 };

        /* All earlier requests, a watch's among them, are answered before this one. */
        for (int i = 0; i < 8; i++) {
                assert_int_equal(bench_get(b, "settle", &a), 0);
                answer_done(&a);
        }
}

static void unwatch(struct seen *s) {
        store_watch_unref(STEAL(s->watch));
        free(STEAL(s->text));
}

static void a_watch_shows_the_past_and_goes_on(void **state) {
        struct bench *b = *state;
        struct seen from_3 = { 0 }, all = { 0 }, fresh = { 0 }, other = { 0 }, later = { 0 };

        assert_int_equal(bench_put(b, "/a", "1", NULL), 0);
        assert_int_equal(bench_put(b, "/b", "2", NULL), 0);
        assert_int_equal(bench_delete(b, "/a", NULL), 0);
        watch(b, "/", 3, &from_3);
        watch(b, "", 0, &all);
        watch(b, "/", store_revision(b->store) + 1, &fresh);
        watch(b, "/b", 1, &other);
        watch(b, "/", 6, &later);
        assert_int_equal(bench_put(b, "/a", "5", NULL), 0);
        assert_int_equal(bench_put(b, "/c", "6", NULL), 0);
        settle(b);

        assert_string_equal(from_3.text, "+/b=2@3 -/a@4 +/a=5@5 +/c=6@6 ");
        assert_string_equal(all.text, "+/a=1@2 +/b=2@3 -/a@4 +/a=5@5 +/c=6@6 ");
        assert_string_equal(fresh.text, "+/a=5@5 +/c=6@6 ");
        assert_string_equal(other.text, "+/b=2@3 ");
        assert_string_equal(later.text, "+/c=6@6 ");
        unwatch(&from_3);
        unwatch(&all);
        unwatch(&fresh);
        unwatch(&other);
        unwatch(&later);
}

static void a_watch_begun_amid_writes_misses_and_doubles_nothing(void **state) {
        enum { N = 3000 };
        struct bench *b = *state;
        struct seen s[3] = { 0 };
        struct answer *last = calloc(N, sizeof(*last));
        AUTO_DONE(strbuf) struct strbuf want = { 0 };

        for (int i = 0; i < N; i++) {
                char key[16];
                const struct store_op op = { STORE_PUT, key, "v", 1, 0 };

                (void) snprintf(key, sizeof(key), "k%d", i);
                if (i % 1000 == 500)
                        watch(b, "", 2, &s[i / 1000]);
                assert_int_equal(store_transact(b->store,
                                                &(struct store_txn){ .ops = &op, .n_ops = 1 },
                                                answer_take, &last[i], NULL),
                                 0);
                strbuf_addf(&want, "+k%d=v@%d ", i, i + 2);
                if (i % 7 == 0)
                        assert_true(loop_step(b->loop, 0) >= 0);
        }
        bench_wait(b, &last[N - 1]);
        settle(b);

        for (int i = 0; i < 3; i++) {
                assert_int_equal(s[i].n_events, N);
                assert_string_equal(s[i].text, want.s);
                unwatch(&s[i]);
        }
        for (int i = 0; i < N; i++)
                answer_done(&last[i]);
        free(last);
}

struct closing {
        struct seen *a, *b;
};

static void close_both(void *userdata, int r, const struct store_event *events, size_t n,
                       int64_t revision) {
        struct closing *c = userdata;

        (void) events;
        (void) revision;
        assert_int_equal(r, 0);
        assert_true(n > 0);
        store_watch_unref(STEAL(c->a->watch));
        store_watch_unref(STEAL(c->b->watch));
}

static void watches_may_go_in_a_callback_and_before_their_first_event(void **state) {
        struct bench *b = *state;
        struct seen x = { 0 }, y = { 0 }, gone = { 0 };
        struct closing c = { &x, &y };
        const struct store_watch_options options = {
                .prefix = "",
                .from_revision = 2,
                .changed = close_both,
                .userdata = &c,
        };

        assert_int_equal(store_watch(b->store, &options, &x.watch, NULL), 0);
        watch(b, "", 2, &y);
        watch(b, "", 0, &gone);
        store_watch_unref(STEAL(gone.watch));
        settle(b);
        assert_int_equal(bench_put(b, "/a", "1", NULL), 0);
        assert_int_equal(bench_put(b, "/a", "2", NULL), 0);

        assert_null(x.watch);
        assert_null(y.watch);
        assert_int_equal(y.n_events, 0);
        assert_int_equal(gone.n_events, 0);
}

static void what_is_compacted_is_gone_and_the_present_stays(void **state) {
        struct bench *b = *state;
        struct store_list at = { .prefix = "", .revision = 4 };
        AUTO_DONE(answer) struct answer a = { 0 };
        struct seen old = { 0 }, fresh = { 0 };

        assert_int_equal(bench_put(b, "/a", "1", NULL), 0);
        assert_int_equal(bench_put(b, "/a", "2", NULL), 0);
        assert_int_equal(bench_put(b, "/b", "1", NULL), 0);
        assert_int_equal(bench_delete(b, "/b", NULL), 0);
        assert_int_equal(bench_put(b, "/a", "3", NULL), 0);
        assert_int_equal(bench_compact(b, 7, &a), -ERANGE);
        assert_int_equal(bench_compact(b, 5, &a), 0);
        assert_int_equal(bench_compact(b, 5, &a), -ESTALE);

        assert_int_equal(bench_list(b, &at, &a), -ESTALE);
        at.revision = 5;
        assert_int_equal(bench_list(b, &at, &a), 0);
        assert_int_equal(a.n, 1);
        assert_string_equal(a.items[0].value, "2");
        watch(b, "", 5, &old);
        watch(b, "", 6, &fresh);
        settle(b);
        assert_int_equal(old.r, -ESTALE);
        assert_string_equal(fresh.text, "+/a=3@6 ");
        assert_int_equal(store_revision(b->store), 6);
        unwatch(&old);
        unwatch(&fresh);

        assert_int_equal(bench_get(b, "/a", &a), 0);
        assert_int_equal(a.items[0].version, 3);
        assert_int_equal(a.items[0].create_revision, 2);
}

static void compacting_everything_leaves_the_newest(void **state) {
        struct bench *b = *state;
        AUTO_DONE(answer) struct answer a = { 0 };

        for (int round = 0; round < 4; round++) {
                bench_put_numbered(b, "/k/", 300);
                (void) bench_delete(b, "/k/007", NULL);
                assert_int_equal(bench_compact(b, store_revision(b->store), NULL), 0);
                settle(b);
        }
        assert_int_equal(bench_list(b, &(struct store_list){ .prefix = "/k/" }, &a), 0);
        assert_int_equal(a.n, 299);
        for (size_t i = 0; i < a.n; i++)
                assert_int_equal(a.items[i].version, 4);
        assert_int_equal(store_revision(b->store), 1 + 4 * 301);
}

static void an_old_history_is_compacted_by_itself(void **state) {
        struct bench *b = *state;
        struct store_list at = { .prefix = "" };
        AUTO_DONE(answer) struct answer a = { 0 };

        store_unref(STEAL(b->store));
        b->keep_revisions = 10;
        assert_int_equal(b->backend->open(b, NULL), 0);
        for (int i = 0; i < 50; i++)
                assert_int_equal(bench_put(b, "/a", "v", NULL), 0);

        at.revision = store_revision(b->store) - 10;
        assert_int_equal(bench_list(b, &at, &a), 0);
        at.revision = store_revision(b->store) - 20;
        assert_int_equal(bench_list(b, &at, &a), -ESTALE);
}

static int64_t grant(struct bench *b, uint64_t ttl_sec) {
        struct answer a = { 0 };
        int64_t lease;

        assert_int_equal(store_lease_grant(b->store, ttl_sec, answer_take, &a, NULL), 0);
        bench_wait(b, &a);
        assert_int_equal(a.r, 0);
        assert_true(a.lease > 0);
        lease = a.lease;
        answer_done(&a);
        return lease;
}

static int keepalive(struct bench *b, int64_t lease) {
        struct answer a = { 0 };
        int r;

        assert_int_equal(store_lease_keepalive(b->store, lease, answer_take, &a, NULL), 0);
        bench_wait(b, &a);
        r = a.r;
        answer_done(&a);
        return r;
}

static int lease_revoke(struct bench *b, int64_t lease, size_t *ret_n) {
        struct answer a = { 0 };
        int r;

        assert_int_equal(store_lease_revoke(b->store, lease, answer_take, &a, NULL), 0);
        bench_wait(b, &a);
        r = a.r;
        *ret_n = a.n_deleted;
        answer_done(&a);
        return r;
}

static void a_revoked_lease_takes_its_keys_along(void **state) {
        struct bench *b = *state;
        AUTO_DONE(answer) struct answer a = { 0 };
        int64_t one = grant(b, 60), two = grant(b, 60);
        struct seen s = { 0 };
        size_t n = 0;

        assert_true(one != two);
        assert_int_equal(store_revision(b->store), 1);
        assert_int_equal(bench_put_lease(b, "/a", "1", one, NULL), 0);
        assert_int_equal(bench_put_lease(b, "/b", "2", one, NULL), 0);
        assert_int_equal(bench_put_lease(b, "/c", "3", one, NULL), 0);
        assert_int_equal(bench_put_lease(b, "/c", "4", two, NULL), 0);
        assert_int_equal(bench_put_lease(b, "/d", "5", one, NULL), 0);
        assert_int_equal(bench_put(b, "/d", "6", NULL), 0);
        assert_int_equal(bench_get(b, "/a", &a), 0);
        assert_int_equal(a.items[0].lease, one);
        watch(b, "", 8, &s);

        assert_int_equal(lease_revoke(b, one, &n), 0);
        settle(b);

        assert_int_equal(n, 2);
        assert_true(strcmp(s.text, "-/a@8 -/b@8 ") == 0 || strcmp(s.text, "-/b@8 -/a@8 ") == 0);
        assert_int_equal(bench_list(b, LIST_ALL, &a), 0);
        assert_int_equal(a.n, 2);
        assert_int_equal(lease_revoke(b, one, &n), -ENOENT);
        assert_int_equal(keepalive(b, one), -ENOENT);
        assert_int_equal(bench_put_lease(b, "/e", "7", one, &a), -ENOENT);
        unwatch(&s);
}

static void a_lease_ends_when_nobody_keeps_it(void **state) {
        struct bench *b = *state;
        AUTO_DONE(answer) struct answer a = { 0 };
        int64_t kept = grant(b, 10), lost = grant(b, 10);

        assert_int_equal(bench_put_lease(b, "/kept", "1", kept, NULL), 0);
        assert_int_equal(bench_put_lease(b, "/lost", "1", lost, NULL), 0);
        b->now_usec += 9 * USEC_PER_SEC;
        store_check_leases(b->store);
        assert_int_equal(keepalive(b, kept), 0);
        assert_int_equal(bench_list(b, LIST_ALL, &a), 0);
        assert_int_equal(a.n, 2);

        b->now_usec += 2 * USEC_PER_SEC;
        store_check_leases(b->store);

        assert_int_equal(bench_list(b, LIST_ALL, &a), 0);
        assert_int_equal(a.n, 1);
        assert_string_equal(a.items[0].key, "/kept");
        assert_int_equal(keepalive(b, lost), -ENOENT);
        assert_int_equal(store_revision(b->store), 4);
}

static void everything_is_there_after_opening_again(void **state) {
        struct bench *b = *state;
        AUTO_DONE(answer) struct answer a = { 0 };
        struct seen s = { 0 };
        int64_t lease;

        lease = grant(b, 10);
        assert_int_equal(bench_put(b, "/a", "1", NULL), 0);
        assert_int_equal(bench_put(b, "/a", "2", NULL), 0);
        assert_int_equal(bench_put_lease(b, "/l", "3", lease, NULL), 0);
        assert_int_equal(bench_put(b, "/z", "4", NULL), 0);
        assert_int_equal(bench_delete(b, "/z", NULL), 0);
        b->now_usec += 9 * USEC_PER_SEC;
        bench_reopen(b);

        assert_int_equal(store_revision(b->store), 6);
        watch(b, "", 2, &s);
        settle(b);
        assert_string_equal(s.text, "+/a=1@2 +/a=2@3 +/l=3@4 +/z=4@5 -/z@6 ");
        unwatch(&s);
        b->now_usec += 9 * USEC_PER_SEC; /* the lease has its whole time again */
        store_check_leases(b->store);
        assert_int_equal(bench_get(b, "/l", &a), 0);
        assert_int_equal(a.n, 1);
        b->now_usec += 2 * USEC_PER_SEC;
        store_check_leases(b->store);
        assert_int_equal(bench_get(b, "/l", &a), 0);
        assert_int_equal(a.n, 0);
        assert_int_equal(bench_compact(b, 7, NULL), 0);
        settle(b);
        bench_reopen(b);
        assert_int_equal(store_revision(b->store), 7);
        assert_int_equal(bench_list(b, &(struct store_list){ .prefix = "", .revision = 6 }, &a),
                         -ESTALE);
}

static void closing_answers_everything_that_was_accepted(void **state) {
        enum { N = 300 };
        struct bench *b = *state;
        AUTO_FREE struct answer *a = calloc(N, sizeof(*a));
        const struct store_op op = { STORE_PUT, "/a", "v", 1, 0 };
        struct seen s = { 0 };

        watch(b, "", 0, &s);
        for (int i = 0; i < N; i++)
                assert_int_equal(store_transact(b->store,
                                                &(struct store_txn){ .ops = &op, .n_ops = 1 },
                                                answer_take, &a[i], NULL),
                                 0);
        store_unref(STEAL(b->store));

        for (int i = 0; i < N; i++) {
                assert_true(a[i].has_come);
                assert_int_equal(a[i].r, 0);
                answer_done(&a[i]);
        }
        assert_int_equal(s.n_events, 0);
}

static uint64_t fixed_now(void *clock) {
        return *(uint64_t *) clock;
}

/* Without a loop, for simulations: nothing happens but in a step. */
static void a_memory_store_without_a_loop_waits_for_its_step(void **state) {
        uint64_t now_usec = 5;
        const struct store_memory_options options = { .now_usec = fixed_now, .clock = &now_usec };
        const struct store_op op = { STORE_PUT, "/a", "v", 1, 1 };
        const struct store_txn txn = { .ops = &op, .n_ops = 1 };
        struct store *s = NULL;
        struct answer lease = { 0 }, put = { 0 }, get = { 0 };
        (void) state;

        assert_int_equal(store_open_memory(NULL, &options, &s, NULL), 0);
        assert_int_equal(store_lease_grant(s, 10, answer_take, &lease, NULL), 0);
        assert_int_equal(store_transact(s, &txn, answer_take, &put, NULL), 0);
        assert_false(lease.has_come);
        assert_int_equal(store_memory_step(s, 1), 1);
        assert_true(lease.has_come);
        assert_false(put.has_come);
        assert_int_equal(store_memory_step(s, SIZE_MAX), 1);
        assert_int_equal(put.r, 0);
        assert_int_equal(store_memory_step(s, SIZE_MAX), 0);

        now_usec += 10 * USEC_PER_SEC;
        assert_int_equal(store_memory_step(s, SIZE_MAX), 1);
        assert_int_equal(store_get(s, "/a", answer_take, &get, NULL), 0);
        assert_int_equal(store_memory_step(s, SIZE_MAX), 1);

        assert_int_equal(get.n, 0);
        store_unref(s);
        answer_done(&lease);
        answer_done(&put);
        answer_done(&get);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                CONTRACT_ALL(a_watch_shows_the_past_and_goes_on),
                CONTRACT_ALL(a_watch_begun_amid_writes_misses_and_doubles_nothing),
                CONTRACT_ALL(watches_may_go_in_a_callback_and_before_their_first_event),
                CONTRACT_ALL(what_is_compacted_is_gone_and_the_present_stays),
                CONTRACT_ALL(compacting_everything_leaves_the_newest),
                CONTRACT_ALL(an_old_history_is_compacted_by_itself),
                CONTRACT_ALL(a_revoked_lease_takes_its_keys_along),
                CONTRACT_ALL(a_lease_ends_when_nobody_keeps_it),
                CONTRACT(everything_is_there_after_opening_again, sqlite),
                CONTRACT_ALL(closing_answers_everything_that_was_accepted),
                cmocka_unit_test(a_memory_store_without_a_loop_waits_for_its_step),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
