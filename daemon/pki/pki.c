#include "daemon/pki/pki.h"

#include "api/schema/base64.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/pki/cert.h"
#include "daemon/pki/jwt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (64U << 10)
/* A certificate is signed anew this long before its end. */
#define RENEW_USEC (365ULL * 86400 * USEC_PER_SEC)
/* Addresses on which clients came in and that the certificate holds beside its names. */
#define LEARNT_MAX 32

#define ADMIN_NAME "kubernetes-admin"
#define ADMIN_GROUP "system:masters"

struct pki {
        char *directory;
        struct identity ca, server, admin;
        struct jwt_key *token_key;
        char *ca_pem;
        /* Owned, each too: those asked for, then the learnt addresses, whose oldest gives way. */
        char **names;
        size_t n_names, n_learnt, next_learnt;
        unsigned generation; /* of server.cert */
};

void pki_unref(struct pki *p) {
        if (!p)
                return;
        identity_done(&p->ca);
        identity_done(&p->server);
        identity_done(&p->admin);
        jwt_key_unref(p->token_key);
        for (size_t i = 0; i < p->n_names + p->n_learnt; i++)
                free(p->names[i]);
        free(p->names);
        free(p->directory);
        free(p->ca_pem);
        free(p);
}

/* ---- files ---- */

static int file_save(const struct pki *p, const char *name, const char *text, struct err *e) {
        AUTO_FREE char *path = str_format("%s/%s", p->directory, name);

        if (!path || !text)
                return err_set(e, -ENOMEM, "memory is out");
        return file_write_atomic(path, text, strlen(text), 0600, true, e);
}

