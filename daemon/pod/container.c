#include "daemon/pod/container.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/pod/init.h"
#include "daemon/runtime/kv.h"
#include "daemon/runtime/status.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Rounds of reading in one turn, so that no container's output keeps the others waiting. */
#define CONTAINER_PUMP_ROUNDS 16
/* A life that follows the last one at once doesn't wait for the last one's mounts to be undone. */
#define CONTAINER_HOLD_USEC (100 * USEC_PER_MSEC)
/* At its end: more than any pipe holds, in case somebody else holds the pipe and goes on. */
#define CONTAINER_DRAIN_ROUNDS 256

static void container_close(int *fd) {
        if (*fd >= 0)
                (void) close(*fd);
        *fd = -1;
}

static void container_group(const struct supervisor *s, const struct container *c,
                            char buf[CGROUP_NAME_MAX]) {
        (void) snprintf(buf, CGROUP_NAME_MAX, "%s/%s", s->config.cgroup_name, c->name);
}

struct container *container_find(struct supervisor *s, const char *name) {
        for (size_t i = 0; i < POD_CONTAINERS_MAX; i++)
                if (s->containers[i].state != CONTAINER_FREE && str_eq(s->containers[i].name, name))
                        return &s->containers[i];
        return NULL;
}

struct container *container_of_pid(struct supervisor *s, pid_t pid) {
        for (size_t i = 0; i < POD_CONTAINERS_MAX; i++)
                if (container_is_active(&s->containers[i]) && s->containers[i].pid == pid &&
                    !s->containers[i].is_reaped)
                        return &s->containers[i];
        return NULL;
}

/* ---- status ---- */

static void container_save(const struct container *c, struct status *st) {
        char path[WIRE_NAME_MAX + 16];

        st->instance = c->instance;
        st->started_usec = c->started_usec;
        st->is_log_fallback = c->flags & WIRE_FLAG_LOG_FALLBACK;
        st->lost_log_bytes = c->log.lost_bytes;
        (void) snprintf(path, sizeof(path), "%s/status", c->name);
        /* On tmpfs; where even that is full, the event still goes out. */
        (void) status_save(AT_FDCWD, path, st);
}

static void container_save_running(struct container *c) {
        struct status st;

        memset(&st, 0, offsetof(struct status, reason) + 1);
        st.message[0] = '\0';
        st.is_running = true;
        st.pid = c->pid;
        container_save(c, &st);
}

/* What the container left for its termination message. */
static void container_read_message(const struct container *c, struct status *st) {
        char path[WIRE_NAME_MAX + 24];
        AUTO_CLOSE int fd = -1;
        ssize_t n;

        (void) snprintf(path, sizeof(path), "%s/termination-log", c->name);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        n = fd < 0 ? -1 : read(fd, st->message, STATUS_MESSAGE_MAX);
        st->message[n > 0 ? n : 0] = '\0';
}

/* ---- start ---- */

/* What a start needs open in the parent; the child's ends are closed after the clone. */
struct container_pipes {
        int child[3], report;
};

static int container_open_pipes(struct container *c, struct container_pipes *p) {
        int out[2], err[2], in[2], report[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) < 0)
                return -errno;
        c->report = report[0];
        p->report = report[1];
        if (c->flags & WIRE_FLAG_TTY)
                return 0;
        if (pipe2(out, O_CLOEXEC) < 0)
                return -errno;
        c->out[0] = out[0];
        p->child[1] = out[1];
        if (pipe2(err, O_CLOEXEC) < 0)
                return -errno;
        c->out[1] = err[0];
        p->child[2] = err[1];
        (void) fd_set_nonblock(out[0], true);
        (void) fd_set_nonblock(err[0], true);
        if (!(c->flags & WIRE_FLAG_STDIN)) {
                p->child[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
                return p->child[0] < 0 ? -errno : 0;
        }
        if (pipe2(in, O_CLOEXEC) < 0)
                return -errno;
        p->child[0] = in[0];
        c->in = in[1];
        return 0;
}

