/* Port-forward: one connection to a port of the pod, dialled from inside its network namespace. */
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/work.h"
#include "daemon/network/inside.h"
#include "daemon/node/conn.h"
#include "daemon/node/pod.h"
#include "daemon/node/pods.h"
#include "daemon/node/pump.h"
#include "daemon/node/stream_internal.h"
#include "daemon/runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

/* What the work thread sees. */
struct socket_job {
        struct stream *stream; /* not to be touched there, nor when r is -ECANCELED */
        int netns;
        int fds[2];
        struct err err;
};

/*   sockets made --127.0.0.1 refuses--> ::1 --refuses--> failed
 *          \--connected--v-------------------/
 *                      both ways --one end--> one way --other end--> finished     */
struct forward {
        struct work_owner *work;
        unsigned port;
        int fds[2]; /* one for each family; -1: tried, or none */
        int errors[2];
        size_t family; /* that is being tried */
        sd_event_source *io;
        struct pump_in *in;
        struct pump_out *out;
        bool has_in_ended, has_out_ended;
};

static void try_next(struct stream *s, struct forward *f);

static void finish_when_over(struct stream *s, const struct forward *f) {
        if (f->has_in_ended && f->has_out_ended)
                stream_finish(s);
}

/* Everything that the client sent is with the pod, or the pod takes nothing more. */
static void on_in_closed(void *userdata) {
        struct stream *s = userdata;
        struct forward *f = s->state;

        f->has_in_ended = true;
        finish_when_over(s, f);
}

static void on_out_end(void *userdata) {
        struct stream *s = userdata;
        struct forward *f = s->state;

        f->has_out_ended = true;
        conn_send(s->conn, STREAM_STDOUT_END, "", 0);
        finish_when_over(s, f);
}

static int forward_pump(struct stream *s, struct forward *f, int take_fd, struct err *e) {
        int one = 1, copy, r;

        if (f->family == 0 && f->fds[1] >= 0)
                (void) close(STEAL_FD(f->fds[1]));
        (void) setsockopt(take_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        copy = fcntl(take_fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0) {
                (void) close(take_fd);
                return err_errno(e, -errno, "cannot copy a descriptor");
        }
        r = pump_in_new(s->ctx->loop, copy, s->conn, &f->in, e);
        if (r < 0) {
                (void) close(take_fd);
                return r;
        }
        pump_in_on_closed(f->in, on_in_closed, s);
        r = pump_out_new(s->ctx->loop, take_fd, s->conn, STREAM_STDOUT, &f->out, e);
        if (r < 0)
                return r;
        pump_out_on_end(f->out, on_out_end, s);
        /* Says that the port is open, before the first byte. */
        conn_send(s->conn, STREAM_STDOUT, "", 0);
        conn_pause(s->conn, false);
        return 0;
}

/* The attempt under way is over: r 0 or its negative errno. */
static void tried(struct stream *s, struct forward *f, int r) {
        struct err e = { 0 };

        f->io = sd_event_source_disable_unref(f->io);
        if (r < 0) {
                f->errors[f->family] = r;
                (void) close(STEAL_FD(f->fds[f->family]));
                f->family++;
                try_next(s, f);
                return;
        }
        r = forward_pump(s, f, STEAL_FD(f->fds[f->family]), &e);
        if (r < 0)
                stream_fail(s, r, &e);
}

static int on_connected(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct stream *s = userdata;
        socklen_t len = sizeof(int);
        int error = 0;
        (void) source;
        (void) events;

        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
                error = errno;
        tried(s, s->state, -error);
        return 0;
}

static int forward_connect(struct stream *s, struct forward *f) {
        struct sockaddr_in v4 = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t) f->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                                   .sin6_port = htons((uint16_t) f->port),
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
        const void *to = f->family == 0 ? (const void *) &v4 : (const void *) &v6;
        int fd = f->fds[f->family];

        if (connect(fd, to, f->family == 0 ? sizeof(v4) : sizeof(v6)) < 0 && errno != EINPROGRESS)
                return -errno;
        return sd_event_add_io(loop_event(s->ctx->loop), &f->io, fd, EPOLLOUT, on_connected, s);
}

