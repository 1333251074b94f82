/* What orch-pod costs: time to start N pods with one container each, their private memory, and the
 * time from a container's death to its successor. As root: bench-runtime [N=100] [ROUNDS=30].
 * Prints; never fails by a figure. Figures are without eth0 (daemon/network) and without what a
 * control loop adds. */
#include "base/clock.h"
#include "tests/system/runtime_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define BENCH_PODS_MAX 1000

static const char *const bench_layers[] = { FIXTURE_ROOT };
static const char *const bench_args[] = { "/bin/busybox", "sleep", "100000" };

struct bench {
        struct fixture f;
        struct runtime_pod *pods[BENCH_PODS_MAX];
        unsigned n_done;
};

static struct runtime_container_spec bench_spec(uint64_t instance) {
        return (struct runtime_container_spec){
                .name = "c",
                .instance = instance,
                .layers = bench_layers,
                .n_layers = 1,
                .args = bench_args,
                .n_args = 3,
                .limits = { .memory_limit_bytes = 256 << 20,
                            .cpu_limit_milli = 500,
                            .cpu_request_milli = 100 },
                .oom_score_adj = 1000,
        };
}

static void bench_count(void *userdata, int r, const struct err *e) {
        struct bench *b = userdata;

        if (r < 0) {
                printf("failed: %s\n", e->text);
                exit(1);
        }
        b->n_done++;
}

static void bench_wait(struct bench *b, unsigned n) {
        while (b->n_done < n)
                (void) sd_event_run(b->f.event, UINT64_MAX);
        b->n_done = 0;
}

struct bench_start {
        struct bench *b;
        unsigned i;
};

static void bench_pod_ready(void *userdata, int r, const struct err *e) {
        struct bench_start *s = userdata;
        struct runtime_container_spec spec = bench_spec(0);
        struct err problem = { 0 };

        if (r < 0 ||
            runtime_container_start(s->b->pods[s->i], &spec, bench_count, s->b, &problem) < 0) {
                printf("failed: %s %s\n", e->text, problem.text);
                exit(1);
        }
}

static void bench_start_pods(struct bench *b, unsigned n) {
        struct bench_start *starts = calloc(n, sizeof(*starts));
        struct err e = { 0 };
        char uid[32];

        for (unsigned i = 0; i < n; i++) {
                const struct runtime_pod_spec spec = { .uid = uid,
                                                       .namespace_ = "default",
                                                       .name = uid,
                                                       .hosts = "127.0.0.1 localhost\n",
                                                       .resolv_conf = "nameserver 10.96.0.10\n" };

                starts[i] = (struct bench_start){ b, i };
                (void) snprintf(uid, sizeof(uid), "pod-%u", i);
                if (runtime_pod_create(b->f.runtime, &spec, bench_pod_ready, &starts[i],
                                       &b->pods[i], &e) < 0) {
                        printf("failed: %s\n", e.text);
                        exit(1);
                }
        }
        bench_wait(b, n);
        free(starts);
}

static unsigned bench_pss_kib(pid_t pid) {
        AUTO_FREE char *text = NULL;
        char path[64];
        const char *line;

        (void) snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int) pid);
        if (file_read(path, 65536, &text, NULL, NULL) < 0)
                return 0;
        line = strstr(text, "\nPss:");
        return line ? (unsigned) strtoul(line + 5, NULL, 10) : 0;
}

static int bench_compare(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return x < y ? -1 : x > y;
}

static void bench_median(const char *what, uint64_t *usec, unsigned n) {
        qsort(usec, n, sizeof(*usec), bench_compare);
        printf("%s: median %.2f ms, least %.2f ms, 90 %% %.2f ms\n", what,
               (double) usec[n / 2] / 1000, (double) usec[0] / 1000,
               (double) usec[n * 9 / 10] / 1000);
}

/* kill -9 of the main process until its successor was executed. */
static void bench_restarts(struct bench *b, unsigned rounds) {
        struct runtime_container_status status;
        uint64_t *usec = calloc(rounds, sizeof(*usec));

        for (unsigned i = 0; i < rounds; i++) {
                struct runtime_container_spec spec = bench_spec(i + 1);
                uint64_t begin;

                if (!runtime_pod_container(b->pods[0], "c", &status))
                        exit(1);
                b->f.n_exits = 0;
                begin = clock_now_usec();
                (void) kill(status.pid, SIGKILL);
                while (b->f.n_exits == 0)
                        (void) sd_event_run(b->f.event, UINT64_MAX);
                (void) runtime_container_start(b->pods[0], &spec, bench_count, b, NULL);
                bench_wait(b, 1);
                usec[i] = clock_now_usec() - begin;
        }
        bench_median("killed -> running again", usec, rounds);
        free(usec);
}

static void bench_new_pods(struct bench *b, unsigned rounds) {
        uint64_t *usec = calloc(rounds, sizeof(*usec));

        for (unsigned i = 0; i < rounds; i++) {
                uint64_t begin = clock_now_usec();

                bench_start_pods(b, 1);
                usec[i] = clock_now_usec() - begin;
                (void) runtime_pod_remove(b->pods[0], bench_count, b, NULL);
                bench_wait(b, 1);
        }
        bench_median("one pod and its container, one after the other", usec, rounds);
        free(usec);
}

int main(int argc, char *argv[]) {
        unsigned n = argc > 1 ? (unsigned) atoi(argv[1]) : 100;
        unsigned rounds = argc > 2 ? (unsigned) atoi(argv[2]) : 30;
        struct bench *b = calloc(1, sizeof(*b));
        void *state = NULL;
        unsigned pss = 0;
        uint64_t begin;

        fixture_enter(argc, argv);
        if (n > BENCH_PODS_MAX || fixture_setup(&state) < 0)
                return 1;
        b->f = *(struct fixture *) state;
        runtime_unref(b->f.runtime);
        fixture_open(&b->f);

        bench_new_pods(b, rounds);
        begin = clock_now_usec();
        bench_start_pods(b, n);
        printf("%u pods with a container each: %.1f ms\n", n,
               (double) (clock_now_usec() - begin) / 1000);
        for (unsigned i = 0; i < n; i++)
                pss += bench_pss_kib(runtime_pod_pid(b->pods[i]));
        printf("PSS of one orch-pod of %u: %.1f KiB\n", n, (double) pss / n);
        bench_restarts(b, rounds);
        begin = clock_now_usec();
        for (unsigned i = 0; i < n; i++)
                (void) runtime_pod_remove(b->pods[i], bench_count, b, NULL);
        bench_wait(b, n);
        printf("%u pods gone, with all they had: %.1f ms\n", n,
               (double) (clock_now_usec() - begin) / 1000);
        runtime_unref(b->f.runtime);
        return fixture_leave(0);
}
