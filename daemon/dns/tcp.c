#include "base/clock.h"
#include "base/macros.h"
#include "daemon/dns/dns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define IDLE_USEC (10 * USEC_PER_SEC)
/* A query over TCP that is longer than this is none of ours: the connection ends. */
#define QUERY_MAX 4096
/* Answers that a client doesn't read. */
#define UNSENT_MAX (256U << 10)

/* Queries are worked off one after another; an answer that doesn't go out at once waits in unsent,
 * and nothing more is read meanwhile. */
struct conn {
        struct dns_poller poller;
        struct list entry; /* in order of due_usec */
        uint64_t due_usec;
        uint32_t generation;
        size_t n_in;
        uint8_t in[2 + QUERY_MAX];
        uint8_t *unsent; /* owned */
        size_t n_unsent;
};

struct dns_tcp {
        struct dns_server *server;
        struct dns_poller listeners[DNS_LISTENERS_MAX];
        size_t n;
        struct conn *conns[CONNECTIONS_MAX]; /* NULL: free */
        struct list by_due;
        uint32_t next_generation;
        uint8_t *answer; /* 2 + DNS_TCP_MAX bytes */
};

static void conn_close(struct conn *c) {
        struct dns_tcp *t = c->poller.server->tcp;

        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
                if (t->conns[i] == c)
                        t->conns[i] = NULL;
        list_remove(&c->entry);
        dns_poller_close(&c->poller);
        free(c->unsent);
        free(c);
}

static void conn_touch(struct dns_tcp *t, struct conn *c) {
        c->due_usec = t->server->now_usec + IDLE_USEC;
        list_remove(&c->entry);
        list_append(&t->by_due, &c->entry);
}

/* Keeps what the socket doesn't take. Returns 0, or a negative errno when the connection must end.
 */
