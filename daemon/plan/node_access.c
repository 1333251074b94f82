#include "daemon/plan/node_access.h"

#include "base/str.h"
#include "daemon/plan/access.h"

#include <string.h>

#define PREFIX "system:node:"
#define GROUP "system:nodes"
#define LEASES "kube-node-lease"

const char *node_access_name(const struct access_user *u) {
        if (!str_starts_with(u->name, PREFIX) || u->name[strlen(PREFIX)] == '\0' ||
            !access_user_has_group(u, GROUP))
                return NULL;
        return u->name + strlen(PREFIX);
}

enum node_condition {
        ALWAYS,
        OWN_NAME,     /* the object is called as the node */
        OWN_SELECTED, /* only what spec.nodeName selects as the node's */
        NAMED,        /* one certain object */
};

/* One line of what nodes may do. Verbs are one text, blanks around each. */
struct node_rule {
        const char *verbs, *group, *resource, *subresource, *namespace_; /* NULL: any */
        enum node_condition condition;
        enum node_access access;
};

#define READ " get list watch "
#define CHANGE " update patch "

static const struct node_rule RULES[] = {
        /* Its own object; its name at creation is admission's business, as is the lease's. */
        { " create ", "", "nodes", "", NULL, ALWAYS, NODE_ACCESS_ALLOWED },
        { READ CHANGE, "", "nodes", "", NULL, OWN_NAME, NODE_ACCESS_ALLOWED },
        { CHANGE, "", "nodes", "status", NULL, OWN_NAME, NODE_ACCESS_ALLOWED },
        { " create ", "coordination.k8s.io", "leases", "", LEASES, ALWAYS, NODE_ACCESS_ALLOWED },
        { " get " CHANGE, "coordination.k8s.io", "leases", "", LEASES, OWN_NAME,
          NODE_ACCESS_ALLOWED },
        { READ " create ", "orch.dev", "nodes", "streams", NULL, OWN_NAME, NODE_ACCESS_ALLOWED },
        /* Its own pods. */
        { " list watch ", "", "pods", "", NULL, OWN_SELECTED, NODE_ACCESS_ALLOWED },
        { " get delete ", "", "pods", "", NULL, NAMED, NODE_ACCESS_OWN_POD },
        { CHANGE, "", "pods", "status", NULL, NAMED, NODE_ACCESS_OWN_POD },
        /* What they speak of. */
        { READ, "", "secrets", "", NULL, NAMED, NODE_ACCESS_REFERENCE },
        { READ, "", "configmaps", "", NULL, NAMED, NODE_ACCESS_REFERENCE },
        { " create ", "", "serviceaccounts", "token", NULL, NAMED, NODE_ACCESS_ACCOUNT },
        /* Rules, names and environment are made of all of these. */
        { READ, "", "services", "", NULL, ALWAYS, NODE_ACCESS_ALLOWED },
        { READ, "", "namespaces", "", NULL, ALWAYS, NODE_ACCESS_ALLOWED },
        { READ, "discovery.k8s.io", "endpointslices", "", NULL, ALWAYS, NODE_ACCESS_ALLOWED },
        { " create " CHANGE, "", "events", "", NULL, ALWAYS, NODE_ACCESS_ALLOWED },
        { " create " CHANGE, "events.k8s.io", "events", "", NULL, ALWAYS, NODE_ACCESS_ALLOWED },
};

static bool has_verb(const char *verbs, const char *verb) {
        size_t len = strlen(verb);

        for (const char *at = verbs; len > 0 && (at = strstr(at, verb)); at++)
                if (at[-1] == ' ' && at[len] == ' ')
                        return true;
        return false;
}

static bool condition_holds(enum node_condition condition, const char *node,
                            const struct access *a) {
        switch (condition) {
        case ALWAYS:
                return true;
        case OWN_NAME:
                return str_eq(a->name, node);
        case OWN_SELECTED:
                return str_eq(a->selected_node, node);
        case NAMED:
                return !str_is_empty(a->name);
        }
        return false;
}

enum node_access node_access(const char *node, const struct access *a) {
        for (size_t i = 0; !a->path && i < ARRAY_SIZE(RULES); i++) {
                const struct node_rule *r = &RULES[i];

                if (str_eq(r->group, a->group) && str_eq(r->resource, a->resource) &&
                    str_eq(r->subresource, a->subresource) && has_verb(r->verbs, a->verb) &&
                    (!r->namespace_ || str_eq(r->namespace_, a->namespace_)) &&
                    condition_holds(r->condition, node, a))
                        return r->access;
        }
        return NODE_ACCESS_NONE;
}
