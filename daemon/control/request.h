#pragma once

#include "api/client/client.h"
#include "base/err.h"

#include <stddef.h>

/* From a change to the request that makes it. */

struct change;
struct kind;

struct request {
        char *path;              /* owned */
        char *body;              /* owned; NULL: none */
        struct client_request r; /* points into the two above */
};

void request_done(struct request *r);

/* Fills a request for any change but CHANGE_EVENT. Returns 0 or -ENOMEM. Pure. */
int request_from_change(const struct change *c, struct request *ret);

/* GET of one object, or with name NULL of a list with at most one element. */
int request_get(const struct kind *k, const char *ns, const char *name, struct request *ret);
