#pragma once

#include "base/err.h"

#include <stdint.h>

/* The server's keys and certificates by its options, and the administrator's kubeconfig. */
struct pki;

struct orchd_keys_options {
        const char *state_dir;      /* keys in STATE/server/pki */
        const char *listen;         /* "none", ":6443", "192.168.0.7:6443" */
        const char *node_name;      /* NULL: none */
        const char *cluster_domain; /* "cluster.local" */
        const char *service_cidr;
        const char *tls_san; /* further names, commas between; NULL: none */
        uint64_t now_usec;   /* wall clock */
};

/* Opens or makes the keys, and writes STATE/server/admin.kubeconfig (mode 0600) when it says
 * something else. As the server's user. Returns 0, -EINVAL for a name that is none, or a negative
 * errno. */
int orchd_keys_open(const struct orchd_keys_options *o, struct pki **ret_pki, struct err *e);

/* STATE/admin.kubeconfig, a link to the former: made by whoever may write to STATE. */
void orchd_keys_link(const char *state_dir);