static const char *error_words(int error) {
        return error == 0 ? "not there" : strerrordesc_np(-error);
}

static void try_next(struct stream *s, struct forward *f) {
        struct err e = { 0 };

        while (f->family < 2 && f->fds[f->family] < 0)
                f->family++;
        if (f->family < 2) {
                int r = forward_connect(s, f);

                if (r < 0)
                        tried(s, f, r);
                return;
        }
        (void) err_set(&e, -ECONNREFUSED,
                       "failed to connect to localhost:%u inside the pod, IPv4: %s, IPv6: %s",
                       f->port, error_words(f->errors[0]), error_words(f->errors[1]));
        stream_fail(s, -ECONNREFUSED, &e);
}

/* ---- sockets of the pod ---- */

static int job_run(void *data) {
        struct socket_job *job = data;

        return inside_sockets(job->netns, job->fds, &job->err);
}

static void job_done(void *data, int r) {
        struct socket_job *job = data;
        struct forward *f;

        (void) close(job->netns);
        if (r == 0) {
                f = job->stream->state;
                memcpy(f->fds, job->fds, sizeof(f->fds));
                try_next(job->stream, f);
        } else if (r != -ECANCELED) {
                stream_fail(job->stream, r, &job->err);
        } else {
                for (size_t i = 0; i < ARRAY_SIZE(job->fds); i++)
                        if (job->fds[i] >= 0)
                                (void) close(job->fds[i]);
        }
        free(job);
}

static int job_start(struct stream *s, struct forward *f, int take_netns, struct err *e) {
        struct socket_job *job = calloc(1, sizeof(*job));
        int r;

        if (!job) {
                (void) close(take_netns);
                return err_set(e, -ENOMEM, "out of memory");
        }
        *job = (struct socket_job){ .stream = s, .netns = take_netns, .fds = { -1, -1 } };
        r = work_submit_for(f->work, job_run, job_done, job);
        if (r == 0)
                return 0;
        (void) close(take_netns);
        free(job);
        return err_errno(e, r, "cannot start a thread");
}

/* ---- the verb ---- */

static int forward_start(struct stream *s, struct err *e) {
        struct forward *f = calloc(1, sizeof(*f));
        struct node_pod *p = stream_pod(s, e);
        int64_t port = stream_query_int(s, "port", 0);
        struct runtime_pod *rt;
        int netns;

        if (!f)
                return err_set(e, -ENOMEM, "out of memory");
        *f = (struct forward){ .fds = { -1, -1 }, .port = (unsigned) port };
        s->state = f;
        if (!p)
                return -ENOENT;
        if (port < 1 || port > 65535)
                return err_set(e, -EINVAL, "port %lld is not between 1 and 65535",
                               (long long) port);
        rt = node_pod_runtime(p);
        if (!rt)
                return err_set(e, -EINVAL, "the pod doesn't run");
        netns = runtime_pod_netns(rt);
        if (netns < 0)
                return err_errno(e, netns, "cannot open the pod's network namespace");
        /* Nothing is read before there is somebody to give it to. */
        conn_pause(s->conn, true);
        f->work = work_owner_new(s->ctx->loop);
        if (!f->work) {
                (void) close(netns);
                return err_set(e, -ENOMEM, "out of memory");
        }
        return job_start(s, f, netns, e);
}

static void forward_frame(struct stream *s, const struct stream_frame *frame) {
        struct forward *f = s->state;

        if (f && f->in)
                pump_in_frame(f->in, frame);
}

static void forward_room(struct stream *s) {
        struct forward *f = s->state;

        if (f && f->out)
                pump_out_resume(f->out);
}

static void forward_free(struct stream *s) {
        struct forward *f = s->state;

        if (!f)
                return;
        work_owner_cancel(f->work);
        sd_event_source_disable_unref(f->io);
        pump_in_unref(f->in);
        pump_out_unref(f->out);
        for (size_t i = 0; i < ARRAY_SIZE(f->fds); i++)
                if (f->fds[i] >= 0)
                        (void) close(f->fds[i]);
        free(f);
}

const struct stream_verb stream_forward_verb = { .name = "port-forward",
                                                 .start = forward_start,
                                                 .frame = forward_frame,
                                                 .room = forward_room,
                                                 .free = forward_free };
