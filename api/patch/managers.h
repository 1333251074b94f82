#pragma once

#include "api/patch/apply.h"
#include "api/patch/apply_walk.h"

/* What the files of server-side apply share. */

/* A new manager without fields; NULL: memory is out, and the maker knows. Moves the others. */
struct manager *managers_add(struct managers *m, const struct apply_author *by, bool is_apply);

/* The manager of an author, or NULL. */
struct manager *managers_find(struct managers *m, const struct apply_author *by, bool is_apply);
bool manager_is(const struct manager *one, const struct apply_author *by, bool is_apply);

/* Leaves out managers that own nothing; pointers to others move. */
void managers_drop_empty(struct managers *m);

/* Everybody but the author loses what changed, and all lose what is gone; an applier's own set is
 * what it applied. Whether anybody lost anything. */
bool managers_lose(struct managers *m, const struct apply_delta *d, const struct apply_author *by,
                   bool is_apply);

/* A set without what the server alone decides: apiVersion, kind, name, uid and the like. */
const struct field_set *managers_strip(struct field_maker *m, const struct field_set *set);

/* Appends an entry up to its fieldsV1, which is to follow, and a brace. */
void manager_format_head(const struct manager *one, struct strbuf *b);

/* Whether nobody owns that member of an object's metadata: name, uid and the like. */
bool managers_meta_is_unowned(const char *name);
