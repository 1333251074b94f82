#pragma once

#include "api/kinds/meta.h"

/* v1: ResourceQuota and LimitRange. */

struct scoped_resource_selector_requirement {
        const char *scope_name;
        const char *operator;
        struct strings values;
};

struct scope_selector {
        struct {
                struct scoped_resource_selector_requirement *items;
                size_t n;
        } match_expressions;
};

struct resource_quota_spec {
        struct quantity_map hard;
        struct strings scopes;
        struct scope_selector *scope_selector;
};

struct resource_quota_status {
        struct quantity_map hard;
        struct quantity_map used;
};

struct resource_quota {
        struct object_meta metadata;
        struct resource_quota_spec spec;
        struct resource_quota_status status;
};

struct limit_range_item {
        const char *type;
        struct quantity_map max;
        struct quantity_map min;
        struct quantity_map default_;
        struct quantity_map default_request;
        struct quantity_map max_limit_request_ratio;
};

struct limit_range_spec {
        struct {
                struct limit_range_item *items;
                size_t n;
        } limits;
};

struct limit_range {
        struct object_meta metadata;
        struct limit_range_spec spec;
};

extern const struct schema resource_quota_spec_schema;
extern const struct kind resource_quota_kind;
extern const struct kind limit_range_kind;
