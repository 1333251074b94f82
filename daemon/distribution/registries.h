#pragma once

#include "base/err.h"
#include "base/macros.h"
#include "daemon/distribution/image_reference.h"

#include <stdbool.h>
#include <stddef.h>

/* How this machine reaches registries: one file, YAML or JSON:
 *
 *   defaultRegistry: registry.example    # for names without a host; none: they are refused
 *   defaultNamespace: library            # before one-part names there; "" for none
 *   authFile: /etc/orch/auth.json        # credentials in Docker's format
 *   registries:
 *   - host: registry.example             # or host:port; "*" for all that aren't named
 *     server: https://cdn.example        # where it really answers; else https://HOST
 *     mirrors: [https://mirror:5000]     # asked first, in this order
 *     plainHTTP: true                    # no TLS at all
 *     skipVerify: true                   # TLS, whoever answers
 *     ca: /etc/orch/registry-ca.pem      # instead of the system's authorities
 *
 * What a mirror or a server needs (ca, skipVerify) stands in an entry of its own host. */

#define REGISTRIES_ENDPOINTS_MAX 8

struct registry_entry {
        char *host, *server, *ca;
        char **mirrors;
        size_t n_mirrors;
        bool is_plain, skips_verify;
};

struct registries {
        char *default_host, *default_namespace, *auth_file; /* NULL: none */
        struct registry_entry *items;
        size_t n;
};

/* One place that serves a registry's repositories. Borrowed from the configuration. */
struct registry_endpoint {
        char url[320];  /* "https://host:5000", no slash behind */
        const char *ca; /* NULL: the system's */
        bool skips_verify;
        bool is_mirror;
};

/* An empty text is the default configuration: no default registry, https for every host.
 *
 * file  for messages. ret: registries_done().
 *
 * Returns 0, -EINVAL (e names line and field) or -ENOMEM. Pure. */
int registries_parse(const char *text, size_t len, const char *file, struct registries *ret,
                     struct err *e);

/* The same of a file; one that isn't there is empty, unless must_exist. Blocks. */
int registries_read(const char *path, bool must_exist, struct registries *ret, struct err *e);

void registries_done(struct registries *r);
DEFINE_AUTO_DONE(registries);

/* Where a registry's repositories are to be asked for, in order: its mirrors, then itself. Returns
 * how many, at least 1. Pure. */
size_t registries_endpoints(const struct registries *r, const char *host,
                            struct registry_endpoint ret[REGISTRIES_ENDPOINTS_MAX]);

/* How a host is trusted that an answer points to ("host:port"): ca and skips_verify of its own
 * entry. Pure. */
void registries_trust(const struct registries *r, const char *host, const char **ret_ca,
                      bool *ret_skips_verify, bool *ret_is_plain);

/* image_reference_parse() and image_reference_complete() with this configuration. */
int registries_name(const struct registries *r, const char *text, struct image_reference *ret,
                    struct err *e);
