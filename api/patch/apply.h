#pragma once

#include "api/patch/apply_type.h"
#include "api/patch/field_set.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Who owns which field of an object: metadata.managedFields, and server-side apply on top of it.
 * Behaviour: https://kubernetes.io/docs/reference/using-api/server-side-apply/. Pure. */

/* More Update entries than this are merged into one, the oldest first. */
#define MANAGERS_UPDATE_MAX 10
#define MANAGERS_ANCIENT "ancient-changes"
#define MANAGERS_BEFORE_APPLY "before-first-apply"
#define MANAGER_NAME_MAX 128

/* One entry of managedFields. Texts live in the arena of the managers. */
struct manager {
        const char *name;
        const char *api_version;
        const char *time;        /* RFC 3339; NULL: none */
        const char *subresource; /* "": the object itself */
        bool is_apply;           /* operation Apply, else Update */
        const struct field_set *fields;
};

struct managers {
        struct field_maker maker;
        struct manager *items;
        size_t n, cap;
};

/* Needs managers_done(). Returns 0 or -ENOMEM. */
int managers_init(struct managers *m);
void managers_done(struct managers *m);
DEFINE_AUTO_DONE(managers);

/* Reads the JSON text of managedFields into m. len 0: none. An entry that is {} alone empties the
 * list. Returns 0, -EINVAL (e says what is wrong) or -ENOMEM. */
int managers_parse(struct managers *m, const char *text, size_t len, struct err *e);

/* Whether the same managers own the same; times aside. */
bool managers_equal(const struct managers *a, const struct managers *b);

/* The JSON array as text, the caller's: Apply entries first, then by time. "" when nobody manages
 * anything; NULL: memory is out. */
char *managers_format(struct managers *m);

/* Who writes, and through what. Borrowed. */
struct apply_author {
        const char *manager;
        const char *api_version;
        const char *subresource; /* "" for the object itself */
        const char *time;
};

/* A write that is no apply: the author owns what it changed from was to now (was NULL: a new
 * object), nobody owns what it removed. Returns 1 when m has changed, 0 or -ENOMEM. */
int managers_update(struct managers *m, const struct apply_type *type, const json_t *was,
                    const json_t *now, const struct apply_author *by);

/* What managers_update() and managers_format() say of a new object that has no managers yet, in one
 * walk: a tenth of the work.
 *
 * ret_text  the caller's; "" when nobody owns anything.
 *
 * Returns 0, -ENOTSUP for objects that are too odd for it (hundreds of members in one, elements
 * with the same keys), or -ENOMEM. */
int managers_created(const struct apply_type *type, const json_t *tree,
                     const struct apply_author *by, char **ret_text);

/* The conflicts of an apply: the message and the causes of a 409. */
struct apply_conflicts {
        char *message; /* NULL: none */
        json_t *causes;
};
void apply_conflicts_done(struct apply_conflicts *c);
DEFINE_AUTO_DONE(apply_conflicts);

/* What client-side apply has left in an object's annotation, parsed: what it set and nobody has
 * changed since, "kubectl" may take over without a conflict. The caller's; NULL: nothing, or
 * another manager. */
json_t *managers_last_applied(const json_t *live, const struct apply_author *by);

struct apply_request {
        const struct apply_type *type;
        const json_t *live;         /* NULL: there is no object yet */
        const json_t *config;       /* what the author wants, without managedFields */
        const json_t *last_applied; /* of managers_last_applied(); NULL: none */
        struct apply_author by;
        bool is_forced;
};

/* Applies: merges config into live, takes away what only the author owned and no longer wants, and
 * keeps account in m. On conflicts m is of no use any more and *ret_conflicts tells them.
 *
 * ret_tree  the new object, the caller's.
 *
 * Returns 1 when something changed, 0 when config, live and owners agree already (*ret_tree is then
 * a copy of live), -EEXIST for conflicts, -EINVAL for a config that doesn't fit its schema (e says
 * where), or -ENOMEM. */
int managers_apply(struct managers *m, const struct apply_request *request, json_t **ret_tree,
                   struct apply_conflicts *ret_conflicts, struct err *e);
