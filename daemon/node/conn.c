#include "daemon/node/conn.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "base/tcp.h"
#include "daemon/loop/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#define CONN_QUEUE_BYTES (256U << 10)
#define CONN_READ_BYTES 16384
#define CONN_LOOK_USEC (15 * USEC_PER_SEC)

struct conn {
        int fd;
        sd_event_source *io, *look; /* look: of a TCP connection */
        struct conn_handlers handlers;
        void *userdata;
        struct stream_reader reader;
        struct strbuf out;
        size_t sent;
        bool is_paused, is_finishing, is_closed, was_full, is_reading;
};

static void conn_watch(struct conn *c) {
        uint32_t events = (c->is_paused ? 0 : EPOLLIN) | (c->out.len > c->sent ? EPOLLOUT : 0);

        if (!c->is_closed)
                (void) sd_event_source_set_io_events(c->io, events);
}

/* The callback may free c. */
static void conn_closed(struct conn *c) {
        if (c->is_closed)
                return;
        c->is_closed = true;
        (void) sd_event_source_set_enabled(c->io, SD_EVENT_OFF);
        c->handlers.on_closed(c->userdata);
}

/* false: the connection has ended, c may be gone. */
static bool conn_flush(struct conn *c) {
        while (c->sent < c->out.len) {
                ssize_t n = send(c->fd, c->out.s + c->sent, c->out.len - c->sent,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        break;
                if (n < 0) {
                        conn_closed(c);
                        return false;
                }
                c->sent += (size_t) n;
        }
        if (c->sent == c->out.len) {
                strbuf_reset(&c->out);
                c->sent = 0;
                if (c->is_finishing) {
                        (void) shutdown(c->fd, SHUT_WR);
                        conn_closed(c);
                        return false;
                }
        }
        conn_watch(c);
        return true;
}

/* false as above. */
static bool conn_receive(struct conn *c) {
        char data[CONN_READ_BYTES];
        ssize_t n = recv(c->fd, data, sizeof(data), MSG_DONTWAIT);
        struct stream_frame frame;
        int r = 0;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return true;
        if (n <= 0 || stream_reader_add(&c->reader, data, (size_t) n) < 0) {
                conn_closed(c);
                return false;
        }
        c->is_reading = true;
        while (!c->is_closed && (r = stream_reader_next(&c->reader, &frame, NULL)) > 0)
                if (!c->is_finishing)
                        c->handlers.on_frame(c->userdata, &frame);
        c->is_reading = false;
        if (!c->is_closed && r < 0) {
                conn_closed(c);
                return false;
        }
        return !c->is_closed;
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        struct conn *c = userdata;
        (void) s;
        (void) fd;

        if ((events & EPOLLOUT) && !conn_flush(c))
                return 0;
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !conn_receive(c))
                return 0;
        if (c->was_full && conn_room(c) > 0) {
                c->was_full = false;
                if (c->handlers.on_room)
                        c->handlers.on_room(c->userdata);
        }
        return 0;
}

/* A server that is there no more: the kernel alone would need a quarter of an hour. */
static int on_look(sd_event_source *source, uint64_t usec, void *userdata) {
        struct conn *c = userdata;
        struct tcp_facts facts;
        (void) usec;

        (void) sd_event_source_set_time_relative(source, CONN_LOOK_USEC);
        (void) sd_event_source_set_enabled(source, c->is_closed ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
        tcp_facts_get(c->fd, &facts);
        if (tcp_is_lost(&facts))
                conn_closed(c);
        return 0;
}

static void look_begin(struct conn *c, struct loop *loop) {
        struct tcp_facts facts;

        tcp_keepalive(c->fd);
        tcp_facts_get(c->fd, &facts);
        if (facts.is_tcp)
                (void) sd_event_add_time_relative(loop_event(loop), &c->look, CLOCK_MONOTONIC,
                                                  CONN_LOOK_USEC, USEC_PER_SEC, on_look, c);
}

int conn_new(struct loop *loop, int take_fd, const struct conn_handlers *handlers, void *userdata,
             struct conn **ret, struct err *e) {
        struct conn *c = calloc(1, sizeof(*c));
        int r;

        if (!c) {
                (void) close(take_fd);
                return err_set(e, -ENOMEM, "out of memory");
        }
        *c = (struct conn){ .fd = take_fd, .handlers = *handlers, .userdata = userdata };
        r = fd_set_nonblock(take_fd, true);
        if (r == 0)
                r = sd_event_add_io(loop_event(loop), &c->io, take_fd, EPOLLIN, on_io, c);
        if (r < 0) {
                conn_unref(c);
                return err_errno(e, r, "cannot watch a stream");
        }
        look_begin(c, loop);
        *ret = c;
        return 0;
}

void conn_unref(struct conn *c) {
        if (!c)
                return;
        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->look);
        (void) close(c->fd);
        stream_reader_done(&c->reader);
        strbuf_done(&c->out);
        free(c);
}

void conn_send(struct conn *c, enum stream_channel channel, const void *data, size_t len) {
        const char *p = data;

        if (c->is_closed || c->is_finishing)
                return;
        /* A reader that is never quite done must not make the queue grow. */
        if (c->sent > CONN_QUEUE_BYTES) {
                memmove(c->out.s, c->out.s + c->sent, c->out.len - c->sent);
                c->out.len -= c->sent;
                c->sent = 0;
        }
        do {
                size_t n = MIN(len, (size_t) STREAM_DATA_MAX_BYTES);
                uint8_t header[STREAM_HEADER_BYTES];

                stream_header(header, channel, n);
                strbuf_add_len(&c->out, header, sizeof(header));
                strbuf_add_len(&c->out, p, n);
                p += n;
                len -= n;
        } while (len > 0);
        conn_watch(c);
}

size_t conn_room(const struct conn *c) {
        size_t waiting = c->out.len - c->sent;
        size_t room = waiting >= CONN_QUEUE_BYTES || c->is_closed ? 0 : CONN_QUEUE_BYTES - waiting;

        if (room == 0)
                ((struct conn *) c)->was_full = true; /* only remembers that somebody waits */
        return room;
}

void conn_pause(struct conn *c, bool is_paused) {
        c->is_paused = is_paused;
        conn_watch(c);
}

void conn_finish(struct conn *c, const char *status_json) {
        conn_send(c, STREAM_STATUS, status_json, strlen(status_json));
        c->is_finishing = true;
        conn_watch(c);
}
