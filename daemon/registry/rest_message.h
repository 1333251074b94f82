#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What goes into the API, and what comes out. */
struct body;
struct user;
struct watch;

#define REST_BODY_MAX_BYTES (3U << 20) /* as the kube-apiserver */
#define REST_PATH_MAX_BYTES 2048U
#define REST_QUERY_MAX_BYTES 16384U

/* Everything is borrowed until rest_handle() returns. */
struct rest_request {
        const char *method;       /* "GET" */
        const char *path;         /* still percent-encoded, without query */
        const char *query;        /* behind "?", percent-encoded; NULL: none */
        const char *content_type; /* NULL: none */
        const char *accept;       /* NULL: none */
        const char *user_agent;   /* NULL: none; names the field manager where nobody else does */
        const struct user *user;  /* who was let in; never NULL */
        const void *body;
        size_t body_len;
        const char *if_none_match; /* NULL: none */
};

#define REST_WARNINGS_MAX 64
#define REST_HEADERS_MAX 6

struct rest_header {
        const char *name; /* static */
        char *value;      /* owned */
};

struct rest_response {
        unsigned status;          /* HTTP */
        const char *content_type; /* static */
        struct body *body;        /* owned */
        char **warnings;          /* owned; each the whole value of a Warning header */
        size_t n_warnings;
        unsigned retry_after_s; /* 0: no Retry-After header */
        struct rest_header headers[REST_HEADERS_MAX];
        size_t n_headers;
};

/* Adds a header; one too many, or without memory, is left out. name: static. */
void rest_header_add(struct rest_response *r, const char *name, const char *value);

void rest_response_done(struct rest_response *r);

/* Where an answer goes. Exactly one of both is called, once, perhaps before rest_handle() returns,
 * perhaps after a write has become durable. data must live until then. */
struct rest_sink {
        /* The sink takes over the response's contents. */
        void (*respond)(void *data, struct rest_response *take_response);
        /* 200, application/json, then lines until WATCH_END. The sink owns the watch. */
        void (*stream)(void *data, struct watch *take_watch);
};

/* A Status for whoever answers beside the registry (streams to nodes, refused connections).
 *
 * reason   "NotFound"; kind, name: of details, NULL: none.
 * ret      filled; on -ENOMEM with an empty 500. */
void rest_status(struct rest_response *ret, unsigned status, const char *reason,
                 const char *message);
