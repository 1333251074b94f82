/* libturns.so, for LD_PRELOAD: how long the turns of a program's event loop are, in CPU time of the
 * loop's thread, so that what else the machine does doesn't count. A turn is what lies between two
 * waits of sd-event; whoever asks meanwhile waits that long. Printed to the file TURNS at the end,
 * and then begun anew at each SIGUSR2. */
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#define USEC_MAX 2000000U

typedef int (*wait_fn)(int fd, struct epoll_event *events, int n, int timeout_ms);

static unsigned counts[USEC_MAX + 1], n_turns;
static int loop_fd = -1;
static uint64_t began_nsec;
static volatile sig_atomic_t is_asked;

static uint64_t cpu_nsec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (uint64_t) t.tv_sec * 1000000000U + (uint64_t) t.tv_nsec;
}

static void turns_print(void) {
        const char *path = getenv("TURNS");
        FILE *f = path ? fopen(path, "ae") : NULL;
        unsigned seen = 0, p50 = 0, p99 = 0, max = 0;

        for (unsigned i = 0; i <= USEC_MAX; i++) {
                if (counts[i] == 0)
                        continue;
                seen += counts[i];
                p50 = seen <= n_turns / 2 ? i : p50;
                p99 = seen <= n_turns - n_turns / 100 ? i : p99;
                max = i;
                counts[i] = 0;
        }
        if (f) {
                (void) fprintf(f, "turns %u p50_us %u p99_us %u max_us %u\n", n_turns, p50, p99,
                               max);
                (void) fclose(f);
        }
        n_turns = 0;
}

static void on_signal(int number) {
        (void) number;
        is_asked = 1;
}

__attribute__((constructor)) static void turns_begin(void) {
        (void) signal(SIGUSR2, on_signal);
}

int epoll_wait(int fd, struct epoll_event *events, int n, int timeout_ms) {
        static wait_fn next;
        uint64_t usec;
        int r;

        if (!next)
                next = (wait_fn) (intptr_t) dlsym(RTLD_NEXT, "epoll_wait");
        if (loop_fd < 0)
                loop_fd = fd; /* the first that is waited for is the loop's own */
        if (fd != loop_fd)
                return next(fd, events, n, timeout_ms);
        if (began_nsec > 0) {
                usec = (cpu_nsec() - began_nsec) / 1000;
                counts[usec > USEC_MAX ? USEC_MAX : usec]++;
                n_turns++;
        }
        if (is_asked) {
                is_asked = 0;
                turns_print();
        }
        r = next(fd, events, n, timeout_ms);
        began_nsec = cpu_nsec();
        return r;
}
