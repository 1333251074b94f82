#include "daemon/server/wire.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/tcp.h"
#include "daemon/server/raw.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

/* How often a peer is pinged and looked at. */
#define LOOK_USEC (15 * USEC_PER_SEC)
#define READ_BYTES (32U << 10)

struct wire {
        const struct wire_host *host;
        struct raw *raw; /* owned */
        sd_event_source *io, *look;
        struct wire_handlers handlers;
        void *data;
        struct strbuf out;
        size_t out_at; /* sent already */
        uint64_t heard_usec;
        bool is_paused, is_closed;
        bool is_deaf;  /* the peer takes nothing more; what it has said is still read */
        bool is_eager; /* a leaving peer is told of even while paused */
        bool is_calling, is_unwanted; /* freed once the handler is back */
};

void wire_refuse(const struct wire_host *host, struct raw *take_raw) {
        raw_close(take_raw);
        host->kick(host->data);
}

static void wire_free(struct wire *w) {
        sd_event_source_disable_unref(w->io);
        sd_event_source_disable_unref(w->look);
        wire_refuse(w->host, w->raw);
        strbuf_done(&w->out);
        free(w);
}

static void wire_update(struct wire *w) {
        uint32_t events = !w->is_paused ? EPOLLIN : w->is_eager ? EPOLLRDHUP : 0;

        if (w->out.len > w->out_at)
                events |= EPOLLOUT;
        (void) sd_event_source_set_io_events(w->io, events);
}

static void wire_fail(struct wire *w) {
        if (w->is_closed)
                return;
        w->is_closed = true;
        (void) sd_event_source_set_enabled(w->io, SD_EVENT_OFF);
        w->handlers.closed(w->data);
}

/* A peer that has closed may have said its last word before: that it can't be written to is no
 * reason not to read it. */
static void wire_flush(struct wire *w) {
        while (w->out_at < w->out.len) {
                ssize_t n = raw_send(w->raw, w->out.s + w->out_at, w->out.len - w->out_at);

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                w->is_deaf = n < 0;
                if (w->is_deaf)
                        break;
                w->out_at += (size_t) n;
        }
        strbuf_reset(&w->out);
        w->out_at = 0;
}

static void wire_write(struct wire *w) {
        bool had = w->out.len > 0;

        wire_flush(w);
        if (had && w->out.len == 0 && w->handlers.drained)
                w->handlers.drained(w->data);
}

static void wire_read(struct wire *w) {
        char room[READ_BYTES];
        ssize_t n = raw_recv(w->raw, room, sizeof(room));

        /* A unix socket tells that the peer left data unread before it hands out the peer's own. */
        if (n < 0 && errno == ECONNRESET)
                n = raw_recv(w->raw, room, sizeof(room));
        if (n > 0)
                w->heard_usec = clock_now_usec();
        if (n > 0)
                w->handlers.received(w->data, room, (size_t) n);
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
                wire_fail(w);
}

/* The kernel tells this of a paused wire, too, and again and again. What the peer said before it
 * left is still to be read then: wire_pause() goes on with it. */
static void wire_hang_up(struct wire *w) {
        if (w->is_paused && !w->is_eager)
                (void) sd_event_source_set_enabled(w->io, SD_EVENT_OFF);
        else
                wire_fail(w);
}

static int wire_io(sd_event_source *source, int fd, uint32_t events, void *data) {
        struct wire *w = data;

        w->is_calling = true;
        if (events & EPOLLOUT)
                wire_write(w);
        if (!w->is_unwanted && !w->is_closed && events & EPOLLIN)
                wire_read(w);
        else if (!w->is_unwanted && !w->is_closed && events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))
                wire_hang_up(w);
        w->is_calling = false;
        if (w->is_unwanted)
                wire_free(w);
        else
                wire_update(w);
        return 0;
}

/* ---- whether the peer is still there ---- */

