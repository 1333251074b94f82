#pragma once

#include "base/err.h"

/* Objects in another version than the one that is stored. */
struct call;
struct kind;
struct record;
typedef struct json_t json_t;

/* The object as version asked shows it: the record itself where that is the stored version. A new
 * reference, the caller's; NULL when memory is out. */
struct record *view_record(struct record *r, const struct kind *asked);

/* Its tree. The caller's; NULL when memory is out. */
json_t *view_tree(const struct record *r, const struct kind *asked);
