#pragma once

#include "base/err.h"

#include <stddef.h>

/* What the controllers of roles do. Pure. */
struct changes;
struct object;

/* The index-th default object as it is, or NULL: makes it, or adds what it lacks. What people have
 * added stays; with the annotation rbac.authorization.kubernetes.io/autoupdate: "false" all stays.
 * A binding to another role than the default's is deleted and made anew. Returns 0 or -ENOMEM. */
int rbac_default_plan(size_t index, const struct object *now, struct changes *c, struct err *e);

/* A cluster role that is made of others: its rules become those of all roles that its selectors
 * choose. all: every cluster role, in the order of names. Returns 0 or -ENOMEM. */
int rbac_aggregate_plan(const struct object *role, const struct object *const *all, size_t n,
                        struct changes *c, struct err *e);
