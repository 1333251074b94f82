#pragma once

#include <stdbool.h>

/* Which ConfigMaps and Secrets a pod speaks of: environment, volumes, projections,
 * imagePullSecrets. Pure. */

struct kind;
struct pod;

/* Calls fn for each reference; the same one may come several times. kind: &config_map_kind or
 * &secret_kind. The namespace is the pod's. */
void refs_each(const struct pod *pod,
               void (*fn)(void *data, const struct kind *kind, const char *ns, const char *name),
               void *data);

/* Whether the pod refers to that object. */
bool refs_has(const struct pod *pod, const struct kind *kind, const char *ns, const char *name);
