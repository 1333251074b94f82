#pragma once

#include "base/macros.h"
#include "daemon/plan/access.h"
#include "daemon/registry/path.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether a request's user may send it (docs/adr/0150): attributes are taken from method, path and
 * query as in k8s.io/apiserver/pkg/endpoints/request/requestinfo.go, then the rules are asked. */
struct access_decision;
struct kind;
struct record;
struct registry;
struct rest_request;
struct rest_response;
struct user;

/* A request's attributes and the memory that they need; the rest is borrowed from the path. */
struct authorize_attributes {
        struct access access;
        char verb[24];
        char name[256], node[256]; /* from a field selector */
};

/* path: parsed from the request's. Pure. */
void authorize_attributes(const struct rest_request *q, const struct path *path,
                          const struct query *query, struct authorize_attributes *ret);

/* What rules say of a user, and what nodes need; ret as rbac_decide(). */
bool authorize_decide(struct registry *r, const struct user *u, const struct access *a,
                      struct access_decision *ret);

/* The decision for a request whose path and query are parsed. False: ret_response is the refusal.
 */
bool authorize_parsed(struct registry *r, const struct rest_request *q, const struct path *path,
                      const struct query *query, struct rest_response *ret_response);

/* The same for whoever answers requests beside rest_handle(): streams to nodes and pods. */
bool authorize_request(struct registry *r, const struct rest_request *q,
                       struct rest_response *ret_response);

/* An object has come, changed or gone: roles and bindings count from here on. */
void authorize_learn(struct registry *r, const struct record *now, bool is_gone);

static inline struct access_user authorize_user(const char *name, const char *const *groups,
                                                size_t n) {
        return (struct access_user){ .name = name, .groups = groups, .n_groups = n };
}
