#include "base/str.h"
#include "daemon/node/conn.h"
#include "daemon/node/image_child.h"
#include "daemon/node/stream_internal.h"

#include <errno.h>
#include <string.h>

/* A pull or a push that somebody asked for: credentials come as input, news go out line by line. */

#define AUTH_MAX (1U << 20)

struct image_remote {
        struct image_child *child;
        struct strbuf auth;
        const char *verb; /* orch-image's */
        bool is_pull;
};

static void on_line(void *userdata, const char *line) {
        struct stream *s = userdata;

        conn_send(s->conn, STREAM_STDOUT, line, strlen(line));
        conn_send(s->conn, STREAM_STDOUT, "\n", 1);
}

static void on_exit_told(void *userdata, int code, const char *text) {
        struct stream *s = userdata;
        struct image_remote *x = s->state;
        struct err e = { 0 };

        if (code == 0 && x->is_pull)
                stream_images_changed(s);
        if (code == 0) {
                stream_finish(s);
                return;
        }
        (void) err_set(&e, code, "%s", text);
        /* What the registry says no to isn't a mistake of this node's. */
        stream_fail(s, code == -ENOENT ? -ENOENT : -EINVAL, &e);
}

static void add_option(const char *argv[16], size_t *n, const char *option, const char *value) {
        if (str_is_empty(value))
                return;
        argv[(*n)++] = option;
        argv[(*n)++] = value;
}

static int run(struct stream *s, struct err *e) {
        struct image_remote *x = s->state;
        AUTO_FREE char *dir = str_format("%s/images", s->ctx->config->state_dir);
        const char *argv[20] = { "orch-image", x->verb, "--store", dir, "--progress" };
        const char *reference = stream_query_text(s, "reference");
        size_t n = 5;

        if (!dir || x->auth.has_failed)
                return err_set(e, -ENOMEM, "out of memory");
        if (str_is_empty(reference))
                return err_set(e, -EINVAL, "name the image");
        add_option(argv, &n, "--registries", s->ctx->config->registries_file);
        add_option(argv, &n, "--platform", stream_query_text(s, "platform"));
        add_option(argv, &n, "--to", stream_query_text(s, "to"));
        if (x->auth.len > 0)
                add_option(argv, &n, "--auth-fd", "3");
        argv[n++] = "--";
        argv[n++] = reference;
        return image_child_start(s->ctx,
                                 &(struct image_child_spec){
                                         .argv = argv,
                                         .auth = x->auth.len > 0 ? x->auth.s : NULL,
                                         .on_line = on_line,
                                         .on_exit = on_exit_told,
                                         .userdata = s,
                                 },
                                 &x->child, e);
}

static int start(struct stream *s, const char *verb, bool is_pull, struct err *e) {
        struct image_remote *x = calloc(1, sizeof(*x));

        if (!x)
                return err_set(e, -ENOMEM, "out of memory");
        *x = (struct image_remote){ .verb = verb, .is_pull = is_pull };
        s->state = x;
        return 0;
}

static int pull_start(struct stream *s, struct err *e) {
        return start(s, "pull", true, e);
}

static int push_start(struct stream *s, struct err *e) {
        return start(s, "push", false, e);
}

static void remote_frame(struct stream *s, const struct stream_frame *frame) {
        struct image_remote *x = s->state;
        struct err e = { 0 };
        int r = 0;

        if (!x || x->child)
                return;
        if (frame->channel == STREAM_STDIN && x->auth.len + frame->len > AUTH_MAX)
                r = err_set(&e, -EINVAL, "more credentials than fit");
        else if (frame->channel == STREAM_STDIN)
                strbuf_add_len(&x->auth, frame->data, frame->len);
        else if (frame->channel == STREAM_STDIN_END)
                r = run(s, &e);
        if (r < 0)
                stream_fail(s, r, &e);
}

static void remote_free(struct stream *s) {
        struct image_remote *x = s->state;

        if (!x)
                return;
        image_child_unref(x->child);
        strbuf_done(&x->auth);
        free(x);
}

const struct stream_verb stream_image_pull_verb = {
        .name = "image-pull", .start = pull_start, .frame = remote_frame, .free = remote_free
};
const struct stream_verb stream_image_push_verb = {
        .name = "image-push", .start = push_start, .frame = remote_frame, .free = remote_free
};
