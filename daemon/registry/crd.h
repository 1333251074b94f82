#pragma once

#include "base/err.h"
#include "daemon/registry/hub.h"

#include <stdbool.h>

/* CustomResourceDefinitions: what they make of the list of kinds, and their end. All of it happens
 * where changes are published, so a kind is there with the answer to its definition. */
struct call;
struct kind_state;
struct record;
struct registry;
struct resource;
typedef struct json_t json_t;

/* A new or changed definition that has passed its checks gets its status: names accepted or not.
 * False: the call has been answered. */
bool crd_admit(struct call *c, json_t *tree);

/* Something new of a kind: not while its definition is being deleted. False: answered. */
bool crd_admit_object(struct call *c);

/* A definition that is to be deleted waits for its objects. Returns 0 or -ENOMEM. */
int crd_hold(struct call *c, json_t *tree);

/* A definition was published: its kind comes, changes or goes. */
void crd_published(struct registry *r, enum change change, struct record *now);

/* An object of a kind whose definition is being deleted was published. */
void crd_object_published(struct registry *r);

/* All definitions are in memory, no other object is: their kinds come. */
void crd_loaded(struct registry *r);

/* All objects are in memory: they get the defaults of today's schemas. */
void crd_objects_loaded(struct registry *r);

/* No work that crd_work_soon() asked for is begun any more. */
void crd_done(struct registry *r);

/* Brings the objects of a custom kind to what its definition says now: version and defaults. Only
 * the memory changes, as with Kubernetes, which does so on each read. */
void crd_refresh(struct kind_state *state);

/* ---- crd_finish.c ---- */

/* Deletes the objects of definitions that are being deleted, ends those that have none left, and
 * looks again at those whose names were taken. Soon, from the loop. */
void crd_work_soon(struct registry *r);

/* The record of a kind's definition, or NULL. */
struct record *crd_record_of(struct registry *r, const struct kind_state *state);

/* Whether a definition is being deleted. */
bool crd_is_terminating(const json_t *tree);

/* Which name of a definition somebody else has: in Kubernetes' words ("\"crontabs\" is already in
 * use"), the caller's; NULL: none. *ret_reason is static. */
char *crd_conflict(struct registry *r, const json_t *tree, const char **ret_reason);
