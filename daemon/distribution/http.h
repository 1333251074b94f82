#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* HTTP requests side by side in a program of one thread: libcurl's multi interface and a small loop
 * with descriptors and timers beside it. Nothing here knows of registries. */
struct http;
struct http_call;

#define HTTP_HEADERS_MAX_BYTES (64U << 10)

struct http_options {
        const char *proxy;     /* NULL: http_proxy, https_proxy, no_proxy of the environment */
        uint64_t connect_usec; /* 0: 30 s */
        uint64_t stall_usec;   /* without a byte for so long a transfer is cut; 0: 60 s */
};

/* options: borrowed for the call. One at a time in a process. Returns 0, -ENOMEM or -EIO. */
int http_new(const struct http_options *options, struct http **ret, struct err *e);
void http_unref(struct http *h); /* calls that are left are cancelled, without a word */
DEFINE_AUTO(http);

/* The head of an answer. Header values are borrowed for the callback; NULL: not there. */
struct http_head {
        unsigned status;
        int64_t content_length; /* -1: not said */
        const char *content_type, *content_range, *location, *retry_after, *digest, *link;
        const char *const *challenges; /* WWW-Authenticate, one after the other */
        size_t n_challenges;
};

struct http_request {
        const char *method;         /* "GET" */
        const char *url;            /* http or https */
        const char *const *headers; /* "Name: value" */
        size_t n_headers;
        const char *ca; /* file of authorities; NULL: the system's */
        bool skips_verify;
        const char *unix_socket; /* its path, instead of the URL's host; no proxy. NULL: none */
        uint64_t stall_usec;     /* 0: as http_options have it */
        uint32_t slow_bytes;     /* a second; fewer for stall_usec is a stall, too; 0: 1 */
        /* The body: text, or a source that is read piece by piece. */
        const void *body;
        size_t body_len;
        int64_t source_size; /* with read: -1: not known (sent in chunks) */
        /* Returns how many bytes, 0 at the end, -EAGAIN (http_call_resume() goes on), or another
         * negative errno, which ends the call. */
        ssize_t (*read)(void *userdata, void *buf, size_t cap);
        /* Once, before data. A negative errno ends the call with e's words. */
        int (*on_head)(void *userdata, const struct http_head *head, struct err *e);
        /* All of the piece, or -EAGAIN and nothing of it (it comes again after http_call_resume()),
         * or another negative errno, which ends the call with e's words. */
        int (*on_data)(void *userdata, const void *data, size_t len, struct err *e);
        /* Always, once, and last: the call is gone when it returns. code: 0 when an answer came
         * whole; -ECONNRESET when it was cut short, -ETIMEDOUT stalled, -ECONNREFUSED,
         * -EHOSTUNREACH (name or route), -EKEYREJECTED (certificate), -EPROTO, … */
        void (*on_done)(void *userdata, int code, const struct err *e);
        void *userdata;
};

/* request: borrowed for the call, but for body and callbacks, which must live on. ret: weak. */
int http_start(struct http *h, const struct http_request *request, struct http_call **ret,
               struct err *e);
void http_call_resume(struct http_call *call);
void http_call_cancel(struct http_call *take_call); /* on_done isn't told; NULL is ignored */

/* Whether an error of on_done() stays when tried again. Pure. */
bool http_error_is_permanent(int code);

/* A descriptor beside the calls, told until it is taken off. events: POLLIN, POLLOUT. One watch for
 * each descriptor. Returns 0 or -ENOMEM. */
int http_watch(struct http *h, int fd, short events, void (*fn)(void *userdata), void *userdata);
void http_unwatch(struct http *h, int fd);

/* Tells once after usec. Returns 0 or -ENOMEM. http_timer_cancel: all of that userdata. */
int http_timer(struct http *h, uint64_t usec, void (*fn)(void *userdata), void *userdata);
void http_timer_cancel(struct http *h, const void *userdata);

/* Runs until *is_done. Returns 0, or -EIO when the loop itself fails. */
int http_run(struct http *h, const bool *is_done, struct err *e);

/* Whether two URLs have the same scheme, host and port (RFC 6454). Pure. */
bool http_same_origin(const char *a, const char *b);
/* What a Location means that was answered for base (RFC 3986, section 5): the caller's, http and
 * https only; NULL when it is no URL, or memory is out. Pure. */
char *http_resolve(const char *base, const char *location);
/* "host" or "host:port" of a URL, the caller's; NULL as above. Pure. */
char *http_host_of(const char *url);
/* Percent-encoding of all but unreserved characters; the caller's. Pure. */
char *http_escape(const char *text);
