#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keys and X.509 certificates (RFC 5280) over GnuTLS: ECDSA on P-256 with SHA-256. Nothing here
 * touches a file. Any thread. */

/* Before this the clock is not set: a board without a battery begins in 1970. 2026-01-01. */
#define CERT_CLOCK_FLOOR_USEC (1767225600ULL * 1000000ULL)

/* A key and the certificate over it. */
struct identity {
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t cert;
};
void identity_done(struct identity *i);
DEFINE_AUTO_DONE(identity);

enum cert_purpose {
        CERT_AUTHORITY, /* signs others; without end */
        CERT_SERVER,    /* ten years */
        CERT_CLIENT,    /* ten years */
};

struct cert_request {
        enum cert_purpose purpose;
        const char *common_name;
        const char *organization; /* NULL: none */
        const char *const *names; /* DNS names and addresses that a server answers to */
        size_t n_names;
        uint64_t now_usec; /* wall clock; where it isn't set, the floor counts */
};

/* Makes a key on the curve P-256; the caller's, gnutls_x509_privkey_deinit() frees it. Returns 0,
 * -ENOMEM or -EIO. */
int cert_key_new(gnutls_x509_privkey_t *ret_key, struct err *e);

/* Signs a certificate over key. It is valid from 1970 on, so that no clock is too early for it
 * (docs/adr/0111).
 *
 * ca      who signs; NULL: the key itself.
 * ret_cert  the caller's; gnutls_x509_crt_deinit() frees it.
 *
 * Returns 0, -EINVAL for a name that is neither an address nor a DNS name, -ENOMEM or -EIO. */
int cert_issue(const struct identity *ca, gnutls_x509_privkey_t key, const struct cert_request *q,
               gnutls_x509_crt_t *ret_cert, struct err *e);

/* Whether the certificate is for exactly these names, in any order. */
bool cert_has_names(gnutls_x509_crt_t cert, const char *const *names, size_t n);

/* When it ends, wall clock; a certificate without end never does. */
uint64_t cert_end_usec(gnutls_x509_crt_t cert);

/* PEM, the caller's; NULL when memory is out. */
char *cert_pem(gnutls_x509_crt_t cert);
char *cert_key_pem(gnutls_x509_privkey_t key);

/* "KEY CERTIFICATE" as PEM, in one text. Parsing: -EINVAL where one of both is missing, malformed
 * or doesn't fit the other. */
char *identity_pem(const struct identity *i);
int identity_parse(const char *text, size_t len, struct identity *ret, struct err *e);
