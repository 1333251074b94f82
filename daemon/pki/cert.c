#include "daemon/pki/cert.h"

#include "base/clock.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Long, because nobody is there to renew what a cabinet holds; renewed well before its end. */
#define CERT_LEAF_S (10LL * 365 * 86400)
#define CERT_SERIAL_BYTES 16
#define CERT_KEY_ID_MAX 64

static int fail(struct err *e, int result, const char *what) {
        int code = result == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EIO;

        return err_set(e, code, "%s: %s", what, gnutls_strerror(result));
}

void identity_done(struct identity *i) {
        if (i->key)
                gnutls_x509_privkey_deinit(i->key);
        if (i->cert)
                gnutls_x509_crt_deinit(i->cert);
        *i = (struct identity){ 0 };
}

int cert_key_new(gnutls_x509_privkey_t *ret_key, struct err *e) {
        gnutls_x509_privkey_t key = NULL;
        int r = gnutls_x509_privkey_init(&key);

        if (r == 0)
                r = gnutls_x509_privkey_generate(
                        key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
        if (r < 0) {
                if (key)
                        gnutls_x509_privkey_deinit(key);
                return fail(e, r, "cannot make a key");
        }
        *ret_key = key;
        return 0;
}

/* ---- names ---- */

/* A name as a certificate holds it: the bytes of an address, or text. */
struct alt_name {
        gnutls_x509_subject_alt_name_t type;
        unsigned char bytes[256];
        unsigned len;
};

static int alt_name_make(const char *text, struct alt_name *ret) {
        *ret = (struct alt_name){ .type = GNUTLS_SAN_IPADDRESS };
        if (inet_pton(AF_INET, text, ret->bytes) == 1) {
                ret->len = 4;
                return 0;
        }
        if (inet_pton(AF_INET6, text, ret->bytes) == 1) {
                ret->len = 16;
                return 0;
        }
        if (!str_is_dns_subdomain(str_starts_with(text, "*.") ? text + 2 : text))
                return -EINVAL;
        ret->type = GNUTLS_SAN_DNSNAME;
        ret->len = (unsigned) strlen(text);
        memcpy(ret->bytes, text, ret->len);
        return 0;
}

static bool cert_has_name(gnutls_x509_crt_t cert, const char *text) {
        struct alt_name wanted;
        unsigned char bytes[256];

        if (alt_name_make(text, &wanted) < 0)
                return false;
        for (unsigned i = 0;; i++) {
                size_t len = sizeof(bytes);
                int type = gnutls_x509_crt_get_subject_alt_name(cert, i, bytes, &len, NULL);

                if (type < 0 && type != GNUTLS_E_SHORT_MEMORY_BUFFER)
                        return false;
                if (type == (int) wanted.type && len == wanted.len &&
                    memcmp(bytes, wanted.bytes, len) == 0)
                        return true;
        }
}

bool cert_has_names(gnutls_x509_crt_t cert, const char *const *names, size_t n) {
        unsigned n_there = 0;
        unsigned char bytes[256];
        size_t len = sizeof(bytes);

        for (size_t i = 0; i < n; i++)
                if (!cert_has_name(cert, names[i]))
                        return false;
        while (gnutls_x509_crt_get_subject_alt_name(cert, n_there, bytes, &len, NULL) >= 0) {
                n_there++;
                len = sizeof(bytes);
        }
        return n_there == n;
}

/* ---- issuing ---- */

static int set_names(gnutls_x509_crt_t cert, const struct cert_request *q, struct err *e) {
        for (size_t i = 0; i < q->n_names; i++) {
                struct alt_name name;
                int r;

                if (alt_name_make(q->names[i], &name) < 0)
                        return err_set(e, -EINVAL,
                                       "\"%s\" is neither an address nor a DNS name in lower case",
                                       q->names[i]);
                r = gnutls_x509_crt_set_subject_alt_name(cert, name.type, name.bytes, name.len,
                                                         i == 0 ? GNUTLS_FSAN_SET
                                                                : GNUTLS_FSAN_APPEND);
                if (r < 0)
                        return fail(e, r, "cannot name a certificate");
        }
        return 0;
}

static int set_subject(gnutls_x509_crt_t cert, const struct cert_request *q) {
        int r = gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, q->common_name,
                                              (unsigned) strlen(q->common_name));

        if (r == 0 && q->organization)
                r = gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_ORGANIZATION_NAME, 0,
                                                  q->organization,
                                                  (unsigned) strlen(q->organization));
        return r;
}

