/* bench_store DIRECTORY [SECONDS]: durable 2 KiB commits a second for 1, 16 and 64 concurrent
 * writers, and beside them, in the same run and on the same disk, what bare fdatasync() reaches. */

#include "base/backoff.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store.h"
#include "daemon/store/store_sqlite.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BENCH_VALUE 2048
#define BENCH_KEYS 1000
#define BENCH_FILE_BYTES (64 * 1024 * 1024)
#define BENCH_LATENCIES_MAX 4000000

struct bench {
        const char *directory;
        uint64_t duration_usec;
        char value[BENCH_VALUE];
        uint64_t *latencies;
        size_t n;
};

struct writer {
        struct bench *b;
        struct loop *loop;
        struct store *store;
        unsigned number;
        uint64_t began_usec, until_usec;
        size_t *n_active;
        uint64_t seed;
};

static int bench_compare(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return (x > y) - (x < y);
}

static void bench_report(struct bench *b, const char *what, size_t n_each, uint64_t usec) {
        qsort(b->latencies, b->n, sizeof(*b->latencies), bench_compare);
        (void) printf("%-28s %8.0f commits/s  p50 %6" PRIu64 " us  p99 %6" PRIu64 " us\n", what,
                      (double) (b->n * n_each) * 1e6 / (double) usec, b->latencies[b->n / 2],
                      b->latencies[b->n * 99 / 100]);
        (void) fflush(stdout);
        b->n = 0;
}

static void bench_note(struct bench *b, uint64_t usec) {
        if (b->n < BENCH_LATENCIES_MAX)
                b->latencies[b->n++] = usec;
}

static void writer_begin(struct writer *w);

static void writer_done(void *userdata, int r, const struct store_result *result,
                        const struct err *e) {
        struct writer *w = userdata;
        uint64_t now_usec = clock_now_usec();

        (void) result;
        if (r < 0) {
                (void) fprintf(stderr, "bench_store: %s\n", err_text(e));
                exit(1);
        }
        bench_note(w->b, now_usec - w->began_usec);
        if (now_usec < w->until_usec)
                writer_begin(w);
        else
                --*w->n_active;
}

/* One object of 2 KiB is created or replaced. */
static void writer_begin(struct writer *w) {
        char key[64];
        const struct store_op op = { STORE_PUT, key, w->b->value, BENCH_VALUE, 0 };
        struct err e = { 0 };

        (void) snprintf(key, sizeof(key), "/registry/core/pods/default/web-%u-%u", w->number,
                        (unsigned) (backoff_random(&w->seed) % BENCH_KEYS));
        w->began_usec = clock_now_usec();
        if (store_transact(w->store, &(struct store_txn){ .ops = &op, .n_ops = 1 }, writer_done, w,
                           &e) < 0) {
                (void) fprintf(stderr, "bench_store: %s\n", err_text(&e));
                exit(1);
        }
}

static int bench_writers(struct bench *b, struct loop *l, struct store *s, unsigned n) {
        struct writer *writers = calloc(n, sizeof(*writers));
        uint64_t began_usec = clock_now_usec();
        size_t n_active = n;
        char what[32];

        if (!writers)
                return -ENOMEM;
        for (unsigned i = 0; i < n; i++) {
                writers[i] = (struct writer){ b,         l, s, i, 0, began_usec + b->duration_usec,
                                              &n_active, i };
                writer_begin(&writers[i]);
        }
        while (n_active > 0)
                (void) loop_step(l, USEC_NEVER);
        (void) snprintf(what, sizeof(what), "store, %u writer%s", n, n == 1 ? "" : "s");
        bench_report(b, what, 1, clock_now_usec() - began_usec);
        free(writers);
        return 0;
}

/* is_prepared: the file has its size already, as the store's log has after its first round. */
static int bench_raw(struct bench *b, bool is_prepared, unsigned n_each) {
        AUTO_FREE char *path = str_format("%s/raw", b->directory);
        AUTO_FREE char *block = calloc(n_each, BENCH_VALUE);
        AUTO_CLOSE int fd = -1;
        size_t len = (size_t) n_each * BENCH_VALUE;
        uint64_t began_usec, now_usec;
        off_t at = 0;
        char what[48];

        fd = path && block ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
        if (fd < 0)
                return -errno;
        for (off_t i = 0; is_prepared && i < BENCH_FILE_BYTES; i += BENCH_VALUE)
                if (pwrite(fd, b->value, BENCH_VALUE, i) < 0)
                        return -errno;
        if (fsync(fd) < 0)
                return -errno;

        began_usec = now_usec = clock_now_usec();
        while (now_usec < began_usec + b->duration_usec) {
                uint64_t start_usec = now_usec;

                if (pwrite(fd, block, len, at) < 0 || fdatasync(fd) < 0)
                        return -errno;
                at += (off_t) len;
                if (is_prepared && at > BENCH_FILE_BYTES - (off_t) len)
                        at = 0;
                now_usec = clock_now_usec();
                bench_note(b, now_usec - start_usec);
        }
        (void) snprintf(what, sizeof(what), "fdatasync, %s, %u a sync",
                        is_prepared ? "in place" : "append", n_each);
        bench_report(b, what, n_each, now_usec - began_usec);
        return unlink(path) < 0 ? -errno : 0;
}

static int bench_open(const char *directory, struct loop *l, struct store **ret) {
        const struct store_sqlite_options options = { .keep_revisions = 1000 };
        uint64_t began_usec = clock_now_usec();
        struct err e = { 0 };
        int r = store_open_sqlite(l, directory, &options, ret, &e);

        if (r < 0)
                (void) fprintf(stderr, "bench_store: %s\n", err_text(&e));
        else
                (void) printf("open at revision %" PRId64 ": %" PRIu64 " us\n",
                              store_revision(*ret), clock_now_usec() - began_usec);
        return r;
}

static int bench_run(struct bench *b) {
        static const unsigned n_writers[] = { 1, 16, 64 };
        AUTO_FREE char *directory = str_format("%s/store", b->directory);
        AUTO(loop) struct loop *l = NULL;
        struct store *s = NULL;
        int r;

        b->latencies = calloc(BENCH_LATENCIES_MAX, sizeof(*b->latencies));
        if (!directory || !b->latencies)
                return -ENOMEM;
        r = loop_new(&l, NULL);
        if (r >= 0)
                r = bench_open(directory, l, &s);
        if (r >= 0)
                r = bench_raw(b, false, 1);
        if (r >= 0)
                r = bench_raw(b, true, 1);
        if (r >= 0)
                r = bench_raw(b, true, 16);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(n_writers); i++)
                r = bench_writers(b, l, s, n_writers[i]);
        store_unref(s);
        s = NULL;
        if (r >= 0)
                r = bench_open(directory, l, &s);
        store_unref(s);
        (void) dir_remove_all(AT_FDCWD, directory, NULL);
        free(b->latencies);
        return r;
}

int main(int argc, char **argv) {
        struct bench b = { .duration_usec = 3 * USEC_PER_SEC };
        int64_t seconds = 3;
        int r;

        if (argc < 2 || argc > 3 || (argc == 3 && str_to_int64(argv[2], 1, 600, &seconds) < 0)) {
                (void) fprintf(stderr, "usage: bench_store DIRECTORY [SECONDS]\n");
                return 2;
        }
        b.directory = argv[1];
        b.duration_usec = (uint64_t) seconds * USEC_PER_SEC;
        memset(b.value, 'x', sizeof(b.value));
        r = bench_run(&b);
        if (r < 0)
                (void) fprintf(stderr, "bench_store: %s\n", strerror(-r));
        return r < 0;
}
