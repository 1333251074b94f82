#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A cache of one kind's objects, kept up to date by a list and then a watch. An event may be lost,
 * doubled or reordered: that costs latency, never correctness. Nothing leaves the cache on the word
 * of a list that has not finished. On the loop thread. */

struct client;
struct informer;
struct kind;
struct object;
struct timers;

/* Handlers get the key and should do no more than enqueue it; they must not unref the informer.
 * before and after are borrowed (take a reference to keep one). before is NULL for an addition,
 * after for a removal. The cache already has the new state. */
typedef void (*informer_handler_fn)(void *data, const char *key, const struct object *before,
                                    const struct object *after);

/* The first list is complete: the cache may be believed. Called once. */
typedef void (*informer_synced_fn)(void *data);

/* Adds what an object is found by, calling add(add_data, value) for each value (an owner's uid, a
 * label, a node's name). */
typedef void (*informer_index_fn)(const struct object *o,
                                  void (*add)(void *add_data, const char *value), void *add_data);

struct informer_options {
        const struct kind *kind;
        const char *namespace_;     /* NULL: all; copied */
        const char *label_selector; /* NULL: everything; copied */
        const char *field_selector; /* NULL: everything; copied */
        uint64_t seed;              /* of the back-off's jitter */
        uint64_t relist_usec;       /* lists anew this often, 0: every 30 min, USEC_NEVER: never */
        unsigned page_size;         /* objects a page of a list, 0: 500 */
        bool keeps_text;            /* objects keep their JSON text (object_json() gives it all) */
        bool is_outline;            /* objects are outlines (object_new_outline()); not with text */
};

/* client is referenced, timers borrowed for the informer's life. Starts nothing yet. */
int informer_new(struct client *client, struct timers *timers, const struct informer_options *o,
                 struct informer **ret_informer, struct err *e);
/* Cancels what is under way and frees everything. No handler is called. */
void informer_unref(struct informer *i);
DEFINE_AUTO(informer);

/* Before informer_start(). Return 0 or -ENOMEM. */
int informer_add_handler(struct informer *i, informer_handler_fn fn, void *data);
int informer_on_synced(struct informer *i, informer_synced_fn fn, void *data);
/* name: borrowed for the informer's life (a literal). */
int informer_add_index(struct informer *i, const char *name, informer_index_fn fn);

/* Begins to list. Failures are retried with back-off for ever and logged at the first of a row, so
 * this returns 0. No handler is called in here. */
int informer_start(struct informer *i, struct err *e);

bool informer_has_synced(const struct informer *i);

/* The newest revision that the cache includes, 0 before the first list. */
uint64_t informer_revision(const struct informer *i);

const struct kind *informer_kind(const struct informer *i);

/* The object "ns/name" ("name" for cluster-scoped kinds), borrowed until the loop turns, or NULL.
 */
struct object *informer_get(const struct informer *i, const char *key);
size_t informer_count(const struct informer *i);

/* Calls fn for every object, in no order, until it returns non-zero, which is returned. fn must
 * not unref the informer. */
int informer_each(const struct informer *i,
                  int (*fn)(void *data, const char *key, struct object *o), void *data);

/* The same for the objects that index name files under value. */
int informer_each_in(const struct informer *i, const char *name, const char *value,
                     int (*fn)(void *data, const char *key, struct object *o), void *data);

/* Tells the informer of a write's answer before the watch does, so that the next plan doesn't work
 * on what it has itself changed. Older than the cache's: ignored. Handlers are called. */
void informer_observe(struct informer *i, struct object *o);
