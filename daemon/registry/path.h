#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a request's path and query mean, before anything is looked up. Pure. */

enum path_kind {
        PATH_OTHER,         /* not ours, perhaps somebody else's */
        PATH_RESOURCE,      /* /api/v1/namespaces/default/pods/web/status */
        PATH_API,           /* /api */
        PATH_APIS,          /* /apis */
        PATH_GROUP,         /* /apis/apps */
        PATH_GROUP_VERSION, /* /api/v1, /apis/apps/v1 */
};

/* Strings are decoded, "" where absent, and live in the path's own memory. */
struct path {
        enum path_kind kind;
        const char *group, *version, *resource, *namespace_, *name, *subresource;
        bool is_watch; /* /api/v1/watch/pods, the old way to say ?watch=1: old clients still do */
        char *memory;  /* owned */
};

/* text: percent-encoded, without query. Returns 0, -EINVAL (broken encoding, empty or dotted
 * parts), -E2BIG or -ENOMEM. */
int path_parse(const char *text, struct path *ret_path, struct err *e);
void path_done(struct path *p);
DEFINE_AUTO_DONE(path);

struct query_pair {
        const char *key, *value;
};

/* A decoded query, in its order. */
struct query {
        struct query_pair *pairs;
        size_t n;
        char *memory; /* owned */
};

/* text: behind "?", or NULL. Returns 0, -EINVAL, -E2BIG or -ENOMEM. */
int query_parse(const char *text, struct query *ret_query, struct err *e);
void query_done(struct query *q);
DEFINE_AUTO_DONE(query);

/* Adds a pair; both live as long as the query. Returns 0 or -ENOMEM. */
int query_add(struct query *q, const char *key, const char *value);

/* The first value of key, or NULL. */
const char *query_get(const struct query *q, const char *key);

/* As the API reads booleans: absent, "0" and "false" are false, everything else is true. */
bool query_bool(const struct query *q, const char *key);

/* A number from 0. Absent or empty: *ret is left alone. Returns 1, 0 when absent, or -EINVAL. */
int query_number(const struct query *q, const char *key, int64_t *ret);
