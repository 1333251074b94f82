#include "daemon/registry/authorize_node.h"

#include "api/kinds/node.h"
#include "base/str.h"
#include "daemon/plan/access.h"
#include "daemon/plan/node_access.h"
#include "daemon/registry/authorize.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/record.h"
#include "daemon/registry/state.h"
#include "daemon/registry/user.h"

#include <jansson.h>
#include <string.h>

#define LABEL_PREFIX "node-restriction.kubernetes.io/"

static const char *node_of(const struct user *u) {
        const struct access_user who = authorize_user(u->name, u->groups, u->n_groups);

        return node_access_name(&who);
}

/* ---- what pods speak of ---- */

/* Whether OBJECT.MEMBER.KEY of any element is name. member NULL: OBJECT.KEY. */
static bool list_names(const json_t *list, const char *member, const char *key, const char *name) {
        json_t *one;
        size_t i;

        json_array_foreach((json_t *) list, i, one) {
                if (str_eq(tree_text(member ? json_object_get(one, member) : one, key), name))
                        return true;
        }
        return false;
}

struct reference {
        bool is_secret;
        const char *name;
};

static bool container_names(const json_t *container, const struct reference *ref) {
        const json_t *one;
        size_t i;

        if (list_names(json_object_get(container, "envFrom"),
                       ref->is_secret ? "secretRef" : "configMapRef", "name", ref->name))
                return true;
        json_array_foreach(json_object_get(container, "env"), i, one) {
                if (str_eq(tree_text(json_object_get(json_object_get(one, "valueFrom"),
                                                     ref->is_secret ? "secretKeyRef"
                                                                    : "configMapKeyRef"),
                                     "name"),
                           ref->name))
                        return true;
        }
        return false;
}

static bool volumes_name(const json_t *volumes, const struct reference *ref) {
        const char *kind = ref->is_secret ? "secret" : "configMap";
        const json_t *one;
        size_t i;

        json_array_foreach((json_t *) volumes, i, one) {
                const json_t *projected = json_object_get(one, "projected");

                if (str_eq(tree_text(json_object_get(one, kind),
                                     ref->is_secret ? "secretName" : "name"),
                           ref->name) ||
                    list_names(json_object_get(projected, "sources"), kind, "name", ref->name))
                        return true;
        }
        return false;
}

static bool pod_names(const json_t *spec, const struct reference *ref) {
        static const char *const LISTS[] = { "containers", "initContainers",
                                             "ephemeralContainers" };
        const json_t *one;
        size_t i;

        for (size_t l = 0; l < ARRAY_SIZE(LISTS); l++) {
                json_array_foreach(json_object_get(spec, LISTS[l]), i, one) {
                        if (container_names(one, ref))
                                return true;
                }
        }
        return volumes_name(json_object_get(spec, "volumes"), ref) ||
               (ref->is_secret &&
                list_names(json_object_get(spec, "imagePullSecrets"), NULL, "name", ref->name));
}

/* ---- whose pods ---- */

static bool is_bound(const struct record *pod, const char *node) {
        return str_eq(pod->fields[resource_field(pod->resource, "spec.nodeName")], node);
}

static bool pod_is_own(struct registry *r, const char *node, const char *namespace_,
                       const char *name) {
        const struct record *pod = registry_find(r, "", "pods", namespace_, name);

        return pod && is_bound(pod, node);
}

/* A node watches each object once, so the few pods of one node and namespace are looked through
 * rather than an index of all pods kept. */
