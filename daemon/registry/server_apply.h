#pragma once

/* PATCH application/apply-patch+yaml. Answers the call. */
struct call;
typedef struct json_t json_t;

void server_apply(struct call *c);

/* The same for a sub-resource that is no part of its object: to_config makes of its body what is
 * applied to the object; NULL: it has answered. */
void server_apply_with(struct call *c, json_t *(*to_config)(struct call *c, json_t *body));
