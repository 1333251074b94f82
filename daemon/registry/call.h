#pragma once

#include "base/diag.h"
#include "base/err.h"
#include "daemon/registry/commit.h"
#include "daemon/registry/negotiate.h"
#include "daemon/registry/path.h"
#include "daemon/registry/rest_message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One request under way. It lives until it is answered: every call_…() that answers frees it, so it
 * is the last thing that a function does. */
struct kind;
struct kind_state;
struct registry;
struct quota_hold;
struct record;
struct user;
typedef struct json_t json_t;

enum field_validation { FIELDS_WARN, FIELDS_STRICT, FIELDS_IGNORE };

struct call {
        struct turn turn;
        struct registry *registry;
        struct rest_sink sink;
        void *data;
        struct path path;
        struct query query;
        struct kind_state *kind;  /* counted */
        const struct kind *asked; /* counted; the version of the path: bodies speak it */
        char *method, *content_type, *accept; /* owned */
        struct user *user;                    /* owned */
        char *agent;                          /* owned; the user agent's first word; NULL: none */
        char *body;                           /* owned; NULL: none */
        size_t body_len;
        enum field_validation field_validation;
        bool is_dry_run;
        struct form form;            /* that the client takes objects in */
        void (*run)(struct call *c); /* what is done in the object's turn */
        char *name, *namespace_;     /* owned; of the object, perhaps made up */
        json_t *tree;                /* owned; what the request brought, decoded */
        char *duplicates;         /* owned; 'duplicate field "a"' of a strict request; NULL: none */
        char *managed_said;       /* owned; managedFields as the client sent them; NULL: nothing */
        char *managed;            /* owned; what they will be, as text; "" for none (managed.h) */
        bool is_apply;            /* managed is settled already */
        json_t *node_ports;       /* owned; held for a service until the call has ended */
        char *address;            /* owned; taken from the service range, given back on failure */
        struct quota_hold *quota; /* owned; what is held until the call is answered */
        uint64_t began_usec;      /* clock_now_usec() */
        unsigned status;          /* of success */
        bool tells_status;        /* success is told by a Status, not by the object */
        json_t *(*answer_of)(const struct kind *asked,
                             const json_t *tree); /* what of the object is told; NULL: all of it */
        char **warnings;
        size_t n_warnings;
};

struct call *call_new(struct registry *r, const struct rest_request *request,
                      const struct rest_sink *sink, void *data);

/* Sets the path's kind and version. */
void call_set_kind(struct call *c, struct kind_state *kind, const struct kind *asked);

/* ---- answers; each ends the call ---- */

void call_fail(struct call *c, unsigned code, const char *reason, const char *fmt, ...)
        PRINTF_LIKE(4, 5);
void call_fail_memory(struct call *c);
/* 422 for a patch that makes what can't be read as an object: it is about the patch, not about the
 * object. text: why. */
void call_fail_patched(struct call *c, const char *text);
/* 405; allow: the methods that there are, "GET, POST". */
void call_refuse_method(struct call *c, const char *allow);
/* 404 for the path's object; 409 with Kubernetes' words. */
void call_fail_not_found(struct call *c);
void call_fail_conflict(struct call *c, const char *why);
/* 404: the namespace of a new object. */
void call_fail_no_namespace(struct call *c);
/* 422 from findings. kind_name: of the message. */
void call_fail_invalid(struct call *c, const struct diags *d);
/* 422 with one cause. */
void call_fail_field(struct call *c, enum diag_reason reason, const char *field, const char *fmt,
                     ...) PRINTF_LIKE(4, 5);
/* 422 for options in a query that don't go together. kind: "ListOptions". */
void call_fail_options(struct call *c, const char *kind, enum diag_reason reason, const char *field,
                       const char *text);
/* 504: a state is asked for that is still to come. */
void call_fail_too_large(struct call *c, uint64_t revision, uint64_t now);
/* 409 of server-side apply. causes: borrowed. */
void call_fail_apply(struct call *c, const char *message, json_t *causes);
/* 429 of an eviction, without Retry-After: clients ask again by themselves. */
void call_fail_budget(struct call *c, const char *cause);
/* Somebody else's answer. */
void call_respond(struct call *c, struct rest_response *take_response);
/* 403: pods "x" is forbidden: why */
void call_fail_forbidden(struct call *c, const char *why, const char *cause);

/* The object, or what answer_of and tells_status make of it. */
void call_respond_record(struct call *c, struct record *record);
/* The tree, as it would be stored. */
void call_respond_tree(struct call *c, const json_t *tree);
/* take_text: JSON; NULL counts as out of memory. */
void call_respond_text(struct call *c, char *take_text);
void call_respond_body(struct call *c, struct body *take_body);
/* Status Success with the object's name, kind and uid. */
void call_respond_success(struct call *c, const char *uid);
void call_respond_watch(struct call *c, struct watch *take_watch);

/* Adds a Warning header to the answer; too many are left out. */
void call_warn(struct call *c, const char *text);

/* "deployments.apps", as messages name resources. buf: CALL_RESOURCE_MAX. Returns buf. */
#define CALL_RESOURCE_MAX 256
char *call_resource(const struct call *c, char *buf);
