#pragma once

#include <stdbool.h>

/* Changes that say no more than "still alive". Pure. */
struct resource;
typedef struct json_t json_t;

/* Whether was and fresh differ in the kind's heartbeat fields at most (metadata's resourceVersion
 * aside). False for kinds without. */
bool heartbeat_only(const struct resource *r, const json_t *was, const json_t *fresh);
