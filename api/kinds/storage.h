#pragma once

#include "api/kinds/meta.h"
#include "api/schema/field.h"

/* v1 PersistentVolume and PersistentVolumeClaim, storage.k8s.io/v1 StorageClass. */
struct host_path_volume_source;

struct persistent_volume_spec {
        struct quantity_map capacity;
        struct strings access_modes;
        struct object_reference *claim_ref;
        const char *persistent_volume_reclaim_policy;
        const char *storage_class_name;
        const char *volume_mode;
        const char *volume_attributes_class_name;
        struct host_path_volume_source *host_path;
};

struct persistent_volume_status {
        const char *phase;
        const char *reason;
};

struct persistent_volume {
        struct object_meta metadata;
        struct persistent_volume_spec spec;
        struct persistent_volume_status status;
};

struct volume_resource_requirements {
        struct quantity_map limits;
        struct quantity_map requests;
};

struct persistent_volume_claim_spec {
        struct strings access_modes;
        struct volume_resource_requirements resources;
        const char *volume_name;
        const char *storage_class_name;
        const char *volume_mode;
        const char *volume_attributes_class_name;
};

struct persistent_volume_claim_status {
        const char *phase;
        struct strings access_modes;
        struct quantity_map capacity;
};

struct persistent_volume_claim {
        struct object_meta metadata;
        struct persistent_volume_claim_spec spec;
        struct persistent_volume_claim_status status;
};

struct persistent_volume_claim_template {
        struct object_meta metadata;
        struct persistent_volume_claim_spec spec;
};

/* Of a pod's volume. */
struct ephemeral_volume_source {
        struct persistent_volume_claim_template *volume_claim_template;
};

struct storage_class {
        struct object_meta metadata;
        const char *provisioner;
        struct string_map parameters;
        const char *reclaim_policy;
        struct opt_bool allow_volume_expansion;
        const char *volume_binding_mode;
};

extern const struct kind persistent_volume_kind;
extern const struct kind persistent_volume_claim_kind;
extern const struct kind storage_class_kind;

extern const struct schema persistent_volume_claim_schema;
extern const struct schema persistent_volume_claim_spec_schema;
extern const struct schema node_selector_schema;
extern const struct schema node_selector_term_schema;
extern const struct schema ephemeral_volume_source_schema;

/* "RWO,ROX": ways of mounting as kubectl prints them. The caller's; NULL: memory is out. */
char *storage_modes_format(const struct strings *modes);

/* Sets status.phase where it is absent. Returns 0 or -ENOMEM. */
int storage_default_phase(json_t *tree, const char *phase);
