#include "daemon/node/pump.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/node/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define PUMP_BYTES 16384
#define PUMP_DRAIN_MAX (1U << 20)

struct pump_in {
        int fd;
        sd_event_source *io;
        struct conn *conn;
        struct strbuf waiting;
        size_t written;
        bool is_ending;
        void (*on_closed)(void *userdata); /* NULL: nobody wants to know */
        void *userdata;
};

struct pump_out {
        int fd;
        sd_event_source *io;
        struct conn *conn;
        enum stream_channel channel;
        bool has_ended;
        void (*on_end)(void *userdata);
        void *userdata;
};

static void in_close(struct pump_in *p) {
        p->io = sd_event_source_disable_unref(p->io);
        /* Whoever reads from the same socket goes on. What isn't a socket refuses. */
        (void) shutdown(p->fd, SHUT_WR);
        (void) close(STEAL_FD(p->fd));
        strbuf_done(&p->waiting);
        p->written = 0;
        conn_pause(p->conn, false);
        if (p->on_closed)
                p->on_closed(p->userdata); /* may free p */
}

static void in_flush(struct pump_in *p) {
        while (p->fd >= 0 && p->written < p->waiting.len) {
                ssize_t n = write(p->fd, p->waiting.s + p->written, p->waiting.len - p->written);

                if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                        conn_pause(p->conn, true);
                        (void) sd_event_source_set_io_events(p->io, EPOLLOUT);
                        return;
                }
                if (n < 0) {
                        in_close(p); /* nobody reads any more: the rest is nobody's */
                        return;
                }
                p->written += (size_t) n;
        }
        if (p->fd < 0)
                return;
        strbuf_reset(&p->waiting);
        p->written = 0;
        if (p->is_ending) {
                in_close(p);
                return;
        }
        conn_pause(p->conn, false);
        (void) sd_event_source_set_io_events(p->io, 0);
}

static int on_in(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        struct pump_in *p = userdata;
        (void) s;
        (void) fd;

        if (p->fd >= 0 && events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLOUT))
                in_close(p);
        else
                in_flush(p);
        return 0;
}

int pump_in_new(struct loop *loop, int take_fd, struct conn *conn, struct pump_in **ret,
                struct err *e) {
        struct pump_in *p = calloc(1, sizeof(*p));
        int r;

        if (!p) {
                (void) close(take_fd);
                return err_set(e, -ENOMEM, "out of memory");
        }
        *p = (struct pump_in){ .fd = take_fd, .conn = conn };
        r = fd_set_nonblock(take_fd, true);
        if (r == 0)
                r = sd_event_add_io(loop_event(loop), &p->io, take_fd, 0, on_in, p);
        if (r < 0) {
                (void) close(take_fd);
                free(p);
                return err_errno(e, r, "cannot watch a program's input");
        }
        *ret = p;
        return 0;
}

int pump_in_new_pipe(struct loop *loop, struct conn *conn, struct pump_in **ret, int *ret_child,
                     struct err *e) {
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        r = pump_in_new(loop, fds[1], conn, ret, e);
        if (r < 0)
                (void) close(fds[0]);
        else
                *ret_child = fds[0];
        return r;
}

void pump_in_on_closed(struct pump_in *p, void (*fn)(void *userdata), void *userdata) {
        p->on_closed = fn;
        p->userdata = userdata;
}

void pump_in_unref(struct pump_in *p) {
        if (!p)
                return;
        sd_event_source_disable_unref(p->io);
        if (p->fd >= 0)
                (void) close(p->fd);
        strbuf_done(&p->waiting);
        free(p);
}

int pump_in_write(struct pump_in *p, const void *data, size_t len) {
        if (p->fd < 0 || p->is_ending)
                return 0;
        strbuf_add_len(&p->waiting, data, len);
        if (p->waiting.has_failed)
                return -ENOMEM;
        in_flush(p);
        return 0;
}

void pump_in_end(struct pump_in *p) {
        if (p->fd < 0)
                return;
        p->is_ending = true;
        in_flush(p);
}

void pump_in_frame(struct pump_in *p, const struct stream_frame *frame) {
        if (frame->channel == STREAM_STDIN)
                (void) pump_in_write(p, frame->data, frame->len);
        else if (frame->channel == STREAM_STDIN_END)
                pump_in_end(p);
}

/* 1: read something, 0: nothing there, -1: the end. */
static int out_read(struct pump_out *p) {
        char data[PUMP_BYTES];
        ssize_t n = read(p->fd, data, sizeof(data));

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) /* a terminal's end is EIO */
                return -1;
        conn_send(p->conn, p->channel, data, (size_t) n);
        return 1;
}

static int on_out(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        struct pump_out *p = userdata;
        (void) fd;
        (void) events;

        if (conn_room(p->conn) == 0) {
                (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
                return 0;
        }
        if (out_read(p) < 0) {
                (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
                p->has_ended = true;
                if (p->on_end)
                        p->on_end(p->userdata); /* may free p */
        }
        return 0;
}

int pump_out_new(struct loop *loop, int take_fd, struct conn *conn, enum stream_channel channel,
                 struct pump_out **ret, struct err *e) {
        struct pump_out *p = calloc(1, sizeof(*p));
        int r;

        if (!p) {
                (void) close(take_fd);
                return err_set(e, -ENOMEM, "out of memory");
        }
        *p = (struct pump_out){ .fd = take_fd, .conn = conn, .channel = channel };
        r = fd_set_nonblock(take_fd, true);
        if (r == 0)
                r = sd_event_add_io(loop_event(loop), &p->io, take_fd, EPOLLIN, on_out, p);
        if (r < 0) {
                (void) close(take_fd);
                free(p);
                return err_errno(e, r, "cannot watch a program's output");
        }
        *ret = p;
        return 0;
}

void pump_out_on_end(struct pump_out *p, void (*fn)(void *userdata), void *userdata) {
        p->on_end = fn;
        p->userdata = userdata;
}

void pump_out_unref(struct pump_out *p) {
        if (!p)
                return;
        sd_event_source_disable_unref(p->io);
        (void) close(p->fd);
        free(p);
}

void pump_out_resume(struct pump_out *p) {
        if (!p->has_ended)
                (void) sd_event_source_set_enabled(p->io, SD_EVENT_ON);
}

void pump_out_drain(struct pump_out *p) {
        size_t total = 0;

        while (!p->has_ended && total < PUMP_DRAIN_MAX && out_read(p) > 0)
                total += PUMP_BYTES;
}
