#include "daemon/pki/client.h"

#include "base/clock.h"
#include "base/str.h"
#include "daemon/pki/cert.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 1024
#define GROUPS_MAX 64

void pki_client_done(struct pki_client *c) {
        for (size_t i = 0; i < c->n_groups; i++)
                free(c->groups[i]);
        free(c->groups);
        free(c->name);
        *c = (struct pki_client){ 0 };
}

/* One part of the subject. Returns 1 with the caller's text, 0 when there is none. */
static int subject_part(gnutls_x509_crt_t cert, const char *oid, unsigned index, char **ret,
                        struct err *e) {
        char text[NAME_MAX_BYTES];
        size_t len = sizeof(text);
        int r = gnutls_x509_crt_get_dn_by_oid(cert, oid, index, 0, text, &len);

        if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                return 0;
        if (r < 0 || len >= sizeof(text) || strlen(text) != len)
                return err_set(e, -EKEYREJECTED, "its subject is malformed");
        *ret = strdup(text);
        return *ret ? 1 : err_set(e, -ENOMEM, "memory is out");
}

static int subject_read(gnutls_x509_crt_t cert, struct pki_client *c, struct err *e) {
        int r = subject_part(cert, GNUTLS_OID_X520_COMMON_NAME, 0, &c->name, e);

        if (r < 0)
                return r;
        if (r == 0 || str_is_empty(c->name))
                return err_set(e, -EKEYREJECTED, "its subject has no common name");
        c->groups = calloc(GROUPS_MAX, sizeof(*c->groups));
        if (!c->groups)
                return err_set(e, -ENOMEM, "memory is out");
        for (; c->n_groups < GROUPS_MAX; c->n_groups++) {
                r = subject_part(cert, GNUTLS_OID_X520_ORGANIZATION_NAME, (unsigned) c->n_groups,
                                 &c->groups[c->n_groups], e);
                if (r <= 0)
                        return r;
        }
        return err_set(e, -EKEYREJECTED, "its subject names more than %d groups", GROUPS_MAX - 1);
}

/* A certificate that names no purpose at all is for any, as to Go. */
static bool is_for_clients(gnutls_x509_crt_t cert) {
        char oid[128];
        size_t len = sizeof(oid);
        bool is_limited = false;

        for (unsigned i = 0; gnutls_x509_crt_get_key_purpose_oid(cert, i, oid, &len, NULL) == 0;
             i++) {
                if (str_eq(oid, GNUTLS_KP_TLS_WWW_CLIENT) || str_eq(oid, GNUTLS_KP_ANY))
                        return true;
                is_limited = true;
                len = sizeof(oid);
        }
        return !is_limited;
}

static int times_check(gnutls_x509_crt_t cert, uint64_t now_usec, struct err *e) {
        time_t from = gnutls_x509_crt_get_activation_time(cert);
        uint64_t end_usec = cert_end_usec(cert);
        char now[CLOCK_TEXT_MAX], then[CLOCK_TEXT_MAX];

        if (from > 0 && (uint64_t) from * USEC_PER_SEC > now_usec)
                return err_set(e, -EKEYREJECTED,
                               "it is not valid before %s, and the clock here says %s",
                               clock_format((uint64_t) from * USEC_PER_SEC, then),
                               clock_format(now_usec, now));
        if (end_usec != USEC_NEVER && end_usec < now_usec)
                return err_set(e, -EKEYREJECTED, "it has expired at %s",
                               clock_format(end_usec, then));
        return 0;
}

static int cert_check(gnutls_x509_crt_t ca, gnutls_x509_crt_t cert, uint64_t now_usec,
                      struct pki_client *c, struct err *e) {
        unsigned found = 0;
        int r;

        /* Times are looked at below, with the clock that the caller has. */
        r = gnutls_x509_crt_verify(cert, &ca, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &found);
        if (r < 0 || found != 0)
                return err_set(e, -EKEYREJECTED, "it is not signed by this cluster's authority");
        if (!is_for_clients(cert))
                return err_set(e, -EKEYREJECTED, "it is not meant for clients");
        r = times_check(cert, now_usec, e);
        if (r == 0)
                r = subject_read(cert, c, e);
        if (r == 0)
                c->end_usec = cert_end_usec(cert);
        return r;
}

int pki_client_check(gnutls_x509_crt_t ca, const gnutls_datum_t *chain, unsigned n,
                     uint64_t now_usec, struct pki_client *ret, struct err *e) {
        AUTO_DONE(identity) struct identity own = { 0 };
        AUTO_DONE(pki_client) struct pki_client c = { 0 };
        int r;

        if (n == 0)
                return err_set(e, -EKEYREJECTED, "there is no certificate");
        if (gnutls_x509_crt_init(&own.cert) < 0)
                return err_set(e, -ENOMEM, "memory is out");
        if (gnutls_x509_crt_import(own.cert, &chain[0], GNUTLS_X509_FMT_DER) < 0)
                return err_set(e, -EKEYREJECTED, "it is malformed");
        r = cert_check(ca, own.cert, now_usec, &c, e);
        if (r < 0)
                return r;
        *ret = c;
        c = (struct pki_client){ 0 };
        return 0;
}
