#pragma once

#include "base/err.h"

#include <stdint.h>

/* Where the service "kubernetes" leads: the address of the server itself (docs/adr/0153). Pure. */
struct changes;
struct object;

#define APISERVER_SERVICE "kubernetes" /* in namespace default, as are its endpoints */

/* All that the plan may know. Borrowed. */
struct apiserver_facts {
        const struct object *slice;     /* default/kubernetes; NULL: there is none */
        const struct object *endpoints; /* likewise, in the old form */
        const struct object *node;      /* the server's own machine; NULL: not known yet */
        int64_t port;                   /* of TLS; 0: there is none */
};

/* Brings both to the InternalIP of the node; without node or port they stay as they are. Returns 0
 * or -ENOMEM. */
int apiserver_plan(const struct apiserver_facts *f, struct changes *c, struct err *e);
