#pragma once

#include "daemon/server/face.h"

/* Which node and container a request for logs or a command is about. */
typedef struct json_t json_t;

struct pod_target {
        char *node;   /* owned */
        json_t *what; /* owned: the object of the node's OPEN line */
};

void pod_target_done(struct pod_target *t);

/* Finds pod and, but for "portforward", container of pods/P/log, exec, attach or portforward.
 *
 * Returns 0; or an HTTP code with *ret_reason (static) and the message in e. */
unsigned pod_target_find(struct request *r, struct pod_target *ret, const char **ret_reason,
                         struct err *e);
