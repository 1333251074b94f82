#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One interface to the Kubernetes-style API, whoever carries the bytes: HTTP (http.h), the
 * registry inside the server's process, a fake in tests. Everything happens on the owner's loop
 * thread; nothing here blocks. */

enum client_method { CLIENT_GET, CLIENT_POST, CLIENT_PUT, CLIENT_PATCH, CLIENT_DELETE };

#define CLIENT_TYPE_JSON "application/json"
#define CLIENT_TYPE_MERGE_PATCH "application/merge-patch+json"
#define CLIENT_TYPE_STRATEGIC_PATCH "application/strategic-merge-patch+json"
#define CLIENT_TYPE_JSON_PATCH "application/json-patch+json"

/* A longer answer ends the call with -EFBIG; a longer line of a watch likewise. */
#define CLIENT_ANSWER_MAX_BYTES (64U << 20)
#define CLIENT_LINE_MAX_BYTES (4U << 20)

/* Where a body too big for memory comes from. */
struct client_source {
        /* Fills buf with up to cap bytes; 0 at the end, a negative errno on failure. May block when
         * the owner can afford it. */
        ssize_t (*read)(void *data, void *buf, size_t cap);
        void *data;
        int64_t len; /* bytes in all, -1: unknown (chunked) */
};

/* Everything is borrowed until client_start() returns, except source->data, which must live as
 * long as the call. "struct client_request r = { .path = ... };" is a GET. */
struct client_request {
        enum client_method method;
        const char *path;         /* with query: "/api/v1/pods?limit=500" */
        const char *content_type; /* of the body; NULL: CLIENT_TYPE_JSON */
        const char *accept;       /* NULL: CLIENT_TYPE_JSON */
        const void *body;         /* NULL: none */
        size_t body_len;
        const struct client_source *source; /* instead of body; NULL: none */
        uint64_t timeout_usec;      /* for the whole call; 0: 30 s, none for streams and sources;
                                       USEC_NEVER: none */
        const char *upgrade;        /* "orch-stream/1", "websocket": asks for a raw connection */
        const char *const *headers; /* further "Name: value" lines, NULL-terminated; may be NULL */
};

/* How a call ended. Borrowed: valid inside on_done only, except fd. */
struct client_answer {
        int error;              /* 0, or a negative errno: there is no complete answer */
        const char *error_text; /* one sentence when error < 0 */
        unsigned status;        /* HTTP; 0 when none came */
        const char *body;       /* NUL-terminated, "" when empty; what a stream handler has got
                                   already is not repeated */
        size_t body_len;
        const char *headers; /* "Name: value\r\n" lines; NULL: the transport has none */
        int fd;              /* after 101: the connection, the handler's to close; else -1 */
};

struct object;

struct client_handlers {
        /* Called exactly once, unless cancelled; the call is gone afterwards. Never from inside
         * client_start(). New calls may be started and others cancelled in here. */
        void (*on_done)(void *data, const struct client_answer *a);
        /* A watch: each line of a 200 answer, without its newline, NUL-terminated, as it comes.
         * NULL: no line mode. The call may be cancelled in here. */
        void (*on_line)(void *data, const char *line, size_t len);
        /* A watch inside the server's process: instead of on_line for a change whose outline
         * (object_new_outline()) is there already. type: "ADDED" and so on; o: borrowed, may be
         * referenced. The call may be cancelled in here. NULL: lines only. Other transports never
         * call it. */
        void (*on_object)(void *data, const char *type, struct object *o);
        /* A raw stream (logs): pieces of a 200 answer as they come. NULL: no raw mode. */
        void (*on_data)(void *data, const void *piece, size_t len);
};

struct client;

/* A call under way. Transports embed this as their first member. */
struct client_call {
        struct client *client;
};

struct client_vtable {
        /* As client_start(). */
        int (*start)(struct client *c, const struct client_request *r,
                     const struct client_handlers *h, void *data, struct client_call **ret_call,
                     struct err *e);
        /* Ends and frees the call without another callback. */
        void (*cancel)(struct client_call *call);
        /* The last reference is gone; no call is under way. */
        void (*free)(struct client *c);
};

