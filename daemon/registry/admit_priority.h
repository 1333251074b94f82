#pragma once

#include <stdbool.h>

/* Priority admission (kubernetes.io: "Pod Priority and Preemption"): a new pod's priority and
 * preemptionPolicy come from its class, from the class that is the default, or are 0 and
 * PreemptLowerPriority. Of all classes one may be the default. */
struct call;
typedef struct json_t json_t;

/* tree: an object of any kind that is being made or changed, decoded and defaulted; pods get their
 * priority. was: what it was, NULL for a new one. False: answered. */
bool admit_priority(struct call *c, json_t *tree, const json_t *was);
