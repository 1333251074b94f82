#pragma once

#include "base/err.h"

#include <stdbool.h>

/* "https://gateway.lan:6443" taken apart. */
struct server_url {
        bool is_tls;
        char host[256];       /* name or address, without brackets */
        char port[8];         /* never empty */
        char shown[64 + 256]; /* "gateway.lan:6443": for the Host header and people */
};

/* A scheme that is missing is https. Returns 0 or -EINVAL. Pure. */
int server_url_parse(const char *text, struct server_url *ret, struct err *e);

/* Looks the host up and writes "https://ADDRESS:PORT" of the first address that takes a connection
 * (the first of all where none does, or where there is one only). Blocks, at most two seconds for
 * each. The caller's. Returns 0, -ENOENT or -ENOMEM. */
int server_url_resolve(const struct server_url *u, char **ret_url, struct err *e);
