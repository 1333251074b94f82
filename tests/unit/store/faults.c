#include "base/backoff.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store.h"
#include "daemon/store/store_sqlite.h"
#include "tests/unit/store/harness.h"
#include "tests/unit/store/power_vfs.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define N_CUTS 400
#define N_KEYS 7
#define N_WRITES 150

struct disk {
        struct bench bench; /* loop, store, directory: for the helpers of the harness */
        struct power *power;
        int64_t keep_revisions;
        int64_t n_submitted, n_acked;
        int n_failed;
};

static int disk_open(struct disk *d, struct err *e) {
        const struct store_sqlite_options options = {
                .vfs = power_name(d->power),
                .keep_revisions = d->keep_revisions,
        };

        return store_open_sqlite(d->bench.loop, d->bench.directory, &options, &d->bench.store, e);
}

static void disk_init(struct disk *d, uint64_t seed) {
        memset(d, 0, sizeof(*d));
        d->power = power_new(seed);
        (void) snprintf(d->bench.directory, sizeof(d->bench.directory),
                        "/tmp/orch-test-faults-XXXXXX");
        assert_non_null(mkdtemp(d->bench.directory));
        assert_int_equal(loop_new(&d->bench.loop, NULL), 0);
}

static void disk_close(struct disk *d) {
        store_unref(STEAL(d->bench.store));
}

static void disk_done(struct disk *d) {
        disk_close(d);
        loop_unref(d->bench.loop);
        power_unref(d->power);
        assert_int_equal(dir_remove_all(AT_FDCWD, d->bench.directory, NULL), 0);
}

/* The value of transaction i: its number, and a length that differs. */
static size_t disk_value(int64_t i, char value[8192]) {
        size_t len = (size_t) (i * 977 % 5000);

        memset(value, 'v', len + 24);
        len += (size_t) snprintf(value + len, 24, "%" PRId64, i);
        return len;
}

static void disk_acked(void *userdata, int r, const struct store_result *result,
                       const struct err *e) {
        struct disk *d = userdata;

        if (r < 0) {
                assert_true(strlen(e->text) > 0);
                d->n_failed++;
                return;
        }
        assert_int_equal(d->n_failed, 0); /* nothing is durable behind what failed */
        assert_int_equal(result->revision, d->n_acked + 2);
        d->n_acked++;
}

static void disk_write(struct disk *d) {
        char value[8192], key[16];
        struct store_op op = { STORE_PUT, key, value, 0, 0 };

        (void) snprintf(key, sizeof(key), "/k%d", (int) (d->n_submitted % N_KEYS));
        op.value_len = disk_value(d->n_submitted++, value);
        assert_int_equal(store_transact(d->bench.store,
                                        &(struct store_txn){ .ops = &op, .n_ops = 1 }, disk_acked,
                                        d, NULL),
                         0);
}

/* The store holds exactly what transactions 0 to n - 1 made, and n is at least what was promised.
 */
static void disk_verify(struct disk *d) {
        int64_t n = store_revision(d->bench.store) - 1;
        AUTO_DONE(answer) struct answer a = { 0 };

        assert_true(n >= d->n_acked);
        assert_true(n <= d->n_submitted);
        assert_int_equal(bench_list(&d->bench, &(struct store_list){ .prefix = "" }, &a), 0);
        assert_int_equal(a.n, MIN(n, N_KEYS));
        for (size_t i = 0; i < a.n; i++) {
                int64_t last = n - 1 - (n - 1 - (int64_t) i + N_KEYS) % N_KEYS;
                char value[8192];

                assert_int_equal(a.items[i].mod_revision, last + 2);
                assert_int_equal(a.items[i].create_revision, (int64_t) i + 2);
                assert_int_equal(a.items[i].value_len, disk_value(last, value));
                assert_memory_equal(a.items[i].value, value, a.items[i].value_len);
        }
        d->n_submitted = d->n_acked = n;
        d->n_failed = 0;
}

