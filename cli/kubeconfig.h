#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <jansson.h>
#include <stdbool.h>

/* What a kubeconfig (kubectl's configuration, v1 Config) says of one context. */
struct kubeconfig {
        char *server;      /* owned: "https://10.0.0.1:6443" */
        char *server_name; /* owned: whom the certificate is of; NULL: the server's host */
        char *namespace_;  /* owned; NULL: none */
        char *token;       /* owned; NULL: none */
        /* Owned PEM texts; NULL: none. */
        char *ca_pem, *cert_pem, *key_pem;
        bool is_insecure;
};

void kubeconfig_done(struct kubeconfig *k);
DEFINE_AUTO_DONE(kubeconfig);

/* Where files come from; a test gives its own. */
typedef int (*kubeconfig_read_fn)(const char *path, char **ret_text, struct err *e);

/* Reads the files of a list and finds a context in them. As with kubectl the first file that has
 * something counts; paths in a file are relative to it; of a list, files that aren't there are left
 * out.
 *
 * paths    "FILE" or "FILE:FILE".
 * context  NULL: the current one.
 * read     NULL: from the disk, at most 1 MiB each.
 *
 * Returns 0, -ENOENT (no file, or no such context, cluster or user in them), -EINVAL (what can't be
 * read or isn't understood; e says where), or -ENOMEM. */
int kubeconfig_load(const char *paths, const char *context, kubeconfig_read_fn read,
                    struct kubeconfig *ret, struct err *e);
