#pragma once

#include "base/err.h"

#include <stdbool.h>

struct manifest;
struct session;
typedef struct json_t json_t;

/* How a manifest is applied. */
struct apply_how {
        bool is_server_side, is_forced;
        const char *field_manager; /* NULL: as kubectl says */
};

/* What apply would make of an object, asked of the server, which stores nothing.
 *
 * ret_live    the object as it is; NULL: there is none.
 * ret_wanted  the object as it would be.
 *
 * Both are the caller's, without accounts of owners. Returns 0 or a negative errno. */
int apply_preview(struct session *s, const struct manifest *m, const struct apply_how *how,
                  json_t **ret_live, json_t **ret_wanted, struct err *e);