static void wire_look(struct wire *w) {
        struct tcp_facts facts;

        tcp_facts_get(raw_fd(w->raw), &facts);
        /* One that nobody listens to, or that can't be asked, may be silent. */
        if (w->is_paused || !w->handlers.ping)
                w->heard_usec = clock_now_usec();
        facts.unheard_usec = clock_now_usec() - w->heard_usec;
        if (tcp_is_lost(&facts))
                wire_fail(w);
        else if (w->handlers.ping && wire_pending(w) < WIRE_HIGH_BYTES)
                w->handlers.ping(w->data);
}

static int wire_look_due(sd_event_source *source, uint64_t usec, void *data) {
        struct wire *w = data;

        w->is_calling = true;
        if (!w->is_closed)
                wire_look(w);
        w->is_calling = false;
        if (w->is_unwanted) {
                wire_free(w);
                return 0;
        }
        wire_update(w);
        (void) sd_event_source_set_time_relative(source, LOOK_USEC);
        (void) sd_event_source_set_enabled(source, w->is_closed ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
        return 0;
}

/* Without it the peer's leaving is noticed by what the kernel tells of itself. */
static void wire_look_begin(struct wire *w) {
        struct tcp_facts facts;

        tcp_facts_get(raw_fd(w->raw), &facts);
        w->heard_usec = clock_now_usec();
        if (facts.is_tcp)
                (void) sd_event_add_time_relative(w->host->event, &w->look, CLOCK_MONOTONIC,
                                                  LOOK_USEC, USEC_PER_SEC, wire_look_due, w);
}

int wire_new(const struct wire_host *host, struct raw *take_raw,
             const struct wire_handlers *handlers, void *data, struct wire **ret_wire) {
        struct wire *w = calloc(1, sizeof(*w));

        if (!w) {
                wire_refuse(host, take_raw);
                return -ENOMEM;
        }
        w->host = host;
        w->raw = take_raw;
        w->handlers = *handlers;
        w->data = data;
        (void) fd_set_nonblock(raw_fd(take_raw), true);
        if (sd_event_add_io(host->event, &w->io, raw_fd(take_raw), EPOLLIN, wire_io, w) < 0) {
                wire_free(w);
                return -ENOMEM;
        }
        w->out = *raw_greeting(take_raw);
        *raw_greeting(take_raw) = (struct strbuf){ 0 };
        wire_update(w);
        wire_look_begin(w);
        *ret_wire = w;
        return 0;
}

void wire_unref(struct wire *w) {
        if (!w)
                return;
        if (!w->is_closed)
                wire_flush(w);
        w->is_closed = true;
        w->is_unwanted = true;
        if (!w->is_calling)
                wire_free(w);
}

bool wire_send(struct wire *w, const void *bytes, size_t len) {
        if (w->is_closed || w->is_deaf)
                return true; /* closed() has been or will be called */
        if (w->out.len - w->out_at + len > WIRE_MAX_BYTES) {
                wire_shutdown(w);
                return false;
        }
        if (w->out_at > WIRE_HIGH_BYTES) {
                memmove(w->out.s, w->out.s + w->out_at, w->out.len - w->out_at);
                w->out.len -= w->out_at;
                w->out_at = 0;
        }
        strbuf_add_len(&w->out, bytes, len);
        if (!w->is_calling)
                wire_update(w);
        if (w->out.has_failed)
                wire_shutdown(w);
        return !w->out.has_failed;
}

void wire_shutdown(struct wire *w) {
        w->is_deaf = true;
        w->is_eager = true;
        (void) shutdown(raw_fd(w->raw), SHUT_RDWR);
        if (!w->is_calling && !w->is_closed)
                wire_update(w);
}

void wire_set_eager(struct wire *w) {
        w->is_eager = true;
}

size_t wire_pending(const struct wire *w) {
        return w->out.len - w->out_at;
}

void wire_pause(struct wire *w, bool is_paused) {
        if (w->is_paused == is_paused)
                return;
        w->is_paused = is_paused;
        if (!is_paused && !w->is_closed)
                (void) sd_event_source_set_enabled(w->io, SD_EVENT_ON);
        if (!w->is_calling)
                wire_update(w);
}
