#include "api/client/tls.h"

#include "api/client/http_request.h"
#include "base/list.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define CHUNK_BYTES 16384U

struct tls_dialer {
        sd_event *loop;
        gnutls_certificate_credentials_t credentials;
        char *server_name;
        bool is_insecure;
        struct list pipes;
        char failure[ERR_TEXT_MAX]; /* of the connection that last failed */
};

/* Bytes on their way in one direction. */
struct chunk {
        uint8_t bytes[CHUNK_BYTES];
        size_t at, len;
        bool is_over; /* nothing comes any more */
};

/* connecting --> shaking hands --> carrying --> freed (either side ended and all is delivered) */
struct pipe {
        struct list link;
        struct tls_dialer *dialer;
        int wire, plain; /* to the server; to the HTTP transport */
        sd_event_source *wire_io, *plain_io;
        gnutls_session_t session;
        bool is_connected, is_shaken;
        struct chunk out, in; /* to the server, from it */
};

static void pipe_free(struct pipe *p) {
        list_remove(&p->link);
        (void) sd_event_source_disable_unref(p->wire_io);
        (void) sd_event_source_disable_unref(p->plain_io);
        if (p->session)
                gnutls_deinit(p->session);
        if (p->wire >= 0)
                (void) close(p->wire);
        if (p->plain >= 0)
                (void) close(p->plain);
        free(p);
}

/* Always -EIO. */
static int pipe_fail(struct pipe *p, const char *text) {
        (void) snprintf(p->dialer->failure, sizeof(p->dialer->failure), "%s", text);
        return -EIO;
}

static bool is_passing(int r) {
        return r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED;
}

/* ---- the handshake ---- */

static int pipe_refuse_certificate(struct pipe *p) {
        unsigned status = gnutls_session_get_verify_cert_status(p->session);
        gnutls_datum_t why = { 0 };
        char text[ERR_TEXT_MAX];

        if (status == 0 ||
            gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &why, 0) < 0)
                return pipe_fail(p, "the server's certificate is not accepted");
        (void) snprintf(text, sizeof(text), "the server's certificate is not accepted: %.300s",
                        (const char *) why.data);
        gnutls_free(why.data);
        return pipe_fail(p, text);
}

