#include "daemon/pod/supervisor.h"

#include "base/str.h"
#include "daemon/pod/container.h"
#include "daemon/pod/session.h"
#include "daemon/pod/setup.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The descriptor that orch-pod is started with: its first client. */
#define SUPERVISOR_FIRST_CLIENT 3
/* How often it is looked whether the rest of a container has gone. */
#define SUPERVISOR_SETTLE_MSEC 2
/* How often what ended containers hold is looked at. */
#define SUPERVISOR_HOLD_MSEC 100

enum supervisor_source {
        SOURCE_LISTENER,
        SOURCE_SIGNALS,
        SOURCE_CLIENT,
        SOURCE_CONTAINER_REPORT,
        SOURCE_CONTAINER_OUT,
        SOURCE_CONTAINER_ERR,
        SOURCE_SESSION
};

#define SUPERVISOR_SOURCES_MAX (2 + POD_CLIENTS_MAX + 3 * POD_CONTAINERS_MAX + POD_SESSIONS_MAX)

struct supervisor_poll {
        struct pollfd fds[SUPERVISOR_SOURCES_MAX];
        struct {
                uint16_t source, index;
        } tags[SUPERVISOR_SOURCES_MAX];
        nfds_t n;
        int timeout_msec;
};

pid_t supervisor_clone(unsigned long long namespaces, int cgroup_fd, bool *ret_is_in_unified) {
        struct clone_args args = { .flags = namespaces, .exit_signal = SIGCHLD };
        pid_t pid;

        if (cgroup_fd >= 0) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (__u64) cgroup_fd;
                *ret_is_in_unified = true;
                pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));
                /* Before 5.7, or under a filter that can't read its arguments: join later. */
                if (pid >= 0 || (errno != ENOSYS && errno != EINVAL && errno != E2BIG))
                        return pid < 0 ? -errno : pid;
        }
        *ret_is_in_unified = false;
        pid = (pid_t) syscall(SYS_clone, (unsigned long) namespaces | SIGCHLD, 0, 0, 0, 0);
        return pid < 0 ? -errno : pid;
}

/* ---- clients ---- */

static void supervisor_drop_client(struct supervisor *s, int client) {
        (void) close(s->clients[client]);
        s->clients[client] = -1;
        session_drop_client(s, client);
        for (size_t i = 0; i < POD_CONTAINERS_MAX; i++)
                if (s->containers[i].client == client)
                        s->containers[i].client = -1;
}

void supervisor_send(struct supervisor *s, int client, const struct wire_msg *msg, const int *fds,
                     size_t n_fds) {
        if (client < 0 || s->clients[client] < 0)
                return;
        if (wire_send(s->clients[client], msg, fds, n_fds) < 0)
                supervisor_drop_client(s, client);
}

void supervisor_tell_all(struct supervisor *s, const struct wire_msg *msg) {
        for (int i = 0; i < POD_CLIENTS_MAX; i++)
                supervisor_send(s, i, msg, NULL, 0);
}

void supervisor_reply(struct supervisor *s, int client, uint64_t serial, int result,
                      const char *text) {
        struct wire_msg msg = {
                .version = WIRE_VERSION, .type = WIRE_REPLY, .serial = serial, .result = result
        };

        (void) snprintf(msg.text, sizeof(msg.text), "%s", text);
        supervisor_send(s, client, &msg, NULL, 0);
}

static void supervisor_add_client(struct supervisor *s, int take_fd) {
        int flags = fcntl(take_fd, F_GETFL);

        (void) fcntl(take_fd, F_SETFL, flags | O_NONBLOCK);
        for (int i = 0; i < POD_CLIENTS_MAX; i++)
                if (s->clients[i] < 0) {
                        s->clients[i] = take_fd;
                        return;
                }
        (void) close(take_fd);
}

static void supervisor_accept(struct supervisor *s) {
        int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
        struct ucred peer = { 0 };
        socklen_t len = sizeof(peer);

        if (fd < 0)
                return;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != geteuid()) {
                (void) close(fd);
                return;
        }
        supervisor_add_client(s, fd);
}

/* ---- requests ---- */

static void supervisor_resize(struct supervisor *s, int client, const struct wire_msg *msg) {
        struct winsize size = { .ws_col = (unsigned short) msg->a,
                                .ws_row = (unsigned short) msg->b };
        struct container *c = msg->target ? NULL : container_find(s, msg->container);
        struct session *x = msg->target ? session_of_serial(s, client, msg->target) : NULL;
        int tty = x ? x->tty : c && (c->flags & WIRE_FLAG_TTY) ? c->out[0] : -1;
        int r = tty < 0 ? -ENOTTY : ioctl(tty, TIOCSWINSZ, &size) < 0 ? -errno : 0;

        supervisor_reply(s, client, msg->serial, r, r < 0 ? "it has no terminal" : "");
}