static int conn_send(struct conn *c, const uint8_t *data, size_t len) {
        ssize_t n =
                c->n_unsent == 0 ? send(c->poller.fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
        uint8_t *grown;

        if (n < 0 && errno != EAGAIN)
                return -errno;
        if (n < 0)
                n = 0;
        if ((size_t) n == len)
                return 0;
        data += n;
        len -= (size_t) n;
        if (c->n_unsent + len > UNSENT_MAX)
                return -ENOBUFS;
        grown = realloc(c->unsent, c->n_unsent + len);
        if (!grown)
                return -ENOMEM;
        c->unsent = grown;
        memcpy(c->unsent + c->n_unsent, data, len);
        c->n_unsent += len;
        return dns_poller_set(&c->poller, EPOLLOUT);
}

static int conn_flush(struct conn *c) {
        ssize_t n = send(c->poller.fd, c->unsent, c->n_unsent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0)
                return errno == EAGAIN ? 0 : -errno;
        c->n_unsent -= (size_t) n;
        memmove(c->unsent, c->unsent + n, c->n_unsent);
        if (c->n_unsent > 0)
                return 0;
        free(STEAL(c->unsent));
        return dns_poller_set(&c->poller, EPOLLIN);
}

/* Prefixes the length; data lies behind two free bytes in t->answer, or anywhere else. */
static int conn_answer(struct dns_tcp *t, struct conn *c, const uint8_t *data, size_t len) {
        t->answer[0] = (uint8_t) (len >> 8);
        t->answer[1] = (uint8_t) len;
        if (data != t->answer + 2)
                memcpy(t->answer + 2, data, len);
        return conn_send(c, t->answer, len + 2);
}

static unsigned slot_of(const struct dns_tcp *t, const struct conn *c) {
        unsigned i = 0;

        while (t->conns[i] != c)
                i++;
        return i;
}

static int handle_query(struct dns_tcp *t, struct conn *c, const uint8_t *query, size_t len) {
        const struct dns_settings settings = dns_server_settings(t->server, true);
        const struct dns_client client = { .slot = slot_of(t, c), .generation = c->generation };
        struct dns_reply reply = { .bytes = t->answer + 2, .size = DNS_TCP_MAX };

        switch (dns_answer(dns_zone_file_snapshot(t->server->zone), &settings, query, len,
                           &reply)) {
        case DNS_ANSWERED:
                return conn_answer(t, c, reply.bytes, reply.len);
        case DNS_FORWARD:
                /* An immediate failure may end the connection: that is seen by its generation. */
                dns_forward_ask(t->server->forward, &client, query, len);
                return t->conns[client.slot] == c ? 0 : -ECANCELED;
        case DNS_DROP:
                return -EPROTO;
        }
        return -EPROTO;
}

/* Works off the whole queries in the buffer. -ECANCELED: the connection is gone already. */
static int handle_input(struct dns_tcp *t, struct conn *c) {
        size_t at = 0;
        int r = 0;

        while (r >= 0 && c->n_in - at >= 2 && c->n_unsent == 0) {
                size_t len = (size_t) c->in[at] << 8 | c->in[at + 1];

                if (len > QUERY_MAX || len < DNS_HEADER_LEN)
                        return -EPROTO;
                if (c->n_in - at < 2 + len)
                        break;
                r = handle_query(t, c, c->in + at + 2, len);
                at += 2 + len;
        }
        if (r == -ECANCELED)
                return r;
        c->n_in -= at;
        memmove(c->in, c->in + at, c->n_in);
        return r;
}

static void conn_ready(struct dns_poller *p, uint32_t events) {
        struct conn *c = CONTAINER_OF(p, struct conn, poller);
        struct dns_tcp *t = p->server->tcp;
        int r = 0;

        conn_touch(t, c);
        if (events & EPOLLOUT)
                r = conn_flush(c);
        if (r >= 0 && events & EPOLLIN && c->n_in < sizeof(c->in)) {
                ssize_t n = recv(p->fd, c->in + c->n_in, sizeof(c->in) - c->n_in, MSG_DONTWAIT);

                if (n > 0)
                        c->n_in += (size_t) n;
                else if (n == 0 || errno != EAGAIN)
                        r = -EPIPE;
        }
        if (r >= 0 && events & (EPOLLERR | EPOLLHUP))
                r = -EPIPE;
        if (r >= 0)
                r = handle_input(t, c);
        if (r < 0 && r != -ECANCELED)
                conn_close(c);
}

/* A free place; when all are taken, that of the connection idle for longest. */
static size_t free_slot(struct dns_tcp *t) {
        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
                if (!t->conns[i])
                        return i;
        conn_close(CONTAINER_OF(t->by_due.next, struct conn, entry));
        return free_slot(t);
}

static void tcp_ready(struct dns_poller *p, uint32_t events) {
        struct dns_tcp *t = p->server->tcp;
        int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        struct conn *c;
        size_t slot;

        (void) events;
        if (fd < 0)
                return;
        c = calloc(1, sizeof(*c));
        if (!c) {
                (void) close(fd);
                return;
        }
        slot = free_slot(t);
        t->conns[slot] = c;
        list_init(&c->entry);
        c->generation = ++t->next_generation;
        c->poller = (struct dns_poller){ .fd = fd, .ready = conn_ready, .server = p->server };
        conn_touch(t, c);
        if (dns_poller_add(t->server, &c->poller, EPOLLIN) < 0)
                conn_close(c);
}

void dns_tcp_reply(struct dns_tcp *t, const struct dns_client *client, const uint8_t *data,
                   size_t len) {
        struct conn *c = client->slot < CONNECTIONS_MAX ? t->conns[client->slot] : NULL;

        if (!c || c->generation != client->generation)
                return;
        conn_touch(t, c);
        if (conn_answer(t, c, data, len) < 0)
                conn_close(c);
}

uint64_t dns_tcp_due(const struct dns_tcp *t) {
        if (list_is_empty(&t->by_due))
                return USEC_NEVER;
        return CONTAINER_OF(t->by_due.next, struct conn, entry)->due_usec;
}

void dns_tcp_expire(struct dns_tcp *t) {
        while (dns_tcp_due(t) <= t->server->now_usec)
                conn_close(CONTAINER_OF(t->by_due.next, struct conn, entry));
}

static int bind_one(struct dns_tcp *t, const struct dns_peer *peer, struct err *e) {
        struct dns_poller *p = &t->listeners[t->n];
        int one = 1, r;

        p->fd = socket(peer->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (p->fd < 0)
                return err_errno(e, -errno, "cannot open a TCP socket");
        t->n++;
        p->ready = tcp_ready;
        (void) setsockopt(p->fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
        (void) setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(p->fd, &peer->sa, peer->len) < 0 || listen(p->fd, CONNECTIONS_MAX) < 0)
                return dns_peer_explain(peer, "TCP", -errno, e);
        r = dns_poller_add(t->server, p, EPOLLIN);
        return r < 0 ? err_errno(e, r, "epoll") : 0;
}

int dns_tcp_new(struct dns_server *s, struct dns_tcp **ret, struct err *e) {
        struct dns_tcp *t = calloc(1, sizeof(*t));
        int r = 0;

        if (!t || !(t->answer = malloc(2 + DNS_TCP_MAX))) {
                free(t);
                return err_errno(e, -ENOMEM, "TCP");
        }
        t->server = s;
        list_init(&t->by_due);
        for (size_t i = 0; i < s->options->n_listen && r >= 0; i++)
                r = bind_one(t, &s->options->listen[i], e);
        if (r < 0) {
                dns_tcp_unref(t);
                return r;
        }
        *ret = t;
        return 0;
}

void dns_tcp_unref(struct dns_tcp *t) {
        if (!t)
                return;
        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
                if (t->conns[i])
                        conn_close(t->conns[i]);
        for (size_t i = 0; i < t->n; i++)
                dns_poller_close(&t->listeners[i]);
        free(t->answer);
        free(t);
}
