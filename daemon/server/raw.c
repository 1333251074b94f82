#include "daemon/server/raw.h"

#include "daemon/server/face.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/socket.h>

struct raw {
        int fd;
        struct MHD_UpgradeResponseHandle *handle; /* NULL: of a TLS request */
        struct request *request;
        gnutls_session_t session;
        bool is_record_open; /* one that was begun must be finished before the next */
        struct strbuf greeting;
};

struct raw *raw_new(int fd, struct MHD_UpgradeResponseHandle *handle) {
        struct raw *raw = calloc(1, sizeof(*raw));

        if (!raw) {
                (void) MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
                return NULL;
        }
        raw->fd = fd;
        raw->handle = handle;
        return raw;
}

struct raw *raw_new_tls(struct request *r) {
        struct raw *raw = calloc(1, sizeof(*raw));

        if (!raw)
                return NULL;
        raw->fd = r->connection->fd;
        raw->session = r->connection->session;
        raw->request = r;
        r->is_answered = true;
        r->is_raw = true;
        request_suspend(r);
        return raw;
}

int raw_fd(const struct raw *raw) {
        return raw->fd;
}

/* GnuTLS' words as the kernel's. */
static ssize_t tls_result(ssize_t n) {
        if (n >= 0)
                return n;
        if (n == GNUTLS_E_PREMATURE_TERMINATION)
                return 0;
        errno = n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED ? EAGAIN : ECONNRESET;
        return -1;
}

ssize_t raw_recv(struct raw *raw, void *room, size_t len) {
        if (!raw->session)
                return recv(raw->fd, room, len, 0);
        return tls_result(gnutls_record_recv(raw->session, room, len));
}

ssize_t raw_send(struct raw *raw, const void *bytes, size_t len) {
        ssize_t n;

        if (!raw->session)
                return send(raw->fd, bytes, len, MSG_NOSIGNAL);
        /* A record that didn't fit into the socket is kept by GnuTLS: it is of these bytes. */
        n = raw->is_record_open ? gnutls_record_send(raw->session, NULL, 0)
                                : gnutls_record_send(raw->session, bytes, len);
        raw->is_record_open = n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED;
        return tls_result(n);
}

struct strbuf *raw_greeting(struct raw *raw) {
        return &raw->greeting;
}

void raw_close(struct raw *raw) {
        if (!raw)
                return;
        if (raw->handle) {
                (void) MHD_upgrade_action(raw->handle, MHD_UPGRADE_ACTION_CLOSE);
        } else {
                if (!raw->is_record_open)
                        (void) gnutls_bye(raw->session, GNUTLS_SHUT_WR);
                /* The kernel still sends what it has; libmicrohttpd sees the end. */
                (void) shutdown(raw->fd, SHUT_RDWR);
                request_resume(raw->request);
        }
        strbuf_done(&raw->greeting);
        free(raw);
}
