/* Attach: the container's output from now on, out of its log, and its standard input. A slow client
 * gets everything, as long as the log holds it, and one that reads nothing doesn't stop the
 * container. */
#include "api/kinds/meta.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/node/conn.h"
#include "daemon/node/follow.h"
#include "daemon/node/pod.h"
#include "daemon/node/pods.h"
#include "daemon/node/pump.h"
#include "daemon/node/stream_internal.h"
#include "daemon/runtime/log_reader.h"
#include "daemon/runtime/runtime.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

struct attach {
        char *uid, *container;
        struct log_reader *reader; /* at the place where output begins; then the follow's */
        struct follow *follow;
        struct runtime_session *session; /* of the question to orch-pod; weak */
        struct pump_in *in;
        int end; /* a socket that is closed when the container has ended */
        sd_event_source *io;
        bool has_tty, has_stdin, has_stdin_ended, is_over;
};

static bool is_over(void *userdata) {
        const struct stream *s = userdata;
        const struct attach *a = s->state;

        return a->is_over;
}

static void on_end(void *userdata, int r, const struct err *e) {
        if (r < 0)
                stream_fail(userdata, r, e);
        else
                stream_finish(userdata);
}

/* Supervisors from before the log was followed send copies of the output here: passed over. */
static int on_container(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct stream *s = userdata;
        struct attach *a = s->state;
        char packet[64];
        ssize_t n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);
        (void) events;

        if (n > 0 || (n < 0 && errno == EAGAIN))
                return 0;
        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        a->is_over = true;
        follow_look(a->follow);
        return 0;
}

static int attach_begin(struct stream *s, struct attach *a, int take_in, int take_end,
                        struct err *e) {
        const struct follow_options options = { .is_split = true, .is_following = true };
        const struct follow_handlers handlers = { .is_over = is_over,
                                                  .on_end = on_end,
                                                  .userdata = s };
        int r = 0;

        a->end = take_end;
        if (take_in >= 0)
                r = pump_in_new(s->ctx->loop, take_in, s->conn, &a->in, e);
        if (r < 0)
                return r;
        r = follow_new(s->ctx->loop, s->conn, STEAL(a->reader), &options, &handlers, &a->follow);
        if (r == 0)
                r = sd_event_add_io(loop_event(s->ctx->loop), &a->io, a->end, EPOLLIN, on_container,
                                    s);
        return r < 0 ? err_errno(e, r, "cannot follow the container's output") : 0;
}

static void on_open(void *userdata, int r, int take_in, int take_end, const struct err *e) {
        struct stream *s = userdata;
        struct attach *a = s->state;
        struct err e2 = { 0 };

        a->session = NULL;
        if (r < 0) {
                stream_fail(s, -EINVAL, e);
                return;
        }
        if (take_in >= 0 && !a->has_stdin)
                (void) close(STEAL_FD(take_in));
        r = attach_begin(s, a, take_in, take_end, &e2);
        if (r < 0) {
                stream_fail(s, r, &e2);
                return;
        }
        conn_send(s->conn, STREAM_STDOUT, "", 0); /* the user's connection may be upgraded */
        conn_pause(s->conn, false);
        if (a->has_stdin_ended && a->in)
                pump_in_end(a->in);
}

static int reader_open(struct stream *s, struct attach *a, const struct node_pod *p,
                       struct err *e) {
        const struct log_reader_options from_now_on = { .tail_lines = 0 };
        AUTO_FREE char *dir = str_format("%s/logs", s->ctx->config->state_dir), *path = NULL;
        const char *container;
        uint64_t instance;
        int r = node_pod_log_life(p, a->container, false, &container, &instance, e);

        if (r < 0)
                return r;
        path = dir ? log_path(dir, node_pod_meta(p)->namespace, node_pod_meta(p)->name, a->uid,
                              container, instance)
                   : NULL;
        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        return log_reader_new(path, &from_now_on, &a->reader, e);
}

static int attach_start(struct stream *s, struct err *e) {
        struct attach *a = calloc(1, sizeof(*a));
        struct node_pod *p = stream_pod(s, e);
        const struct runtime_attach_callbacks callbacks = { .on_open = on_open, .userdata = s };
        const char *container = NULL;
        struct runtime_pod *rt;
        int r;

        if (!a)
                return err_set(e, -ENOMEM, "out of memory");
        a->end = -1;
        s->state = a;
        if (!p)
                return -ENOENT;
        r = node_pod_exec_target(p, stream_text(s, "container"), &container, e);
        if (r < 0)
                return r;
        rt = node_pod_runtime(p);
        if (!rt)
                return err_set(e, -EINVAL, "the pod doesn't run");
        a->uid = strdup(node_pod_uid(p));
        a->container = strdup(container);
        if (!a->uid || !a->container)
                return err_set(e, -ENOMEM, "out of memory");
        a->has_tty = stream_query_bool(s, "tty");
        a->has_stdin = stream_query_bool(s, "stdin");
        r = reader_open(s, a, p, e);
        if (r < 0)
                return r;
        /* Nothing is read before there is somebody to give it to. */
        conn_pause(s->conn, true);
        return runtime_attach(rt, a->container, a->has_stdin, &callbacks, &a->session, e);
}

static void attach_frame(struct stream *s, const struct stream_frame *frame) {
        struct attach *a = s->state;
        struct node_pod *p;
        unsigned columns, rows;

        if (!a)
                return;
        if (frame->channel == STREAM_STDIN && a->in)
                (void) pump_in_write(a->in, frame->data, frame->len);
        if (frame->channel == STREAM_STDIN_END) {
                a->has_stdin_ended = true;
                /* A terminal ends by ^D, not by closing. */
                if (a->in && !a->has_tty)
                        pump_in_end(a->in);
        }
        p = pods_find(s->pods, NULL, NULL, a->uid);
        if (frame->channel == STREAM_RESIZE && p && node_pod_runtime(p) &&
            stream_size_parse(frame, &columns, &rows))
                (void) runtime_container_resize(node_pod_runtime(p), a->container, columns, rows);
}

static void attach_room(struct stream *s) {
        struct attach *a = s->state;

        if (a && a->follow)
                follow_look(a->follow);
}

static void attach_free(struct stream *s) {
        struct attach *a = s->state;

        if (!a)
                return;
        if (a->session)
                runtime_attach_cancel(a->session);
        sd_event_source_disable_unref(a->io);
        follow_unref(a->follow);
        log_reader_unref(a->reader);
        pump_in_unref(a->in);
        if (a->end >= 0)
                (void) close(a->end);
        free(a->uid);
        free(a->container);
        free(a);
}

const struct stream_verb stream_attach_verb = { .name = "attach",
                                                .start = attach_start,
                                                .frame = attach_frame,
                                                .room = attach_room,
                                                .free = attach_free };
