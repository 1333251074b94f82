#pragma once

#include "base/err.h"

#include <jansson.h>

/* What a pod's imagePullSecrets say, as orch-image takes it ("--auth-fd"): {"sources": [a file in
 * Docker's format, …]}. */
struct pod;
struct sources;

/* sources  has the secrets, which the pod wants already.
 * ret      the caller's; NULL: the pod names none.
 * e        names the secrets that aren't there or aren't of a fitting type; the others count.
 *
 * Returns 0; 1 when some are missing (e); -EAGAIN when they aren't known yet; or -ENOMEM. */
int pull_secrets_read(const struct sources *sources, const struct pod *pod, char **ret,
                      struct err *e);

/* The file in one secret's data, of type kubernetes.io/dockerconfigjson or dockercfg, as a tree
 * that the caller owns; NULL: it has none. Pure. */
struct secret;
json_t *pull_secrets_file(const struct secret *secret);
