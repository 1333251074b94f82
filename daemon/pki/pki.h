#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The keys of a cluster, kept in one directory: the certificate authority, who the server is to
 * clients, who the administrator is to the server, and the key that service account tokens are
 * signed with. Made at the first start, read at every other.
 *
 *     ca.pem  server.pem  admin.pem   a key and its certificate each
 *     service-account.pem             a key
 *
 * Each is one file of mode 0600, replaced by rename after fsync, so a power cut leaves the old or
 * the new one; whatever is missing is made again. A file that can't be read as such is set aside as
 * NAME.damaged and replaced, with a line in the log. Loop thread; opening blocks on the disk. */
struct gnutls_x509_crt_int;
struct jwt_key;
struct pki;

struct pki_options {
        const char *directory;    /* made, mode 0700 */
        const char *const *names; /* DNS names and addresses that the server answers to */
        size_t n_names;
        uint64_t now_usec; /* wall clock */
};

/* Returns 0, -EINVAL for a name that is none, or what the disk said. */
int pki_open(const struct pki_options *options, struct pki **ret_pki, struct err *e);
void pki_unref(struct pki *p);
DEFINE_AUTO(pki);

/* The authority's certificate as PEM: what clients trust. Borrowed. */
const char *pki_ca_pem(const struct pki *p);

/* The key of service account tokens. Borrowed. */
const struct jwt_key *pki_token_key(const struct pki *p);

/* A kubeconfig of the administrator (kubernetes-admin of system:masters) for a server at url, with
 * everything embedded. The caller's; NULL when memory is out. */
char *pki_kubeconfig(const struct pki *p, const char *url);

/* The server's key and certificate as PEM, the caller's. address: of this machine, on which a
 * client has come in; the certificate is signed anew, in memory only, when it isn't in there yet (a
 * new DHCP lease, say) or when it would end within a year. NULL: no address.
 *
 * *ret_generation grows with each new certificate: nothing to load again while it is the same. */
int pki_server_check(struct pki *p, const char *address, uint64_t now_usec,
                     unsigned *ret_generation, struct err *e);
char *pki_server_cert_pem(const struct pki *p);
char *pki_server_key_pem(const struct pki *p);

/* The authority's certificate, borrowed: for pki_client_check(). */
struct gnutls_x509_crt_int *pki_ca(const struct pki *p);
