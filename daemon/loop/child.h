#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct loop;

/* A child process, watched through its pidfd (through SIGCHLD on kernels without). Nothing else of
 * the program is disturbed: no wait() for any child, no signal handler. */
struct child;

/* The child sees descriptor `from` as `to`. Any permutation is fine. */
struct child_fd {
        int from, to;
};

struct child_spec {
        const char *const *argv; /* NULL-terminated; argv[0] unless path is given */
        const char *path;        /* program file; NULL: argv[0], sought in PATH without a slash */
        const char *const *envp; /* NULL-terminated; NULL: this process's */
        const char *directory;   /* working directory; NULL: this process's */
        const struct child_fd *fds; /* others are closed, by close-on-exec; 0 to 2 are inherited */
        size_t n_fds;               /* at most 64 */
        bool has_new_session;       /* setsid() */
        bool outlives_us;           /* child_unref() lets it run; otherwise it is killed there */
};

/* Once, on the loop: info->si_code is CLD_EXITED (si_status: exit code), CLD_KILLED or CLD_DUMPED
 * (si_status: signal). child_unref() is allowed in it. */
typedef void (*child_exit_fn)(struct child *c, const siginfo_t *info, void *userdata);

/* Starts a program with an empty signal mask and default signal handlers. spec is read during the
 * call only. Returns 0 or a negative errno (-ENOENT: no such program). */
int child_spawn(struct loop *l, const struct child_spec *spec, child_exit_fn on_exit,
                void *userdata, struct child **ret, struct err *e);

/* Forgets it. A running one is killed (SIGKILL) and reaped, unless it outlives_us. */
void child_unref(struct child *c);
DEFINE_AUTO(child);

pid_t child_pid(const struct child *c);
bool child_is_running(const struct child *c);

/* Sends a signal, without a race against a reused pid. Returns 0, -ESRCH when it has ended, or
 * kill()'s errno. */
int child_kill(struct child *c, int signo);
