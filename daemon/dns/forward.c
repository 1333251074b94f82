#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "daemon/dns/dns.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define ASKED_MAX 256
#define TRY_USEC (2 * USEC_PER_SEC)
#define TRIES_MAX 3
#define RESOLV_CONF_MAX_BYTES 65536
#define RESOLV_CONF_LOOK_USEC (2 * USEC_PER_SEC)

/* One question under way. Each try has a connected socket of its own: the kernel draws its port at
 * random and lets nobody but that upstream answer.
 *
 *   ask → try(upstream 0) → answer → reply to the client, gone
 *              | time-out, refused, broken answer
 *              ↓
 *         try(next upstream), TRIES_MAX in all → SERVFAIL, gone */
struct asked {
        struct list entry; /* in order of due_usec: all tries are equally long */
        struct dns_poller poller;
        struct dns_client client;
        uint64_t due_usec;
        unsigned tries;
        size_t upstream;
        uint16_t id;          /* ours, of this try */
        uint8_t client_id[2]; /* as on the wire */
        bool is_tcp, is_connected;
        size_t n_in; /* of the TCP answer, its length included */
        uint8_t *in; /* owned: 2 + DNS_TCP_MAX bytes, of TCP */
        size_t question_end;
        size_t len;
        uint8_t query[]; /* two bytes of length (for TCP), then the query */
};

struct dns_forward {
        struct dns_server *server;
        struct list asked;
        unsigned n_asked;
        struct dns_peer upstreams[DNS_UPSTREAMS_MAX];
        size_t n_upstreams;
        size_t good; /* the upstream that answered last */
        uint64_t look_usec;
        struct timespec mtime;
        ino_t ino;
        struct dns_limit limit;
        uint8_t *buf; /* DNS_TCP_MAX bytes */
};

static int try_next(struct dns_forward *f, struct asked *a);

static void asked_free(struct dns_forward *f, struct asked *a) {
        list_remove(&a->entry);
        dns_poller_close(&a->poller);
        f->n_asked--;
        free(a->in);
        free(a);
}

static void reply_failure(struct dns_forward *f, const struct dns_client *c, const uint8_t *query,
                          size_t len) {
        uint8_t out[DNS_UDP_MAX];

        dns_client_reply(f->server, c, out, dns_answer_error(query, len, DNS_RCODE_FAILURE, out));
}

static void give_up(struct dns_forward *f, struct asked *a) {
        dns_limit_warn(&f->limit, f->server->now_usec, "no upstream resolver answered", -ETIMEDOUT);
        memcpy(a->query + 2, a->client_id, 2);
        reply_failure(f, &a->client, a->query + 2, a->len);
        asked_free(f, a);
}

static void try_or_give_up(struct dns_forward *f, struct asked *a) {
        if (try_next(f, a) < 0)
                give_up(f, a);
}

/* Whether these bytes answer that question: id, the question letter for letter. */
static bool is_answer(const struct asked *a, const uint8_t *p, size_t len) {
        return len >= a->question_end && p[0] == (uint8_t) (a->id >> 8) &&
               p[1] == (uint8_t) a->id && p[2] & 0x80 && p[4] == 0 && p[5] == 1 &&
               memcmp(p + DNS_HEADER_LEN, a->query + 2 + DNS_HEADER_LEN,
                      a->question_end - DNS_HEADER_LEN) == 0;
}

/* Passes an answer on; one that says "I can't" makes us ask the next. */
static void take_answer(struct dns_forward *f, struct asked *a, uint8_t *p, size_t len) {
        unsigned rcode = p[3] & 0xf;

        if ((rcode == DNS_RCODE_FAILURE || rcode == DNS_RCODE_REFUSED) && a->tries < TRIES_MAX &&
            f->n_upstreams > 1 && try_next(f, a) >= 0)
                return;
        memcpy(p, a->client_id, 2);
        f->good = a->upstream;
        dns_client_reply(f->server, &a->client, p, len);
        asked_free(f, a);
}

