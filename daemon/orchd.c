/* orchd: starts orchd-server, orchd-node and orch-dns, restarts what ends, and tells systemd when
 * all of them are ready. "orchd server ..." and "orchd node ..." become those programs, for
 * machines that shall be only one of both. */
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/process.h"
#include "base/str.h"
#include "daemon/loop/child.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"
#include "daemon/orchd_options.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#define RESTART_FIRST_USEC (100 * USEC_PER_MSEC)
#define RESTART_MOST_USEC (10 * USEC_PER_SEC)
#define RESTART_RESET_USEC (60 * USEC_PER_SEC)
#define STOP_PATIENCE_USEC (10 * USEC_PER_SEC)

/* A program that can't start at all is tried so often: what held its port or folder may just be
 * dying. */
#define START_TRIES 4

enum { PROGRAM_SERVER, PROGRAM_NODE, PROGRAM_DNS, N_PROGRAMS };

struct orchd;

/* One supervised program.
 *
 *   waiting --(timer)--> running --(line on ready_fd)--> ready
 *      ^                    |                              |
 *      +------(ends)--------+------------------------------+   after 0.1 s, doubling to 10 s; anew
 * after a good minute */
struct program {
        struct orchd *orchd;
        const char *name;
        char *argv[ORCHD_ARGS_MAX];
        struct child *child;
        struct loop_timer *restart;
        sd_event_source *ready_source; /* readable once the program is ready */
        uint64_t backoff_usec;
        uint64_t started_usec;
        unsigned n_bad_starts;
        bool is_ready;
};

struct orchd {
        struct loop *loop;
        struct orchd_options options;
        struct program programs[N_PROGRAMS];
        struct loop_timer *patience;
        int state_lock, run_lock; /* -1: not taken */
        bool is_stopping;
        bool was_ready;
        int exit_code;
};

static void program_start(struct program *p);

static bool orchd_all(const struct orchd *o, bool (*is_so)(const struct program *)) {
        for (size_t i = 0; i < N_PROGRAMS; i++)
                if (!is_so(&o->programs[i]))
                        return false;
        return true;
}

static bool program_is_ready(const struct program *p) {
        return p->is_ready;
}

static bool program_is_gone(const struct program *p) {
        return !p->child;
}

static void orchd_tell_ready(struct orchd *o) {
        if (o->was_ready || !orchd_all(o, program_is_ready))
                return;
        o->was_ready = true;
        LOG_NOTICE(NULL, "ready: API on %s/orch.sock and %s", o->options.run_dir,
                   o->options.listen);
        (void) sd_notify(0, "READY=1\nSTATUS=Running");
        if (o->options.ready_fd >= 0) {
                (void) fd_write_all(o->options.ready_fd, "ready\n", 6);
                (void) close(STEAL_FD(o->options.ready_fd));
        }
}

static void orchd_stop(struct orchd *o, int exit_code) {
        if (o->is_stopping)
                return;
        o->is_stopping = true;
        o->exit_code = exit_code;
        (void) sd_notify(0, "STOPPING=1");
        for (size_t i = 0; i < N_PROGRAMS; i++) {
                struct program *p = &o->programs[i];

                loop_timer_set(p->restart, USEC_NEVER);
                if (p->child)
                        (void) child_kill(p->child, SIGTERM);
        }
        loop_timer_set(o->patience, clock_now_usec() + STOP_PATIENCE_USEC);
        if (orchd_all(o, program_is_gone))
                loop_exit(o->loop, o->exit_code);
}

static int program_on_ready(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct program *p = userdata;
        char line[64];
        ssize_t n = read(fd, line, sizeof(line));

        (void) events;
        (void) source;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        p->ready_source = sd_event_source_disable_unref(p->ready_source);
        if (n > 0) {
                p->is_ready = true;
                orchd_tell_ready(p->orchd);
        }
        return 0;
}

