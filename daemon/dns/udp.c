#include "base/log.h"
#include "base/macros.h"
#include "daemon/dns/dns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* Packets read and sent in one call each, when there are so many. */
#define BATCH 32
#define RECEIVE_BUFFER_BYTES (1 << 20)

struct listener {
        struct dns_poller poller;
};

struct dns_udp {
        struct dns_server *server;
        struct listener listeners[DNS_LISTENERS_MAX];
        size_t n;
        struct dns_limit limit;
        struct mmsghdr in[BATCH], out[BATCH];
        struct iovec in_iov[BATCH], out_iov[BATCH];
        struct dns_peer peers[BATCH];
        uint8_t queries[BATCH][DNS_UDP_MAX];
        uint8_t answers[BATCH][DNS_UDP_MAX];
};

static void put_out(struct dns_udp *u, unsigned at, unsigned from, size_t len) {
        u->out_iov[at] = (struct iovec){ u->answers[at], len };
        u->out[at].msg_hdr = (struct msghdr){ .msg_name = &u->peers[from],
                                              .msg_namelen = u->in[from].msg_hdr.msg_namelen,
                                              .msg_iov = &u->out_iov[at],
                                              .msg_iovlen = 1 };
}

static void ask_upstream(struct dns_udp *u, struct dns_poller *p, unsigned i, size_t len) {
        struct dns_client c = { .udp = p, .peer = u->peers[i] };

        c.peer.len = u->in[i].msg_hdr.msg_namelen;
        dns_forward_ask(u->server->forward, &c, u->queries[i], len);
}

/* What doesn't fit into the send buffer is dropped: clients ask again. */
static void send_answers(struct dns_udp *u, int fd, unsigned n) {
        unsigned sent = 0;

        while (sent < n) {
                int r = sendmmsg(fd, u->out + sent, n - sent, MSG_DONTWAIT);

                if (r > 0) {
                        sent += (unsigned) r;
                        continue;
                }
                if (errno == EINTR)
                        continue;
                dns_limit_warn(&u->limit, u->server->now_usec, "an answer could not be sent",
                               -errno);
                if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
                        return;
                sent++; /* this one's destination is at fault */
        }
}

static void udp_ready(struct dns_poller *p, uint32_t events) {
        struct dns_udp *u = p->server->udp;
        const struct dns_snapshot *s = dns_zone_file_snapshot(p->server->zone);
        const struct dns_settings settings = dns_server_settings(p->server, false);
        int n = BATCH;

        (void) events;
        /* At most four batches, so that one busy address doesn't keep the others waiting. */
        for (int round = 0; round < 4 && n == BATCH; round++) {
                unsigned n_out = 0;

                for (int i = 0; i < BATCH; i++)
                        u->in[i].msg_hdr.msg_namelen = sizeof(u->peers[i].in6);
                n = recvmmsg(p->fd, u->in, BATCH, MSG_DONTWAIT, NULL);
                for (int i = 0; i < n; i++) {
                        struct dns_reply reply = { .bytes = u->answers[n_out],
                                                   .size = DNS_UDP_MAX };
                        size_t len = u->in[i].msg_len;
                        enum dns_verdict v = dns_answer(s, &settings, u->queries[i], len, &reply);

                        if (v == DNS_ANSWERED)
                                put_out(u, n_out++, (unsigned) i, reply.len);
                        else if (v == DNS_FORWARD)
                                ask_upstream(u, p, (unsigned) i, len);
                }
                send_answers(u, p->fd, n_out);
        }
}

static int bind_one(struct dns_udp *u, const struct dns_peer *peer, struct err *e) {
        struct dns_poller *p = &u->listeners[u->n].poller;
        int size = RECEIVE_BUFFER_BYTES, one = 1, r;

        p->fd = socket(peer->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (p->fd < 0)
                return err_errno(e, -errno, "cannot open a UDP socket");
        u->n++;
        p->ready = udp_ready;
        /* The address comes with the bridge, which the node may make later. */
        (void) setsockopt(p->fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
        if (setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                (void) setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        if (bind(p->fd, &peer->sa, peer->len) < 0)
                return dns_peer_explain(peer, "UDP", -errno, e);
        r = dns_poller_add(u->server, p, EPOLLIN);
        return r < 0 ? err_errno(e, r, "epoll") : 0;
}

int dns_udp_new(struct dns_server *s, struct dns_udp **ret, struct err *e) {
        struct dns_udp *u = calloc(1, sizeof(*u));
        int r = 0;

        if (!u)
                return err_errno(e, -ENOMEM, "UDP");
        u->server = s;
        for (unsigned i = 0; i < BATCH; i++) {
                u->in_iov[i] = (struct iovec){ u->queries[i], sizeof(u->queries[i]) };
                u->in[i].msg_hdr = (struct msghdr){ .msg_name = &u->peers[i],
                                                    .msg_iov = &u->in_iov[i],
                                                    .msg_iovlen = 1 };
        }
        for (size_t i = 0; i < s->options->n_listen && r >= 0; i++)
                r = bind_one(u, &s->options->listen[i], e);
        if (r < 0) {
                dns_udp_unref(u);
                return r;
        }
        *ret = u;
        return 0;
}

void dns_udp_unref(struct dns_udp *u) {
        if (!u)
                return;
        for (size_t i = 0; i < u->n; i++)
                dns_poller_close(&u->listeners[i].poller);
        free(u);
}