static void udp_answer(struct dns_forward *f, struct asked *a) {
        ssize_t n = recv(a->poller.fd, f->buf, DNS_TCP_MAX, MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n < 0)
                try_or_give_up(f, a); /* nobody listens there */
        else if (is_answer(a, f->buf, (size_t) n))
                take_answer(f, a, f->buf, (size_t) n);
        /* Anything else is forged or late: go on waiting. */
}

static int tcp_send(struct asked *a) {
        /* At most 4 KiB into an empty send buffer. */
        if (send(a->poller.fd, a->query, a->len + 2, MSG_DONTWAIT | MSG_NOSIGNAL) !=
            (ssize_t) (a->len + 2))
                return -EIO;
        a->is_connected = true;
        return dns_poller_set(&a->poller, EPOLLIN);
}

static void tcp_answer(struct dns_forward *f, struct asked *a) {
        size_t want = a->n_in < 2 ? 2 : 2 + ((size_t) a->in[0] << 8 | a->in[1]);
        ssize_t n = recv(a->poller.fd, a->in + a->n_in, want - a->n_in, MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                try_or_give_up(f, a);
                return;
        }
        a->n_in += (size_t) n;
        if (a->n_in < 2)
                return;
        want = 2 + ((size_t) a->in[0] << 8 | a->in[1]);
        if (a->n_in < want)
                return;
        if (is_answer(a, a->in + 2, want - 2))
                take_answer(f, a, a->in + 2, want - 2);
        else
                try_or_give_up(f, a);
}

static void upstream_ready(struct dns_poller *p, uint32_t events) {
        struct asked *a = CONTAINER_OF(p, struct asked, poller);
        struct dns_forward *f = p->server->forward;

        if (!a->is_tcp)
                udp_answer(f, a);
        else if (a->is_connected)
                tcp_answer(f, a);
        else if (events & (EPOLLERR | EPOLLHUP) || tcp_send(a) < 0)
                try_or_give_up(f, a);
}

static uint16_t random_id(void) {
        uint16_t id = 0;

        /* Without entropy the random port still protects. */
        (void) !getrandom(&id, sizeof(id), GRND_NONBLOCK);
        return id;
}

