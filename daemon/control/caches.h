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

/* ---- kinds that definitions make come and go ---- */

/* fn(data, kind) for each kind that has a cache now, and for each that gets one later, before its
 * first list. Parts that care for all kinds watch it then. Returns 0 or -ENOMEM. */
typedef int (*caches_kind_fn)(void *data, const struct kind *k);
int caches_on_kind(struct caches *c, caches_kind_fn fn, void *data);

/* A kind more, counted, and one less (its objects are forgotten without a word: they were deleted
 * before). Not from inside a handler of that kind. Return 0 or -ENOMEM. */
int caches_add_kind(struct caches *c, const struct kind *k, struct err *e);
void caches_remove_kind(struct caches *c, const struct kind *k);

/* The i-th kind that has a cache, NULL behind the last; borrowed until the loop turns. */
const struct kind *caches_kind(const struct caches *c, size_t i);

/* The kind of "example.com/v1" and "CronTab", cached or a table's; NULL: nobody knows. A custom
 * kind is known by its group in all versions. */
const struct kind *caches_find_kind(const struct caches *c, const char *api_version,
                                    const char *name);

/* The cached kind of "crontabs.example.com", or NULL. */
const struct kind *caches_find_resource(const struct caches *c, const char *word);

/* Begins to list. */
int caches_start(struct caches *c, struct err *e);

/* fn(data) whenever one more cache has its first list. Before caches_start(). 0 or -ENOMEM. */
int caches_on_synced(struct caches *c, informer_synced_fn fn, void *data);

/* Of the kinds of tables; those that came later are on their way. */
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
