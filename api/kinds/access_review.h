#pragma once

#include "api/kinds/meta.h"

/* Bodies that are never stored: questions about rights (authorization.k8s.io/v1), and v1 Binding.
 * The extra of users, a map of lists, is in the JSON only. */

struct field_selector_requirement {
        const char *key;
        const char *operator;
        struct strings values;
};

struct field_selector_attributes {
        const char *raw_selector;
        struct {
                struct field_selector_requirement *items;
                size_t n;
        } requirements;
};

struct label_selector_attributes {
        const char *raw_selector;
        struct {
                struct label_selector_requirement *items;
                size_t n;
        } requirements;
};

struct resource_attributes {
        const char *namespace;
        const char *verb;
        const char *group;
        const char *version;
        const char *resource;
        const char *subresource;
        const char *name;
        struct field_selector_attributes *field_selector;
        struct label_selector_attributes *label_selector;
};

struct non_resource_attributes {
        const char *path;
        const char *verb;
};

struct subject_access_review_spec {
        struct resource_attributes *resource_attributes;
        struct non_resource_attributes *non_resource_attributes;
        const char *user;
        struct strings groups;
        const char *uid;
};

struct self_subject_access_review_spec {
        struct resource_attributes *resource_attributes;
        struct non_resource_attributes *non_resource_attributes;
};

struct subject_access_review_status {
        bool allowed;
        bool denied;
        const char *reason;
        const char *evaluation_error;
};

struct subject_access_review {
        struct object_meta metadata;
        struct subject_access_review_spec spec;
        struct subject_access_review_status status;
};

struct local_subject_access_review {
        struct object_meta metadata;
        struct subject_access_review_spec spec;
        struct subject_access_review_status status;
};

struct self_subject_access_review {
        struct object_meta metadata;
        struct self_subject_access_review_spec spec;
        struct subject_access_review_status status;
};

struct self_subject_rules_review_spec {
        const char *namespace;
};

struct resource_rule {
        struct strings verbs;
        struct strings api_groups;
        struct strings resources;
        struct strings resource_names;
};

struct non_resource_rule {
        struct strings verbs;
        struct strings non_resource_urls;
};

struct subject_rules_review_status {
        struct {
                struct resource_rule *items;
                size_t n;
        } resource_rules;
        struct {
                struct non_resource_rule *items;
                size_t n;
        } non_resource_rules;
        bool incomplete;
        const char *evaluation_error;
};

struct self_subject_rules_review {
        struct object_meta metadata;
        struct self_subject_rules_review_spec spec;
        struct subject_rules_review_status status;
};

struct binding {
        struct object_meta metadata;
        struct object_reference target;
};

extern const struct kind subject_access_review_kind;
extern const struct kind local_subject_access_review_kind;
extern const struct kind self_subject_access_review_kind;
extern const struct kind self_subject_rules_review_kind;
extern const struct kind binding_kind;

extern const struct schema subject_access_review_status_schema;
extern const struct schema subject_rules_review_status_schema;