static void supervisor_remove(struct supervisor *s, int client, const struct wire_msg *msg) {
        s->is_removing = true;
        for (size_t i = 0; i < POD_CONTAINERS_MAX; i++)
                container_kill(s, &s->containers[i]);
        supervisor_reply(s, client, msg->serial, 0, "");
}

static void supervisor_handle(struct supervisor *s, int client, const struct wire_msg *msg,
                              struct wire_fds *fds) {
        struct container *c = container_find(s, msg->container);
        struct session *x;
        int r;

        switch (msg->type) {
        case WIRE_START:
                container_start(s, client, msg);
                return;
        case WIRE_SIGNAL:
                r = container_signal(s, c, (int) msg->a);
                supervisor_reply(s, client, msg->serial, r, r < 0 ? "cannot send the signal" : "");
                return;
        case WIRE_KILL:
                if (c)
                        container_kill(s, c);
                supervisor_reply(s, client, msg->serial, c ? 0 : -ESRCH,
                                 c ? "" : "no such container");
                return;
        case WIRE_EXEC:
                session_start(s, client, msg, fds);
                return;
        case WIRE_EXEC_KILL:
                x = session_of_serial(s, client, msg->target);
                if (x)
                        (void) kill(x->pid, SIGKILL);
                return;
        case WIRE_RESIZE:
                supervisor_resize(s, client, msg);
                return;
        case WIRE_ATTACH:
                container_attach(s, client, msg);
                return;
        case WIRE_REMOVE:
                supervisor_remove(s, client, msg);
                return;
        default:
                supervisor_reply(s, client, msg->serial, -EOPNOTSUPP,
                                 "this orch-pod is too old for that: restart the pod");
        }
}

static void supervisor_read_client(struct supervisor *s, int client) {
        struct wire_msg msg;
        struct wire_fds fds;
        int r;

        while (s->clients[client] >= 0) {
                r = wire_receive(s->clients[client], &msg, &fds);
                if (r == -EAGAIN)
                        return;
                if (r <= 0) {
                        supervisor_drop_client(s, client);
                        return;
                }
                supervisor_handle(s, client, &msg, &fds);
                wire_fds_close(&fds);
        }
}

/* ---- children ---- */

static void supervisor_reap(struct supervisor *s) {
        struct signalfd_siginfo info;

        while (read(s->signals, &info, sizeof(info)) > 0)
                ;
        for (;;) {
                siginfo_t si = { 0 };
                struct container *c;
                struct session *x;

                if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG) < 0 || si.si_pid == 0)
                        return;
                if ((c = container_of_pid(s, si.si_pid)))
                        container_reaped(s, c, si.si_code, si.si_status);
                else if ((x = session_of_pid(s, si.si_pid)))
                        session_reaped(s, x, si.si_code, si.si_status);
        }
}

/* ---- loop ---- */

static void supervisor_watch(struct supervisor_poll *p, int fd, enum supervisor_source source,
                             size_t index) {
        if (fd < 0)
                return;
        p->fds[p->n] = (struct pollfd){ .fd = fd, .events = POLLIN };
        p->tags[p->n].source = (uint16_t) source;
        p->tags[p->n].index = (uint16_t) index;
        p->n++;
}

static void supervisor_collect(struct supervisor *s, struct supervisor_poll *p) {
        p->n = 0;
        p->timeout_msec = -1;
        supervisor_watch(p, s->signals, SOURCE_SIGNALS, 0);
        supervisor_watch(p, s->listener, SOURCE_LISTENER, 0);
        for (size_t i = 0; i < POD_CLIENTS_MAX; i++)
                supervisor_watch(p, s->clients[i], SOURCE_CLIENT, i);
        for (size_t i = 0; i < POD_CONTAINERS_MAX; i++) {
                const struct container *c = &s->containers[i];

                if (!container_is_active(c) && c->mounts && p->timeout_msec < 0)
                        p->timeout_msec = SUPERVISOR_HOLD_MSEC;
                if (!container_is_active(c))
                        continue;
                supervisor_watch(p, c->report, SOURCE_CONTAINER_REPORT, i);
                supervisor_watch(p, c->out[0], SOURCE_CONTAINER_OUT, i);
                supervisor_watch(p, c->out[1], SOURCE_CONTAINER_ERR, i);
                if (c->is_reaped)
                        p->timeout_msec = SUPERVISOR_SETTLE_MSEC;
        }
        for (size_t i = 0; i < POD_SESSIONS_MAX; i++)
                if (s->sessions[i].is_used)
                        supervisor_watch(p, s->sessions[i].report, SOURCE_SESSION, i);
}

