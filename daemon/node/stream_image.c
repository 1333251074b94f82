#include "base/array.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/loop/child.h"
#include "daemon/loop/loop.h"
#include "daemon/node/conn.h"
#include "daemon/node/pod.h"
#include "daemon/node/pods.h"
#include "daemon/node/pump.h"
#include "daemon/node/stream_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <unistd.h>

/* What orch-image says is collected whole: its answer is sent only when it succeeded. */
#define IMAGE_ANSWER_MAX (8U << 20)
#define IMAGE_COMPLAINT_MAX 4096

struct image_stream {
        struct child *child;
        struct pump_in *in;
        int out, err; /* read ends */
        sd_event_source *out_io, *err_io;
        struct strbuf answer, complaint;
        bool is_changing; /* load, remove: pods are told */
};

static void collect(int fd, struct strbuf *b, size_t most) {
        char data[4096];
        ssize_t n;

        while ((n = read(fd, data, sizeof(data))) > 0)
                if (b->len + (size_t) n <= most)
                        strbuf_add_len(b, data, (size_t) n);
}

static int on_out(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct stream *s = userdata;
        struct image_stream *x = s->state;

        collect(fd, fd == x->out ? &x->answer : &x->complaint,
                fd == x->out ? IMAGE_ANSWER_MAX : IMAGE_COMPLAINT_MAX);
        if (events & (EPOLLHUP | EPOLLERR))
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

static void on_exit_told(struct child *c, const siginfo_t *info, void *userdata) {
        struct stream *s = userdata;
        struct image_stream *x = s->state;
        struct err e = { 0 };
        (void) c;

        collect(x->out, &x->answer, IMAGE_ANSWER_MAX);
        collect(x->err, &x->complaint, IMAGE_COMPLAINT_MAX);
        if (info->si_code == CLD_EXITED && info->si_status == 0) {
                conn_send(s->conn, STREAM_STDOUT, str_or_empty(x->answer.s), x->answer.len);
                if (x->is_changing)
                        stream_images_changed(s);
                stream_finish(s);
                return;
        }
        if (info->si_code != CLD_EXITED)
                (void) err_set(&e, -EIO, "orch-image was killed by signal %d", info->si_status);
        else if (x->complaint.len > 0)
                (void) err_set(&e, -EINVAL, "%.*s", (int) strcspn(x->complaint.s, "\n"),
                               x->complaint.s);
        else
                (void) err_set(&e, -EIO, "orch-image failed without a word");
        stream_fail(s, e.code, &e);
}

/* A pipe whose read end is ours. *ret_child: the other one. */
static int image_pipe(struct stream *s, int *ret_fd, sd_event_source **ret_io, int *ret_child,
                      struct err *e) {
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        *ret_fd = fds[0];
        *ret_child = fds[1];
        r = fd_set_nonblock(fds[0], true);
        if (r == 0)
                r = sd_event_add_io(loop_event(s->ctx->loop), ret_io, fds[0], EPOLLIN, on_out, s);
        return r < 0 ? err_errno(e, r, "cannot watch a pipe") : 0;
}

static int image_input(struct stream *s, struct image_stream *x, bool has_input, int *ret_child,
                       struct err *e) {
        if (!has_input) {
                *ret_child = open("/dev/null", O_RDONLY | O_CLOEXEC);
                return *ret_child < 0 ? err_errno(e, -errno, "cannot open /dev/null") : 0;
        }
        return pump_in_new_pipe(s->ctx->loop, s->conn, &x->in, ret_child, e);
}

/* argv: NULL-terminated. */
static int image_run(struct stream *s, const char *const *argv, bool has_input, bool is_changing,
                     struct err *e) {
        struct image_stream *x = calloc(1, sizeof(*x));
        AUTO_CLOSE int in = -1, out = -1, err = -1;
        AUTO_FREE char *program = str_format("%s/orch-image", s->ctx->config->libexec_dir);
        struct child_fd fds[3];
        int r;

        if (!x || !program) {
                free(x);
                return err_set(e, -ENOMEM, "out of memory");
        }
        x->out = x->err = -1;
        x->is_changing = is_changing;
        s->state = x;
        r = image_input(s, x, has_input, &in, e);
        if (r == 0)
                r = image_pipe(s, &x->out, &x->out_io, &out, e);
        if (r == 0)
                r = image_pipe(s, &x->err, &x->err_io, &err, e);
        if (r < 0)
                return r;
        fds[0] = (struct child_fd){ in, 0 };
        fds[1] = (struct child_fd){ out, 1 };
        fds[2] = (struct child_fd){ err, 2 };
        return child_spawn(
                s->ctx->loop,
                &(struct child_spec){ .argv = argv, .path = program, .fds = fds, .n_fds = 3 },
                on_exit_told, s, &x->child, e);
}

static char *store_dir(const struct stream *s) {
        return str_format("%s/images", s->ctx->config->state_dir);
}

static int list_start(struct stream *s, struct err *e) {
        AUTO_FREE char *dir = store_dir(s);
        const char *const argv[] = { "orch-image", "--store", dir, "list", NULL };

        return dir ? image_run(s, argv, false, false, e) : err_set(e, -ENOMEM, "out of memory");
}

/* A plain root file system needs a name and is imported; an archive of images names itself. */
static int load_start(struct stream *s, struct err *e) {
        AUTO_FREE char *dir = store_dir(s);
        const char *name = stream_query_text(s, "name"), *config = stream_query_text(s, "config");
        bool is_import = stream_query_bool(s, "import");
        const char *argv[12] = { "orch-image", "--store", dir, is_import ? "import" : "load" };
        size_t n = 4;

        if (!dir)
                return err_set(e, -ENOMEM, "out of memory");
        if (!str_is_empty(name)) {
                argv[n++] = "--name";
                argv[n++] = name;
        }
        if (is_import && !str_is_empty(config)) {
                argv[n++] = "--config";
                argv[n++] = config;
        }
        return image_run(s, argv, true, true, e);
}

struct in_use {
        const char **argv;
        size_t n, cap;
        bool has_failed;
};

static void in_use_push(struct in_use *u, const char *word) {
        if (u->has_failed || array_reserve(&u->argv, &u->cap, u->n, sizeof(*u->argv)) < 0)
                u->has_failed = true;
        else
                u->argv[u->n++] = word;
}

static void add_in_use(void *data, struct node_pod *p) {
        const char *id;

        for (size_t i = 0; node_pod_image_id(p, i, &id); i++)
                if (!str_is_empty(id)) {
                        in_use_push(data, "--in-use");
                        in_use_push(data, id);
                }
        for (size_t i = 0; node_pod_image_name(p, i, &id); i++)
                if (!str_is_empty(id)) {
                        in_use_push(data, "--in-use");
                        in_use_push(data, id);
                }
}

static int remove_start(struct stream *s, struct err *e) {
        AUTO_FREE char *dir = store_dir(s);
        const char *reference = stream_query_text(s, "reference");
        struct in_use u = { 0 };
        int r;

        if (str_is_empty(reference) || reference[0] == '-')
                return err_set(e, -EINVAL, "name the image to remove");
        in_use_push(&u, "orch-image");
        in_use_push(&u, "--store");
        in_use_push(&u, dir);
        pods_each(s->pods, add_in_use, &u);
        in_use_push(&u, "remove");
        in_use_push(&u, reference);
        in_use_push(&u, NULL);
        r = u.has_failed || !dir ? err_set(e, -ENOMEM, "out of memory")
                                 : image_run(s, u.argv, false, true, e);
        free(u.argv);
        return r;
}

/* ---- what people do with images that are here ---- */

/* What may be asked for, and what orch-image then is told. */
static const struct image_action {
        const char *name;
        bool wants_reference, wants_name, is_changing;
        const char *flag; /* a query "FLAG=true" becomes "--FLAG" */
} image_actions[] = {
        { "tag", true, true, true, NULL },       { "pin", true, false, false, NULL },
        { "unpin", true, false, false, NULL },   { "prune", false, false, true, "all" },
        { "check", false, false, true, "deep" }, { "mount", true, false, false, NULL },
        { "unmount", true, false, false, NULL },
};

static const struct image_action *image_action_find(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(image_actions); i++)
                if (str_eq(image_actions[i].name, name))
                        return &image_actions[i];
        return NULL;
}