/* Children are born in a running container's pid namespace. Returns 0 or a negative errno. */
static int container_aim(struct supervisor *s, const struct container *target) {
        AUTO_CLOSE int fd = -1;
        char path[48];

        if (!target || target->state != CONTAINER_RUNNING || target->is_reaped)
                return -ESRCH;
        (void) snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int) target->pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 || setns(fd, CLONE_NEWPID) < 0 ? -errno : 0;
}

static int container_clone(struct supervisor *s, struct container *c, const char *target,
                           const struct container_pipes *p) {
        unsigned long long namespaces = CLONE_NEWNS;
        char group[CGROUP_NAME_MAX];
        AUTO_CLOSE int cgroup = -1;
        struct init_request q = {
                .config = &s->config,
                .container = c->name,
                .flags = c->flags,
                .fds = { p->child[0], p->child[1], p->child[2] },
                .report = p->report,
        };
        const bool has_own_pids = !(s->config.flags & (POD_HOST_PID | POD_SHARED_PID));
        pid_t pid;
        int r;

        c->is_guest = has_own_pids && *target;
        if (has_own_pids && !c->is_guest)
                namespaces |= CLONE_NEWPID;
        r = c->is_guest ? container_aim(s, container_find(s, target)) : 0;
        if (r < 0)
                return r;
        container_group(s, c, group);
        cgroup = cgroup_open_unified(&s->config.cgroups, group);
        pid = supervisor_clone(namespaces, cgroup, &q.is_in_unified);
        if (pid == 0)
                init_container(&q);
        if (c->is_guest)
                (void) setns(s->own_pidns, CLONE_NEWPID);
        return pid;
}

static void container_open_log(struct supervisor *s, struct container *c) {
        char path[LOG_PATH_MAX];
        int n = snprintf(path, sizeof(path), "%s/%s_%s_%s/%s/%llu.log", s->config.log_dir,
                         s->config.namespace_, s->config.name, s->config.uid, c->name,
                         (unsigned long long) c->instance);

        if (n > 0 && n < (int) sizeof(path))
                (void) log_open(&c->log, path, s->config.log_max_bytes, s->config.log_max_files,
                                NULL);
        else
                c->log = (struct log_writer){ .fd = -1 };
}

static struct container *container_slot(struct supervisor *s, const char *name) {
        struct container *c = container_find(s, name);

        for (size_t i = 0; !c && i < POD_CONTAINERS_MAX; i++)
                if (s->containers[i].state == CONTAINER_FREE)
                        c = &s->containers[i];
        return c;
}

static void container_prepare(struct container *c, int client, const struct wire_msg *msg) {
        uint64_t oom_kills = c->oom_kills;
        int mounts = c->mounts;
        char path[WIRE_NAME_MAX + 24];
        int fd;

        memset(c, 0, offsetof(struct container, log));
        c->state = CONTAINER_STARTING;
        (void) stpcpy(c->name, msg->container);
        c->instance = msg->instance;
        c->serial = msg->serial;
        c->flags = msg->flags;
        c->client = client;
        c->oom_kills = oom_kills;
        c->mounts = mounts;
        c->report = c->out[0] = c->out[1] = c->in = -1;
        for (size_t i = 0; i < POD_ATTACH_MAX; i++)
                c->attached[i] = -1;

        (void) snprintf(path, sizeof(path), "%s/termination-log", c->name);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd >= 0) {
                (void) fchmod(fd, 0666);
                (void) close(fd);
        }
}

static void container_failed(struct supervisor *s, struct container *c);

