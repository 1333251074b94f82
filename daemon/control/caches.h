#pragma once

#include "api/client/informer.h"
#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

/* One informer for each kind, shared by all controllers. */
struct caches;
struct core;
struct object;

/* Indexes that each informer has. */
#define CACHE_NAMESPACE "namespace" /* by metadata.namespace */
#define CACHE_OWNER "owner"         /* by the uid of each owner */
#define CACHE_NODE "node"           /* pods: by spec.nodeName, "" for none */

/* Objects picked from a cache: borrowed until the loop turns. */
struct objects {
        const struct object **items; /* owned array */
        size_t n, cap;
};

void objects_done(struct objects *o);
DEFINE_AUTO_DONE(objects);

/* Creates the informers of all stored kinds but Event; starts nothing. Returns 0 or -ENOMEM. */
int caches_new(struct core *core, struct caches **ret, struct err *e);
void caches_unref(struct caches *c);
DEFINE_AUTO(caches);

/* Begins to list. */
int caches_start(struct caches *c, struct err *e);

/* fn(data) whenever one more cache has its first list. Before caches_start(). 0 or -ENOMEM. */
int caches_on_synced(struct caches *c, informer_synced_fn fn, void *data);

bool caches_have_synced(const struct caches *c);

/* The informer of a kind, or NULL for one that isn't cached. */
struct informer *caches_informer(const struct caches *c, const struct kind *k);

/* fn(data, key, before, after) for every change of kind k. Before caches_start(). 0 or -ENOMEM. */
int caches_watch(struct caches *c, const struct kind *k, informer_handler_fn fn, void *data);

/* The object, borrowed, or NULL when there is none or it is known to be gone. */
const struct object *caches_get(const struct caches *c, const struct kind *k, const char *key);
const struct object *caches_find(const struct caches *c, const struct kind *k, const char *ns,
                                 const char *name);

/* Adds the objects that index files under value; index NULL: all. Returns 0 or -ENOMEM. */
int caches_list(const struct caches *c, const struct kind *k, const char *index, const char *value,
                struct objects *to);

/* What owner owns, and the orphans of its namespace that it might adopt. */
int caches_list_dependents(const struct caches *c, const struct kind *k, const struct object *owner,
                           struct objects *to);

/* A write's answer: the cache learns of it before the watch tells. text: the object as JSON.
 * Returns 0, -EINVAL when it is no object of that kind, or -ENOMEM. */
int caches_observe(struct caches *c, const struct kind *k, const char *text, size_t len);

/* A delete succeeded: the object with that uid counts as gone from now on, though the watch is
 * behind. Returns 0 or -ENOMEM. */
int caches_bury(struct caches *c, const char *uid);
