/* PersistentVolumeClaim (numbers: k8s.io/api/core/v1/generated.proto). */
#include "api/kinds/object.h"
#include "api/kinds/source_tables.h"
#include "api/kinds/storage.h"
#include "api/kinds/tables.h"
#include "base/str.h"

#define SELF struct volume_resource_requirements
static const struct field volume_resource_requirements_fields[] = {
        FIELD_OF_QUANTITY_MAP(limits, "limits", 1, "The most that will do.",
                              .format = FORMAT_RESOURCES),
        FIELD_OF_QUANTITY_MAP(requests, "requests", 2, "The least that will do.",
                              .format = FORMAT_RESOURCES),
};
#undef SELF
static const struct schema volume_resource_requirements_schema = SCHEMA(
        volume_resource_requirements, "VolumeResourceRequirements", "How much storage is wanted.");

#define SELF struct persistent_volume_claim_spec
static const struct field persistent_volume_claim_spec_fields[] = {
        FIELD_OF_STRINGS(access_modes, "accessModes", 1, "Ways in which it must be mountable.",
                         .values = WORDS("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany",
                                         "ReadWriteOncePod"),
                         .flags = FIELD_ATOMIC),
        FIELD_KEPT("selector", 4, FIELD_OBJECT_PTR, FIELD_ONE, "Which volumes will do.",
                   .schema = &label_selector_schema),
        FIELD_OF_OBJECT(resources, volume_resource_requirements, "resources", 2,
                        "How much is wanted."),
        FIELD_OF_STRING(volume_name, "volumeName", 3, "Volume that the claim has."),
        FIELD_OF_STRING(storage_class_name, "storageClassName", 5,
                        "StorageClass that is wanted; the default one when absent.",
                        .flags = FIELD_POINTER),
        FIELD_OF_STRING(volume_mode, "volumeMode", 6,
                        "Whether it must be a file system or a raw disk.",
                        .default_json = "\"Filesystem\"", .values = WORDS("Filesystem", "Block"),
                        .flags = FIELD_POINTER),
        FIELD_KEPT("dataSource", 7, FIELD_OBJECT_PTR, FIELD_ONE, "What the volume is filled from.",
                   .schema = &typed_local_object_reference_schema),
        FIELD_KEPT("dataSourceRef", 8, FIELD_OBJECT_PTR, FIELD_ONE, "The same, from any namespace.",
                   .schema = &typed_object_reference_schema),
        FIELD_OF_STRING(volume_attributes_class_name, "volumeAttributesClassName", 9,
                        "Class of the volume's further attributes.", .flags = FIELD_POINTER),
};
#undef SELF
const struct schema persistent_volume_claim_spec_schema = SCHEMA(
        persistent_volume_claim_spec, "PersistentVolumeClaimSpec", "What storage is wanted.");

static const struct field persistent_volume_claim_condition_fields[] = {
        FIELD_KEPT("type", 1, FIELD_STRING, FIELD_ONE, "Name of the condition.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("status", 2, FIELD_STRING, FIELD_ONE, "True, False or Unknown.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("lastProbeTime", 3, FIELD_TIME, FIELD_ONE, "When it was last looked at."),
        FIELD_KEPT("lastTransitionTime", 4, FIELD_TIME, FIELD_ONE, "When it last changed."),
        FIELD_KEPT("reason", 5, FIELD_STRING, FIELD_ONE, "One word why."),
        FIELD_KEPT("message", 6, FIELD_STRING, FIELD_ONE, "A sentence why."),
};
static const struct schema persistent_volume_claim_condition_schema =
        SCHEMA_KEPT(persistent_volume_claim_condition, "PersistentVolumeClaimCondition",
                    "A yes-or-no question about a claim.");

static const struct field modify_volume_status_fields[] = {
        FIELD_KEPT("targetVolumeAttributesClassName", 1, FIELD_STRING, FIELD_ONE,
                   "Class that is being applied."),
        FIELD_KEPT("status", 2, FIELD_STRING, FIELD_ONE, "Pending, InProgress or Infeasible.",
                   .flags = FIELD_REQUIRED),
};
static const struct schema modify_volume_status_schema = SCHEMA_KEPT(
        modify_volume_status, "ModifyVolumeStatus", "How a change of attributes is going.");

#define SELF struct persistent_volume_claim_status
static const struct field persistent_volume_claim_status_fields[] = {
        FIELD_OF_STRING(phase, "phase", 1, "Pending, Bound or Lost.",
                        .default_json = "\"Pending\""),
        FIELD_OF_STRINGS(access_modes, "accessModes", 2, "Ways in which the volume can be mounted.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_QUANTITY_MAP(capacity, "capacity", 3, "How much it holds.",
                              .format = FORMAT_RESOURCES),
        FIELD_KEPT("conditions", 4, FIELD_OBJECT, FIELD_LIST, "Questions about the claim.",
                   .schema = &persistent_volume_claim_condition_schema, .patch = FIELD_PATCH_MERGE,
                   .merge_key = "type"),
        FIELD_KEPT("allocatedResources", 5, FIELD_QUANTITY, FIELD_MAP, "How much it is growing to.",
                   .format = FORMAT_RESOURCES),
        FIELD_KEPT("allocatedResourceStatuses", 7, FIELD_STRING, FIELD_MAP,
                   "How the growing goes."),
        FIELD_KEPT("currentVolumeAttributesClassName", 8, FIELD_STRING, FIELD_ONE,
                   "Class of attributes that is in force.", .flags = FIELD_POINTER),
        FIELD_KEPT("modifyVolumeStatus", 9, FIELD_OBJECT_PTR, FIELD_ONE,
                   "How a change of attributes is going.", .schema = &modify_volume_status_schema),
};
#undef SELF
static const struct schema persistent_volume_claim_status_schema = SCHEMA(
        persistent_volume_claim_status, "PersistentVolumeClaimStatus", "How a claim is doing.");

#define SELF struct persistent_volume_claim
static const struct field persistent_volume_claim_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, persistent_volume_claim_spec, "spec", 2, "What is wanted."),
        FIELD_OF_OBJECT(status, persistent_volume_claim_status, "status", 3, "How it is doing.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
const struct schema persistent_volume_claim_schema =
        SCHEMA(persistent_volume_claim, "PersistentVolumeClaim", "Asks for lasting storage.");

#define SELF struct persistent_volume_claim_template
static const struct field persistent_volume_claim_template_fields[] = {
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1,
                        "Labels and annotations of the claims."),
        FIELD_OF_OBJECT(spec, persistent_volume_claim_spec, "spec", 2, "What is wanted.",
                        .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema persistent_volume_claim_template_schema =
        SCHEMA(persistent_volume_claim_template, "PersistentVolumeClaimTemplate",
               "What claims are made from.");

#define SELF struct ephemeral_volume_source
static const struct field ephemeral_volume_source_fields[] = {
        FIELD_OF_POINTER(volume_claim_template, persistent_volume_claim_template,
                         "volumeClaimTemplate", 1, "What the claim is made from."),
};
#undef SELF
const struct schema ephemeral_volume_source_schema = SCHEMA(
        ephemeral_volume_source, "EphemeralVolumeSource", "A claim that lives as long as the pod.");

static int persistent_volume_claim_default(json_t *tree) {
        return storage_default_phase(tree, "Pending");
}

static void persistent_volume_claim_check(const void *decoded, struct diags *d) {
        const struct persistent_volume_claim_spec *spec =
                &((const struct persistent_volume_claim *) decoded)->spec;

        if (spec->access_modes.n == 0)
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, "spec.accessModes",
                                "Required value: at least 1 access mode is required");
        if (!quantity_map_get(&spec->resources.requests, "storage").is_set)
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, "spec.resources[storage]",
                                "Required value");
}

