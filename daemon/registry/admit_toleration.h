#pragma once

#include <stdbool.h>

/* DefaultTolerationSeconds (kubernetes.io: "Taints and Tolerations"): pods stay five minutes on a
 * node that is not ready or out of reach, unless they say otherwise. */
struct call;
typedef struct json_t json_t;

/* tree: an object of any kind that is being made or changed. False: answered. */
bool admit_tolerations(struct call *c, json_t *tree);