static int set_purpose(gnutls_x509_crt_t cert, enum cert_purpose purpose) {
        int r;

        if (purpose == CERT_AUTHORITY) {
                r = gnutls_x509_crt_set_basic_constraints(cert, 1, 0);
                return r < 0 ? r
                             : gnutls_x509_crt_set_key_usage(
                                       cert, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN |
                                                     GNUTLS_KEY_DIGITAL_SIGNATURE);
        }
        r = gnutls_x509_crt_set_basic_constraints(cert, 0, -1);
        if (r == 0)
                r = gnutls_x509_crt_set_key_usage(cert, GNUTLS_KEY_DIGITAL_SIGNATURE);
        if (r == 0)
                r = gnutls_x509_crt_set_key_purpose_oid(cert,
                                                        purpose == CERT_SERVER
                                                                ? GNUTLS_KP_TLS_WWW_SERVER
                                                                : GNUTLS_KP_TLS_WWW_CLIENT,
                                                        0);
        return r;
}

static int set_times(gnutls_x509_crt_t cert, const struct cert_request *q) {
        uint64_t from_usec = MAX(q->now_usec, CERT_CLOCK_FLOOR_USEC);
        time_t end = (time_t) (from_usec / USEC_PER_SEC + CERT_LEAF_S);
        int r = gnutls_x509_crt_set_activation_time(cert, 0);

        if (q->purpose == CERT_AUTHORITY)
                end = GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION;
        return r < 0 ? r : gnutls_x509_crt_set_expiration_time(cert, end);
}

static int set_ids(gnutls_x509_crt_t cert, const struct identity *ca) {
        unsigned char serial[CERT_SERIAL_BYTES], id[CERT_KEY_ID_MAX];
        size_t len = sizeof(id);
        int r = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

        serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, of full length */
        if (r == 0)
                r = gnutls_x509_crt_set_serial(cert, serial, sizeof(serial));
        if (r == 0)
                r = gnutls_x509_crt_get_key_id(cert, GNUTLS_KEYID_USE_SHA256, id, &len);
        if (r == 0)
                r = gnutls_x509_crt_set_subject_key_id(cert, id, MIN(len, 20U));
        len = sizeof(id);
        if (r == 0)
                r = ca ? gnutls_x509_crt_get_subject_key_id(ca->cert, id, &len, NULL)
                       : gnutls_x509_crt_get_subject_key_id(cert, id, &len, NULL);
        if (r == 0)
                r = gnutls_x509_crt_set_authority_key_id(cert, id, len);
        return r;
}

/* GnuTLS verifies only by what it has parsed: a certificate fresh from its making verifies nothing.
 */
static int cert_reread(gnutls_x509_crt_t cert, gnutls_x509_crt_t *ret_cert) {
        AUTO_DONE(identity) struct identity again = { 0 };
        gnutls_datum_t der = { 0 };
        int r = gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_DER, &der);

        if (r == 0)
                r = gnutls_x509_crt_init(&again.cert);
        if (r == 0)
                r = gnutls_x509_crt_import(again.cert, &der, GNUTLS_X509_FMT_DER);
        gnutls_free(der.data);
        if (r == 0)
                *ret_cert = STEAL(again.cert);
        return r;
}