/* Returns 1 with the text, 0 when there is no such file. */
static int file_load(const struct pki *p, const char *name, char **ret_text, size_t *ret_len,
                     struct err *e) {
        AUTO_FREE char *path = str_format("%s/%s", p->directory, name);
        int r;

        if (!path)
                return err_set(e, -ENOMEM, "memory is out");
        r = file_read(path, FILE_MAX_BYTES, ret_text, ret_len, e);
        return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

/* What can't be read isn't thrown away: a person may know better. */
static int file_set_aside(const struct pki *p, const char *name, const char *why, struct err *e) {
        AUTO_FREE char *path = str_format("%s/%s", p->directory, name);
        AUTO_FREE char *aside = str_format("%s/%s.damaged", p->directory, name);

        if (!path || !aside)
                return err_set(e, -ENOMEM, "memory is out");
        LOG_WARN(NULL, "%s is damaged (%s): kept as %s and made anew", path, why, aside);
        if (rename(path, aside) < 0)
                return err_errno(e, -errno, "cannot set %s aside", path);
        return 0;
}

/* Returns 1, or 0 when it must be made. */
static int identity_load(const struct pki *p, const char *name, struct identity *ret,
                         struct err *e) {
        AUTO_FREE char *text = NULL;
        struct err why = { 0 };
        size_t len;
        int r = file_load(p, name, &text, &len, e);

        if (r <= 0)
                return r;
        r = identity_parse(text, len, ret, &why);
        gnutls_memset(text, 0, len);
        if (r == 0)
                return 1;
        return r == -ENOMEM ? err_set(e, r, "memory is out")
                            : file_set_aside(p, name, err_text(&why), e);
}

static int identity_save(const struct pki *p, const char *name, const struct identity *i,
                         struct err *e) {
        AUTO_FREE char *text = identity_pem(i);
        int r = file_save(p, name, text, e);

        if (text)
                gnutls_memset(text, 0, strlen(text));
        return r;
}

/* ---- the authority ---- */

/* Authorities of two clusters differ by name, so that no client confuses them. */
static int ca_make(struct pki *p, uint64_t now_usec, struct err *e) {
        unsigned char id[64];
        size_t len = sizeof(id);
        char name[32];
        struct cert_request q = {
                .purpose = CERT_AUTHORITY,
                .common_name = name,
                .now_usec = now_usec,
        };
        int r = cert_key_new(&p->ca.key, e);

        if (r < 0)
                return r;
        if (gnutls_x509_privkey_get_key_id(p->ca.key, GNUTLS_KEYID_USE_SHA256, id, &len) < 0)
                return err_set(e, -EIO, "cannot name the certificate authority");
        (void) snprintf(name, sizeof(name), "orch-ca-%02x%02x%02x%02x", id[0], id[1], id[2], id[3]);
        r = cert_issue(NULL, p->ca.key, &q, &p->ca.cert, e);
        return r < 0 ? r : identity_save(p, "ca.pem", &p->ca, e);
}

static int ca_open(struct pki *p, uint64_t now_usec, struct err *e) {
        int r = identity_load(p, "ca.pem", &p->ca, e);

        if (r == 0)
                r = ca_make(p, now_usec, e);
        if (r < 0)
                return r;
        p->ca_pem = cert_pem(p->ca.cert);
        return p->ca_pem ? 0 : err_set(e, -ENOMEM, "memory is out");
}

static bool is_ours(const struct pki *p, const struct identity *i) {
        unsigned found = 0;

        return gnutls_x509_crt_verify(i->cert, &p->ca.cert, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS,
                                      &found) == 0 &&
               found == 0;
}

static bool ends_soon(const struct identity *i, uint64_t now_usec) {
        uint64_t end_usec = cert_end_usec(i->cert);

        return end_usec != USEC_NEVER && now_usec + RENEW_USEC > end_usec;
}

/* ---- the server ---- */

/* The names, then what was learnt. */
static int server_issue(struct pki *p, uint64_t now_usec, struct err *e) {
        struct cert_request q = {
                .purpose = CERT_SERVER,
                .common_name = "orch-server",
                .names = (const char *const *) p->names,
                .n_names = p->n_names + p->n_learnt,
                .now_usec = now_usec,
        };
        gnutls_x509_crt_t cert;
        int r;

        r = cert_issue(&p->ca, p->server.key, &q, &cert, e);
        if (r < 0)
                return r;
        if (p->server.cert)
                gnutls_x509_crt_deinit(p->server.cert);
        p->server.cert = cert;
        p->generation++;
        return 0;
}

static int server_open(struct pki *p, uint64_t now_usec, struct err *e) {
        const char *const *names = (const char *const *) p->names;
        int r = identity_load(p, "server.pem", &p->server, e);

        p->generation = 1;
        if (r < 0)
                return r;
        if (r > 0 && is_ours(p, &p->server) && !ends_soon(&p->server, now_usec) &&
            cert_has_names(p->server.cert, names, p->n_names))
                return 0;
        if (r == 0)
                r = cert_key_new(&p->server.key, e);
        if (r >= 0)
                r = server_issue(p, now_usec, e);
        return r < 0 ? r : identity_save(p, "server.pem", &p->server, e);
}

static bool has_name(const struct pki *p, const char *name) {
        for (size_t i = 0; i < p->n_names + p->n_learnt; i++)
                if (str_eq(p->names[i], name))
                        return true;
        return false;
}

static int learn(struct pki *p, const char *address, struct err *e) {
        char *copy = strdup(address);

        if (!copy)
                return err_set(e, -ENOMEM, "memory is out");
        if (p->n_learnt < LEARNT_MAX) {
                p->names[p->n_names + p->n_learnt++] = copy;
                return 0;
        }
        free(p->names[p->n_names + p->next_learnt]);
        p->names[p->n_names + p->next_learnt] = copy;
        p->next_learnt = (p->next_learnt + 1) % LEARNT_MAX;
        return 0;
}

int pki_server_check(struct pki *p, const char *address, uint64_t now_usec,
                     unsigned *ret_generation, struct err *e) {
        bool is_new = address && !has_name(p, address);
        int r = is_new ? learn(p, address, e) : 0;

        if (r == 0 && (is_new || ends_soon(&p->server, now_usec)))
                r = server_issue(p, now_usec, e);
        if (r == 0)
                *ret_generation = p->generation;
        return r;
}

char *pki_server_cert_pem(const struct pki *p) {
        return cert_pem(p->server.cert);
}

char *pki_server_key_pem(const struct pki *p) {
        return cert_key_pem(p->server.key);
}

/* ---- the administrator ---- */

static int admin_open(struct pki *p, uint64_t now_usec, struct err *e) {
        const struct cert_request q = {
                .purpose = CERT_CLIENT,
                .common_name = ADMIN_NAME,
                .organization = ADMIN_GROUP,
                .now_usec = now_usec,
        };
        gnutls_x509_crt_t cert;
        int r = identity_load(p, "admin.pem", &p->admin, e);

        if (r < 0)
                return r;
        if (r > 0 && is_ours(p, &p->admin) && !ends_soon(&p->admin, now_usec))
                return 0;
        if (r == 0)
                r = cert_key_new(&p->admin.key, e);
        if (r >= 0)
                r = cert_issue(&p->ca, p->admin.key, &q, &cert, e);
        if (r < 0)
                return r;
        if (p->admin.cert)
                gnutls_x509_crt_deinit(p->admin.cert);
        p->admin.cert = cert;
        return identity_save(p, "admin.pem", &p->admin, e);
}

static char *base64_of(const char *text) {
        char *out = text ? malloc(base64_encoded_len(strlen(text)) + 1) : NULL;

        if (out)
                base64_encode((const uint8_t *) text, strlen(text), out);
        return out;
}

char *pki_kubeconfig(const struct pki *p, const char *url) {
        AUTO_FREE char *key_pem = cert_key_pem(p->admin.key);
        AUTO_FREE char *admin_pem = cert_pem(p->admin.cert);
        AUTO_FREE char *ca = base64_of(p->ca_pem);
        AUTO_FREE char *key = base64_of(key_pem);
        AUTO_FREE char *cert = base64_of(admin_pem);

        if (!ca || !key || !cert)
                return NULL;
        return str_format("apiVersion: v1\n"
                          "kind: Config\n"
                          "clusters:\n"
                          "- name: orch\n"
                          "  cluster:\n"
                          "    server: %s\n"
                          "    certificate-authority-data: %s\n"
                          "users:\n"
                          "- name: " ADMIN_NAME "\n"
                          "  user:\n"
                          "    client-certificate-data: %s\n"
                          "    client-key-data: %s\n"
                          "contexts:\n"
                          "- name: " ADMIN_NAME "@orch\n"
                          "  context:\n"
                          "    cluster: orch\n"
                          "    user: " ADMIN_NAME "\n"
                          "current-context: " ADMIN_NAME "@orch\n",
                          url, ca, cert, key);
}

/* ---- tokens ---- */

static int token_key_make(struct pki *p, struct err *e) {
        AUTO_DONE(identity) struct identity made = { 0 };
        AUTO_FREE char *text = NULL;
        int r = cert_key_new(&made.key, e);

        if (r < 0)
                return r;
        text = cert_key_pem(made.key);
        r = file_save(p, "service-account.pem", text, e);
        return r < 0 ? r : jwt_key_new(text, strlen(text), &p->token_key, e);
}

static int token_key_open(struct pki *p, struct err *e) {
        AUTO_FREE char *text = NULL;
        struct err why = { 0 };
        size_t len;
        int r = file_load(p, "service-account.pem", &text, &len, e);

        if (r < 0)
                return r;
        if (r > 0) {
                if (jwt_key_new(text, len, &p->token_key, &why) == 0)
                        return 0;
                r = file_set_aside(p, "service-account.pem", err_text(&why), e);
        }
        return r < 0 ? r : token_key_make(p, e);
}

/* ---- opening ---- */

static int names_copy(struct pki *p, const struct pki_options *o) {
        p->names = calloc(o->n_names + LEARNT_MAX, sizeof(*p->names));
        if (!p->names)
                return -ENOMEM;
        for (size_t i = 0; i < o->n_names; i++) {
                if (has_name(p, o->names[i]))
                        continue;
                p->names[p->n_names] = strdup(o->names[i]);
                if (!p->names[p->n_names])
                        return -ENOMEM;
                p->n_names++;
        }
        return 0;
}

int pki_open(const struct pki_options *options, struct pki **ret_pki, struct err *e) {
        AUTO(pki) struct pki *p = calloc(1, sizeof(*p));
        int r;

        if (p)
                p->directory = strdup(options->directory);
        if (!p || !p->directory || names_copy(p, options) < 0)
                return err_set(e, -ENOMEM, "memory is out");
        r = dir_make_all(p->directory, 0700, e);
        if (r == 0)
                r = ca_open(p, options->now_usec, e);
        if (r == 0)
                r = server_open(p, options->now_usec, e);
        if (r == 0)
                r = admin_open(p, options->now_usec, e);
        if (r == 0)
                r = token_key_open(p, e);
        if (r < 0)
                return err_wrap(e, r, "keys in %s", p->directory);
        *ret_pki = STEAL(p);
        return 0;
}

const char *pki_ca_pem(const struct pki *p) {
        return p->ca_pem;
}

const struct jwt_key *pki_token_key(const struct pki *p) {
        return p->token_key;
}

gnutls_x509_crt_t pki_ca(const struct pki *p) {
        return p->ca.cert;
}
