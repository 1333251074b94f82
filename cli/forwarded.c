#include "cli/forwarded.h"

#include "api/client/client.h"
#include "api/client/spdy.h"
#include "base/fd.h"
#include "base/list.h"
#include "cli/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#define READ_BYTES 16384
/* Reading one side stops while more than this waits for the other. */
#define QUEUE_MAX_BYTES (256U << 10)
/* The client's first two streams. */
#define ERROR_ID 1U
#define DATA_ID 3U

/* A socket and what waits to be written to it. */
struct side {
        int fd;
        sd_event_source *io;
        struct strbuf out;
        size_t sent;
};

/*   asking --101--> both ways --FIN--> one way --FIN--> over
 *        \--refused; error stream speaks; a side breaks off---^   */
struct forwarded {
        struct list link;
        struct client_call *call; /* until 101 */
        struct side local, remote;
        struct spdy_reader *reader;
        struct strbuf error; /* what the error stream says */
        bool is_local_over;  /* the local program sends nothing more */
        bool is_remote_over; /* the pod sends nothing more */
        bool is_local_shut;  /* and the local program knows */
        uint16_t port;
};

static void side_done(struct side *s) {
        sd_event_source_disable_unref(s->io);
        if (s->fd >= 0)
                (void) close(s->fd);
        strbuf_done(&s->out);
}

static void forwarded_end(struct forwarded *f) {
        list_remove(&f->link);
        client_cancel(f->call);
        side_done(&f->local);
        side_done(&f->remote);
        spdy_reader_unref(f->reader);
        strbuf_done(&f->error);
        free(f);
}

void forwarded_free(struct list *link) {
        forwarded_end(CONTAINER_OF(link, struct forwarded, link));
}

static size_t side_waiting(const struct side *s) {
        return s->out.len - s->sent;
}

/* Returns 0 or a negative errno. */
static int side_flush(struct side *s) {
        while (side_waiting(s) > 0) {
                ssize_t n = send(s->fd, s->out.s + s->sent, side_waiting(s), MSG_NOSIGNAL);

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        break;
                if (n < 0)
                        return -errno;
                s->sent += (size_t) n;
        }
        if (side_waiting(s) == 0) {
                strbuf_reset(&s->out);
                s->sent = 0;
        } else if (s->sent > QUEUE_MAX_BYTES) {
                memmove(s->out.s, s->out.s + s->sent, side_waiting(s));
                s->out.len -= s->sent;
                s->sent = 0;
        }
        return s->out.has_failed ? -ENOMEM : 0;
}

static void side_watch(struct side *s, bool is_reading) {
        (void) sd_event_source_set_io_events(s->io, (is_reading ? EPOLLIN : 0U) |
                                                            (side_waiting(s) > 0 ? EPOLLOUT : 0U));
}

/* Writes what waits, says the end where it is due, and decides who may be read. False: over. */
static bool forwarded_go_on(struct forwarded *f) {
        if (side_flush(&f->local) < 0 || side_flush(&f->remote) < 0)
                return false;
        if (f->is_remote_over && side_waiting(&f->local) == 0 && !f->is_local_shut) {
                f->is_local_shut = true;
                (void) shutdown(f->local.fd, SHUT_WR);
        }
        if (f->is_local_shut && f->is_local_over && side_waiting(&f->remote) == 0)
                return false;
        side_watch(&f->local, !f->is_local_over && side_waiting(&f->remote) <= QUEUE_MAX_BYTES);
        side_watch(&f->remote, side_waiting(&f->local) <= QUEUE_MAX_BYTES);
        return true;
}

/* ---- from the local program ---- */

static int on_local(sd_event_source *source, int fd, uint32_t events, void *data) {
        struct forwarded *f = data;
        char bytes[READ_BYTES];
        uint8_t header[SPDY_HEADER_BYTES];
        ssize_t n = 0;
        bool is_over = false;
        (void) source;

        if (events & EPOLLIN)
                n = recv(fd, bytes, sizeof(bytes), 0);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
                is_over = true;
        /* Both directions are closed, and nobody reads what still comes. */
        if (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN))
                is_over = true;
        if (n >= 0 && events & EPOLLIN && !f->is_local_over) {
                f->is_local_over = n == 0;
                spdy_data_header(header, DATA_ID, (size_t) n, n == 0);
                strbuf_add_len(&f->remote.out, header, sizeof(header));
                strbuf_add_len(&f->remote.out, bytes, (size_t) n);
        }
        if (is_over || !forwarded_go_on(f))
                forwarded_end(f);
        return 0;
}

/* ---- from the pod ---- */