static void program_on_exit(struct child *c, const siginfo_t *info, void *userdata) {
        struct program *p = userdata;
        struct orchd *o = p->orchd;
        bool is_configuration =
                info->si_code == CLD_EXITED && info->si_status == PROCESS_EXIT_CONFIG;
        uint64_t now_usec = clock_now_usec();

        child_unref(c);
        p->child = NULL;
        p->is_ready = false;
        p->ready_source = sd_event_source_disable_unref(p->ready_source);
        if (o->is_stopping) {
                if (orchd_all(o, program_is_gone))
                        loop_exit(o->loop, o->exit_code);
                return;
        }
        p->n_bad_starts = is_configuration ? p->n_bad_starts + 1 : 0;
        /* What once ran well may again: its pods and the other programs must not suffer meanwhile.
         */
        if (p->n_bad_starts >= START_TRIES && !o->was_ready) {
                LOG_ERROR(p->name, "can't run like this (see its message above); stopping");
                orchd_stop(o, 1);
                return;
        }
        if (now_usec - p->started_usec >= RESTART_RESET_USEC)
                p->backoff_usec = 0;
        p->backoff_usec = p->backoff_usec == 0 ? RESTART_FIRST_USEC
                                               : MIN(p->backoff_usec * 2, RESTART_MOST_USEC);
        LOG_WARN(p->name, "ended (%s %d); starting it again in %llu ms",
                 info->si_code == CLD_EXITED ? "exit code" : "signal", info->si_status,
                 (unsigned long long) (p->backoff_usec / USEC_PER_MSEC));
        loop_timer_set(p->restart, now_usec + p->backoff_usec);
}

static void program_on_restart(struct loop_timer *t, void *userdata) {
        (void) t;
        program_start(userdata);
}

static int program_spawn(struct program *p, struct err *e) {
        AUTO_CLOSE int read_end = -1;
        AUTO_CLOSE int write_end = -1;
        struct child_fd fds[] = { { .to = ORCHD_CHILD_READY_FD } };
        struct child_spec spec = { .argv = (const char *const *) p->argv, .fds = fds, .n_fds = 1 };
        int ends[2];
        int r;

        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        read_end = ends[0];
        write_end = ends[1];
        fds[0].from = write_end;
        r = child_spawn(p->orchd->loop, &spec, program_on_exit, p, &p->child, e);
        if (r < 0)
                return r;
        r = sd_event_add_io(loop_event(p->orchd->loop), &p->ready_source, read_end, EPOLLIN,
                            program_on_ready, p);
        if (r < 0)
                return err_errno(e, r, "cannot watch for readiness");
        (void) sd_event_source_set_io_fd_own(p->ready_source, 1);
        read_end = -1;
        return 0;
}

static void program_start(struct program *p) {
        struct err e = { 0 };
        int r;

        p->started_usec = clock_now_usec();
        r = program_spawn(p, &e);
        if (r == 0)
                return;
        if (r == -ENOENT || r == -EACCES) {
                LOG_ERROR(
                        p->name,
                        "cannot start (%s); name the folder of orch's programs with --libexec-dir",
                        err_text(&e));
                orchd_stop(p->orchd, 1);
                return;
        }
        LOG_WARN(p->name, "cannot start (%s); next try in 10 s", err_text(&e));
        loop_timer_set(p->restart, p->started_usec + RESTART_MOST_USEC);
}

static int orchd_on_signal(sd_event_source *source, const struct signalfd_siginfo *info,
                           void *userdata) {
        (void) source;
        (void) info;
        orchd_stop(userdata, 0);
        return 0;
}

static void orchd_on_patience(struct loop_timer *t, void *userdata) {
        struct orchd *o = userdata;

        (void) t;
        for (size_t i = 0; i < N_PROGRAMS; i++) {
                struct program *p = &o->programs[i];

                if (!p->child)
                        continue;
                LOG_WARN(p->name, "did not stop within 10 s; killed");
                (void) child_kill(p->child, SIGKILL);
        }
}

static int orchd_watch_signals(struct orchd *o, struct err *e) {
        static const int signals[] = { SIGTERM, SIGINT };
        sigset_t set;
        int r;

        (void) sigemptyset(&set);
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                (void) sigaddset(&set, signals[i]);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                r = sd_event_add_signal(loop_event(o->loop), NULL, signals[i], orchd_on_signal, o);
                if (r < 0)
                        return err_errno(e, r, "cannot watch for signals");
        }
        return 0;
}

