#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a plan wants done through the API: a list of changes that daemon/control carries out. Plans
 * only describe; nothing here acts. */

struct kind;
struct object;

enum change_verb {
        CHANGE_CREATE, /* POST the body */
        CHANGE_PATCH,  /* JSON merge patch; only at the revision that the plan saw */
        CHANGE_POST,   /* POST the body to a subresource: binding */
        CHANGE_PUT,    /* PUT the body to a subresource: finalize */
        CHANGE_DELETE, /* only of the uid that the plan saw */
        CHANGE_EVENT,  /* nothing but the event in done */
};

/* An event to record about the object that was planned for (or about another, see change.about). */
struct change_event {
        const char *type;    /* "Normal", "Warning"; NULL: no event */
        const char *reason;  /* "SuccessfulCreate" */
        const char *message; /* of a failure: what stands in front of the error's text */
};

struct change {
        enum change_verb verb;
        const struct kind *kind;    /* counted */
        const char *namespace;      /* "" for cluster-scoped kinds */
        const char *name;           /* NULL: CHANGE_DELETE of a whole collection */
        const char *subresource;    /* NULL: the object itself */
        const char *uid;            /* CHANGE_DELETE: precondition, NULL: none */
        const char *revision;       /* CHANGE_DELETE: precondition, NULL: none */
        const char *propagation;    /* CHANGE_DELETE: NULL: the kind's default */
        int64_t grace_s;            /* CHANGE_DELETE: -1: the object's own */
        json_t *body;               /* owned by the list */
        const struct object *about; /* whom events speak of; borrowed from the facts */
        struct change_event done;   /* recorded when it succeeded */
        struct change_event failed; /* recorded when it failed */
        bool is_failure_counted;    /* a refusal shows in the object's status (ReplicaFailure) */
};

/* Errors stick: after a failed allocation every call does nothing and changes_check() tells.
 * "struct changes c = {0};" is an empty list, its memory comes with the first change. Strings are
 * copied, objects must outlive the list. */
struct changes {
        struct change *items;
        size_t n, cap;
        struct arena *arena;
        uint64_t again_usec; /* wall clock: plan anew then though nothing has changed; 0: no need */
        bool has_failed;
};

void changes_done(struct changes *c);
DEFINE_AUTO_DONE(changes);

/* 0 or -ENOMEM. */
int changes_check(const struct changes *c, struct err *e);

/* Asks for another plan at that time or earlier. */
void changes_again(struct changes *c, uint64_t wall_usec);

/* All below return the change, to be completed, or NULL when memory is out. */

/* take_body: a whole object with metadata.name and, for a namespaced kind, metadata.namespace. */
struct change *changes_create(struct changes *c, const struct kind *k, json_t *take_body);

/* A merge patch of the object or, where subresource is not NULL, of that; the object's revision is
 * put into the patch as precondition. */
struct change *changes_patch(struct changes *c, const struct object *o, const char *subresource,
                             json_t *take_body);

/* POST or PUT to a subresource. */
struct change *changes_sub(struct changes *c, enum change_verb verb, const struct object *o,
                           const char *subresource, json_t *take_body);

/* Deletes the object that has o's uid. propagation: "Background", "Foreground", "Orphan" or NULL.
 */
struct change *changes_delete(struct changes *c, const struct object *o, const char *propagation);

/* Deletes all objects of a kind in a namespace; the change has no name. */
struct change *changes_delete_all(struct changes *c, const struct kind *k, const char *ns);

/* An event about o that goes with no change. */
struct change *changes_event(struct changes *c, const struct object *o, struct change_event event);

/* Completes a change with its events. Texts are copied; NULL change is allowed. */
void change_on_done(struct changes *c, struct change *it, const struct object *about,
                    struct change_event event);
void change_on_failed(struct changes *c, struct change *it, const struct object *about,
                      struct change_event event);

/* printf into the list's memory; "" (and sticky) when memory is out. */
const char *changes_text(struct changes *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Small helpers over jansson that let a tree be built without a check a line: each NULL makes the
 * result NULL, and a NULL body makes the list fail. */

/* Sets key to take_value; false when memory is out (take_value NULL counts). */
bool tree_set(json_t *object, const char *key, json_t *take_value);
/* RFC 3339 in whole seconds; JSON null for 0. */
json_t *tree_time(uint64_t wall_usec);
/* {controller: true, blockOwnerDeletion: true} of o. */
json_t *tree_owner(const struct object *o);
/* Sets a text unless it is NULL or empty. */
bool tree_set_text(json_t *object, const char *key, const char *text);