/* False: it is over. */
static bool event_take(struct forwarded *f, const struct spdy_event *event) {
        if (event->kind == SPDY_PING && event->id % 2 == 0)
                spdy_put_ping(&f->remote.out, event->id);
        if (event->kind == SPDY_RESET && event->id == DATA_ID)
                return false;
        if (event->kind == SPDY_DATA && event->id == DATA_ID && !f->is_remote_over) {
                strbuf_add_len(&f->local.out, event->data, event->len);
                f->is_remote_over = event->is_fin;
        }
        if (event->kind == SPDY_DATA && event->id == ERROR_ID && f->error.len < READ_BYTES)
                strbuf_add_len(&f->error, event->data, event->len);
        if (event->kind != SPDY_DATA || event->id != ERROR_ID || !event->is_fin ||
            f->error.len == 0)
                return true;
        (void) fprintf(stderr, "orch: %s\n", f->error.s);
        return false;
}

static int on_remote(sd_event_source *source, int fd, uint32_t events, void *data) {
        struct forwarded *f = data;
        char bytes[READ_BYTES];
        struct spdy_event event;
        bool is_good = true;
        size_t at = 0, used;
        ssize_t n = 0;
        int r = 1;
        (void) source;

        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                n = recv(fd, bytes, sizeof(bytes), 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                n = 0;
        else if (n < 0 || (n == 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                is_good = false;
        while (is_good && r == 1 && n > 0) {
                r = spdy_read(f->reader, bytes + at, (size_t) n - at, &used, &event, NULL);
                at += used;
                is_good = r >= 0 && (r == 0 || event_take(f, &event));
        }
        if (!is_good || !forwarded_go_on(f))
                forwarded_end(f);
        return 0;
}

/* ---- the beginning ---- */

static void streams_open(struct forwarded *f) {
        struct spdy_writer w = { 0 };
        char port[8];
        struct spdy_pair pairs[] = { { "streamtype", "error" },
                                     { "port", port },
                                     { "requestid", "0" } };
        struct spdy_event open = { .kind = SPDY_OPEN,
                                   .id = ERROR_ID,
                                   .is_fin = true,
                                   .headers = pairs,
                                   .n_headers = ARRAY_SIZE(pairs) };

        (void) snprintf(port, sizeof(port), "%u", f->port);
        spdy_put_headers(&w, &f->remote.out, &open);
        pairs[0].value = "data";
        open.id = DATA_ID;
        open.is_fin = false;
        spdy_put_headers(&w, &f->remote.out, &open);
}

static void on_upgraded(void *data, const struct client_answer *a) {
        struct forwarded *f = data;
        struct err e = { 0 };
        sd_event *loop = sd_event_source_get_event(f->local.io);
        int r = client_answer_check(a, NULL, &e);

        f->call = NULL;
        f->remote.fd = a->fd;
        if (r == 0 && a->fd < 0)
                r = err_set(&e, -EPROTO, "the server does not forward ports: it answered %u",
                            a->status);
        if (r == 0) {
                streams_open(f);
                (void) fd_set_nonblock(a->fd, true);
                r = sd_event_add_io(loop, &f->remote.io, a->fd, EPOLLIN, on_remote, f);
        }
        if (r == 0)
                r = sd_event_source_set_enabled(f->local.io, SD_EVENT_ON);
        if (r < 0)
                (void) fprintf(stderr, "orch: %s\n", e.text[0] ? e.text : "memory is out");
        if (r < 0 || !forwarded_go_on(f))
                forwarded_end(f);
}

int forwarded_new(struct session *s, const char *path, int take_fd, uint16_t port,
                  struct list *list, struct err *e) {
        static const char *const headers[] = { "X-Stream-Protocol-Version: portforward.k8s.io",
                                               NULL };
        static const struct client_handlers handlers = { .on_done = on_upgraded };
        const struct client_request q = {
                .method = CLIENT_POST, .path = path, .upgrade = SPDY_PROTOCOL, .headers = headers
        };
        struct forwarded *f = calloc(1, sizeof(*f));
        int one = 1, r;

        if (!f) {
                (void) close(take_fd);
                return err_errno(e, -ENOMEM, "cannot forward");
        }
        list_append(list, &f->link);
        f->port = port;
        f->local.fd = take_fd;
        f->remote.fd = -1;
        (void) setsockopt(take_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        r = spdy_reader_new(&f->reader);
        if (r == 0)
                r = sd_event_add_io(s->loop, &f->local.io, take_fd, EPOLLIN, on_local, f);
        /* Silent until there is somebody to give it to. */
        if (r == 0)
                r = sd_event_source_set_enabled(f->local.io, SD_EVENT_OFF);
        if (r == 0)
                r = client_start(s->client, &q, &handlers, f, &f->call, e);
        if (r < 0) {
                forwarded_end(f);
                return e->text[0] ? r : err_errno(e, r, "cannot forward");
        }
        return 0;
}