static int orchd_prepare(struct orchd *o, struct err *e) {
        static const char *const names[N_PROGRAMS] = { "orchd-server", "orchd-node", "orch-dns" };
        char pid[32];
        int r = orchd_options_make_folders(&o->options, e);

        if (r == 0)
                r = dir_lock(o->options.state_dir, "orchd", "--state-dir", &o->state_lock, e);
        if (r == 0)
                r = dir_lock(o->options.run_dir, "orchd", "--run-dir", &o->run_lock, e);
        if (r < 0)
                return r;
        (void) snprintf(pid, sizeof(pid), "%d", (int) getpid());
        if (setenv(PROCESS_PARENT_VARIABLE, pid, 1) < 0)
                return err_set(e, -ENOMEM, "out of memory");
        r = loop_new(&o->loop, e);
        if (r == 0)
                r = orchd_watch_signals(o, e);
        if (r == 0)
                r = loop_timer_new(o->loop, 0, orchd_on_patience, o, &o->patience, e);
        for (size_t i = 0; r == 0 && i < N_PROGRAMS; i++) {
                struct program *p = &o->programs[i];

                p->orchd = o;
                p->name = names[i];
                r = orchd_options_argv(&o->options, names[i], p->argv, e);
                if (r == 0)
                        r = loop_timer_new(o->loop, 0, program_on_restart, p, &p->restart, e);
        }
        return r;
}

static void orchd_done(struct orchd *o) {
        for (size_t i = 0; i < N_PROGRAMS; i++) {
                struct program *p = &o->programs[i];

                child_unref(p->child);
                loop_timer_unref(p->restart);
                (void) sd_event_source_disable_unref(p->ready_source);
                for (char **arg = p->argv; *arg; arg++)
                        free(*arg);
        }
        loop_timer_unref(o->patience);
        loop_unref(o->loop);
        macros_close_fd(&o->state_lock);
        macros_close_fd(&o->run_lock);
        orchd_options_done(&o->options);
}

/* "orchd server --x": the same process becomes orchd-server. Returns only on failure. */
static int orchd_become(char **argv, struct err *e) {
        AUTO_FREE char *folder = orchd_options_find_libexec(argv + 1);
        AUTO_FREE char *path = folder ? str_format("%s/orchd-%s", folder, argv[1]) : NULL;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        argv[1] = path;
        (void) execv(path, argv + 1);
        return err_errno(e, -errno, "cannot start %s", path);
}

int main(int argc, char **argv) {
        struct orchd o = { .state_lock = -1, .run_lock = -1 };
        struct err e = { 0 };
        int r, code = 1;

        log_init("orchd", LOG_LEVEL_NOTICE);
        if (argc > 1 && (strcmp(argv[1], "server") == 0 || strcmp(argv[1], "node") == 0)) {
                (void) orchd_become(argv, &e);
                LOG_ERROR(NULL, "%s", err_text(&e));
                return 1;
        }
        r = orchd_options_read(argc, argv, &o.options, &e);
        if (r > 0)
                return 0;
        if (r < 0) {
                LOG_ERROR(NULL, "%s", err_text(&e));
                return 2;
        }
        log_set_level(o.options.is_debugging ? LOG_LEVEL_DEBUG : LOG_LEVEL_NOTICE);
        if (geteuid() != 0) {
                LOG_ERROR(NULL,
                          "orchd makes namespaces, mounts and control groups: run it as root");
                orchd_options_done(&o.options);
                return 1;
        }
        if (orchd_prepare(&o, &e) < 0)
                LOG_ERROR(NULL, "%s", err_text(&e));
        else {
                for (size_t i = 0; i < N_PROGRAMS; i++)
                        program_start(&o.programs[i]);
                code = loop_run(o.loop);
        }
        orchd_done(&o);
        return code < 0 ? 1 : code;
}
