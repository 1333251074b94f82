#pragma once

#include "api/kinds/meta.h"

/* Bodies that are never stored: v1 Status and DeleteOptions, policy/v1 Eviction. */

struct status_cause {
        const char *reason;
        const char *message;
        const char *field;
};

struct status_details {
        const char *name;
        const char *group;
        const char *kind;
        const char *uid;
        struct {
                struct status_cause *items;
                size_t n;
        } causes;
        int64_t retry_after_seconds;
};

struct list_meta {
        const char *resource_version;
        const char *continue_; /* "continue" */
        struct opt_int remaining_item_count;
};

struct api_status {
        struct list_meta metadata;
        const char *status; /* Success, Failure */
        const char *message;
        const char *reason;
        struct status_details *details;
        int64_t code;
};

struct preconditions {
        const char *uid;
        const char *resource_version;
};

struct delete_options {
        struct opt_int grace_period_seconds;
        struct preconditions *preconditions;
        struct opt_bool orphan_dependents;
        const char *propagation_policy; /* Orphan, Background, Foreground */
        struct strings dry_run;
};

struct eviction {
        struct object_meta metadata;
        struct delete_options *delete_options;
};

extern const struct schema list_meta_schema;
extern const struct schema delete_options_schema;
extern const struct kind status_kind;
extern const struct kind delete_options_kind;
extern const struct kind eviction_kind;
