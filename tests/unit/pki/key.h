#pragma once

#include "base/macros.h"
#include "daemon/pki/cert.h"
#include "daemon/pki/jwt.h"
#include "tests/unit/test.h"

#include <string.h>

/* A new key for tokens; the caller's. */
static inline struct jwt_key *key_make(void) {
        gnutls_x509_privkey_t made;
        AUTO_FREE char *pem = NULL;
        struct jwt_key *k;

        assert_int_equal(cert_key_new(&made, NULL), 0);
        pem = cert_key_pem(made);
        gnutls_x509_privkey_deinit(made);
        assert_int_equal(jwt_key_new(pem, strlen(pem), &k, NULL), 0);
        return k;
}
