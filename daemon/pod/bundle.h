#pragma once

#include "base/err.h"
#include "daemon/runtime/cgroup.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* An OCI bundle's config.json. Only a cloned child reads it, so that orch-pod itself has no heap.
 * What the runtime specification has no word for is in annotations, which other runtimes ignore:
 *
 * dev.orch.overlay.lower  layers, topmost first, joined by ':' (overlayfs' own escapes)
 * dev.orch.overlay.upper  the writable layer's directory, made when missing; .work likewise
 * dev.orch.seccomp        file with a compiled program (struct sock_filter[])
 * dev.orch.user           "user[:group]" looked up in the container; wins over process.user
 * dev.orch.non-root       "true": uid 0 is refused
 */
#define BUNDLE_CONFIG_MAX (1 << 20)

/* Reads the file at fd or path (fd < 0). Returns 0 or an errno; -EINVAL with line and column. */
int bundle_load(int fd, const char *path, json_t **ret_config, struct err *e);

/* Follows object keys down to NULL; NULL when one is missing. Borrowed. */
json_t *bundle_get(const json_t *config, ...) __attribute__((sentinel));
const char *bundle_annotation(const json_t *config, const char *key);
/* A NULL-terminated array of borrowed strings; NULL when memory is out. Other elements are skipped.
 */
char **bundle_strings(const json_t *array);

/* linux.resources in our own terms. */
void bundle_limits(const json_t *config, struct cgroup_limits *ret_limits);
