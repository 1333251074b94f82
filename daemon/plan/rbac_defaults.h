#pragma once

#include <jansson.h>
#include <stddef.h>

/* The cluster roles and bindings that every cluster has, as Kubernetes'
 * (plugin/pkg/auth/authorizer/rbac/bootstrappolicy). */

struct kind;

/* How many there are; indexes go from 0. Roles stand before the bindings that name them. */
size_t rbac_defaults_count(void);
const struct kind *rbac_default_kind(size_t i);
const char *rbac_default_name(size_t i);

/* A fresh tree of the object, the caller's; NULL: memory is out. */
json_t *rbac_default_tree(size_t i);