static void disk_run_until_cut(struct disk *d, uint64_t *seed) {
        struct err e = { 0 };

        if (disk_open(d, &e) < 0) {
                assert_true(power_is_cut(d->power));
                assert_true(strlen(e.text) > 0);
                return;
        }
        for (int i = 0; i < N_WRITES; i++) {
                disk_write(d);
                if (backoff_random(seed) % 8 == 0)
                        assert_true(loop_step(d->bench.loop, 1000) >= 0);
        }
        disk_close(d); /* answers what is left */
}

static void what_was_promised_survives_a_power_cut_at_any_operation(void **state) {
        uint64_t seed = 815;
        int64_t n_all = 0;
        int n_cuts = 0;
        (void) state;

        for (int i = 0; i < N_CUTS; i++) {
                struct disk d;
                struct err e = { 0 };

                disk_init(&d, (uint64_t) i);
                d.keep_revisions = i % 2 ? 10 : 0;
                for (int j = 0; j < 2; j++) {
                        power_cut_after(d.power,
                                        (unsigned) (backoff_random(&seed) % (j ? 2000 : 400)));
                        disk_run_until_cut(&d, &seed);
                        n_cuts += power_is_cut(d.power);
                        power_restore(d.power);
                        if (disk_open(&d, &e) < 0)
                                fail_msg("run %d: %s", i, e.text);
                        disk_verify(&d);
                        disk_close(&d);
                }
                n_all += d.n_acked;
                disk_done(&d);
        }
        print_message("%d power cuts, %" PRId64 " transactions kept\n", n_cuts, n_all);
        assert_true(n_cuts > N_CUTS / 2);
}

static void a_full_disk_refuses_and_heals_without_loss(void **state) {
        struct disk d;
        AUTO_DONE(answer) struct answer a = { 0 };
        (void) state;

        disk_init(&d, 1);
        assert_int_equal(disk_open(&d, NULL), 0);
        assert_int_equal(bench_put(&d.bench, "/a", "1", NULL), 0);
        power_set_full(d.power, true);
        assert_int_equal(bench_put(&d.bench, "/a", "2", &a), -ENOSPC);
        assert_non_null(strstr(a.error, "free some space"));
        assert_null(store_failure(d.bench.store));
        assert_int_equal(bench_get(&d.bench, "/a", &a), 0);
        assert_string_equal(a.items[0].value, "1");
        power_set_full(d.power, false);

        assert_int_equal(bench_put(&d.bench, "/a", "3", &a), 0);
        assert_int_equal(a.revision, 3);
        disk_close(&d);
        assert_int_equal(disk_open(&d, NULL), 0);
        assert_int_equal(bench_get(&d.bench, "/a", &a), 0);
        assert_string_equal(a.items[0].value, "3");
        disk_done(&d);
}

static void a_failing_disk_stops_writes_and_says_so(void **state) {
        struct disk d;
        AUTO_DONE(answer) struct answer a = { 0 };
        (void) state;

        disk_init(&d, 2);
        assert_int_equal(disk_open(&d, NULL), 0);
        assert_int_equal(bench_put(&d.bench, "/a", "1", NULL), 0);
        assert_null(store_failure(d.bench.store));
        power_cut_after(d.power, 0);

        assert_int_equal(bench_put(&d.bench, "/a", "2", &a), -EIO);
        assert_non_null(strstr(a.error, "check the disk"));
        assert_non_null(store_failure(d.bench.store));
        power_restore(d.power);
        assert_int_equal(bench_put(&d.bench, "/a", "3", &a), -EIO);
        assert_int_equal(bench_get(&d.bench, "/a", &a), 0);
        assert_string_equal(a.items[0].value, "1");

        disk_close(&d);
        assert_int_equal(disk_open(&d, NULL), 0);
        assert_int_equal(bench_put(&d.bench, "/a", "4", &a), 0);
        disk_done(&d);
}

