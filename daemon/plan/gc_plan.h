#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Garbage collection: objects whose owners are gone, owners that wait for their dependents, pods
 * whose node is gone. */

struct changes;
struct object;

enum gc_owner {
        GC_OWNER_PRESENT,
        GC_OWNER_WAITING, /* present, but being deleted and waiting for its dependents */
        GC_OWNER_ABSENT,  /* the API itself says so: never a cache's word */
};

/* All that the plan may know. Borrowed. */
struct gc_facts {
        const struct object *object;
        const enum gc_owner *owners;            /* one for each of its ownerReferences */
        const struct object *const *dependents; /* who name it as owner */
        size_t n_dependents;
};

#define GC_FOREGROUND "foregroundDeletion"
#define GC_ORPHAN "orphan"

/* An object without any owner left is deleted; references to absent owners beside living ones are
 * dropped; an owner that is deleted in the foreground goes when its blocking dependents have gone,
 * one that is to orphan its dependents when they have been told. Returns 0 or -ENOMEM. Pure. */
int gc_plan(const struct gc_facts *f, struct changes *c, struct err *e);

/* Whether the object carries that finalizer. */
bool gc_has_finalizer(const struct object *o, const char *name);

/* A pod that is bound to a node which the API doesn't have goes at once: nobody is left to stop it.
 * is_node_absent: the API's own word. Returns 0 or -ENOMEM. Pure. */
int gc_plan_pod(const struct object *pod, bool is_node_absent, struct changes *c, struct err *e);
