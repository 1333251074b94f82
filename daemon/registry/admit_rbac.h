#pragma once

#include <stdbool.h>

/* Nobody gives away rights that they don't have: roles and bindings are checked when they are made
 * and when they change (k8s.io/kubernetes/pkg/registry/rbac/…/policybased). The verbs
 * "escalate" on roles and "bind" on what a binding names are the way around. */
struct call;
typedef struct json_t json_t;

/* tree: the object as it would be; was: as it is, NULL when it is made. Objects of other kinds
 * pass. False: answered. */
bool admit_rbac(struct call *c, const json_t *tree, const json_t *was);