/* One try with one upstream. */
static int try_one(struct dns_forward *f, struct asked *a) {
        const struct dns_peer *u = &f->upstreams[a->upstream];
        int type = (a->is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, r;

        dns_poller_close(&a->poller);
        a->is_connected = false;
        a->n_in = 0;
        a->id = random_id();
        a->query[2] = (uint8_t) (a->id >> 8);
        a->query[3] = (uint8_t) a->id;
        a->poller.fd = socket(u->sa.sa_family, type, 0);
        if (a->poller.fd < 0)
                return -errno;
        if (connect(a->poller.fd, &u->sa, u->len) < 0 && errno != EINPROGRESS)
                return -errno;
        r = dns_poller_add(f->server, &a->poller, a->is_tcp ? EPOLLOUT : EPOLLIN);
        if (r < 0 || a->is_tcp)
                return r;
        return send(a->poller.fd, a->query + 2, a->len, MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* Goes on with the next upstream. Returns 0, or a negative errno when all tries are used up. */
static int try_next(struct dns_forward *f, struct asked *a) {
        while (a->tries < TRIES_MAX && f->n_upstreams > 0) {
                if (a->tries++ > 0)
                        a->upstream++;
                a->upstream %= f->n_upstreams;
                if (try_one(f, a) < 0)
                        continue;
                a->due_usec = f->server->now_usec + TRY_USEC;
                list_remove(&a->entry);
                list_append(&f->asked, &a->entry);
                return 0;
        }
        return -ETIMEDOUT;
}

/* --- whom to ask -------------------------------------------------------------------------------
 */

static bool is_own(const struct dns_server *s, const struct dns_peer *p) {
        for (size_t i = 0; i < s->options->n_listen; i++)
                if (dns_peer_is_same_host(&s->options->listen[i], p) &&
                    s->options->listen[i].in.sin_port == p->in.sin_port)
                        return true;
        return false;
}

static void read_resolv_conf(struct dns_forward *f, const char *path) {
        AUTO_FREE char *text = NULL;
        char *rest, *line;

        if (file_read(path, RESOLV_CONF_MAX_BYTES, &text, NULL, NULL) < 0)
                return;
        f->n_upstreams = 0;
        for (rest = text; (line = strsep(&rest, "\n")) && f->n_upstreams < DNS_UPSTREAMS_MAX;) {
                const char *word = strsep(&line, " \t");
                struct dns_peer p;

                while (line && (*line == ' ' || *line == '\t'))
                        line++;
                if (!line || !str_eq(word, "nameserver"))
                        continue;
                line[strcspn(line, " \t\r#;")] = '\0';
                if (dns_peer_parse(line, &p) == 0 && !is_own(f->server, &p))
                        f->upstreams[f->n_upstreams++] = p;
        }
}

/* Looks at resolv.conf again, at most every two seconds and only while somebody asks. */
static void look_at_resolv_conf(struct dns_forward *f) {
        const struct dns_options *o = f->server->options;
        struct stat st;

        if (o->n_upstream > 0 || f->server->now_usec < f->look_usec)
                return;
        f->look_usec = f->server->now_usec + RESOLV_CONF_LOOK_USEC;
        if (stat(o->resolv_conf, &st) < 0 ||
            (st.st_ino == f->ino && st.st_mtim.tv_sec == f->mtime.tv_sec &&
             st.st_mtim.tv_nsec == f->mtime.tv_nsec))
                return;
        f->ino = st.st_ino;
        f->mtime = st.st_mtim;
        read_resolv_conf(f, o->resolv_conf);
}

/* --- interface ----------------------------------------------------------------------------------
 */

static struct asked *asked_new(struct dns_forward *f, const struct dns_client *c,
                               const uint8_t *query, size_t len) {
        struct dns_question q;
        struct asked *a;

        if (f->n_asked >= ASKED_MAX || dns_question_read(query, len, 0, &q) < 0)
                return NULL;
        a = calloc(1, sizeof(*a) + 2 + len);
        if (!a)
                return NULL;
        a->is_tcp = !c->udp;
        if (a->is_tcp && !(a->in = malloc(2 + DNS_TCP_MAX))) {
                free(a);
                return NULL;
        }
        list_init(&a->entry);
        a->poller = (struct dns_poller){ .fd = -1, .ready = upstream_ready };
        a->client = *c;
        a->question_end = q.end;
        a->len = len;
        a->upstream = f->good;
        a->query[0] = (uint8_t) (len >> 8);
        a->query[1] = (uint8_t) len;
        memcpy(a->query + 2, query, len);
        memcpy(a->client_id, query, 2);
        f->n_asked++;
        return a;
}

void dns_forward_ask(struct dns_forward *f, const struct dns_client *c, const uint8_t *query,
                     size_t len) {
        struct asked *a = NULL;

        look_at_resolv_conf(f);
        if (f->n_upstreams > 0)
                a = asked_new(f, c, query, len);
        if (!a)
                reply_failure(f, c, query, len);
        else
                try_or_give_up(f, a);
}

uint64_t dns_forward_due(const struct dns_forward *f) {
        if (list_is_empty(&f->asked))
                return USEC_NEVER;
        return CONTAINER_OF(f->asked.next, struct asked, entry)->due_usec;
}

void dns_forward_expire(struct dns_forward *f) {
        while (dns_forward_due(f) <= f->server->now_usec)
                try_or_give_up(f, CONTAINER_OF(f->asked.next, struct asked, entry));
}

int dns_forward_new(struct dns_server *s, struct dns_forward **ret, struct err *e) {
        struct dns_forward *f = calloc(1, sizeof(*f));

        if (!f || !(f->buf = malloc(DNS_TCP_MAX))) {
                free(f);
                return err_errno(e, -ENOMEM, "forwarding");
        }
        f->server = s;
        list_init(&f->asked);
        for (size_t i = 0; i < s->options->n_upstream; i++)
                f->upstreams[f->n_upstreams++] = s->options->upstream[i];
        *ret = f;
        return 0;
}

void dns_forward_unref(struct dns_forward *f) {
        if (!f)
                return;
        LIST_FOREACH(i, &f->asked)
                asked_free(f, CONTAINER_OF(i, struct asked, entry));
        free(f->buf);
        free(f);
}
