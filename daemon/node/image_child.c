#include "daemon/node/image_child.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/loop/child.h"
#include "daemon/loop/loop.h"
#include "daemon/node/context.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <systemd/sd-event.h>

#define COMPLAINT_MAX 4096

struct image_child {
        struct image_child_spec spec;
        struct child *child;
        int out, err; /* read ends */
        sd_event_source *out_io, *err_io;
        struct strbuf line, complaint;
};

static void take_lines(struct image_child *c, const char *data, size_t len) {
        while (len > 0) {
                const char *end = memchr(data, '\n', len);
                size_t n = end ? (size_t) (end - data) : len;

                if (c->line.len + n <= IMAGE_CHILD_LINE_MAX)
                        strbuf_add_len(&c->line, data, n);
                if (!end)
                        return;
                if (c->spec.on_line && c->line.len > 0 && !c->line.has_failed)
                        c->spec.on_line(c->spec.userdata, c->line.s);
                strbuf_reset(&c->line);
                data += n + 1;
                len -= n + 1;
        }
}

static void take_output(struct image_child *c, int fd) {
        char data[4096];
        ssize_t n;

        while ((n = read(fd, data, sizeof(data))) > 0) {
                if (fd == c->out)
                        take_lines(c, data, (size_t) n);
                else if (c->complaint.len + (size_t) n <= COMPLAINT_MAX)
                        strbuf_add_len(&c->complaint, data, (size_t) n);
        }
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        take_output(userdata, fd);
        if (events & (EPOLLHUP | EPOLLERR))
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

int image_child_code(const char *text, const char **ret_rest) {
        static const int known[] = { ENOENT,       EACCES,       EPERM,       ELOOP,    EBUSY,
                                     EBADMSG,      E2BIG,        EFBIG,       ENOTUNIQ, EOPNOTSUPP,
                                     ENOSPC,       EDQUOT,       EROFS,       EINVAL,   EPROTO,
                                     ETIMEDOUT,    ECONNREFUSED, ECONNRESET,  ENOMEM,   ENODATA,
                                     EHOSTUNREACH, EKEYREJECTED, EDESTADDRREQ };
        size_t n = strcspn(text, " ");

        for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
                const char *name = strerrorname_np(known[i]);

                if (strlen(name) == n && strncmp(name, text, n) == 0 && text[n] == ' ') {
                        *ret_rest = text + n + 1;
                        return -known[i];
                }
        }
        *ret_rest = text;
        return -EIO;
}

static void on_exit_told(struct child *child, const siginfo_t *info, void *userdata) {
        struct image_child *c = userdata;
        const char *text = "orch-image failed without a word";
        char killed[64];
        int code = -EIO;
        (void) child;

        take_output(c, c->out);
        take_output(c, c->err);
        if (info->si_code == CLD_EXITED && info->si_status == 0) {
                code = 0;
        } else if (info->si_code != CLD_EXITED) {
                (void) snprintf(killed, sizeof(killed), "orch-image was killed by signal %d",
                                info->si_status);
                text = killed;
        } else if (c->complaint.len > 0) {
                c->complaint.s[strcspn(c->complaint.s, "\n")] = '\0';
                code = image_child_code(c->complaint.s, &text);
        }
        c->spec.on_exit(c->spec.userdata, code, text);
}

static int open_pipe(struct image_child *c, const struct context *ctx, int *ret_fd,
                     sd_event_source **ret_io, int *ret_child, struct err *e) {
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        *ret_fd = fds[0];
        *ret_child = fds[1];
        r = fd_set_nonblock(fds[0], true);
        if (r == 0)
                r = sd_event_add_io(loop_event(ctx->loop), ret_io, fds[0], EPOLLIN, on_output, c);
        return r < 0 ? err_errno(e, r, "cannot watch a pipe") : 0;
}

/* In memory, so that no credential is seen in arguments, in the environment or on a disk. */
static int open_auth(const char *auth, int *ret_fd, struct err *e) {
        AUTO_CLOSE int fd = memfd_create("orch-auth", MFD_CLOEXEC);
        int r;

        if (fd < 0)
                return err_errno(e, -errno, "cannot hand credentials on");
        r = fd_write_all(fd, auth, strlen(auth));
        if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        if (r < 0)
                return err_errno(e, r, "cannot hand credentials on");
        *ret_fd = STEAL_FD(fd);
        return 0;
}

static int spawn(struct image_child *c, const struct context *ctx, struct err *e) {
        AUTO_CLOSE int out = -1, err = -1, auth = -1;
        AUTO_CLOSE int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
        AUTO_FREE char *program = str_format("%s/orch-image", ctx->config->libexec_dir);
        struct child_fd fds[4];
        size_t n = 0;
        int r = program ? 0 : err_set(e, -ENOMEM, "out of memory");

        if (r == 0)
                r = open_pipe(c, ctx, &c->out, &c->out_io, &out, e);
        if (r == 0)
                r = open_pipe(c, ctx, &c->err, &c->err_io, &err, e);
        if (r == 0 && c->spec.auth)
                r = open_auth(c->spec.auth, &auth, e);
        if (r < 0)
                return r;
        fds[n++] = (struct child_fd){ in, 0 };
        fds[n++] = (struct child_fd){ out, 1 };
        fds[n++] = (struct child_fd){ err, 2 };
        if (auth >= 0)
                fds[n++] = (struct child_fd){ auth, 3 };
        return child_spawn(ctx->loop,
                           &(struct child_spec){
                                   .argv = c->spec.argv, .path = program, .fds = fds, .n_fds = n },
                           on_exit_told, c, &c->child, e);
}

int image_child_start(const struct context *ctx, const struct image_child_spec *spec,
                      struct image_child **ret, struct err *e) {
        struct image_child *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return err_set(e, -ENOMEM, "out of memory");
        *c = (struct image_child){ .spec = *spec, .out = -1, .err = -1 };
        r = spawn(c, ctx, e);
        c->spec.argv = NULL;
        c->spec.auth = NULL;
        if (r < 0) {
                image_child_unref(c);
                return r;
        }
        *ret = c;
        return 0;
}

void image_child_unref(struct image_child *c) {
        if (!c)
                return;
        child_unref(c->child);
        sd_event_source_disable_unref(c->out_io);
        sd_event_source_disable_unref(c->err_io);
        if (c->out >= 0)
                (void) close(c->out);
        if (c->err >= 0)
                (void) close(c->err);
        strbuf_done(&c->line);
        strbuf_done(&c->complaint);
        free(c);
}
