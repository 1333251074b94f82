#include "base/clock.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/dns/dns.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LIMIT_USEC (10 * USEC_PER_SEC)

int dns_poller_add(struct dns_server *s, struct dns_poller *p, uint32_t events) {
        struct epoll_event ev = { .events = events, .data.ptr = p };

        p->server = s;
        return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, p->fd, &ev) < 0 ? -errno : 0;
}

int dns_poller_set(struct dns_poller *p, uint32_t events) {
        struct epoll_event ev = { .events = events, .data.ptr = p };

        return epoll_ctl(p->server->epoll_fd, EPOLL_CTL_MOD, p->fd, &ev) < 0 ? -errno : 0;
}

void dns_poller_close(struct dns_poller *p) {
        /* Closing takes it out of the set: no other descriptor refers to it. */
        if (p->fd >= 0)
                (void) close(p->fd);
        p->fd = -1;
}

/* Splits "HOST:PORT" or "[HOST]:PORT" or "HOST". host: IP_TEXT_MAX bytes. */
static int split_port(const char *text, char *host, int64_t *ret_port) {
        const char *end = strrchr(text, ':'), *start = text;
        size_t len = strlen(text);

        *ret_port = DNS_PORT;
        if (text[0] == '[') {
                const char *close = strchr(text, ']');

                if (!close || (close[1] != '\0' && close[1] != ':'))
                        return -EINVAL;
                start = text + 1;
                len = (size_t) (close - start);
                end = close[1] == ':' ? close + 1 : NULL;
        } else if (end && strchr(text, ':') == end) {
                len = (size_t) (end - text);
        } else {
                end = NULL; /* several colons: an IPv6 address without port */
        }
        if (len >= IP_TEXT_MAX)
                return -EINVAL;
        memcpy(host, start, len);
        host[len] = '\0';
        return end ? str_to_int64(end + 1, 1, 65535, ret_port) : 0;
}

int dns_peer_parse(const char *text, struct dns_peer *ret) {
        struct dns_peer p = { 0 };
        char host[IP_TEXT_MAX];
        struct ip_addr addr;
        int64_t port;

        if (split_port(text, host, &port) < 0 || ip_parse(host, &addr) < 0)
                return -EINVAL;
        if (addr.family == IP_V4) {
                p.in.sin_family = AF_INET;
                p.in.sin_port = htons((uint16_t) port);
                memcpy(&p.in.sin_addr, addr.bytes, 4);
                p.len = sizeof(p.in);
        } else {
                p.in6.sin6_family = AF_INET6;
                p.in6.sin6_port = htons((uint16_t) port);
                memcpy(&p.in6.sin6_addr, addr.bytes, 16);
                p.len = sizeof(p.in6);
        }
        *ret = p;
        return 0;
}

int dns_peer_explain(const struct dns_peer *peer, const char *protocol, int r, struct err *e) {
        char host[INET6_ADDRSTRLEN] = "?";
        const void *address = peer->sa.sa_family == AF_INET6 ? (const void *) &peer->in6.sin6_addr
                                                             : (const void *) &peer->in.sin_addr;

        (void) inet_ntop(peer->sa.sa_family, address, host, sizeof(host));
        if (r == -EADDRINUSE)
                return err_set(e, r,
                               "%s:%u (%s) is in use by another program; stop it or choose another "
                               "address with "
                               "--dns-address (orch-dns alone: --listen)",
                               host, ntohs(peer->in.sin_port), protocol);
        return err_errno(
                e, r,
                "cannot answer names on %s:%u (%s); choose another address with --dns-address",
                host, ntohs(peer->in.sin_port), protocol);
}

bool dns_peer_is_same_host(const struct dns_peer *a, const struct dns_peer *b) {
        if (a->sa.sa_family != b->sa.sa_family)
                return false;
        if (a->sa.sa_family == AF_INET)
                return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
        return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16) == 0;
}

void dns_limit_warn(struct dns_limit *l, uint64_t now_usec, const char *what, int r) {
        l->n++;
        if (now_usec < l->next_usec)
                return;
        LOG_WARN(NULL, "%s (%s), %u times; going on", what, strerror(-r), l->n);
        l->n = 0;
        l->next_usec = now_usec + LIMIT_USEC;
}

struct dns_settings dns_server_settings(const struct dns_server *s, bool is_tcp) {
        const struct dns_snapshot *snapshot = dns_zone_file_snapshot(s->zone);

        return (struct dns_settings){ .is_tcp = is_tcp,
                                      .can_forward = true,
                                      .seed = snapshot ? dns_snapshot_seed(snapshot) : 0,
                                      .domain = s->domain,
                                      .domain_len = s->domain_len };
}

void dns_client_reply(struct dns_server *s, const struct dns_client *c, const uint8_t *data,
                      size_t len) {
        if (!c->udp)
                dns_tcp_reply(s->tcp, c, data, len);
        else
                (void) sendto(c->udp->fd, data, len, MSG_DONTWAIT, &c->peer.sa, c->peer.len);
}
