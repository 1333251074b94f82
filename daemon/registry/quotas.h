#pragma once

#include "base/err.h"

#include <stdbool.h>

/* What each ResourceQuota's namespace uses (docs/adr/0161). Counts begin with a walk over the
 * namespace's objects, then follow each change where it is published; what is admitted and not yet
 * published is held beside them. Namespaces without quotas cost a look at an empty map.
 * daemon/plan/quota.h decides. */
struct kind;
struct object;
struct quota_hold;
struct quotas;
struct record;
struct registry;

/* Returns 0 or -ENOMEM. */
int quotas_new(struct registry *r, struct quotas **ret);
void quotas_unref(struct quotas *q);

/* An object has come (was NULL), changed or gone (now NULL), in the table already. */
void quotas_learn(struct quotas *q, const struct record *now, const struct record *was);

/* Whether a namespace has quotas. */
bool quotas_has(const struct quotas *q, const char *namespace_);

/* Something that is to be in a namespace. */
struct quota_demand {
        const struct kind *kind; /* as stored */
        const char *namespace_;
        struct object *now, *was; /* borrowed; of kinds that quota_needs_object(). was NULL: new */
        bool is_update;
};

/* Holds what it needs beyond what it had, in every quota of the namespace, or in none.
 *
 * ret_why   NULL, or why it may not be, the caller's: "exceeded quota: …", "failed quota: …".
 * ret_hold  the caller's, to be released when the change is published or has failed; NULL: nothing
 *           need be held.
 *
 * Returns 0 or -ENOMEM. */
int quotas_hold(struct quotas *q, const struct quota_demand *d, struct quota_hold **ret_hold,
                char **ret_why);

/* NULL is allowed. */
void quota_hold_release(struct quota_hold *h);
