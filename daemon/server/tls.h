#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

/* What TLS adds to a connection of libmicrohttpd: the server's certificate for the address on which
 * the client came in, and who the client's certificate says it is. */
struct pki;
struct pki_client;
struct tls;
struct tls_credentials;

/* TLS 1.2 and 1.3, as Kubernetes. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* pki: borrowed for the whole life. wall_usec: NULL: clock_wall_usec(). Returns 0, -EIO or -ENOMEM.
 */
int tls_new(struct pki *pki, uint64_t (*wall_usec)(void), struct tls **ret_tls, struct err *e);
void tls_unref(struct tls *t);
DEFINE_AUTO(tls);

/* A client has come in on fd; its handshake has not begun.
 *
 * ret_credentials  the caller's; must outlive the session. */
int tls_begin(struct tls *t, gnutls_session_t session, int fd,
              struct tls_credentials **ret_credentials, struct err *e);
void tls_credentials_unref(struct tls_credentials *c);

/* Whether the handshake is over. */
bool tls_is_established(gnutls_session_t session);

/* Whom the client's certificate proves. Returns 0 with ret filled, -ENOENT when it sent none,
 * -EKEYREJECTED with the reason, or -ENOMEM. */
int tls_client(const struct tls *t, gnutls_session_t session, struct pki_client *ret,
               struct err *e);
