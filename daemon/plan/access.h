#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What a request wants to do, and who wants it: all that a decision about rights looks at. Values;
 * everything is borrowed. */

#define ACCESS_GROUP_MASTERS "system:masters" /* may do everything, whatever the rules say */
#define ACCESS_USER_ACCOUNT "system:serviceaccount:"

struct access_user {
        const char *name;
        const char *const *groups;
        size_t n_groups;
};

/* Of a resource, when path is NULL: texts are "" where absent. */
struct access {
        const char *verb; /* get, list, watch, create, update, patch, delete, deletecollection */
        const char *group, *resource, *subresource;
        const char *namespace_; /* "": of the cluster, or all namespaces */
        const char *name;       /* "": no certain object */
        const char
                *selected_node; /* a list's field selector has spec.nodeName so; NULL, "": none */
        const char *path;       /* "/healthz"; verb is the method in small letters */
};

/* Pure. */
bool access_user_has_group(const struct access_user *u, const char *group);

/* What stands behind "forbidden: " in Kubernetes' words: User "jane" cannot list resource "pods" in
 * API group "" in the namespace "default". The caller's; NULL: memory is out. */
char *access_refusal(const struct access_user *u, const struct access *a);