/* 52 rows, most of them over several pages. */
static void disk_fill(struct disk *d) {
        AUTO_FREE char *value = malloc(20001);

        assert_non_null(value);
        memset(value, 'x', 20000);
        value[20000] = '\0';
        assert_int_equal(disk_open(d, NULL), 0);
        assert_int_equal(bench_put(&d->bench, "/a", "1", NULL), 0);
        for (int i = 0; i < 50; i++)
                assert_int_equal(bench_put(&d->bench, "/b", value, NULL), 0);
        assert_int_equal(bench_put(&d->bench, "/c", "3", NULL), 0);
        disk_close(d);
}

static void a_damaged_database_is_refused_with_a_remedy(void **state) {
        struct disk d;
        struct err e = { 0 };
        (void) state;

        disk_init(&d, 3);
        disk_fill(&d);
        power_damage(d.power, "store.db", 4096, 4096 * 400UL);

        assert_int_equal(disk_open(&d, &e), -EUCLEAN);
        assert_non_null(strstr(e.text, ".recover"));
        disk_done(&d);
}

static void what_is_not_damaged_can_be_read_and_nothing_is_written(void **state) {
        struct disk d;
        AUTO_DONE(answer) struct answer a = { 0 };
        struct seen past = { 0 };
        const struct store_watch_options options = {
                .prefix = "",
                .from_revision = 2,
                .changed = seen_take,
                .userdata = &past,
        };
        (void) state;

        disk_init(&d, 3);
        disk_fill(&d);
        power_damage(d.power, "store.db", 4096 * 20UL, 4096 * 100UL);
        assert_int_equal(disk_open(&d, NULL), 0);

        assert_int_equal(store_watch(d.bench.store, &options, &past.watch, NULL), 0);
        assert_int_equal(bench_get(&d.bench, "/c", &a), 0);
        assert_string_equal(a.items[0].value, "3");
        assert_int_equal(past.r, -EUCLEAN);
        assert_int_equal(bench_put(&d.bench, "/c", "4", &a), -EUCLEAN);
        assert_non_null(strstr(store_failure(d.bench.store), ".recover"));
        assert_int_equal(bench_get(&d.bench, "/c", &a), 0);
        assert_string_equal(a.items[0].value, "3");

        store_watch_unref(past.watch);
        free(past.text);
        disk_done(&d);
}

