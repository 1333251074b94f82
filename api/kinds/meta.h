#pragma once

#include "api/schema/schema.h"

/* Fields common to all kinds. */

struct owner_reference {
        const char *api_version;
        const char *kind;
        const char *name;
        const char *uid;
        struct opt_bool controller;
        struct opt_bool block_owner_deletion;
};

/* managedFields is kept in the JSON only. */
struct object_meta {
        const char *name;
        const char *generate_name;
        const char *namespace;
        const char *self_link;
        const char *uid;
        const char *resource_version;
        int64_t generation;
        uint64_t creation_timestamp;
        uint64_t deletion_timestamp; /* 0: not being deleted */
        struct opt_int deletion_grace_period_seconds;
        struct string_map labels;
        struct string_map annotations;
        struct {
                struct owner_reference *items;
                size_t n;
        } owner_references;
        struct strings finalizers;
};

struct label_selector_requirement {
        const char *key;
        const char *operator; /* In, NotIn, Exists, DoesNotExist */
        struct strings values;
};

struct label_selector {
        struct string_map match_labels;
        struct {
                struct label_selector_requirement *items;
                size_t n;
        } match_expressions;
};

struct local_object_reference {
        const char *name;
};

struct object_reference {
        const char *kind;
        const char *namespace;
        const char *name;
        const char *uid;
        const char *api_version;
        const char *resource_version;
        const char *field_path;
};

/* metav1.Condition */
struct condition {
        const char *type;
        const char *status;
        int64_t observed_generation;
        uint64_t last_transition_time;
        const char *reason;
        const char *message;
};

extern const struct schema condition_schema;
extern const struct schema object_meta_schema;
extern const struct schema owner_reference_schema;
extern const struct schema label_selector_requirement_schema;
extern const struct schema label_selector_schema;
extern const struct schema local_object_reference_schema;
extern const struct schema object_reference_schema;

/* The owner with controller: true, or NULL. */
const struct owner_reference *meta_controller(const struct object_meta *m);
