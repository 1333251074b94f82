#include "daemon/image/worker.h"

#include "base/fd.h"
#include "base/macros.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>

#define WORKER_REPORT_FD WORKER_FD(WORKER_FDS_MAX)

/* What the child says when it ends. */
struct worker_report {
        int code;
        struct err e;
        char result[WORKER_RESULT_MAX];
};

struct worker {
        pid_t pid; /* 0: waited for */
        int report_fd;
        size_t result_len;
};

static void worker_free(struct worker *w) {
        if (!w)
                return;
        if (w->pid > 0) {
                (void) kill(w->pid, SIGKILL);
                while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        if (w->report_fd >= 0)
                (void) close(w->report_fd);
        free(w);
}

/* Only these stay open, and the standard ones: another worker's pipe would never end while its
 * writing end lives on here. */
static void worker_keep_only(const int *fds, int report) {
        int copies[WORKER_FDS_MAX + 1];

        for (int i = 0; i <= WORKER_FDS_MAX; i++) {
                int fd = i < WORKER_FDS_MAX ? fds[i] : report;

                copies[i] = fd < 0 ? -1 : fcntl(fd, F_DUPFD, WORKER_REPORT_FD + 1);
        }
        for (int i = 0; i <= WORKER_FDS_MAX; i++)
                if (copies[i] < 0)
                        (void) close(WORKER_FD(i));
                else if (dup2(copies[i], WORKER_FD(i)) < 0)
                        _exit(1);
        (void) close_range(WORKER_REPORT_FD + 1, ~0U, 0);
}

static void worker_child(const struct worker_options *options, int report_fd, pid_t parent) {
        struct worker_report report = { 0 };

        /* Killed together with its parent: what it writes belongs to nobody then. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(1);
        worker_keep_only(options->fds, report_fd);
        report.code = options->run(options->userdata, report.result, &report.e);
        _exit(fd_write_all(WORKER_REPORT_FD, &report, sizeof(report)) < 0);
}

int worker_start(const struct worker_options *options, struct worker **ret, struct err *e) {
        struct worker *w = malloc(sizeof(*w));
        pid_t parent = getpid();
        int ends[2], r;

        if (!w)
                return err_set(e, -ENOMEM, "out of memory");
        *w = (struct worker){ .report_fd = -1, .result_len = options->result_len };
        if (pipe2(ends, O_CLOEXEC) < 0) {
                r = err_errno(e, -errno, "cannot make a pipe");
                worker_free(w);
                return r;
        }
        w->report_fd = ends[0];
        w->pid = fork();
        if (w->pid == 0)
                worker_child(options, ends[1], parent);
        r = w->pid < 0 ? err_errno(e, -errno, "cannot start a worker") : 0;
        (void) close(ends[1]);
        if (r < 0) {
                worker_free(w);
                return r;
        }
        *ret = w;
        return 0;
}

int worker_report_fd(const struct worker *w) {
        return w->report_fd;
}

static int worker_wait(struct worker *w, struct worker_report *ret, struct err *e) {
        size_t have = 0;
        int status = 0;

        while (have < sizeof(*ret)) {
                ssize_t n = read(w->report_fd, (char *) ret + have, sizeof(*ret) - have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                have += (size_t) n;
        }
        while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
                ;
        w->pid = 0;
        if (have < sizeof(*ret))
                return err_set(e, -EIO, "the worker ended early (%s %d)",
                               WIFSIGNALED(status) ? "signal" : "exit code",
                               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        return 0;
}

int worker_finish(struct worker *take_w, void *result, struct err *e) {
        struct worker_report report = { 0 };
        size_t result_len = take_w->result_len;
        int r = worker_wait(take_w, &report, e);

        worker_free(take_w);
        if (r < 0)
                return r;
        if (report.code < 0)
                return err_set(e, report.code, "%s", err_text(&report.e));
        if (result_len > 0)
                memcpy(result, report.result, result_len);
        return 0;
}

void worker_cancel(struct worker *take_w) {
        worker_free(take_w);
}