static void make_file(const struct disk *d, const char *sql, const char *text) {
        AUTO_FREE char *path = str_format("%s/store.db", d->bench.directory);
        sqlite3 *db = NULL;

        if (text) {
                assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, false, NULL), 0);
                return;
        }
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_file_that_is_no_store_is_left_alone(void **state) {
        static const struct {
                const char *sql, *text;
                int r;
                const char *words;
        } cases[] = {
                { NULL,
                  "this is no database, it is a text of more than a hundred bytes that somebody "
                  "has put where the database should be",
                  -EUCLEAN, "damaged" },
                { "CREATE TABLE mine(x)", NULL, -EUCLEAN, "not of this program" },
                { "CREATE TABLE kv(x); PRAGMA application_id=0x6f726368; PRAGMA user_version=99",
                  NULL, -EPROTONOSUPPORT, "newer version" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO_FREE char *before = NULL, *after = NULL, *path = NULL;
                size_t before_len, after_len;
                struct err e = { 0 };
                struct disk d;

                disk_init(&d, 4);
                path = str_format("%s/store.db", d.bench.directory);
                make_file(&d, cases[i].sql, cases[i].text);
                assert_int_equal(file_read(path, 1 << 20, &before, &before_len, NULL), 0);

                assert_int_equal(store_open_sqlite(d.bench.loop, d.bench.directory, NULL,
                                                   &d.bench.store, &e),
                                 cases[i].r);
                assert_non_null(strstr(e.text, cases[i].words));

                assert_int_equal(file_read(path, 1 << 20, &after, &after_len, NULL), 0);
                assert_int_equal(before_len, after_len);
                assert_memory_equal(before, after, before_len);
                disk_done(&d);
        }
}

static void a_second_server_on_the_directory_is_told_who_has_it(void **state) {
        struct store *second = NULL;
        struct err e = { 0 };
        char pid[24];
        struct disk d;
        (void) state;

        disk_init(&d, 5);
        assert_int_equal(
                store_open_sqlite(d.bench.loop, d.bench.directory, NULL, &d.bench.store, NULL), 0);
        assert_int_equal(store_open_sqlite(d.bench.loop, d.bench.directory, NULL, &second, &e),
                         -EBUSY);
        (void) snprintf(pid, sizeof(pid), "pid %d ", (int) getpid());
        assert_non_null(strstr(e.text, pid));
        assert_non_null(strstr(e.text, "stop it"));

        disk_close(&d);
        assert_int_equal(
                store_open_sqlite(d.bench.loop, d.bench.directory, NULL, &d.bench.store, NULL), 0);
        disk_done(&d);
}

static void nobody_else_may_read_the_files(void **state) {
        static const char *const names[] = { "store.db", "store.db-wal", "lock" };
        struct disk d;
        (void) state;

        disk_init(&d, 6);
        (void) umask(0);
        assert_int_equal(
                store_open_sqlite(d.bench.loop, d.bench.directory, NULL, &d.bench.store, NULL), 0);
        assert_int_equal(bench_put(&d.bench, "/secret", "1", NULL), 0);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                AUTO_FREE char *path = str_format("%s/%s", d.bench.directory, names[i]);
                struct stat st;

                assert_int_equal(stat(path, &st), 0);
                assert_int_equal(st.st_mode & 0777, 0600);
        }
        disk_done(&d);
}

static void a_directory_that_cannot_be_made_is_named(void **state) {
        struct err e = { 0 };
        struct disk d;
        (void) state;

        disk_init(&d, 7);
        assert_true(store_open_sqlite(d.bench.loop, "/proc/self/store", NULL, &d.bench.store, &e) <
                    0);
        assert_non_null(strstr(e.text, "/proc/self/store"));
        disk_done(&d);
}

/* What a power cut in the first second may leave behind. */
static void a_first_start_that_was_cut_off_begins_anew(void **state) {
        AUTO_FREE char *beside = NULL, *log = NULL;
        struct disk d;
        (void) state;

        disk_init(&d, 8);
        beside = str_format("%s/store.new", d.bench.directory);
        log = str_format("%s/store.db-wal", d.bench.directory);
        assert_int_equal(file_write_atomic(beside, "half", 4, 0600, false, NULL), 0);
        assert_int_equal(file_write_atomic(log, "half", 4, 0600, false, NULL), 0);

        assert_int_equal(
                store_open_sqlite(d.bench.loop, d.bench.directory, NULL, &d.bench.store, NULL), 0);
        assert_int_equal(access(beside, F_OK), -1);
        assert_int_equal(bench_put(&d.bench, "/a", "1", NULL), 0);
        assert_int_equal(store_revision(d.bench.store), 2);
        disk_done(&d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_promised_survives_a_power_cut_at_any_operation),
                cmocka_unit_test(a_full_disk_refuses_and_heals_without_loss),
                cmocka_unit_test(a_failing_disk_stops_writes_and_says_so),
                cmocka_unit_test(a_damaged_database_is_refused_with_a_remedy),
                cmocka_unit_test(what_is_not_damaged_can_be_read_and_nothing_is_written),
                cmocka_unit_test(a_file_that_is_no_store_is_left_alone),
                cmocka_unit_test(a_second_server_on_the_directory_is_told_who_has_it),
                cmocka_unit_test(nobody_else_may_read_the_files),
                cmocka_unit_test(a_first_start_that_was_cut_off_begins_anew),
                cmocka_unit_test(a_directory_that_cannot_be_made_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
