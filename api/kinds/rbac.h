#pragma once

#include "api/kinds/meta.h"

/* rbac.authorization.k8s.io/v1: who may do what (numbers: k8s.io/api/rbac/v1/generated.proto). */

#define RBAC_GROUP "rbac.authorization.k8s.io"

struct policy_rule {
        struct strings verbs;
        struct strings api_groups;
        struct strings resources;         /* "pods", "pods/log", "*" and "*" + "/scale" */
        struct strings resource_names;    /* none: all */
        struct strings non_resource_urls; /* "/healthz", "/api/" + "*" */
};

struct policy_rules {
        struct policy_rule *items;
        size_t n;
};

struct subject {
        const char *kind; /* User, Group, ServiceAccount */
        const char *api_group;
        const char *name;
        const char *namespace; /* of a ServiceAccount */
};

struct subjects {
        struct subject *items;
        size_t n;
};

struct role_ref {
        const char *api_group;
        const char *kind; /* Role, ClusterRole */
        const char *name;
};

/* Also the first part of struct cluster_role. */
struct role {
        struct object_meta metadata;
        struct policy_rules rules;
};

struct aggregation_rule {
        struct {
                struct label_selector *items;
                size_t n;
        } cluster_role_selectors;
};

struct cluster_role {
        struct object_meta metadata;
        struct policy_rules rules;
        struct aggregation_rule *aggregation_rule;
};

/* Of both kinds of binding. */
struct role_binding {
        struct object_meta metadata;
        struct subjects subjects;
        struct role_ref role_ref;
};

extern const struct kind role_kind;
extern const struct kind cluster_role_kind;
extern const struct kind role_binding_kind;
extern const struct kind cluster_role_binding_kind;

extern const struct schema policy_rule_schema;
