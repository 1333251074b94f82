#pragma once

#include "base/err.h"
#include "base/str.h"

#include <sys/socket.h>
#include <sys/un.h>

struct client_http_options;
struct client_request;

/* Where the server is. Pure. */
struct http_address {
        struct sockaddr_storage sa;
        socklen_t len;
        char name[sizeof(((struct sockaddr_un *) NULL)->sun_path)]; /* for people: path or URL */
        char host[104];                                             /* the Host header */
};

/* Returns 0, -EINVAL or -ENAMETOOLONG. */
int http_address_parse(const struct client_http_options *o, struct http_address *ret,
                       struct err *e);

/* What every request to a server says. Borrowed. */
struct http_identity {
        const char *host, *user_agent;
        const char *token; /* NULL: none */
};

/* Appends request line, headers and, when it has one, the body. Refuses control characters in what
 * would end up in the head: -EINVAL. -ENOMEM. */
int http_request_format(const struct client_request *r, const struct http_identity *who,
                        struct strbuf *out, struct err *e);
