#pragma once

#include "base/err.h"
#include "base/list.h"
#include "daemon/plan/dns_answer.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* What the parts of orch-dns share. One thread, one epoll set; plain epoll instead of sd-event
 * keeps the program static and small. */

#define DNS_PORT 53
#define DNS_LISTENERS_MAX 8
#define DNS_UPSTREAMS_MAX 4

struct dns_server;

/* A descriptor in the epoll set; embedded in what it belongs to. */
struct dns_poller {
        int fd; /* -1: none */
        void (*ready)(struct dns_poller *p, uint32_t events);
        struct dns_server *server;
};

int dns_poller_add(struct dns_server *s, struct dns_poller *p, uint32_t events);
int dns_poller_set(struct dns_poller *p, uint32_t events);
/* Takes it out of the set and closes it. */
void dns_poller_close(struct dns_poller *p);

/* An address with a port. */
struct dns_peer {
        union {
                struct sockaddr sa;
                struct sockaddr_in in;
                struct sockaddr_in6 in6;
        };
        socklen_t len;
};

/* "10.0.0.1", "10.0.0.1:5353", "fd00::1", "[fd00::1]:5353". Returns 0 or -EINVAL. */
int dns_peer_parse(const char *text, struct dns_peer *ret);

/* The same address, whatever the port. */
bool dns_peer_is_same_host(const struct dns_peer *a, const struct dns_peer *b);

/* Why nobody can listen at peer (protocol: "UDP"), and what to do. Returns r. */
int dns_peer_explain(const struct dns_peer *peer, const char *protocol, int r, struct err *e);

/* Says once in ten seconds, with how often, what may happen with every packet. */
struct dns_limit {
        uint64_t next_usec;
        unsigned n;
};
void dns_limit_warn(struct dns_limit *l, uint64_t now_usec, const char *what, int r);

/* Who waits for an answer. */
struct dns_client {
        struct dns_poller *udp; /* NULL: by TCP; listeners live as long as the program */
        struct dns_peer peer;   /* of UDP */
        unsigned slot; /* of TCP: connection and its generation, since it may go meanwhile */
        uint32_t generation;
};

struct dns_options {
        const char *snapshot;
        const char *resolv_conf;
        const char *domain;
        const char *user;
        int64_t ready_fd; /* -1: none */
        struct dns_peer listen[DNS_LISTENERS_MAX];
        size_t n_listen;
        struct dns_peer upstream[DNS_UPSTREAMS_MAX];
        size_t n_upstream;
};

struct dns_zone_file;
struct dns_forward;
struct dns_udp;
struct dns_tcp;

struct dns_server {
        const struct dns_options *options;
        int epoll_fd;
        uint64_t now_usec; /* read once an iteration */
        uint8_t domain[DNS_NAME_MAX];
        size_t domain_len;
        struct dns_zone_file *zone;
        struct dns_forward *forward;
        struct dns_udp *udp;
        struct dns_tcp *tcp;
};

/* Settings for dns_answer(). */
struct dns_settings dns_server_settings(const struct dns_server *s, bool is_tcp);

/* --- zone.c: the snapshot ------------------------------------------------------------------- */

/* Opens what is there and watches for its replacement; a missing file is no error. */
int dns_zone_file_new(struct dns_server *s, struct dns_zone_file **ret, struct err *e);
void dns_zone_file_unref(struct dns_zone_file *z);
/* Looks at the file again. A bad one is refused and the old one kept, with a log line. */
void dns_zone_file_reload(struct dns_zone_file *z);
/* When to look again without being told (inotify is not to be had), or USEC_NEVER. */
uint64_t dns_zone_file_due(const struct dns_zone_file *z);
void dns_zone_file_expire(struct dns_zone_file *z);
/* NULL: none yet. Borrowed until the loop goes on. */
const struct dns_snapshot *dns_zone_file_snapshot(const struct dns_zone_file *z);

/* --- udp.c ----------------------------------------------------------------------------------- */

/* Binds all addresses of the options. */
int dns_udp_new(struct dns_server *s, struct dns_udp **ret, struct err *e);
void dns_udp_unref(struct dns_udp *u);

/* --- tcp.c ----------------------------------------------------------------------------------- */

int dns_tcp_new(struct dns_server *s, struct dns_tcp **ret, struct err *e);
void dns_tcp_unref(struct dns_tcp *t);
uint64_t dns_tcp_due(const struct dns_tcp *t);
void dns_tcp_expire(struct dns_tcp *t);
/* Sends an answer to a connection, if it still is there. */
void dns_tcp_reply(struct dns_tcp *t, const struct dns_client *c, const uint8_t *data, size_t len);

/* --- forward.c ---------------------------------------------------------------------------------
 */

int dns_forward_new(struct dns_server *s, struct dns_forward **ret, struct err *e);
void dns_forward_unref(struct dns_forward *f);
uint64_t dns_forward_due(const struct dns_forward *f);
void dns_forward_expire(struct dns_forward *f);
/* Asks upstream on behalf of a client, who gets the answer, or SERVFAIL. */
void dns_forward_ask(struct dns_forward *f, const struct dns_client *c, const uint8_t *query,
                     size_t len);

/* Sends to a client by the way it came. */
void dns_client_reply(struct dns_server *s, const struct dns_client *c, const uint8_t *data,
                      size_t len);