void container_start(struct supervisor *s, int client, const struct wire_msg *msg) {
        struct container_pipes p = { .child = { -1, -1, -1 }, .report = -1 };
        struct container *c;
        int r;

        if (!wire_name_is_valid(msg->container) || s->is_removing) {
                supervisor_reply(s, client, msg->serial, s->is_removing ? -ESHUTDOWN : -EINVAL,
                                 s->is_removing ? "the pod is being removed"
                                                : "not a container's name");
                return;
        }
        c = container_slot(s, msg->container);
        if (!c || container_is_active(c)) {
                supervisor_reply(s, client, msg->serial, c ? -EBUSY : -E2BIG,
                                 c ? "the container runs already"
                                   : "a pod has at most 64 containers");
                return;
        }

        container_prepare(c, client, msg);
        c->started_usec = clock_wall_usec();
        container_open_log(s, c);
        r = container_open_pipes(c, &p);
        if (r == 0)
                r = c->pid = container_clone(s, c, msg->text, &p);
        for (size_t i = 0; i < 3; i++)
                container_close(&p.child[i]);
        container_close(&p.report);
        if (r > 0)
                return;
        c->start_result = r;
        if (c->is_guest && r == -ESRCH)
                (void) snprintf(c->start_text, sizeof(c->start_text),
                                "target container %.64s isn't running", msg->text);
        else
                (void) snprintf(c->start_text, sizeof(c->start_text), "cannot start a process: %s",
                                strerrordesc_np(-r));
        container_failed(s, c);
}

/* ---- what a life leaves behind ---- */

/* The last process of a mount namespace undoes it before its end is told, and waits for the kernel
 * to have seen that everywhere. Who holds it takes that over. */
static int container_hold_mounts(const struct container *c) {
        char path[48];
        int fd;

        (void) snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int) c->pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd > 0 ? fd : 0;
}

/* Writable layers of earlier instances go: one may hold many files. */
static void container_drop_old_layers(const struct supervisor *s, const struct container *c) {
        char path[PATH_MAX];
        DIR *d;

        if (snprintf(path, sizeof(path), "%s/%s", s->config.state_dir, c->name) >= PATH_MAX)
                return;
        d = opendir(path);
        for (struct dirent *i; d && (i = readdir(d));)
                if (i->d_name[0] >= '0' && i->d_name[0] <= '9' &&
                    strtoull(i->d_name, NULL, 10) < c->instance)
                        (void) dir_remove_all(dirfd(d), i->d_name, NULL);
}

/* Beside all that runs. take_mounts: of an earlier life; 0: none. */
static void container_clean_up(const struct supervisor *s, const struct container *c,
                               int take_mounts) {
        bool has_layers = container_is_active(c) && c->instance > 0, unused;

        if ((has_layers || take_mounts) && supervisor_clone(0, -1, &unused) == 0) {
                (void) nice(10);
                if (take_mounts)
                        (void) close(take_mounts);
                if (has_layers)
                        container_drop_old_layers(s, c);
                _exit(0);
        }
        if (take_mounts)
                (void) close(take_mounts);
}

void container_let_go(struct supervisor *s, struct container *c) {
        if (container_is_active(c) || !c->mounts || clock_now_usec() < c->mounts_until_usec)
                return;
        container_clean_up(s, c, c->mounts);
        c->mounts = 0;
}

/* exec went through, or the child died without a word: reaping will tell. */
static void container_started(struct supervisor *s, struct container *c) {
        int mounts = c->mounts;

        container_close(&c->report);
        if (c->start_result < 0)
                return;
        c->state = CONTAINER_RUNNING;
        c->started_usec = clock_wall_usec();
        container_save_running(c);
        supervisor_reply(s, c->client, c->serial, 0, "");
        c->client = -1;
        c->mounts = container_hold_mounts(c);
        container_clean_up(s, c, mounts);
}