static bool any_pod(struct registry *r, const char *node, const struct access *a,
                    enum node_access need) {
        const struct kind_state *pods = registry_kind(r, "", "v1", "pods");
        const struct reference ref = { str_eq(a->resource, "secrets"), a->name };
        bool is_found = false;

        for (size_t i = pods ? table_find(&pods->table, a->namespace_, "") : 0;
             pods && i < pods->table.n && !is_found; i++) {
                const struct record *pod = pods->table.items[i];
                json_t *tree;

                if (!str_eq(pod->namespace_, a->namespace_))
                        break;
                if (!is_bound(pod, node))
                        continue;
                tree = record_tree(pod);
                is_found = need == NODE_ACCESS_ACCOUNT
                                   ? str_eq(tree_text(json_object_get(tree, "spec"),
                                                      "serviceAccountName"),
                                            a->name)
                                   : pod_names(json_object_get(tree, "spec"), &ref);
                json_decref(tree);
        }
        return is_found;
}

bool authorize_node(struct registry *r, const struct user *u, const struct access *a) {
        const char *node = node_of(u);
        enum node_access need = node ? node_access(node, a) : NODE_ACCESS_NONE;

        switch (need) {
        case NODE_ACCESS_NONE:
                return false;
        case NODE_ACCESS_ALLOWED:
                return true;
        case NODE_ACCESS_OWN_POD:
                return pod_is_own(r, node, a->namespace_, a->name);
        case NODE_ACCESS_REFERENCE:
        case NODE_ACCESS_ACCOUNT:
                return any_pod(r, node, a, need);
        }
        return false;
}

/* ---- admission ---- */

static bool refuse(struct call *c, char *take_why) {
        AUTO_FREE char *why = take_why;

        if (why)
                call_fail_forbidden(c, why, NULL);
        else
                call_fail_memory(c);
        return false;
}

/* The labels under the prefix, which whoever places pods trusts. */
static bool labels_are_kept(const json_t *labels, const json_t *was) {
        const char *key;
        json_t *value;

        json_object_foreach((json_t *) labels, key, value) {
                if (str_starts_with(key, LABEL_PREFIX) &&
                    !str_eq(json_string_value(value), tree_text(was, key)))
                        return false;
        }
        return true;
}

static bool own_node_admit(struct call *c, const char *node, const json_t *tree,
                           const json_t *was) {
        const json_t *labels = json_object_get(json_object_get(tree, "metadata"), "labels");
        const json_t *old = json_object_get(json_object_get(was, "metadata"), "labels");
        const json_t *taints = json_object_get(json_object_get(tree, "spec"), "taints");
        const json_t *old_taints = json_object_get(json_object_get(was, "spec"), "taints");

        if (!labels_are_kept(labels, old) || !labels_are_kept(old, labels))
                return refuse(c, str_format("node \"%s\" is not allowed to set labels under "
                                            "\"" LABEL_PREFIX "\"",
                                            node));
        if (was && taints != old_taints && !json_equal(taints, old_taints))
                return refuse(c, str_format("node \"%s\" is not allowed to modify taints", node));
        return true;
}

bool admit_node(struct call *c, const json_t *tree, const json_t *was) {
        const struct kind *k = c->kind->resource.kind;
        const char *node = node_of(c->user), *name;

        if (!node || (k != &node_kind && k != &lease_kind))
                return true;
        name = tree_text(json_object_get(tree, "metadata"), "name");
        if (k == &lease_kind)
                return str_eq(name, node) ||
                       refuse(c, str_format("node \"%s\" can only access the lease of its own "
                                            "name",
                                            node));
        if (!str_eq(name, node))
                return refuse(c, str_format("node \"%s\" is not allowed to modify node \"%s\"",
                                            node, str_or_empty(name)));
        return own_node_admit(c, node, tree, was);
}

bool admit_node_token(struct call *c, const json_t *request) {
        const json_t *ref = json_object_get(json_object_get(request, "spec"), "boundObjectRef");
        const char *node = node_of(c->user);

        if (!node || (str_eq(tree_text(ref, "kind"), "Pod") &&
                      pod_is_own(c->registry, node, c->path.namespace_,
                                 str_or_empty(tree_text(ref, "name")))))
                return true;
        return refuse(c, str_format("node \"%s\" may ask for tokens of its own pods only, with "
                                    "boundObjectRef",
                                    node));
}
