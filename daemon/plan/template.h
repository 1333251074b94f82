#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

/* Pod templates of workloads: compared, hashed and made into pods as JSON, so that fields which
 * orch doesn't act on are carried along too. */

struct object;

#define TEMPLATE_HASH_LABEL "pod-template-hash"
#define TEMPLATE_HASH_MAX 16

/* spec.template of a workload without nulls (clients send "creationTimestamp": null). The caller's.
 * Returns 0, -EINVAL when there is none or -ENOMEM. Pure. */
int template_load(const struct object *workload, json_t **ret, struct err *e);

/* What templates are compared and hashed by: empty objects and lists are absent, and so is the
 * label pod-template-hash, which only controllers set. The caller's; NULL when memory is out. */
json_t *template_canonical(const json_t *template);

/* A short, stable name for a canonical template: letters and digits that fit a label and a name.
 * collisions: status.collisionCount, another name for the same template. hash: TEMPLATE_HASH_MAX
 * bytes. Returns 0 or -ENOMEM. Pure. */
int template_hash(const json_t *canonical, int64_t collisions, char *hash);

/* The body of a pod that owner wants, named and owned. template: as loaded. The caller's; NULL when
 * memory is out. */
json_t *template_pod(const json_t *template, const struct object *owner, const char *name);
