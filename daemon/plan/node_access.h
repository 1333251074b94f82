#pragma once

/* What a node may do with the API beside what RBAC gives it: what it needs to run its own pods, and
 * no more (docs/adr/0151). Pure. */
struct access;
struct access_user;

enum node_access {
        NODE_ACCESS_NONE,      /* only what the rules of RBAC allow */
        NODE_ACCESS_ALLOWED,   /* without further question */
        NODE_ACCESS_OWN_POD,   /* if the pod of that name is bound to the node */
        NODE_ACCESS_REFERENCE, /* if a pod bound to the node speaks of the Secret or ConfigMap */
        NODE_ACCESS_ACCOUNT,   /* if a pod bound to the node has that account */
};

/* The name of the node that this user is (system:node:NAME in group system:nodes), or NULL.
 * Borrowed. */
const char *node_access_name(const struct access_user *u);

/* What the request of that node depends on. */
enum node_access node_access(const char *node, const struct access *a);
