#pragma once

#include "base/err.h"

#include <stdbool.h>

/* Standard streams of something in a container (exec, attach), over a WebSocket
 * (v5.channel.k8s.io). */
struct session;

struct remote_streams {
        int in, out, err; /* borrowed; -1: none. in may be a file, a pipe or a terminal */
        bool has_tty;     /* in is a terminal: raw meanwhile, its size goes along */
};

/* Runs until the other side ends. path: of the sub-resource, with its query.
 *
 * Returns the exit code (0 to 255), or a negative errno: -ECONNRESET when the connection ended
 * first, session_call()'s, or that of a Status that says Failure otherwise. Blocks. */
int remote_run(struct session *s, const char *path, const struct remote_streams *streams,
               struct err *e);

/* "exec" or "attach" of a pod's container, with the streams' query; "command" is to be added. The
 * caller's; NULL: memory is out. */
typedef struct json_t json_t;
char *remote_path(struct session *s, const json_t *pod, const char *container, const char *verb,
                  const struct remote_streams *streams);
