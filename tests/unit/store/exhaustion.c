#include "base/fd.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store.h"
#include "daemon/store/store_memory.h"
#include "daemon/store/store_sqlite.h"
#include "tests/unit/exhaust.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Every allocation of a store's life fails once, and from every one on all fail: each request is
 * answered with 0 or -ENOMEM, and the store holds what was answered with 0. */

enum backend { BACKEND_MEMORY, BACKEND_SQLITE };

#define N_KEYS 3

struct life {
        struct loop *loop;
        struct store *store;
        char directory[64];
        enum backend backend;
        int64_t revision;       /* expected */
        int64_t values[N_KEYS]; /* expected mod revisions, 0: absent */
        bool has_come;
        int r;
        size_t n_items;
        int64_t mod_revision, lease;
        int watch_r;
        int64_t watch_revision;
};

static const char *const keys[N_KEYS] = { "/a", "/b", "/c" };

static void take(void *userdata, int r, const struct store_result *result, const struct err *e) {
        struct life *l = userdata;

        (void) e;
        l->has_come = true;
        l->r = r;
        l->n_items = result->n;
        l->mod_revision = r == 0 && result->n > 0 ? result->items[0].mod_revision : 0;
        l->lease = result->lease;
}

static void take_events(void *userdata, int r, const struct store_event *events, size_t n,
                        int64_t revision) {
        struct life *l = userdata;

        assert_int_equal(l->watch_r, 0);
        l->watch_r = r;
        if (r < 0)
                return;
        assert_true(n > 0);
        assert_true(events[0].kv.mod_revision > l->watch_revision);
        l->watch_revision = revision;
}

/* The answer to a request that was accepted with r. */
static int settle(struct life *l, int r) {
        if (r < 0) {
                assert_int_equal(r, -ENOMEM);
                return r;
        }
        while (!l->has_come)
                assert_true(loop_step(l->loop, USEC_NEVER) >= 0);
        l->has_come = false;
        assert_true(l->r == 0 || l->r == -ENOMEM || l->r == -ENOENT);
        return l->r;
}

static void put(struct life *l, int key, int64_t lease) {
        const struct store_op op = { STORE_PUT, keys[key], "value", 5, lease };
        const struct store_txn txn = { .ops = &op, .n_ops = 1 };

        if (settle(l, store_transact(l->store, &txn, take, l, NULL)) == 0)
                l->values[key] = ++l->revision;
}

static void drop(struct life *l, int key) {
        const struct store_op op = { .verb = STORE_DELETE, .key = keys[key] };
        const struct store_txn txn = { .ops = &op, .n_ops = 1 };

        if (settle(l, store_transact(l->store, &txn, take, l, NULL)) < 0 || l->values[key] == 0)
                return;
        l->values[key] = 0;
        l->revision++;
}

static int open_store(struct life *l) {
        int r = l->backend == BACKEND_MEMORY
                        ? store_open_memory(l->loop, NULL, &l->store, NULL)
                        : store_open_sqlite(l->loop, l->directory, NULL, &l->store, NULL);

        assert_true(r == 0 || r == -ENOMEM);
        return r;
}

static void live(struct life *l) {
        AUTO(store_watch) struct store_watch *w = NULL;
        int64_t lease = 0;
        const struct store_watch_options options = {
                .prefix = "/",
                .from_revision = 0,
                .changed = take_events,
                .userdata = l,
        };

        if (open_store(l) < 0)
                return;
        if (store_watch(l->store, &options, &w, NULL) < 0)
                w = NULL;
        for (int i = 0; i < 4; i++)
                put(l, i % N_KEYS, 0);
        drop(l, 1);
        if (settle(l, store_lease_grant(l->store, 60, take, l, NULL)) == 0)
                lease = l->lease;
        if (lease > 0) {
                put(l, 2, lease);
                if (settle(l, store_lease_revoke(l->store, lease, take, l, NULL)) == 0 &&
                    l->values[2] != 0 && l->values[2] == l->revision) {
                        l->values[2] = 0;
                        l->revision++;
                }
        }
        (void) settle(l,
                      store_list(l->store, &(struct store_list){ .prefix = "/" }, take, l, NULL));
        (void) settle(l, store_compact(l->store, MAX(l->revision, 1), take, l, NULL));
        put(l, 1, 0);
}

static void verify(struct life *l) {
        if (!l->store)
                return;
        for (int i = 0; i < N_KEYS; i++) {
                assert_int_equal(settle(l, store_get(l->store, keys[i], take, l, NULL)), 0);
                assert_int_equal(l->mod_revision, l->values[i]);
        }
        assert_int_equal(store_revision(l->store), l->revision);
}

/* Returns whether an allocation was made to fail. */
static bool live_once(enum backend backend, long n_good, long n_failing) {
        struct life l = { .backend = backend, .revision = 1 };
        bool has_failed;

        (void) snprintf(l.directory, sizeof(l.directory), "/tmp/orch-test-exhaust-XXXXXX");
        assert_non_null(mkdtemp(l.directory));
        assert_int_equal(loop_new(&l.loop, NULL), 0);

        exhaust_begin(n_good, n_failing);
        live(&l);
        has_failed = exhaust_end();

        verify(&l);
        store_unref(STEAL(l.store));
        if (backend == BACKEND_SQLITE && l.revision > 1) {
                assert_int_equal(open_store(&l), 0);
                verify(&l);
                store_unref(STEAL(l.store));
        }
        loop_unref(l.loop);
        assert_int_equal(dir_remove_all(AT_FDCWD, l.directory, NULL), 0);
        return has_failed;
}

static void live_always(enum backend backend) {
        long n;

        for (n = 0; live_once(backend, n, 1); n++)
                (void) live_once(backend, n, 1000000);
        print_message("%ld allocations\n", n);
        assert_true(n > 30);
}

static void memory_that_is_out_costs_a_store_in_memory_nothing(void **state) {
        (void) state;
        live_always(BACKEND_MEMORY);
}

static void memory_that_is_out_costs_a_store_on_disk_nothing(void **state) {
        (void) state;
        live_always(BACKEND_SQLITE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(memory_that_is_out_costs_a_store_in_memory_nothing),
                cmocka_unit_test(memory_that_is_out_costs_a_store_on_disk_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
