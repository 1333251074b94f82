#pragma once

#include "api/schema/types.h"
#include "base/list.h"
#include "base/map.h"

#include <stdbool.h>
#include <stddef.h>

/* What quotas.c and quota_status.c share: the counts of one ResourceQuota, and the quotas of one
 * namespace. */
struct kind;
struct object;
struct registry;
struct resource_quota_spec;
struct timer;

struct quota_count {
        char *name;            /* owned */
        struct object *object; /* counted: the quota that the rest is about */
        /* Arrays of spec.hard.n, one allocation behind used: what published objects use, what is
         * held for changes under way, and room for a cost or two. */
        struct quantity *used, *held, *more, *less;
        bool is_counted; /* used is right; else the next who asks counts anew */
        bool is_dirty;   /* status may differ */
        bool is_writing; /* a status is on its way */
};

struct quota_space {
        struct quotas *quotas;
        char *namespace_;           /* owned */
        struct quota_count **items; /* owned; by name */
        size_t n, cap;
        struct list holds;
};

struct quotas {
        struct registry *registry;
        struct map spaces; /* namespace → struct quota_space */
        struct timer *timer;
        bool has_failed; /* a write of this round: the others wait, too */
};

/* What the quota says; borrowed from its object. */
const struct resource_quota_spec *quota_count_spec(const struct quota_count *c);

/* Counts anew where that is needed. Returns 0 or -ENOMEM. */
int quota_count_ensure(struct quota_space *s, struct quota_count *c);

/* ---- quota_status.c ---- */

/* Brings the status of quotas that are dirty up to date, soon. */
void quota_status_soon(struct quotas *q);
void quota_status_done(struct quotas *q);