static bool is_word(const char *text) {
        return !str_is_empty(text) && text[0] != '-';
}

static int inspect_start(struct stream *s, struct err *e) {
        AUTO_FREE char *dir = store_dir(s);
        const char *reference = stream_query_text(s, "reference");
        const char *const argv[] = { "orch-image", "--store", dir, "inspect", reference, NULL };

        if (!is_word(reference))
                return err_set(e, -EINVAL, "name the image");
        return dir ? image_run(s, argv, false, false, e) : err_set(e, -ENOMEM, "out of memory");
}

static int manage_run(struct stream *s, const struct image_action *action, const char *dir,
                      struct err *e) {
        const char *reference = stream_query_text(s, "reference");
        const char *name = stream_query_text(s, "name");
        AUTO_FREE char *mounts = str_format("%s/image-mounts", s->ctx->config->run_dir);
        struct in_use u = { .has_failed = !mounts };
        int r;

        in_use_push(&u, "orch-image");
        in_use_push(&u, "--store");
        in_use_push(&u, dir);
        if (action->flag && stream_query_bool(s, action->flag))
                in_use_push(&u, str_eq(action->flag, "all") ? "--all" : "--deep");
        if (stream_query_bool(s, "repair"))
                in_use_push(&u, "--repair");
        in_use_push(&u, "--mounts");
        in_use_push(&u, mounts);
        if (!action->wants_reference)
                pods_each(s->pods, add_in_use, &u);
        in_use_push(&u, action->name);
        if (action->wants_reference)
                in_use_push(&u, reference);
        if (action->wants_name)
                in_use_push(&u, name);
        in_use_push(&u, NULL);
        r = u.has_failed ? err_set(e, -ENOMEM, "out of memory")
                         : image_run(s, u.argv, false, action->is_changing, e);
        free(u.argv);
        return r;
}

