#pragma once

#include <stdint.h>

#include "api/client/client.h"

typedef struct sd_event sd_event;

#define HTTP_SOCKET_DEFAULT "/run/orch/orch.sock"

struct client_http_options {
        const char *socket_path;      /* unix socket, or NULL */
        const char *url;              /* "http://127.0.0.1:6443" when there is no socket_path */
        const char *user_agent;       /* NULL: "orch/VERSION" */
        uint64_t connect_timeout_usec; /* 0: 5 s */
        unsigned max_connections;     /* kept open when idle, 0: 4 */
};

/* The HTTP/1.1 transport, on libcurl's multi interface and the caller's loop. Any number of calls
 * in parallel, connections are reused. Connects with the first call only.
 *
 * loop     referenced; its thread makes every call.
 * options  copied.
 * ret      the caller's; client_unref() frees it. All calls must have ended then.
 *
 * Returns 0, -EINVAL (neither or both of socket and URL, or an URL that is not http), -ENOMEM. */
int client_http_new(sd_event *loop, const struct client_http_options *options,
                    struct client **ret_client, struct err *e);
