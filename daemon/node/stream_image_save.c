#include "base/fd.h"
#include "base/str.h"
#include "daemon/loop/child.h"
#include "daemon/loop/loop.h"
#include "daemon/node/conn.h"
#include "daemon/node/pump.h"
#include "daemon/node/stream_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Images leave as an archive: what orch-image writes goes out as it is. */

#define SAVE_REFERENCES_MAX 100
#define SAVE_COMPLAINT_MAX 4096

/*   writing ── its output ends ──┐
 *      └────── it exits ─────────┴→ told */
struct image_save {
        struct child *child;
        struct pump_out *out;
        int err; /* read end */
        bool has_exited, has_ended;
        siginfo_t info;
};

static void save_tell(struct stream *s) {
        struct image_save *x = s->state;
        char text[SAVE_COMPLAINT_MAX];
        struct err e = { 0 };
        ssize_t n;

        if (!x->has_exited || !x->has_ended)
                return;
        if (x->info.si_code == CLD_EXITED && x->info.si_status == 0) {
                stream_finish(s);
                return;
        }
        n = read(x->err, text, sizeof(text) - 1);
        text[MAX(n, (ssize_t) 0)] = '\0';
        text[strcspn(text, "\n")] = '\0';
        (void) err_set(&e, -EINVAL, "%s",
                       text[0] ? text : "orch-image ended before the archive did");
        stream_fail(s, e.code, &e);
}

static void save_on_exit(struct child *c, const siginfo_t *info, void *userdata) {
        struct stream *s = userdata;
        struct image_save *x = s->state;
        (void) c;

        x->has_exited = true;
        x->info = *info;
        save_tell(s);
}

static void save_on_end(void *userdata) {
        struct stream *s = userdata;
        struct image_save *x = s->state;

        x->has_ended = true;
        save_tell(s);
}

/* "a,b" into words that stay part of text. Returns how many, or 0 where one is no reference. */
static size_t save_split(char *text, const char **argv, size_t most) {
        char *place = NULL;
        size_t n = 0;

        for (char *word = strtok_r(text, ",", &place); word; word = strtok_r(NULL, ",", &place)) {
                if (n == most || word[0] == '-')
                        return 0;
                argv[n++] = word;
        }
        return n;
}

static int save_run(struct stream *s, const char *const *argv, struct err *e) {
        struct image_save *x = s->state;
        AUTO_FREE char *program = str_format("%s/orch-image", s->ctx->config->libexec_dir);
        AUTO_CLOSE int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
        AUTO_CLOSE int out_write = -1, err_write = -1;
        int out[2], err[2], r;
        struct child_fd fds[3];

        if (!program)
                return err_set(e, -ENOMEM, "out of memory");
        if (in < 0 || pipe2(err, O_CLOEXEC | O_NONBLOCK) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        x->err = err[0];
        err_write = err[1];
        if (pipe2(out, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        out_write = out[1];
        r = fd_set_nonblock(out[0], true);
        if (r < 0) {
                (void) close(out[0]);
                return err_errno(e, r, "cannot make a pipe");
        }
        r = pump_out_new(s->ctx->loop, out[0], s->conn, STREAM_STDOUT, &x->out, e);
        if (r < 0)
                return r;
        pump_out_on_end(x->out, save_on_end, s);
        fds[0] = (struct child_fd){ in, 0 };
        fds[1] = (struct child_fd){ out_write, 1 };
        fds[2] = (struct child_fd){ err_write, 2 };
        return child_spawn(
                s->ctx->loop,
                &(struct child_spec){ .argv = argv, .path = program, .fds = fds, .n_fds = 3 },
                save_on_exit, s, &x->child, e);
}

static int save_start(struct stream *s, struct err *e) {
        struct image_save *x = calloc(1, sizeof(*x));
        AUTO_FREE char *dir = str_format("%s/images", s->ctx->config->state_dir);
        AUTO_FREE char *references = strdup(str_or_empty(stream_query_text(s, "references")));
        const char *format = stream_query_text(s, "format");
        const char *argv[7 + SAVE_REFERENCES_MAX + 1] = { "orch-image", "--store",        dir,
                                                          "--format",   "docker-archive", "save" };
        size_t n;

        if (!x || !dir || !references) {
                free(x);
                return err_set(e, -ENOMEM, "out of memory");
        }
        x->err = -1;
        s->state = x;
        if (!str_is_empty(format))
                argv[4] = format;
        n = save_split(references, argv + 6, SAVE_REFERENCES_MAX);
        if (n == 0)
                return err_set(e, -EINVAL, "name 1 to %d images", SAVE_REFERENCES_MAX);
        return save_run(s, argv, e);
}

static void save_resume(struct stream *s) {
        struct image_save *x = s->state;

        if (x && x->out)
                pump_out_resume(x->out);
}

static void save_free(struct stream *s) {
        struct image_save *x = s->state;

        if (!x)
                return;
        child_unref(x->child);
        pump_out_unref(x->out);
        if (x->err >= 0)
                (void) close(x->err);
        free(x);
}

const struct stream_verb stream_image_save_verb = {
        .name = "image-save", .start = save_start, .room = save_resume, .free = save_free
};
