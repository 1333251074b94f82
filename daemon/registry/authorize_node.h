#pragma once

#include <stdbool.h>

/* The rights of nodes over the API (docs/adr/0151). */
struct access;
struct call;
struct registry;
struct user;
typedef struct json_t json_t;

/* Whether the user is a node and may do this because its pods need it. */
bool authorize_node(struct registry *r, const struct user *u, const struct access *a);

/* What a node may not write though it may write the object: another Node or lease than its own,
 * labels and taints that place pods. was: NULL for a new object. False: answered. */
bool admit_node(struct call *c, const json_t *tree, const json_t *was);

/* Whether a token that a node asks for is bound to a pod of its own; others than nodes pass.
 * request: the TokenRequest. False: answered. */
bool admit_node_token(struct call *c, const json_t *request);