static int manage_start(struct stream *s, struct err *e) {
        const struct image_action *action = image_action_find(stream_query_text(s, "action"));
        AUTO_FREE char *dir = store_dir(s);

        if (!action)
                return err_set(
                        e, -EINVAL,
                        "action= is missing; tag, pin, unpin, prune, check, mount and unmount are "
                        "known");
        if (action->wants_reference && !is_word(stream_query_text(s, "reference")))
                return err_set(e, -EINVAL, "name the image");
        if (action->wants_name && !is_word(stream_query_text(s, "name")))
                return err_set(e, -EINVAL, "give the new name");
        return dir ? manage_run(s, action, dir, e) : err_set(e, -ENOMEM, "out of memory");
}

static void image_frame(struct stream *s, const struct stream_frame *frame) {
        struct image_stream *x = s->state;

        if (x && x->in)
                pump_in_frame(x->in, frame);
}

static void image_free(struct stream *s) {
        struct image_stream *x = s->state;

        if (!x)
                return;
        child_unref(x->child);
        pump_in_unref(x->in);
        sd_event_source_disable_unref(x->out_io);
        sd_event_source_disable_unref(x->err_io);
        if (x->out >= 0)
                (void) close(x->out);
        if (x->err >= 0)
                (void) close(x->err);
        strbuf_done(&x->answer);
        strbuf_done(&x->complaint);
        free(x);
}

const struct stream_verb stream_image_load_verb = {
        .name = "image-load", .start = load_start, .frame = image_frame, .free = image_free
};
const struct stream_verb stream_image_list_verb = { .name = "image-list",
                                                    .start = list_start,
                                                    .free = image_free };
const struct stream_verb stream_image_remove_verb = { .name = "image-remove",
                                                      .start = remove_start,
                                                      .free = image_free };
const struct stream_verb stream_image_inspect_verb = { .name = "image-inspect",
                                                       .start = inspect_start,
                                                       .free = image_free };
const struct stream_verb stream_image_manage_verb = { .name = "image-manage",
                                                      .start = manage_start,
                                                      .free = image_free };
