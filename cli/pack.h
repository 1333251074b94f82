#pragma once

#include "api/dockerfile/pattern.h"
#include "base/err.h"

#include <jansson.h>
#include <stddef.h>

/* What "orch build" sends: a tar stream (api/dockerfile/build_wire.h). */
struct pack {
        const json_t *request; /* build.json */
        const char *file_text; /* the Dockerfile */
        size_t file_len;
        const char *context; /* folder */
        const struct ignore *ignore;
        /* "id=NAME[,src=FILE]", as given. */
        const char *const *secrets;
        size_t n_secrets;
        const char *auth; /* credentials_read(); NULL: none */
};

/* Writes all of it to fd. Entries are sorted; owners are left out, sockets and devices too. Returns
 * 0 or a negative errno. Blocks. */
int pack_write(const struct pack *p, int fd, struct err *e);