void container_read_report(struct supervisor *s, struct container *c) {
        struct wire_msg msg;
        struct wire_fds fds;

        while (c->report >= 0) {
                int r = wire_receive(c->report, &msg, &fds);

                if (r == -EAGAIN)
                        return;
                if (r <= 0) {
                        container_started(s, c);
                        return;
                }
                if (msg.type == WIRE_EXEC_TTY && fds.n == 1 && c->out[0] < 0) {
                        c->out[0] = fds.fds[0];
                        (void) fd_set_nonblock(c->out[0], true);
                        fds.n = 0;
                } else if (msg.type == WIRE_REPLY && msg.result < 0) {
                        c->start_result = msg.result;
                        c->start_exit_code = (int) msg.a;
                        memcpy(c->start_text, msg.text, sizeof(c->start_text));
                }
                wire_fds_close(&fds);
        }
}

/* ---- output ---- */

static uint64_t container_now_nsec(void) {
        struct timespec ts = { 0 };

        (void) clock_gettime(CLOCK_REALTIME, &ts);
        return (uint64_t) ts.tv_sec * 1000000000U + (uint64_t) ts.tv_nsec;
}

void container_pump(struct supervisor *s, struct container *c, int stream, bool is_last) {
        int rounds = is_last ? CONTAINER_DRAIN_ROUNDS : CONTAINER_PUMP_ROUNDS;
        size_t have = 0, most = 0;
        uint64_t now = 0;

        while (rounds-- > 0 && c->out[stream] >= 0) {
                ssize_t n = read(c->out[stream], s->buffer + have, SUPERVISOR_BUFFER - have);
                size_t used;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n <= 0) { /* EIO: the terminal's last user has left */
                        container_close(&c->out[stream]);
                        break;
                }
                have += (size_t) n;
                most = MAX(most, have);
                now = container_now_nsec();
                used = log_put(&c->log, stream + 1, s->buffer, have, false, now);
                have -= used;
                memmove(s->buffer, s->buffer + used, have);
        }
        if (have > 0)
                (void) log_put(&c->log, stream + 1, s->buffer, have, true, now);
        if (most > 4096)
                (void) madvise(s->buffer, SUPERVISOR_BUFFER, MADV_DONTNEED);
}

void container_attach(struct supervisor *s, int client, const struct wire_msg *msg) {
        struct container *c = container_find(s, msg->container);
        struct wire_msg reply = { .version = WIRE_VERSION,
                                  .type = WIRE_REPLY,
                                  .serial = msg->serial };
        int pair[2], fds[2], in;
        size_t slot = 0, n = 0;

        while (c && slot < POD_ATTACH_MAX && c->attached[slot] >= 0)
                slot++;
        if (!c || c->state != CONTAINER_RUNNING || slot == POD_ATTACH_MAX) {
                supervisor_reply(s, client, msg->serial, c ? -EBUSY : -ESRCH,
                                 slot == POD_ATTACH_MAX ? "too many are attached already"
                                                        : "the container isn't running");
                return;
        }
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
                supervisor_reply(s, client, msg->serial, -errno, "cannot make a socket");
                return;
        }

        in = c->flags & WIRE_FLAG_TTY ? c->out[0] : c->in;
        if (in >= 0 && c->flags & msg->flags & WIRE_FLAG_STDIN) {
                reply.flags = WIRE_FLAG_STDIN;
                fds[n++] = in;
        }
        fds[n++] = pair[1];
        supervisor_send(s, client, &reply, fds, n);
        (void) close(pair[1]);
        c->attached[slot] = pair[0];
        if (reply.flags && c->flags & WIRE_FLAG_STDIN_ONCE)
                container_close(&c->in);
}

/* ---- end ---- */

int container_signal(struct supervisor *s, struct container *c, int signal) {
        if (!c || !container_is_active(c) || c->is_reaped)
                return -ESRCH;
        if (signal == SIGKILL) {
                container_kill(s, c);
                return 0;
        }
        return kill(c->pid, signal) < 0 ? -errno : 0;
}

static bool container_shares_pids(const struct supervisor *s, const struct container *c) {
        return c->is_guest || s->config.flags & (POD_HOST_PID | POD_SHARED_PID);
}

