#include "daemon/loop/child.h"

#include "daemon/loop/loop.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#define CHILD_FDS_MAX 64

struct child {
        sd_event_source *source;
        child_exit_fn on_exit;
        void *userdata;
        pid_t pid;
        bool is_running;
};

/* What posix_spawn() wants, and what is to be released after it. */
struct child_plan {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        int fds[CHILD_FDS_MAX]; /* copies above every target, so that no dup2() hits a source */
        size_t n_fds;
};

static void child_plan_done(struct child_plan *p) {
        for (size_t i = 0; i < p->n_fds; i++)
                (void) close(p->fds[i]);
        (void) posix_spawn_file_actions_destroy(&p->actions);
        (void) posix_spawnattr_destroy(&p->attr);
}
DEFINE_AUTO_DONE(child_plan);

static int child_plan_init(struct child_plan *p) {
        int r;

        p->n_fds = 0;
        r = posix_spawn_file_actions_init(&p->actions);
        if (r != 0)
                return -r;
        r = posix_spawnattr_init(&p->attr);
        if (r != 0)
                (void) posix_spawn_file_actions_destroy(&p->actions);
        return -r;
}

static int child_plan_fds(struct child_plan *p, const struct child_spec *spec, struct err *e) {
        int highest = 2;
        int r;

        if (spec->n_fds > CHILD_FDS_MAX)
                return err_set(e, -E2BIG, "a child may be given %d descriptors at most",
                               CHILD_FDS_MAX);
        for (size_t i = 0; i < spec->n_fds; i++)
                highest = MAX(highest, spec->fds[i].to);

        for (size_t i = 0; i < spec->n_fds; i++) {
                int fd = fcntl(spec->fds[i].from, F_DUPFD_CLOEXEC, highest + 1);

                if (fd < 0)
                        return err_errno(e, -errno, "cannot hand descriptor %d to a child",
                                         spec->fds[i].from);
                p->fds[p->n_fds++] = fd;
                r = posix_spawn_file_actions_adddup2(&p->actions, fd, spec->fds[i].to);
                if (r != 0)
                        return err_errno(e, -r, "cannot hand a descriptor to a child");
        }
        return 0;
}

static int child_plan_attr(struct child_plan *p, const struct child_spec *spec) {
        short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
        sigset_t none, all;
        int r = 0;

        if (spec->has_new_session)
                flags |= POSIX_SPAWN_SETSID;
        (void) sigemptyset(&none);
        (void) sigfillset(&all);
        (void) sigdelset(&all, SIGKILL);
        (void) sigdelset(&all, SIGSTOP);

        if (spec->directory)
                r = posix_spawn_file_actions_addchdir_np(&p->actions, spec->directory);
        if (r == 0)
                r = posix_spawnattr_setsigmask(&p->attr, &none);
        if (r == 0)
                r = posix_spawnattr_setsigdefault(&p->attr, &all);
        if (r == 0)
                r = posix_spawnattr_setflags(&p->attr, flags);
        return -r;
}

static int child_start(const struct child_spec *spec, pid_t *ret_pid, struct err *e) {
        AUTO_DONE(child_plan) struct child_plan plan = { 0 };
        const char *path = spec->path ? spec->path : spec->argv[0];
        char *const *argv = (char *const *) spec->argv;
        char *const *envp = spec->envp ? (char *const *) spec->envp : environ;
        int r;

        r = child_plan_init(&plan);
        if (r < 0) {
                /* nothing to release: closing an empty plan must not touch what wasn't made */
                memset(&plan, 0, sizeof(plan));
                return err_errno(e, r, "cannot prepare to start %s", path);
        }
        r = child_plan_fds(&plan, spec, e);
        if (r < 0)
                return err_wrap(e, r, "cannot start %s", path);
        r = child_plan_attr(&plan, spec);
        if (r < 0)
                return err_errno(e, r, "cannot prepare to start %s", path);

        r = spec->path ? posix_spawn(ret_pid, path, &plan.actions, &plan.attr, argv, envp)
                       : posix_spawnp(ret_pid, path, &plan.actions, &plan.attr, argv, envp);
        if (r != 0)
                return err_errno(e, -r, "cannot start %s", path);
        return 0;
}

static int child_on_event(sd_event_source *source, const siginfo_t *info, void *userdata) {
        struct child *c = userdata;

        (void) source;
        c->is_running = false;
        c->on_exit(c, info, c->userdata); /* may free c; sd-event reaps afterwards */
        return 0;
}

int child_spawn(struct loop *l, const struct child_spec *spec, child_exit_fn on_exit,
                void *userdata, struct child **ret, struct err *e) {
        AUTO_FREE struct child *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return err_set(e, -ENOMEM, "out of memory for a child process");
        c->on_exit = on_exit;
        c->userdata = userdata;

        r = child_start(spec, &c->pid, e);
        if (r < 0)
                return r;
        c->is_running = true;

        r = sd_event_add_child(loop_event(l), &c->source, c->pid, WEXITED, child_on_event, c);
        if (r < 0) {
                (void) kill(c->pid, SIGKILL); /* ours and not reaped: the number can't be reused */
                (void) waitpid(c->pid, NULL, 0);
                return err_errno(e, r, "cannot watch child process %d", (int) c->pid);
        }
        (void) sd_event_source_set_child_process_own(c->source, !spec->outlives_us);

        *ret = STEAL(c);
        return 0;
}

void child_unref(struct child *c) {
        if (!c)
                return;
        (void) sd_event_source_unref(c->source);
        free(c);
}

pid_t child_pid(const struct child *c) {
        return c->pid;
}

bool child_is_running(const struct child *c) {
        return c->is_running;
}

int child_kill(struct child *c, int signo) {
        int r;

        if (!c->is_running)
                return -ESRCH;
        r = sd_event_source_send_child_signal(c->source, signo, NULL, 0);
        return r < 0 ? r : 0;
}
