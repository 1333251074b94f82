#include "daemon/pod/session.h"

#include "daemon/pod/container.h"
#include "daemon/pod/init.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct session *session_of_pid(struct supervisor *s, pid_t pid) {
        for (size_t i = 0; i < POD_SESSIONS_MAX; i++)
                if (s->sessions[i].is_used && s->sessions[i].pid == pid)
                        return &s->sessions[i];
        return NULL;
}

struct session *session_of_serial(struct supervisor *s, int client, uint64_t serial) {
        for (size_t i = 0; i < POD_SESSIONS_MAX; i++)
                if (s->sessions[i].is_used && s->sessions[i].client == client &&
                    s->sessions[i].serial == serial)
                        return &s->sessions[i];
        return NULL;
}

static struct session *session_slot(struct supervisor *s) {
        for (size_t i = 0; i < POD_SESSIONS_MAX; i++)
                if (!s->sessions[i].is_used)
                        return &s->sessions[i];
        return NULL;
}

/* Children are born in the container's pid namespace while the supervisor itself stays where it is.
 */
static int session_aim(struct supervisor *s, pid_t target) {
        AUTO_CLOSE int fd = -1;
        char path[48];

        if (s->config.flags & (POD_HOST_PID | POD_SHARED_PID))
                return 0;
        (void) snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int) target);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 || setns(fd, CLONE_NEWPID) < 0 ? -errno : 0;
}

static int session_clone(struct supervisor *s, const struct container *c,
                         const struct wire_msg *msg, const struct wire_fds *fds, int report) {
        struct init_request q = {
                .config = &s->config,
                .container = c->name,
                .flags = msg->flags,
                .fds = { fds->fds[1], fds->fds[2], fds->fds[3] },
                .report = report,
        };
        char group[CGROUP_NAME_MAX];
        AUTO_CLOSE int cgroup = -1;
        pid_t pid;
        int r;

        (void) snprintf(group, sizeof(group), "%s/%s", s->config.cgroup_name, c->name);
        cgroup = cgroup_open_unified(&s->config.cgroups, group);
        r = session_aim(s, c->pid);
        if (r < 0)
                return r;
        pid = supervisor_clone(0, cgroup, &q.is_in_unified);
        if (pid == 0)
                init_exec(&q, fds->fds[0], c->pid);
        if (!(s->config.flags & (POD_HOST_PID | POD_SHARED_PID)))
                (void) setns(s->own_pidns, CLONE_NEWPID);
        return pid;
}

void session_start(struct supervisor *s, int client, const struct wire_msg *msg,
                   struct wire_fds *fds) {
        size_t expected = msg->flags & WIRE_FLAG_TTY ? 1 : 4;
        struct container *c = container_find(s, msg->container);
        struct session *x = session_slot(s);
        int report[2] = { -1, -1 };
        int r;

        if (!c || c->state != CONTAINER_RUNNING || c->is_reaped)
                r = -ESRCH;
        else if (!x || s->is_removing)
                r = -EAGAIN;
        else if (fds->n != expected)
                r = -EBADMSG;
        else
                r = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) < 0 ? -errno : 0;
        if (r == 0)
                r = session_clone(s, c, msg, fds, report[1]);
        if (report[1] >= 0)
                (void) close(report[1]);
        if (r < 0) {
                if (report[0] >= 0)
                        (void) close(report[0]);
                supervisor_reply(s, client, msg->serial, r,
                                 r == -ESRCH    ? "the container isn't running"
                                 : r == -EAGAIN ? "too many programs run in this pod's containers"
                                                : strerrordesc_np(-r));
                return;
        }
        *x = (struct session){ .is_used = true,
                               .serial = msg->serial,
                               .client = client,
                               .pid = r,
                               .report = report[0],
                               .tty = -1 };
}

/* exec is through, or failed: the answer comes with the exit then. */
static void session_started(struct supervisor *s, struct session *x) {
        (void) close(x->report);
        x->report = -1;
        if (x->start_result == 0)
                supervisor_reply(s, x->client, x->serial, 0, "");
}

void session_read_report(struct supervisor *s, struct session *x) {
        struct wire_msg msg;
        struct wire_fds fds;

        while (x->report >= 0) {
                int r = wire_receive(x->report, &msg, &fds);

                if (r == -EAGAIN)
                        return;
                if (r <= 0) {
                        session_started(s, x);
                        return;
                }
                if (msg.type == WIRE_EXEC_TTY && fds.n == 1 && x->tty < 0) {
                        struct wire_msg pass = { .version = WIRE_VERSION,
                                                 .type = WIRE_EXEC_TTY,
                                                 .serial = x->serial };

                        supervisor_send(s, x->client, &pass, fds.fds, 1);
                        x->tty = fds.fds[0]; /* kept for resize */
                        fds.n = 0;
                } else if (msg.type == WIRE_REPLY && msg.result < 0) {
                        x->start_result = msg.result;
                        x->start_exit_code = (int) msg.a;
                        memcpy(x->start_text, msg.text, sizeof(x->start_text));
                }
                wire_fds_close(&fds);
        }
}

void session_reaped(struct supervisor *s, struct session *x, int end_code, int end_status) {
        struct wire_msg msg = { .version = WIRE_VERSION,
                                .type = WIRE_EXEC_EXITED,
                                .serial = x->serial };

        session_read_report(s, x);
        msg.result = x->start_result;
        if (x->start_result < 0) {
                msg.a = (uint32_t) x->start_exit_code;
                memcpy(msg.text, x->start_text, sizeof(msg.text));
        } else if (end_code == CLD_EXITED) {
                msg.a = (uint32_t) end_status;
        } else {
                msg.a = 128U + (uint32_t) end_status;
                msg.b = (uint32_t) end_status;
        }
        supervisor_send(s, x->client, &msg, NULL, 0);
        if (x->report >= 0)
                (void) close(x->report);
        if (x->tty >= 0)
                (void) close(x->tty);
        x->is_used = false;
}

void session_drop_client(struct supervisor *s, int client) {
        for (size_t i = 0; i < POD_SESSIONS_MAX; i++) {
                struct session *x = &s->sessions[i];

                if (!x->is_used || x->client != client)
                        continue;
                x->client = -1;
                (void) kill(x->pid, SIGKILL);
        }
}