/* Transports embed this as their first member and call client_init(). */
struct client {
        const struct client_vtable *vtable;
        unsigned n_refs;
};

void client_init(struct client *c, const struct client_vtable *vtable);
struct client *client_ref(struct client *c);
void client_unref(struct client *c); /* every call must have ended or been cancelled */
DEFINE_AUTO(client);

/* Starts a request. h is copied; data is handed to every handler. *ret_call (may be NULL) is valid
 * until on_done or client_cancel().
 *
 * Returns 0 (on_done will be called), -ENOMEM, -EINVAL for a request that no transport can send,
 * -EOPNOTSUPP for one that this transport can't. */
int client_start(struct client *c, const struct client_request *r, const struct client_handlers *h,
                 void *data, struct client_call **ret_call, struct err *e);

/* Ends a call without a callback. NULL is allowed. */
void client_cancel(struct client_call *call);

/* ---- answers ---- */

/* What a Status says in "reason", as far as a client acts on it. */
enum client_reason {
        CLIENT_REASON_NONE, /* success */
        CLIENT_REASON_OTHER,
        CLIENT_REASON_NO_ANSWER, /* the transport failed: try again later */
        CLIENT_REASON_BAD_REQUEST,
        CLIENT_REASON_UNAUTHORIZED,
        CLIENT_REASON_FORBIDDEN,
        CLIENT_REASON_NOT_FOUND,
        CLIENT_REASON_ALREADY_EXISTS,
        CLIENT_REASON_CONFLICT,
        CLIENT_REASON_EXPIRED,
        CLIENT_REASON_UNSUPPORTED_MEDIA_TYPE,
        CLIENT_REASON_INVALID,
        CLIENT_REASON_TOO_MANY_REQUESTS,
        CLIENT_REASON_TIMEOUT,
        CLIENT_REASON_UNAVAILABLE,
        CLIENT_REASON_INTERNAL,
};

/* Reads an answer's outcome.
 *
 * ret_reason  may be NULL; always set.
 * e           the Status's message, or what can be said without one.
 *
 * Returns 0 for 1xx to 3xx, else: the transport's error; -ENOENT not found, -EEXIST exists already,
 * -EAGAIN conflict or too many requests, -ESTALE expired (410), -EINVAL invalid, -EBADMSG bad
 * request, -EACCES unauthorized, -EPERM forbidden, -EMEDIUMTYPE, -EOPNOTSUPP, -EMSGSIZE,
 * -ETIMEDOUT, -EREMOTEIO otherwise.
 */
int client_answer_check(const struct client_answer *a, enum client_reason *ret_reason,
                        struct err *e);

/* The same for a Status that is text already (event ERROR of a watch, channel 3 of a stream).
 * A Status that says Success is 0; what is no Status is -EREMOTEIO. */
int client_status_parse(const char *json, size_t len, enum client_reason *ret_reason,
                        struct err *e);

/* The n-th (from 0) value of a header, names compared without case. len in *ret_len, not
 * NUL-terminated. NULL when there is none. */
const char *client_answer_header(const struct client_answer *a, const char *name, size_t n,
                                 size_t *ret_len);

/* ---- paths ---- */

/* What a path speaks of. Empty strings count as NULL. */
struct client_target {
        const char *group;       /* NULL: the core group */
        const char *version;     /* "v1" */
        const char *resource;    /* plural: "deployments" */
        const char *namespace_;  /* NULL: all namespaces, or a cluster-scoped resource */
        const char *name;        /* NULL: the collection */
        const char *subresource; /* "status", "scale"; NULL: none */
};

/* "/apis/apps/v1/namespaces/default/deployments/web/status". Parts are percent-encoded. The
 * caller's; NULL when memory is out. */
char *client_path(const struct client_target *t);

/* Appends "?key=value" or "&key=value", the value percent-encoded. *path is replaced. NULL value:
 * nothing is added. Returns 0 or -ENOMEM (then *path is freed and NULL). NULL *path: -ENOMEM. */
int client_path_query(char **path, const char *key, const char *value);

/* "ns/name", or "name" where ns is empty. The caller's; NULL when memory is out. */
char *client_key(const char *namespace_, const char *name);
