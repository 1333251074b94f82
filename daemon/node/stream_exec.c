#include "base/str.h"
#include "daemon/node/conn.h"
#include "daemon/node/pod.h"
#include "daemon/node/pods.h"
#include "daemon/node/pump.h"
#include "daemon/node/stream_internal.h"
#include "daemon/runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define EXEC_ARGS_MAX 4096

struct exec_stream {
        struct runtime_session *session; /* weak */
        bool has_session, has_tty;
        char *uid, *container;
        struct pump_in *in;
        struct pump_out *out, *err;
};

static struct runtime_pod *exec_pod(const struct stream *s, const struct exec_stream *x,
                                    struct err *e) {
        struct node_pod *p = pods_find(s->pods, NULL, NULL, x->uid);
        struct runtime_pod *rt = p ? node_pod_runtime(p) : NULL;

        if (!rt)
                (void) err_set(e, -EINVAL, "the pod doesn't run");
        return rt;
}

static void on_done(void *userdata, const struct runtime_exec_result *result, const struct err *e) {
        struct stream *s = userdata;
        struct exec_stream *x = s->state;

        x->has_session = false;
        /* A grandchild may hold the pipes open for ever: what is there now is the program's. */
        if (x->out)
                pump_out_drain(x->out);
        if (x->err)
                pump_out_drain(x->err);
        if (result->r < 0)
                stream_fail(s, -EINVAL, e);
        else
                stream_exit(s, result->exit_code);
}

static void on_tty(void *userdata, int take_fd) {
        struct stream *s = userdata;
        struct exec_stream *x = s->state;
        int copy = fcntl(take_fd, F_DUPFD_CLOEXEC, 3);

        if (copy >= 0 && pump_in_new(s->ctx->loop, copy, s->conn, &x->in, NULL) < 0)
                x->in = NULL;
        if (pump_out_new(s->ctx->loop, take_fd, s->conn, STREAM_STDOUT, &x->out, NULL) < 0)
                x->out = NULL;
}

/* The words of the command. *ret_args: the caller's array of borrowed words. */
static int exec_args(const struct stream *s, const char ***ret_args, size_t *ret_n, struct err *e) {
        json_t *list = stream_query(s, "command");
        size_t n = json_array_size(list);
        const char **args;

        if (n == 0 || n > EXEC_ARGS_MAX)
                return err_set(e, -EINVAL,
                               "you must specify at least one command for the container");
        args = calloc(n, sizeof(*args));
        if (!args)
                return err_set(e, -ENOMEM, "out of memory");
        for (size_t i = 0; i < n; i++) {
                args[i] = json_string_value(json_array_get(list, i));
                if (!args[i]) {
                        free(args);
                        return err_set(e, -EINVAL, "a word of the command is no text");
                }
        }
        *ret_args = args;
        *ret_n = n;
        return 0;
}

static int pipe_out(struct stream *s, enum stream_channel channel, struct pump_out **ret,
                    int *ret_child, struct err *e) {
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        r = pump_out_new(s->ctx->loop, fds[0], s->conn, channel, ret, e);
        if (r < 0)
                (void) close(fds[1]);
        else
                *ret_child = fds[1];
        return r;
}

static int exec_run(struct stream *s, struct exec_stream *x, struct runtime_pod *rt,
                    struct err *e) {
        const struct runtime_exec_callbacks callbacks = { .done = on_done,
                                                          .on_tty = on_tty,
                                                          .userdata = s };
        AUTO_FREE const char **args = NULL;
        struct runtime_exec_spec spec = { .container = x->container,
                                          .has_tty = x->has_tty,
                                          .fds = { -1, -1, -1 } };
        int r = exec_args(s, &args, &spec.n_args, e);

        if (r < 0)
                return r;
        spec.args = args;
        if (!x->has_tty) {
                if (stream_query_bool(s, "stdin"))
                        r = pump_in_new_pipe(s->ctx->loop, s->conn, &x->in, &spec.fds[0], e);
                if (r == 0)
                        r = pipe_out(s, STREAM_STDOUT, &x->out, &spec.fds[1], e);
                if (r == 0)
                        r = pipe_out(s, STREAM_STDERR, &x->err, &spec.fds[2], e);
        }
        if (r == 0)
                r = runtime_exec(rt, &spec, &callbacks, &x->session, e);
        x->has_session = r == 0;
        if (r == 0) /* the user's connection may be upgraded */
                conn_send(s->conn, STREAM_STDOUT, "", 0);
        for (size_t i = 0; i < 3; i++)
                if (spec.fds[i] >= 0)
                        (void) close(spec.fds[i]);
        return r;
}

static int exec_start(struct stream *s, struct err *e) {
        struct exec_stream *x = calloc(1, sizeof(*x));
        struct node_pod *p = stream_pod(s, e);
        const char *container = NULL;
        struct runtime_pod *rt;
        int r;

        if (!x)
                return err_set(e, -ENOMEM, "out of memory");
        s->state = x;
        if (!p)
                return -ENOENT;
        r = node_pod_exec_target(p, stream_text(s, "container"), &container, e);
        if (r < 0)
                return r;
        x->uid = strdup(node_pod_uid(p));
        x->container = strdup(container);
        if (!x->uid || !x->container)
                return err_set(e, -ENOMEM, "out of memory");
        rt = exec_pod(s, x, e);
        if (!rt)
                return -EINVAL;
        x->has_tty = stream_query_bool(s, "tty");
        return exec_run(s, x, rt, e);
}

static void exec_frame(struct stream *s, const struct stream_frame *frame) {
        struct exec_stream *x = s->state;
        unsigned columns, rows;

        if (!x)
                return;
        switch (frame->channel) {
        case STREAM_STDIN:
                if (x->in)
                        (void) pump_in_write(x->in, frame->data, frame->len);
                break;
        case STREAM_STDIN_END:
                /* A terminal ends by ^D, not by closing: its master serves the output too. */
                if (x->in && !x->has_tty)
                        pump_in_end(x->in);
                break;
        case STREAM_RESIZE:
                if (x->has_session && stream_size_parse(frame, &columns, &rows))
                        (void) runtime_exec_resize(x->session, columns, rows);
                break;
        default:
                break;
        }
}

static void exec_room(struct stream *s) {
        struct exec_stream *x = s->state;

        if (x && x->out)
                pump_out_resume(x->out);
        if (x && x->err)
                pump_out_resume(x->err);
}

static void exec_free(struct stream *s) {
        struct exec_stream *x = s->state;

        if (!x)
                return;
        if (x->has_session)
                runtime_exec_cancel(x->session);
        pump_in_unref(x->in);
        pump_out_unref(x->out);
        pump_out_unref(x->err);
        free(x->uid);
        free(x->container);
        free(x);
}

const struct stream_verb stream_exec_verb = { .name = "exec",
                                              .start = exec_start,
                                              .frame = exec_frame,
                                              .room = exec_room,
                                              .free = exec_free };