static void supervisor_dispatch(struct supervisor *s, enum supervisor_source source, size_t i) {
        switch (source) {
        case SOURCE_LISTENER:
                supervisor_accept(s);
                break;
        case SOURCE_SIGNALS:
                supervisor_reap(s);
                break;
        case SOURCE_CLIENT:
                supervisor_read_client(s, (int) i);
                break;
        case SOURCE_CONTAINER_REPORT:
                container_read_report(s, &s->containers[i]);
                break;
        case SOURCE_CONTAINER_OUT:
                container_pump(s, &s->containers[i], 0, false);
                break;
        case SOURCE_CONTAINER_ERR:
                container_pump(s, &s->containers[i], 1, false);
                break;
        case SOURCE_SESSION:
                session_read_report(s, &s->sessions[i]);
                break;
        }
}

static bool supervisor_is_empty(const struct supervisor *s) {
        for (size_t i = 0; i < POD_CONTAINERS_MAX; i++)
                if (container_is_active(&s->containers[i]))
                        return false;
        return true;
}

static void supervisor_run(struct supervisor *s) {
        struct supervisor_poll p;

        while (!s->is_removing || !supervisor_is_empty(s)) {
                supervisor_collect(s, &p);
                if (poll(p.fds, p.n, p.timeout_msec) < 0)
                        continue;
                /* What a source did may have ended another: then its read says EAGAIN or nothing.
                 */
                for (nfds_t i = 0; i < p.n; i++)
                        if (p.fds[i].revents)
                                supervisor_dispatch(s, p.tags[i].source, p.tags[i].index);
                for (size_t i = 0; i < POD_CONTAINERS_MAX; i++) {
                        container_settle(s, &s->containers[i]);
                        container_let_go(s, &s->containers[i]);
                }
        }
}

static struct supervisor *supervisor_new(void) {
        struct supervisor *s =
                mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (s == MAP_FAILED)
                return NULL;
        /* Page-aligned, so that it can be given back alone. */
        s->buffer = mmap(NULL, SUPERVISOR_BUFFER, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        s->listener = s->signals = s->own_pidns = -1;
        for (size_t i = 0; i < POD_CLIENTS_MAX; i++)
                s->clients[i] = -1;
        return s->buffer == MAP_FAILED ? NULL : s;
}

/* orch-pod DIRECTORY remove: clears up after an orch-pod that died. */
static int supervisor_clear_up(struct supervisor *s, const char *dir) {
        int r = chdir(dir) < 0 ? -errno : setup_load(&s->config, NULL);

        if (r == 0)
                (void) cgroup_kill(&s->config.cgroups, s->config.cgroup_name);
        setup_remove(s, dir);
        return 0;
}

/* orch-pod DIRECTORY, with its first client as descriptor 3. */
/* Keeps a systemd scope alive while it has no pod (daemon/runtime/scope.h). */
static _Noreturn void supervisor_hold(void) {
        for (;;)
                (void) pause();
}

int main(int argc, char *argv[]) {
        struct wire_msg ready = { .version = WIRE_VERSION, .type = WIRE_READY };
        struct supervisor *s = supervisor_new();
        struct err e = { 0 };
        int r;

        (void) syscall(SYS_close_range, SUPERVISOR_FIRST_CLIENT + 1U, ~0U, 0U);
        (void) prctl(PR_SET_NAME,
                     "orch-pod"); /* started through a descriptor, it would be a number */
        if (argc == 2 && str_eq(argv[1], "--hold"))
                supervisor_hold();
        if (argc == 3 && s && str_eq(argv[2], "remove"))
                return supervisor_clear_up(s, argv[1]);
        if (argc != 2 || !s) {
                (void) dprintf(2, "orch-pod is started by orchd node, with a pod's directory\n");
                return 2;
        }
        (void) fcntl(SUPERVISOR_FIRST_CLIENT, F_SETFD, FD_CLOEXEC);
        (void) umask(0022);
        r = chdir(argv[1]) < 0 ? err_errno(&e, -errno, "cannot enter %s", argv[1])
                               : setup_load(&s->config, &e);
        if (r == 0)
                r = setup_pod(s, &e);
        supervisor_add_client(s, SUPERVISOR_FIRST_CLIENT);
        ready.result = r;
        (void) snprintf(ready.text, sizeof(ready.text), "%s", e.text);
        supervisor_tell_all(s, &ready);
        if (r < 0)
                return 1;

        supervisor_run(s);
        setup_remove(s, argv[1]);
        _exit(0); /* a leak checker can't clone() once children go to a shared pid namespace */
}
