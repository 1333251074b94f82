#include "daemon/server/tls.h"

#include "base/clock.h"
#include "base/str.h"
#include "daemon/pki/client.h"
#include "daemon/pki/pki.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* GnuTLS's, counted: sessions that began with an older certificate keep theirs. */
struct tls_credentials {
        unsigned n_refs;
        gnutls_certificate_credentials_t gnutls;
};

struct tls {
        struct pki *pki;
        uint64_t (*wall_usec)(void);
        struct tls_credentials *current;
        unsigned generation; /* of the certificate in current */
};

void tls_credentials_unref(struct tls_credentials *c) {
        if (!c || --c->n_refs > 0)
                return;
        if (c->gnutls)
                gnutls_certificate_free_credentials(c->gnutls);
        free(c);
}

static gnutls_datum_t datum_of(const char *text) {
        return (gnutls_datum_t){ (unsigned char *) (void *) text, (unsigned) strlen(text) };
}

static int credentials_fill(const struct pki *pki, gnutls_certificate_credentials_t gnutls) {
        AUTO_FREE char *key = pki_server_key_pem(pki);
        AUTO_FREE char *cert = pki_server_cert_pem(pki);
        gnutls_datum_t key_pem, cert_pem, ca_pem = datum_of(pki_ca_pem(pki));
        int r;

        if (!key || !cert)
                return GNUTLS_E_MEMORY_ERROR;
        key_pem = datum_of(key);
        cert_pem = datum_of(cert);
        /* Its name goes to clients, who choose their certificate by it. */
        r = gnutls_certificate_set_x509_trust_mem(gnutls, &ca_pem, GNUTLS_X509_FMT_PEM);
        if (r >= 0)
                r = gnutls_certificate_set_x509_key_mem2(gnutls, &cert_pem, &key_pem,
                                                         GNUTLS_X509_FMT_PEM, NULL, 0);
        gnutls_memset(key, 0, key_pem.size);
        return r;
}

static int credentials_new(const struct pki *pki, struct tls_credentials **ret, struct err *e) {
        struct tls_credentials *c = calloc(1, sizeof(*c));
        int r = GNUTLS_E_MEMORY_ERROR;

        if (c) {
                c->n_refs = 1;
                r = gnutls_certificate_allocate_credentials(&c->gnutls);
        }
        if (r == 0)
                r = credentials_fill(pki, c->gnutls);
        if (r < 0) {
                tls_credentials_unref(c);
                return err_set(e, r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EIO,
                               "the server's certificate can't be used: %s", gnutls_strerror(r));
        }
        *ret = c;
        return 0;
}

void tls_unref(struct tls *t) {
        if (!t)
                return;
        tls_credentials_unref(t->current);
        free(t);
}

/* Makes sure that the certificate is for the address and good for long enough. */
static int refresh(struct tls *t, const char *address, struct err *e) {
        struct tls_credentials *fresh = NULL;
        unsigned generation;
        int r = pki_server_check(t->pki, address, t->wall_usec(), &generation, e);

        if (r < 0 || (t->current && generation == t->generation))
                return r;
        r = credentials_new(t->pki, &fresh, e);
        if (r < 0)
                return r;
        tls_credentials_unref(t->current);
        t->current = fresh;
        t->generation = generation;
        return 0;
}

int tls_new(struct pki *pki, uint64_t (*wall_usec)(void), struct tls **ret_tls, struct err *e) {
        AUTO(tls) struct tls *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return err_set(e, -ENOMEM, "memory is out");
        t->pki = pki;
        t->wall_usec = wall_usec ? wall_usec : clock_wall_usec;
        r = refresh(t, NULL, e);
        if (r < 0)
                return r;
        *ret_tls = STEAL(t);
        return 0;
}

/* This machine's end of the connection, or NULL. */
static const char *local_address(int fd, char buf[INET6_ADDRSTRLEN]) {
        struct sockaddr_storage a = { 0 };
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) &a;
        const struct sockaddr_in *v4 = (const struct sockaddr_in *) &a;
        socklen_t len = sizeof(a);

        if (getsockname(fd, (struct sockaddr *) &a, &len) < 0)
                return NULL;
        if (a.ss_family == AF_INET)
                return inet_ntop(AF_INET, &v4->sin_addr, buf, INET6_ADDRSTRLEN);
        if (a.ss_family != AF_INET6)
                return NULL;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
                return inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], buf, INET6_ADDRSTRLEN);
        return inet_ntop(AF_INET6, &v6->sin6_addr, buf, INET6_ADDRSTRLEN);
}

int tls_begin(struct tls *t, gnutls_session_t session, int fd,
              struct tls_credentials **ret_credentials, struct err *e) {
        char buf[INET6_ADDRSTRLEN];
        int r = refresh(t, local_address(fd, buf), e);

        if (r < 0)
                return r;
        r = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, t->current->gnutls);
        if (r < 0)
                return err_set(e, -ENOMEM, "memory is out");
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
        t->current->n_refs++;
        *ret_credentials = t->current;
        return 0;
}

bool tls_is_established(gnutls_session_t session) {
        char *text = gnutls_session_get_desc(session);

        gnutls_free(text);
        return text;
}

int tls_client(const struct tls *t, gnutls_session_t session, struct pki_client *ret,
               struct err *e) {
        const gnutls_datum_t *chain;
        unsigned n = 0;

        chain = gnutls_certificate_get_peers(session, &n);
        if (!chain || n == 0)
                return -ENOENT;
        return pki_client_check(pki_ca(t->pki), chain, n, t->wall_usec(), ret, e);
}
