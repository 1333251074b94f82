#pragma once

#include "api/schema/types.h"

#include <stdbool.h>
#include <stddef.h>

/* What objects cost of a ResourceQuota, and whether there is enough left (kubernetes.io: "Resource
 * Quotas"). All pure: the same object always costs the same, so that counts can go up and down
 * with changes and still equal a recount. */
struct kind;
struct resource_quota_spec;

/* One object, or one that is to be. */
struct quota_item {
        const struct kind *kind; /* as it is stored */
        const void *decoded;     /* struct of the kind; needed of kinds that quota_needs_object() */
};

/* Whether an object's cost depends on more than that it is there. */
bool quota_needs_object(const struct kind *k);

/* Whether objects of a kind can cost anything of a quota. */
bool quota_may_count(const struct resource_quota_spec *q, const struct kind *k);

/* What an item costs of each resource of spec.hard, in its order; 0 of those that it has nothing
 * to do with. ret_cost: room for spec.hard.n. Returns whether the quota is about such an item at
 * all: a resource of it and every scope matches. */
bool quota_cost(const struct resource_quota_spec *q, const struct quota_item *item,
                struct quantity *ret_cost);

/* What a pod has to say because a quota limits it: "must specify limits.cpu for: a,b; …", the
 * caller's. *ret NULL: it says all. Other items need say nothing. Returns 0 or -ENOMEM. */
int quota_missing(const struct resource_quota_spec *q, const struct quota_item *item, char **ret);

/* Whether more can be used on top of what is. more, used: spec.hard.n amounts; of more only those
 * above 0 count. *ret NULL: there is enough, else the caller's text: "requested: pods=1, used:
 * pods=10, limited: pods=10". Returns 0 or -ENOMEM. */
int quota_exceeded(const struct resource_quota_spec *q, const struct quantity *more,
                   const struct quantity *used, char **ret);
