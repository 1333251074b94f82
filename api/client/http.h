#pragma once

#include "api/client/client.h"

#include <stdint.h>

typedef struct sd_event sd_event;

#define HTTP_SOCKET_DEFAULT "/run/orch/orch.sock"

struct http_address;

/* Who opens connections where a plain socket won't do: TLS (tls.h). */
struct http_dialer {
        /* Begins to connect. *ret_fd: a stream socket, nonblocking, the caller's; bytes may be
         * written to it at once, and its end says that there is no connection. Returns 0 or a
         * negative errno. */
        int (*dial)(void *data, const struct http_address *address, int *ret_fd);
        /* Why the newest one ended before its time; NULL: nothing is known. Borrowed. */
        const char *(*failure)(void *data);
        void *data; /* borrowed for the client's life */
};

struct client_http_options {
        const char *socket_path; /* unix socket, or NULL */
        const char *url;         /* "http://127.0.0.1:8080" when there is no socket_path */
        const char *host;        /* the server's name in the Host header and for people; NULL: as in
                                    the URL */
        const char *token;       /* Authorization: Bearer; NULL: none */
        const struct http_dialer *dialer; /* must be there for https://; copied. NULL: sockets */
        const char *user_agent;           /* NULL: "orch/VERSION" */
        unsigned max_parallel; /* short calls at the same time, others wait; 0: 16. Streams,
                                  uploads and upgrades are not counted */
};

/* HTTP/1.1 on the caller's loop, without a library: see docs/adr/0070. Connections are reused and
 * closed after a few idle seconds. Connects with the first call only.
 *
 * loop     referenced; its thread makes every call.
 * options  copied.
 * ret      the caller's; client_unref() frees it. All calls must have ended or been cancelled.
 *
 * Returns 0, -EINVAL (neither or both of socket and URL; an URL that is not
 * "http[s]://ADDRESS[:PORT]", ADDRESS a number or "localhost"), -ENAMETOOLONG, -ENOMEM. */
int client_http_new(sd_event *loop, const struct client_http_options *options,
                    struct client **ret_client, struct err *e);
