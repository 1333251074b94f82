#pragma once

#include <stdbool.h>

/* ResourceQuota admission (kubernetes.io: "Resource Quotas"; daemon/registry/quotas.h counts):
 * what would be more than a namespace may use is refused; what is let through is held until the
 * call is answered. */
struct call;
typedef struct json_t json_t;

/* tree: an object of any kind that is being made or changed, decoded and defaulted; last of all
 * admission. was: what it was, NULL for a new one. False: answered. */
bool admit_quota(struct call *c, const json_t *tree, const json_t *was);
