#pragma once

#include "api/client/http.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

/* Connections over TLS for the HTTP transport, which sees a socket of its own machine: bytes are
 * carried between that and the server's on the same loop. Linked into a module that is loaded where
 * an https:// address asks for it, because GnuTLS costs every start of a program 3 ms
 * (docs/adr/0181). */
struct tls_dialer;
typedef struct sd_event sd_event;

struct tls_options {
        const char *server_name; /* that the certificate must be of; a name or an address */
        const char *ca_pem;      /* authorities; NULL: those of the system */
        const char *cert_pem;    /* of the client, with its key; NULL: none */
        const char *key_pem;
        bool is_insecure; /* the server may be anybody */
};

/* What the module exports, under the name tls_module. */
struct tls_module {
        /* loop: referenced. options: copied. The dialer's own memory is freed by free(); all of its
         * connections end with it. Returns 0, -EINVAL (certificates that are none), or -ENOMEM. */
        int (*new)(sd_event *loop, const struct tls_options *options, struct tls_dialer **ret,
                   struct err *e);
        void (*free)(struct tls_dialer *d);
        /* For client_http_options: data is the struct tls_dialer. */
        struct http_dialer dialer;
};

#define TLS_MODULE_SYMBOL "tls_module"
extern const struct tls_module tls_module;
