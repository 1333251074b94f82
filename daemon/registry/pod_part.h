#pragma once

#include <stdbool.h>

/* Sub-resources that change a part of a pod which nobody may change otherwise:
 * pods/P/ephemeralcontainers and pods/P/resize. */
struct call;
typedef struct json_t json_t;

bool pod_part_is(const struct call *c);

/* The pod as it is, with the part from fresh. A new tree, the caller's; NULL: memory is out. */
json_t *pod_part_join(const struct call *c, const json_t *was, const json_t *fresh);

/* What may not change in that part. False: answered. */
bool pod_part_check(struct call *c, const json_t *was, const json_t *fresh);

/* What a new pod may not have yet. Objects of other kinds pass. False: answered. */
bool pod_part_check_new(struct call *c, const json_t *tree);