int cert_issue(const struct identity *ca, gnutls_x509_privkey_t key, const struct cert_request *q,
               gnutls_x509_crt_t *ret_cert, struct err *e) {
        AUTO_DONE(identity) struct identity made = { 0 };
        int r = gnutls_x509_crt_init(&made.cert);

        if (r == 0)
                r = gnutls_x509_crt_set_version(made.cert, 3);
        if (r == 0)
                r = gnutls_x509_crt_set_key(made.cert, key);
        if (r == 0)
                r = set_subject(made.cert, q);
        if (r == 0)
                r = set_times(made.cert, q);
        if (r == 0)
                r = set_purpose(made.cert, q->purpose);
        if (r == 0)
                r = set_ids(made.cert, ca);
        if (r < 0)
                return fail(e, r, "cannot make a certificate");
        r = set_names(made.cert, q, e);
        if (r < 0)
                return r;
        r = gnutls_x509_crt_sign2(made.cert, ca ? ca->cert : made.cert, ca ? ca->key : key,
                                  GNUTLS_DIG_SHA256, 0);
        if (r == 0)
                r = cert_reread(made.cert, ret_cert);
        return r < 0 ? fail(e, r, "cannot sign a certificate") : 0;
}

uint64_t cert_end_usec(gnutls_x509_crt_t cert) {
        time_t end = gnutls_x509_crt_get_expiration_time(cert);

        if (end == (time_t) -1 || end >= GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION)
                return USEC_NEVER;
        return (uint64_t) end * USEC_PER_SEC;
}

/* ---- text ---- */

/* take: freed. */
static char *datum_text(int result, gnutls_datum_t *take) {
        char *text = result < 0 ? NULL : strndup((const char *) take->data, take->size);

        if (result >= 0) {
                gnutls_memset(take->data, 0, take->size);
                gnutls_free(take->data);
        }
        return text;
}

char *cert_pem(gnutls_x509_crt_t cert) {
        gnutls_datum_t out = { 0 };

        return datum_text(gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &out), &out);
}

/* PKCS #8, which every library reads. */
char *cert_key_pem(gnutls_x509_privkey_t key) {
        gnutls_datum_t out = { 0 };

        return datum_text(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
                                                            GNUTLS_PKCS_PLAIN, &out),
                          &out);
}

char *identity_pem(const struct identity *i) {
        AUTO_FREE char *key = cert_key_pem(i->key);
        AUTO_FREE char *cert = cert_pem(i->cert);
        char *both = key && cert ? str_format("%s%s", key, cert) : NULL;

        if (key)
                gnutls_memset(key, 0, strlen(key));
        return both;
}

/* Whether the certificate is over the key. */
static bool identity_fits(const struct identity *i) {
        unsigned char of_key[CERT_KEY_ID_MAX], of_cert[CERT_KEY_ID_MAX];
        size_t key_len = sizeof(of_key), cert_len = sizeof(of_cert);

        return gnutls_x509_privkey_get_key_id(i->key, GNUTLS_KEYID_USE_SHA256, of_key, &key_len) ==
                       0 &&
               gnutls_x509_crt_get_key_id(i->cert, GNUTLS_KEYID_USE_SHA256, of_cert, &cert_len) ==
                       0 &&
               key_len == cert_len && memcmp(of_key, of_cert, key_len) == 0;
}

int identity_parse(const char *text, size_t len, struct identity *ret, struct err *e) {
        AUTO_DONE(identity) struct identity i = { 0 };
        gnutls_datum_t data = { (unsigned char *) (void *) text, (unsigned) len };

        if (gnutls_x509_privkey_init(&i.key) < 0 || gnutls_x509_crt_init(&i.cert) < 0)
                return err_set(e, -ENOMEM, "memory is out");
        if (gnutls_x509_privkey_import2(i.key, &data, GNUTLS_X509_FMT_PEM, NULL, 0) < 0)
                return err_set(e, -EINVAL, "it holds no private key");
        if (gnutls_x509_crt_import(i.cert, &data, GNUTLS_X509_FMT_PEM) < 0)
                return err_set(e, -EINVAL, "it holds no certificate");
        if (!identity_fits(&i))
                return err_set(e, -EINVAL, "its certificate is over another key");
        *ret = i;
        i = (struct identity){ 0 };
        return 0;
}
