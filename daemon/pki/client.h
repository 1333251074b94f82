#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stddef.h>
#include <stdint.h>

/* Whom a client certificate proves. */
struct pki_client {
        char *name;    /* owned: CN */
        char **groups; /* owned, each too: O */
        size_t n_groups;
        uint64_t end_usec; /* until when, wall clock */
};
void pki_client_done(struct pki_client *c);
DEFINE_AUTO_DONE(pki_client);

/* Looks at a chain of certificates (DER, the client's own first). Only what the authority itself
 * signed for clients counts: there is nobody between them.
 *
 * now_usec  wall clock.
 *
 * Returns 0, -EKEYREJECTED with the reason, or -ENOMEM. Pure. */
int pki_client_check(gnutls_x509_crt_t ca, const gnutls_datum_t *chain, unsigned n,
                     uint64_t now_usec, struct pki_client *ret, struct err *e);
