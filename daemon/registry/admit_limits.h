#pragma once

#include <stdbool.h>

/* LimitRange admission (kubernetes.io: "Limit Ranges"; daemon/plan/limit_range.h decides): pods
 * get the requests and limits that they don't say, and what is outside of the limits is refused. */
struct call;
typedef struct json_t json_t;

/* tree: an object of any kind that is being made or changed, decoded and defaulted; was: what it
 * was, NULL for a new one. False: answered. */
bool admit_limits(struct call *c, json_t *tree, const json_t *was);
