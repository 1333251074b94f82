#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stddef.h>

/* Credentials for registries, out of files in Docker's format: what "docker login" and "podman
 * login" write (containers-auth.json(5)), and secrets of the types kubernetes.io/dockerconfigjson
 * and kubernetes.io/dockercfg. */

/* At most this many credentials are tried for one repository. */
#define KEYRING_TRIES_MAX 16

struct credential {
        char *user;           /* NULL: none */
        char *password;       /* NULL: none */
        char *identity_token; /* an OAuth2 refresh token; NULL: none */
        char *registry_token; /* a bearer token for the registry itself; NULL: none */
};

/* "struct keyring k = {0};" is an empty one. */
struct keyring {
        struct keyring_entry *items;
        size_t n, cap;
};

void keyring_done(struct keyring *k);
DEFINE_AUTO_DONE(keyring);

/* Adds what a file holds behind what is there already. Entries that hold nothing usable are passed
 * over, so that one for a credential helper doesn't spoil the others.
 *
 * text  borrowed; at most 1 MiB, at most 1,000 entries, else -E2BIG.
 *
 * Returns 0, -EINVAL when it isn't such a file (e never shows its content), -E2BIG or -ENOMEM.
 * Pure. */
int keyring_add(struct keyring *k, const char *text, size_t len, struct err *e);

/* One more, for a host or a path below it ("host:5000/team"). user, password: copied. */
int keyring_add_password(struct keyring *k, const char *where, const char *user,
                         const char *password);

/* Those that fit a repository, the most specific first, then in the order they were added. A key is
 * a host ("host:5000"), a host with a part of the path, or a URL, of which the scheme and "/v1/",
 * "/v2/" are left out; a '*' in it stands for (a part of) one label of the host's name, and
 * "index." in front of a host is passed over (Docker's own habit).
 *
 * ret  borrowed from k.
 *
 * Returns how many, at most KEYRING_TRIES_MAX. Pure. */
size_t keyring_find(const struct keyring *k, const char *host, const char *path,
                    const struct credential *ret[KEYRING_TRIES_MAX]);
