#pragma once

#include "api/kinds/rbac.h"
#include "base/err.h"
#include "base/macros.h"
#include "daemon/plan/access.h"

#include <stdbool.h>
#include <stddef.h>

/* The rules of a cluster, kept so that a decision costs a few look-ups: bindings are filed by
 * namespace and subject, roles by name. Objects come and go one by one; nothing is ever rebuilt. No
 * I/O, no clock; one thread. */
struct object;
struct rbac;

/* Returns NULL when memory is out. */
struct rbac *rbac_new(void);
void rbac_unref(struct rbac *r);
DEFINE_AUTO(rbac);

/* Whether objects of this kind count here. */
bool rbac_has_kind(const struct kind *k);

/* Adds an object, or puts it in the place of its older version; referenced. Returns 0 or -ENOMEM:
 * then neither version counts, so that nobody may do more than they should. */
int rbac_put(struct rbac *r, struct object *o);
/* namespace_: "" for cluster-scoped kinds. */
void rbac_remove(struct rbac *r, const struct kind *k, const char *namespace_, const char *name);

struct access_decision {
        bool is_allowed;
        char *reason; /* owned; NULL: nothing to say */
};

void access_decision_done(struct access_decision *d);
DEFINE_AUTO_DONE(access_decision);

/* Whether somebody may do something. Group system:masters may do all.
 *
 * ret  the reason names the binding that allows it, or bindings whose role is missing; pass NULL
 *      when it isn't wanted. */
bool rbac_decide(const struct rbac *r, const struct access_user *u, const struct access *a,
                 struct access_decision *ret);

/* All rules that somebody has in a namespace ("": in the whole cluster), in an array of the
 * caller's that borrows from the objects: free(ret->items). Returns 0 or -ENOMEM. */
int rbac_rules_of(const struct rbac *r, const struct access_user *u, const char *namespace_,
                  struct policy_rules *ret);

/* The role that a reference in that namespace means, borrowed, or NULL. */
const struct role *rbac_role(const struct rbac *r, const char *namespace_,
                             const struct role_ref *ref);