/* A group that cgroup.kill was written to kills at birth whom CLONE_INTO_CGROUP puts in (Linux 6.14
 * and later count kills, and compare with the parent's group): it must not see another life. */
static void container_kill_group(struct supervisor *s, struct container *c) {
        char group[CGROUP_NAME_MAX];

        container_group(s, c, group);
        (void) cgroup_kill(&s->config.cgroups, group);
        c->has_spent_group = true;
}

void container_kill(struct supervisor *s, struct container *c) {
        if (!container_is_active(c))
                return;
        if (container_shares_pids(s, c))
                container_kill_group(s, c);
        /* The end of the first process ends its pid namespace. */
        if (!c->is_reaped)
                (void) kill(c->pid, SIGKILL);
}

static void container_close_all(struct container *c) {
        container_close(&c->report);
        container_close(&c->out[0]);
        container_close(&c->out[1]);
        container_close(&c->in);
        for (size_t i = 0; i < POD_ATTACH_MAX; i++)
                container_close(&c->attached[i]);
}

/* It never ran: the status says why, and whoever asked is told. */
static void container_failed(struct supervisor *s, struct container *c) {
        struct status st;

        memset(&st, 0, sizeof(st));
        st.has_start_failed = true;
        st.exit_code = c->start_exit_code ? c->start_exit_code : 128;
        st.finished_usec = clock_wall_usec();
        (void) snprintf(st.reason, sizeof(st.reason), "%s",
                        st.exit_code == 128 ? "StartError" : "ContainerCannotRun");
        (void) snprintf(st.message, sizeof(st.message), "%s", c->start_text);
        container_save(c, &st);
        container_close_all(c);
        log_close(&c->log);
        c->state = CONTAINER_EXITED;
        supervisor_reply(s, c->client, c->serial, c->start_result, c->start_text);
        c->client = -1;
}

static void container_finish(struct supervisor *s, struct container *c) {
        struct wire_msg msg = { .version = WIRE_VERSION, .type = WIRE_EXITED };
        char group[CGROUP_NAME_MAX];
        uint64_t oom_kills;
        struct status st;

        memset(&st, 0, offsetof(struct status, reason));
        container_pump(s, c, 0, true);
        container_pump(s, c, 1, true);
        container_close_all(c);
        log_close(&c->log);

        container_group(s, c, group);
        oom_kills = cgroup_oom_kills(&s->config.cgroups, group);
        status_set_exit(&st, c->end_code, c->end_status);
        st.is_oom_killed = oom_kills > c->oom_kills && st.exit_code != 0;
        if (st.is_oom_killed)
                (void) stpcpy(st.reason, "OOMKilled");
        c->oom_kills = oom_kills;
        st.finished_usec = clock_wall_usec();
        container_read_message(c, &st);
        container_save(c, &st);

        c->state = CONTAINER_EXITED;
        c->mounts_until_usec = clock_now_usec() + CONTAINER_HOLD_USEC;
        msg.instance = c->instance;
        (void) stpcpy(msg.container, c->name);
        supervisor_tell_all(s, &msg);
}

void container_settle(struct supervisor *s, struct container *c) {
        char group[CGROUP_NAME_MAX];

        if (!c->is_reaped || !container_is_active(c))
                return;
        /* With a pid namespace of its own, the kernel has ended the others before the first. */
        container_group(s, c, group);
        if (container_shares_pids(s, c) && cgroup_is_populated(&s->config.cgroups, group)) {
                container_kill_group(s, c);
                return;
        }
        if (c->start_result < 0)
                container_failed(s, c);
        else
                container_finish(s, c);
        if (c->has_spent_group) {
                cgroup_remove(&s->config.cgroups, group);
                c->oom_kills = 0;
        }
}

void container_reaped(struct supervisor *s, struct container *c, int end_code, int end_status) {
        c->end_code = end_code;
        c->end_status = end_status;
        container_read_report(s, c);
        c->is_reaped = true;
        container_settle(s, c);
}