/* What is asked for may grow, and a volume may be given; the rest stays. */
static void persistent_volume_claim_check_update(const void *old, const void *decoded,
                                                 struct diags *d) {
        const struct persistent_volume_claim *was = old, *is = decoded;
        struct persistent_volume_claim_spec before = was->spec, after = is->spec;

        before.resources = after.resources;
        before.volume_attributes_class_name = after.volume_attributes_class_name;
        if (str_is_empty(before.volume_name))
                before.volume_name = after.volume_name;
        if (!before.storage_class_name)
                before.storage_class_name = after.storage_class_name;
        if (!schema_equal(&persistent_volume_claim_spec_schema, &before, &after))
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "spec",
                                "Forbidden: spec is immutable after creation except "
                                "resources.requests and volumeAttributesClassName for bound "
                                "claims");
}

static int persistent_volume_claim_add_volume(const struct persistent_volume_claim *c,
                                              json_t *cells) {
        bool is_bound = !str_is_empty(c->spec.volume_name);
        AUTO_FREE char *modes = storage_modes_format(&c->status.access_modes);

        if (!modes || cell_add(cells, json_string(str_or_empty(c->spec.volume_name))) < 0)
                return -ENOMEM;
        if (cell_add_quantity(cells, is_bound ? quantity_map_get(&c->status.capacity, "storage")
                                              : (struct quantity){ 0 }) < 0)
                return -ENOMEM;
        return cell_add(cells, json_string(is_bound ? modes : ""));
}

static int persistent_volume_claim_add_cells(const void *decoded, uint64_t now_usec,
                                             json_t *cells) {
        const struct persistent_volume_claim *c = decoded;
        const char *class = c->spec.volume_attributes_class_name;
        const char *phase =
                c->metadata.deletion_timestamp ? "Terminating" : str_or_empty(c->status.phase);

        if (cell_add_text(cells, c->metadata.name) < 0 || cell_add(cells, json_string(phase)) < 0 ||
            persistent_volume_claim_add_volume(c, cells) < 0 ||
            cell_add(cells, json_string(str_or_empty(c->spec.storage_class_name))) < 0 ||
            cell_add(cells, json_string(class ? class : "<unset>")) < 0 ||
            cell_add_age(cells, &c->metadata, now_usec) < 0)
                return -ENOMEM;
        return cell_add(cells, json_string(c->spec.volume_mode ? c->spec.volume_mode : "<unset>"));
}

static const struct table_column persistent_volume_claim_columns[] = {
        COLUMN_NAME,
        { "Status", "string", "", 0 },
        { "Volume", "string", "", 0 },
        { "Capacity", "string", "", 0 },
        { "Access Modes", "string", "", 0 },
        { "StorageClass", "string", "", 0 },
        { "VolumeAttributesClass", "string", "", 0 },
        COLUMN_AGE,
        { "VolumeMode", "string", "", 1 },
};

const struct kind persistent_volume_claim_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "PersistentVolumeClaim",
        .list_name = "PersistentVolumeClaimList",
        .plural = "persistentvolumeclaims",
        .singular = "persistentvolumeclaim",
        .short_names = WORDS("pvc"),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .has_status = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &persistent_volume_claim_schema,
        .set_defaults = persistent_volume_claim_default,
        .check = persistent_volume_claim_check,
        .check_update = persistent_volume_claim_check_update,
        .columns = persistent_volume_claim_columns,
        .n_columns = ARRAY_SIZE(persistent_volume_claim_columns),
        .add_cells = persistent_volume_claim_add_cells,
        .caveat = KIND_ONLY_KEPT,
};
