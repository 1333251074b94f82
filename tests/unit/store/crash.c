#include "base/backoff.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store.h"
#include "daemon/store/store_sqlite.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

/* A process that writes without pause is killed at random points; what it was promised must be
 * there. */

#define N_KILLS 60
#define N_IN_FLIGHT 32
#define VALUE_MAX 6000

/* Between the writer and the one who kills it. */
struct shared {
        atomic_bool is_writing;
        atomic_llong n_acked; /* transactions numbered below have been answered with 0 */
};

struct crash {
        struct loop *loop;
        struct store *store;
        struct shared *shared;
        int64_t next;     /* number of the next transaction */
        int64_t verified; /* all transactions below have been looked at */
        char directory[64];
};

/* What transaction number i writes: any byte of it can be checked. */
static size_t crash_value(int64_t i, char value[VALUE_MAX]) {
        uint64_t seed = (uint64_t) i;
        size_t len = backoff_random(&seed) % (VALUE_MAX - 32);

        len += (size_t) snprintf(value, 32, "%" PRId64 ":", i);
        for (size_t at = strlen(value); at < len; at++)
                value[at] = (char) ('a' + (i + (int64_t) at) % 26);
        return len;
}

static void crash_write(struct crash *c);

static void crash_acked(void *userdata, int r, const struct store_result *result,
                        const struct err *e) {
        struct crash *c = userdata;

        if (r < 0 || result->revision != atomic_load(&c->shared->n_acked) + 2) {
                (void) fprintf(stderr, "writer: %s\n", err_text(e));
                _exit(1);
        }
        atomic_fetch_add(&c->shared->n_acked, 1);
        crash_write(c);
}

/* Transaction i puts its value and takes its number down elsewhere: both, or neither. */
static void crash_write(struct crash *c) {
        char value[VALUE_MAX], key[32], number[32];
        struct store_op ops[2] = { { STORE_PUT, key, value, 0, 0 },
                                   { STORE_PUT, "/last", number, 0, 0 } };
        struct err e = { 0 };

        (void) snprintf(key, sizeof(key), "/n/%012" PRId64, c->next);
        (void) snprintf(number, sizeof(number), "%" PRId64, c->next);
        ops[0].value_len = crash_value(c->next, value);
        ops[1].value_len = strlen(number);
        c->next++;
        if (store_transact(c->store, &(struct store_txn){ .ops = ops, .n_ops = 2 }, crash_acked, c,
                           &e) < 0) {
                (void) fprintf(stderr, "writer: %s\n", e.text);
                _exit(1);
        }
}

static void crash_open(struct crash *c) {
        struct err e = { 0 };

        if (loop_new(&c->loop, &e) < 0 ||
            store_open_sqlite(c->loop, c->directory, NULL, &c->store, &e) < 0) {
                (void) fprintf(stderr, "cannot open: %s\n", e.text);
                fail();
        }
}

static void crash_close(struct crash *c) {
        store_unref(STEAL(c->store));
        loop_unref(STEAL(c->loop));
}

static _Noreturn void crash_writer(struct crash *c) {
        crash_open(c);
        atomic_store(&c->shared->is_writing, true);
        for (int i = 0; i < N_IN_FLIGHT; i++)
                crash_write(c);
        (void) loop_run(c->loop);
        _exit(1);
}

static void crash_sleep(uint64_t usec) {
        const struct timespec ts = { .tv_nsec = (long) usec * 1000 };

        (void) nanosleep(&ts, NULL);
}

/* Killed some time after it has got so many answers: on a slow disk time alone would be up before
 * the first. */
static void crash_kill_one_writer(struct crash *c, int64_t n_answers, uint64_t after_usec) {
        const int64_t enough = atomic_load(&c->shared->n_acked) + n_answers;
        int status = 0;
        pid_t pid;

        atomic_store(&c->shared->is_writing, false);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                crash_writer(c);

        while (!atomic_load(&c->shared->is_writing) || atomic_load(&c->shared->n_acked) < enough) {
                assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
                crash_sleep(100);
        }
        crash_sleep(after_usec);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
}

struct verifier {
        struct crash *c;
        bool is_at_last; /* the second event of a transaction comes next */
};

/* Every transaction since the last look, whole and in order. */
static void crash_verify_events(void *userdata, int r, const struct store_event *events, size_t n,
                                int64_t revision) {
        struct verifier *v = userdata;
        char value[VALUE_MAX], number[32];

        (void) revision;
        assert_int_equal(r, 0);
        for (size_t i = 0; i < n; i++) {
                const struct store_kv *kv = &events[i].kv;

                assert_int_equal(kv->mod_revision, v->c->verified + 2);
                if (!v->is_at_last) {
                        assert_int_equal(kv->value_len, crash_value(v->c->verified, value));
                        assert_memory_equal(kv->value, value, kv->value_len);
                } else {
                        (void) snprintf(number, sizeof(number), "%" PRId64, v->c->verified);
                        assert_string_equal(kv->value, number);
                        v->c->verified++;
                }
                v->is_at_last = !v->is_at_last;
        }
}

static void crash_verify(struct crash *c) {
        struct verifier v = { .c = c };
        struct store_watch *w = NULL;
        int64_t n;
        const struct store_watch_options options = {
                .prefix = "",
                .from_revision = c->verified + 2,
                .changed = crash_verify_events,
                .userdata = &v,
        };

        crash_open(c);
        n = store_revision(c->store) - 1;
        assert_true(n >= atomic_load(&c->shared->n_acked));
        assert_int_equal(store_watch(c->store, &options, &w, NULL), 0);
        while (c->verified < n)
                assert_true(loop_step(c->loop, USEC_NEVER) >= 0);
        assert_int_equal(c->verified, n);
        assert_false(v.is_at_last);
        store_watch_unref(w);
        crash_close(c);

        /* What was not promised and is there all the same counts from now on. */
        c->next = n;
        atomic_store(&c->shared->n_acked, n);
}

static void what_was_promised_survives_kill_9_at_any_point(void **state) {
        struct crash c = { .directory = "/tmp/orch-test-crash-XXXXXX" };
        uint64_t seed = 20260101;
        (void) state;

        assert_non_null(mkdtemp(c.directory));
        c.shared = mmap(NULL, sizeof(*c.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                        -1, 0);
        assert_true(c.shared != MAP_FAILED);

        for (int i = 0; i < N_KILLS; i++) {
                const int64_t n_answers =
                        i % 2 == 0 ? 0 : 1 + (int64_t) (backoff_random(&seed) % 40);

                crash_kill_one_writer(&c, n_answers, backoff_random(&seed) % 20000);
                crash_verify(&c);
        }
        print_message("%d kills, %" PRId64 " transactions kept\n", N_KILLS, c.verified);
        assert_true(c.verified > 0);

        assert_int_equal(munmap(c.shared, sizeof(*c.shared)), 0);
        assert_int_equal(dir_remove_all(AT_FDCWD, c.directory, NULL), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_promised_survives_kill_9_at_any_point),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