static int pipe_fail_tls(struct pipe *p, int r) {
        char text[ERR_TEXT_MAX];

        if (r == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
                return pipe_refuse_certificate(p);
        if (r == GNUTLS_E_FATAL_ALERT_RECEIVED)
                (void) snprintf(text, sizeof(text), "the server refuses TLS: %s",
                                str_or_empty(gnutls_alert_get_name(gnutls_alert_get(p->session))));
        else
                (void) snprintf(text, sizeof(text), "TLS: %s", gnutls_strerror(r));
        return pipe_fail(p, text);
}

/* Returns 1 when it is done, 0 while it waits, or a negative errno. */
static int pipe_shake(struct pipe *p) {
        int r, error = 0;
        socklen_t len = sizeof(error);

        if (!p->is_connected) {
                if (getsockopt(p->wire, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error != 0)
                        return pipe_fail(p, strerror(error ? error : errno));
                p->is_connected = true;
        }
        do
                r = gnutls_handshake(p->session);
        while (r == GNUTLS_E_INTERRUPTED);
        if (r == GNUTLS_E_AGAIN)
                return 0;
        if (r < 0 && gnutls_error_is_fatal(r))
                return pipe_fail_tls(p, r);
        p->is_shaken = r == 0;
        return p->is_shaken;
}

/* ---- carrying ---- */

/* Each returns 1 when something moved, 0, or a negative errno. */
static int plain_read(struct pipe *p) {
        ssize_t n;

        if (p->out.len > 0 || p->out.is_over)
                return 0;
        n = recv(p->plain, p->out.bytes, sizeof(p->out.bytes), 0);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        p->out.at = 0;
        p->out.len = (size_t) n;
        p->out.is_over = n == 0;
        return 1;
}

static int wire_write(struct pipe *p) {
        ssize_t n;

        if (p->out.len == 0)
                return 0;
        n = gnutls_record_send(p->session, p->out.bytes + p->out.at, p->out.len);
        if (n < 0)
                return is_passing((int) n) ? 0 : pipe_fail_tls(p, (int) n);
        p->out.at += (size_t) n;
        p->out.len -= (size_t) n;
        return 1;
}

static int wire_read(struct pipe *p) {
        ssize_t n;

        if (p->in.len > 0 || p->in.is_over)
                return 0;
        n = gnutls_record_recv(p->session, p->in.bytes, sizeof(p->in.bytes));
        if (n < 0 && !gnutls_error_is_fatal((int) n))
                return 0;
        if (n < 0 && n != GNUTLS_E_PREMATURE_TERMINATION)
                return pipe_fail_tls(p, (int) n);
        p->in.at = 0;
        p->in.len = n > 0 ? (size_t) n : 0;
        p->in.is_over = n <= 0;
        return 1;
}

static int plain_write(struct pipe *p) {
        ssize_t n;

        if (p->in.len == 0)
                return 0;
        n = send(p->plain, p->in.bytes + p->in.at, p->in.len, MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        p->in.at += (size_t) n;
        p->in.len -= (size_t) n;
        return 1;
}

/* Carries as long as something moves. Returns 0, or a negative errno when it is over. */
static int pipe_carry(struct pipe *p) {
        static int (*const steps[])(struct pipe *) = { plain_read, wire_write, wire_read,
                                                       plain_write };
        bool has_moved = true;
        int r;

        while (has_moved) {
                has_moved = false;
                for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                        r = steps[i](p);
                        if (r < 0)
                                return r;
                        has_moved = has_moved || r > 0;
                }
        }
        if (p->out.is_over && p->out.len == 0) {
                (void) gnutls_bye(p->session, GNUTLS_SHUT_WR);
                return -ECONNRESET;
        }
        return p->in.is_over && p->in.len == 0 ? -ECONNRESET : 0;
}

static void pipe_arm(struct pipe *p) {
        uint32_t wire = EPOLLIN, plain = 0;

        if (!p->is_connected)
                wire = EPOLLOUT;
        else if (!p->is_shaken)
                wire = gnutls_record_get_direction(p->session) ? EPOLLOUT : EPOLLIN;
        else if (p->out.len > 0)
                wire |= EPOLLOUT;
        if (p->is_shaken && p->in.len > 0) {
                wire &= ~(uint32_t) EPOLLIN;
                plain |= EPOLLOUT;
        }
        if (p->is_shaken && p->out.len == 0)
                plain |= EPOLLIN;
        (void) sd_event_source_set_io_events(p->wire_io, wire);
        (void) sd_event_source_set_io_events(p->plain_io, plain);
        /* An end that was hung up is told again and again, wanted or not. */
        (void) sd_event_source_set_enabled(p->plain_io,
                                           plain || !p->is_shaken ? SD_EVENT_ON : SD_EVENT_OFF);
}

static int on_pipe(sd_event_source *source, int fd, uint32_t events, void *data) {
        struct pipe *p = data;
        int r = 1;

        (void) source;
        /* The transport gave up before there was a connection. */
        if (!p->is_shaken && fd == p->plain && events & (EPOLLHUP | EPOLLERR))
                r = -ECONNRESET;
        else if (!p->is_shaken)
                r = pipe_shake(p);
        if (r > 0)
                r = pipe_carry(p);
        if (r < 0)
                pipe_free(p);
        else
                pipe_arm(p);
        return 0;
}

/* ---- the beginning ---- */

static int session_begin(struct pipe *p) {
        struct tls_dialer *d = p->dialer;
        struct in6_addr address;
        bool is_name = inet_pton(AF_INET, d->server_name, &address) != 1 &&
                       inet_pton(AF_INET6, d->server_name, &address) != 1;

        if (gnutls_init(&p->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK) < 0 ||
            gnutls_set_default_priority(p->session) < 0 ||
            gnutls_credentials_set(p->session, GNUTLS_CRD_CERTIFICATE, d->credentials) < 0)
                return -ENOMEM;
        if (is_name && gnutls_server_name_set(p->session, GNUTLS_NAME_DNS, d->server_name,
                                              strlen(d->server_name)) < 0)
                return -ENOMEM;
        if (!d->is_insecure)
                gnutls_session_set_verify_cert(p->session, d->server_name, 0);
        gnutls_transport_set_int(p->session, p->wire);
        return 0;
}

static int wire_connect(struct pipe *p, const struct http_address *a) {
        int on = 1;

        p->wire = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (p->wire < 0)
                return -errno;
        (void) setsockopt(p->wire, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void) setsockopt(p->wire, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        if (connect(p->wire, (const struct sockaddr *) &a->sa, a->len) < 0 && errno != EINPROGRESS)
                return -errno;
        return 0;
}

static int tls_dial(void *data, const struct http_address *address, int *ret_fd) {
        struct tls_dialer *d = data;
        struct pipe *p = calloc(1, sizeof(*p));
        int ends[2] = { -1, -1 }, r;

        if (!p)
                return -ENOMEM;
        list_init(&p->link);
        p->dialer = d;
        p->wire = p->plain = -1;
        d->failure[0] = '\0';
        r = wire_connect(p, address);
        if (r == 0)
                r = session_begin(p);
        if (r == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
                r = -errno;
        p->plain = ends[0];
        if (r == 0)
                r = sd_event_add_io(d->loop, &p->wire_io, p->wire, EPOLLOUT, on_pipe, p);
        if (r >= 0)
                r = sd_event_add_io(d->loop, &p->plain_io, p->plain, 0, on_pipe, p);
        if (r < 0) {
                if (ends[1] >= 0)
                        (void) close(ends[1]);
                pipe_free(p);
                return r;
        }
        list_append(&d->pipes, &p->link);
        *ret_fd = ends[1];
        return 0;
}

static const char *tls_failure(void *data) {
        const struct tls_dialer *d = data;

        return d->failure[0] ? d->failure : NULL;
}

/* ---- the dialer ---- */

static void tls_free(struct tls_dialer *d) {
        if (!d)
                return;
        LIST_FOREACH(i, &d->pipes)
                pipe_free(CONTAINER_OF(i, struct pipe, link));
        if (d->credentials)
                gnutls_certificate_free_credentials(d->credentials);
        sd_event_unref(d->loop);
        free(d->server_name);
        free(d);
}

static gnutls_datum_t datum_of(const char *text) {
        return (gnutls_datum_t){ .data = (unsigned char *) (void *) text,
                                 .size = (unsigned) strlen(text) };
}

static int credentials_fill(struct tls_dialer *d, const struct tls_options *o, struct err *e) {
        gnutls_datum_t cert, key;
        int r;

        if (gnutls_certificate_allocate_credentials(&d->credentials) < 0)
                return err_set(e, -ENOMEM, "memory is out");
        if (o->ca_pem) {
                cert = datum_of(o->ca_pem);
                r = gnutls_certificate_set_x509_trust_mem(d->credentials, &cert,
                                                          GNUTLS_X509_FMT_PEM);
                if (r <= 0)
                        return err_set(e, -EINVAL, "the certificate authority is no PEM text");
        } else if (!o->is_insecure) {
                (void) gnutls_certificate_set_x509_system_trust(d->credentials);
        }
        if (!o->cert_pem)
                return 0;
        if (!o->key_pem)
                return err_set(e, -EINVAL, "the client's certificate lacks its key");
        cert = datum_of(o->cert_pem);
        key = datum_of(o->key_pem);
        r = gnutls_certificate_set_x509_key_mem(d->credentials, &cert, &key, GNUTLS_X509_FMT_PEM);
        return r < 0 ? err_set(e, -EINVAL, "the client's certificate and key don't fit: %s",
                               gnutls_strerror(r))
                     : 0;
}

static int tls_new(sd_event *loop, const struct tls_options *options, struct tls_dialer **ret,
                   struct err *e) {
        struct tls_dialer *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return err_set(e, -ENOMEM, "memory is out");
        list_init(&d->pipes);
        d->loop = sd_event_ref(loop);
        d->is_insecure = options->is_insecure;
        d->server_name = strdup(options->server_name);
        r = d->server_name ? credentials_fill(d, options, e) : err_set(e, -ENOMEM, "memory is out");
        if (r < 0) {
                tls_free(d);
                return r;
        }
        *ret = d;
        return 0;
}

const struct tls_module tls_module = {
        .new = tls_new,
        .free = tls_free,
        .dialer = { .dial = tls_dial, .failure = tls_failure },
};
