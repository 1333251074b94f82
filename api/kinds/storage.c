/* PersistentVolume and StorageClass (numbers: generated.proto of k8s.io/api/core/v1 and
 * storage/v1). */
#include "api/kinds/storage.h"

#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/source_tables.h"
#include "api/kinds/tables.h"
#include "base/str.h"

static const struct field node_selector_requirement_fields[] = {
        FIELD_KEPT("key", 1, FIELD_STRING, FIELD_ONE, "Label.", .flags = FIELD_REQUIRED),
        FIELD_KEPT("operator", 2, FIELD_STRING, FIELD_ONE,
                   "In, NotIn, Exists, DoesNotExist, Gt or Lt.",
                   .values = WORDS("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("values", 3, FIELD_STRING, FIELD_LIST, "Values to compare with.",
                   .flags = FIELD_ATOMIC),
};
static const struct schema node_selector_requirement_schema =
        SCHEMA_KEPT(node_selector_requirement, "NodeSelectorRequirement",
                    "One condition on a label of a node.");

static const struct field node_selector_term_fields[] = {
        FIELD_KEPT("matchExpressions", 1, FIELD_OBJECT, FIELD_LIST, "Conditions on labels.",
                   .schema = &node_selector_requirement_schema, .flags = FIELD_ATOMIC),
        FIELD_KEPT("matchFields", 2, FIELD_OBJECT, FIELD_LIST, "Conditions on fields.",
                   .schema = &node_selector_requirement_schema, .flags = FIELD_ATOMIC),
};
const struct schema node_selector_term_schema =
        SCHEMA_KEPT(node_selector_term, "NodeSelectorTerm",
                    "Conditions on a node that must all hold.", .is_atomic = true);

static const struct field node_selector_fields[] = {
        FIELD_KEPT("nodeSelectorTerms", 1, FIELD_OBJECT, FIELD_LIST, "The terms.",
                   .schema = &node_selector_term_schema, .flags = FIELD_REQUIRED | FIELD_ATOMIC),
};
const struct schema node_selector_schema = SCHEMA_KEPT(
        node_selector, "NodeSelector", "Terms of which one must hold.", .is_atomic = true);

static const struct field volume_node_affinity_fields[] = {
        FIELD_KEPT("required", 1, FIELD_OBJECT_PTR, FIELD_ONE, "What must hold for such a node.",
                   .schema = &node_selector_schema),
};
static const struct schema volume_node_affinity_schema =
        SCHEMA_KEPT(volume_node_affinity, "VolumeNodeAffinity", "Nodes that can reach a volume.");

#define SELF struct persistent_volume_spec
static const struct field persistent_volume_spec_fields[] = {
        FIELD_OF_QUANTITY_MAP(capacity, "capacity", 1, "How much it holds.",
                              .format = FORMAT_RESOURCES),
        FIELD_OF_STRINGS(access_modes, "accessModes", 3, "Ways in which it can be mounted.",
                         .values = WORDS("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany",
                                         "ReadWriteOncePod"),
                         .flags = FIELD_ATOMIC),
        FIELD_OF_POINTER(claim_ref, object_reference, "claimRef", 4, "Claim that has it."),
        FIELD_OF_STRING(persistent_volume_reclaim_policy, "persistentVolumeReclaimPolicy", 5,
                        "What becomes of it when the claim goes.", .default_json = "\"Retain\"",
                        .values = WORDS("Retain", "Delete", "Recycle")),
        FIELD_OF_STRING(storage_class_name, "storageClassName", 6,
                        "StorageClass that it belongs to."),
        FIELD_KEPT("mountOptions", 7, FIELD_STRING, FIELD_LIST, "Options for mounting it.",
                   .flags = FIELD_ATOMIC),
        FIELD_OF_STRING(volume_mode, "volumeMode", 8, "Whether it is a file system or a raw disk.",
                        .default_json = "\"Filesystem\"", .values = WORDS("Filesystem", "Block"),
                        .flags = FIELD_POINTER),
        FIELD_KEPT("nodeAffinity", 9, FIELD_OBJECT_PTR, FIELD_ONE, "Nodes that can reach it.",
                   .schema = &volume_node_affinity_schema),
        FIELD_OF_STRING(volume_attributes_class_name, "volumeAttributesClassName", 10,
                        "Class of its further attributes.", .flags = FIELD_POINTER),
        FIELD_OF_POINTER(host_path, host_path_volume_source, "hostPath", 3,
                         "A path of the node, for tests.", .inside = 2),
        FIELD_KEPT("local", 20, FIELD_OBJECT_PTR, FIELD_ONE, "A disk or folder of one node.",
                   .schema = &local_volume_source_schema, .inside = 2),
        FIELD_KEPT("nfs", 5, FIELD_OBJECT_PTR, FIELD_ONE, "An NFS export.",
                   .schema = &nfs_volume_source_schema, .inside = 2),
        FIELD_KEPT("csi", 22, FIELD_OBJECT_PTR, FIELD_ONE, "A volume of a CSI driver.",
                   .schema = &csi_persistent_volume_source_schema, .inside = 2),
        FIELD_KEPT("iscsi", 7, FIELD_OBJECT_PTR, FIELD_ONE, "An iSCSI disk.",
                   .schema = &iscsi_persistent_volume_source_schema, .inside = 2),
        FIELD_KEPT("fc", 10, FIELD_OBJECT_PTR, FIELD_ONE, "A Fibre Channel disk.",
                   .schema = &fc_volume_source_schema, .inside = 2),
        FIELD_KEPT("gcePersistentDisk", 1, FIELD_OBJECT_PTR, FIELD_ONE, "A disk of a cloud.",
                   .schema = &gce_persistent_disk_volume_source_schema, .inside = 2),
        FIELD_KEPT("awsElasticBlockStore", 2, FIELD_OBJECT_PTR, FIELD_ONE, "A disk of a cloud.",
                   .schema = &aws_elastic_block_store_volume_source_schema, .inside = 2),
        FIELD_KEPT("glusterfs", 4, FIELD_OBJECT_PTR, FIELD_ONE, "A Gluster volume.",
                   .schema = &glusterfs_persistent_volume_source_schema, .inside = 2),
        FIELD_KEPT("rbd", 6, FIELD_OBJECT_PTR, FIELD_ONE, "A Rados block device.",
                   .schema = &rbd_persistent_volume_source_schema, .inside = 2),
        FIELD_KEPT("cinder", 8, FIELD_OBJECT_PTR, FIELD_ONE, "A disk of a cloud.",
                   .schema = &cinder_persistent_volume_source_schema, .inside = 2),
        FIELD_KEPT("cephfs", 9, FIELD_OBJECT_PTR, FIELD_ONE, "A Ceph file system.",
                   .schema = &ceph_fs_persistent_volume_source_schema, .inside = 2),
        FIELD_KEPT("flocker", 11, FIELD_OBJECT_PTR, FIELD_ONE, "A Flocker volume.",
                   .schema = &flocker_volume_source_schema, .inside = 2),
        FIELD_KEPT("flexVolume", 12, FIELD_OBJECT_PTR, FIELD_ONE, "A volume of a plugin.",
                   .schema = &flex_persistent_volume_source_schema, .inside = 2),
        FIELD_KEPT("azureFile", 13, FIELD_OBJECT_PTR, FIELD_ONE, "A share of a cloud.",
                   .schema = &azure_file_persistent_volume_source_schema, .inside = 2),
        FIELD_KEPT("vsphereVolume", 14, FIELD_OBJECT_PTR, FIELD_ONE, "A disk of vSphere.",
                   .schema = &vsphere_virtual_disk_volume_source_schema, .inside = 2),
        FIELD_KEPT("quobyte", 15, FIELD_OBJECT_PTR, FIELD_ONE, "A Quobyte volume.",
                   .schema = &quobyte_volume_source_schema, .inside = 2),
        FIELD_KEPT("azureDisk", 16, FIELD_OBJECT_PTR, FIELD_ONE, "A disk of a cloud.",
                   .schema = &azure_disk_volume_source_schema, .inside = 2),
        FIELD_KEPT("photonPersistentDisk", 17, FIELD_OBJECT_PTR, FIELD_ONE, "A disk of Photon.",
                   .schema = &photon_persistent_disk_volume_source_schema, .inside = 2),
        FIELD_KEPT("portworxVolume", 18, FIELD_OBJECT_PTR, FIELD_ONE, "A Portworx volume.",
                   .schema = &portworx_volume_source_schema, .inside = 2),
        FIELD_KEPT("scaleIO", 19, FIELD_OBJECT_PTR, FIELD_ONE, "A ScaleIO volume.",
                   .schema = &scale_io_persistent_volume_source_schema, .inside = 2),
        FIELD_KEPT("storageos", 21, FIELD_OBJECT_PTR, FIELD_ONE, "A StorageOS volume.",
                   .schema = &storage_os_persistent_volume_source_schema, .inside = 2),
};
#undef SELF
static const struct schema persistent_volume_spec_schema = SCHEMA(
        persistent_volume_spec, "PersistentVolumeSpec", "What a volume is and who may have it.");

#define SELF struct persistent_volume_status
static const struct field persistent_volume_status_fields[] = {
        FIELD_OF_STRING(phase, "phase", 1, "Pending, Available, Bound, Released or Failed.",
                        .default_json = "\"Pending\""),
        FIELD_KEPT("message", 2, FIELD_STRING, FIELD_ONE, "A sentence why."),
        FIELD_OF_STRING(reason, "reason", 3, "One word why."),
        FIELD_KEPT("lastPhaseTransitionTime", 4, FIELD_TIME, FIELD_ONE,
                   "When the phase last changed."),
};
#undef SELF
static const struct schema persistent_volume_status_schema =
        SCHEMA(persistent_volume_status, "PersistentVolumeStatus", "How a volume is doing.");

#define SELF struct persistent_volume
static const struct field persistent_volume_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, persistent_volume_spec, "spec", 2, "What it is and who may have it.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(status, persistent_volume_status, "status", 3, "How it is doing.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema persistent_volume_schema =
        SCHEMA(persistent_volume, "PersistentVolume", "Lasting storage that a claim can have.");

char *storage_modes_format(const struct strings *modes) {
        static const char *const names[][2] = {
                { "ReadWriteOnce", "RWO" },
                { "ReadOnlyMany", "ROX" },
                { "ReadWriteMany", "RWX" },
                { "ReadWriteOncePod", "RWOP" },
        };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strings_has(modes, names[i][0]))
                        strbuf_addf(&b, "%s%s", b.len > 0 ? "," : "", names[i][1]);
        if (b.has_failed)
                return NULL;
        return b.len > 0 ? strbuf_steal(&b) : strdup("");
}

int storage_default_phase(json_t *tree, const char *phase) {
        int r = default_set(tree, "status", json_object());

        return r < 0 ? r
                     : default_set(json_object_get(tree, "status"), "phase", json_string(phase));
}

static int persistent_volume_default(json_t *tree) {
        return storage_default_phase(tree, "Pending");
}

static void persistent_volume_check(const void *decoded, struct diags *d) {
        const struct persistent_volume_spec *spec =
                &((const struct persistent_volume *) decoded)->spec;

        if (spec->access_modes.n == 0)
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, "spec.accessModes", "Required value");
        if (spec->capacity.n == 0)
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, "spec.capacity", "Required value");
        else if (!quantity_map_get(&spec->capacity, "storage").is_set || spec->capacity.n > 1)
                (void) diag_add(d, DIAG_ERROR, DIAG_NOT_SUPPORTED, "spec.capacity",
                                "Unsupported value: supported values: \"storage\"");
}

static void persistent_volume_check_update(const void *old, const void *decoded, struct diags *d) {
        const struct persistent_volume *was = old, *is = decoded;

        if (!str_eq(was->spec.volume_mode, is->spec.volume_mode))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.volumeMode",
                                "Invalid value: \"%s\": field is immutable",
                                str_or_empty(is->spec.volume_mode));
}

static int persistent_volume_add_claim(const struct object_reference *claim, json_t *cells) {
        AUTO_FREE char *text = NULL;

        if (!claim)
                return cell_add(cells, json_string(""));
        text = str_format("%s/%s", str_or_empty(claim->namespace), str_or_empty(claim->name));
        return text ? cell_add(cells, json_string(text)) : -ENOMEM;
}

static int persistent_volume_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct persistent_volume *v = decoded;
        const char *class = v->spec.volume_attributes_class_name;
        AUTO_FREE char *modes = storage_modes_format(&v->spec.access_modes);
        const char *phase =
                v->metadata.deletion_timestamp ? "Terminating" : str_or_empty(v->status.phase);

        if (!modes || cell_add_text(cells, v->metadata.name) < 0 ||
            cell_add_quantity(cells, quantity_map_get(&v->spec.capacity, "storage")) < 0 ||
            cell_add(cells, json_string(modes)) < 0 ||
            cell_add(cells, json_string(str_or_empty(v->spec.persistent_volume_reclaim_policy))) <
                    0 ||
            cell_add(cells, json_string(phase)) < 0 ||
            persistent_volume_add_claim(v->spec.claim_ref, cells) < 0 ||
            cell_add(cells, json_string(str_or_empty(v->spec.storage_class_name))) < 0 ||
            cell_add(cells, json_string(class ? class : "<unset>")) < 0 ||
            cell_add(cells, json_string(str_or_empty(v->status.reason))) < 0 ||
            cell_add_age(cells, &v->metadata, now_usec) < 0)
                return -ENOMEM;
        return cell_add(cells, json_string(v->spec.volume_mode ? v->spec.volume_mode : "<unset>"));
}

static const struct table_column persistent_volume_columns[] = {
        COLUMN_NAME,
        { "Capacity", "string", "", 0 },
        { "Access Modes", "string", "", 0 },
        { "Reclaim Policy", "string", "", 0 },
        { "Status", "string", "", 0 },
        { "Claim", "string", "", 0 },
        { "StorageClass", "string", "", 0 },
        { "VolumeAttributesClass", "string", "", 0 },
        { "Reason", "string", "", 0 },
        COLUMN_AGE,
        { "VolumeMode", "string", "", 1 },
};

const struct kind persistent_volume_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "PersistentVolume",
        .list_name = "PersistentVolumeList",
        .plural = "persistentvolumes",
        .singular = "persistentvolume",
        .short_names = WORDS("pv"),
        .categories = WORDS(NULL),
        .is_stored = true,
        .has_status = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &persistent_volume_schema,
        .set_defaults = persistent_volume_default,
        .check = persistent_volume_check,
        .check_update = persistent_volume_check_update,
        .columns = persistent_volume_columns,
        .n_columns = ARRAY_SIZE(persistent_volume_columns),
        .add_cells = persistent_volume_add_cells,
        .caveat = KIND_ONLY_KEPT,
};

static const struct field topology_selector_label_requirement_fields[] = {
        FIELD_KEPT("key", 1, FIELD_STRING, FIELD_ONE, "Label.", .flags = FIELD_REQUIRED),
        FIELD_KEPT("values", 2, FIELD_STRING, FIELD_LIST, "Values of which one must be there.",
                   .flags = FIELD_REQUIRED | FIELD_ATOMIC),
};
static const struct schema topology_selector_label_requirement_schema =
        SCHEMA_KEPT(topology_selector_label_requirement, "TopologySelectorLabelRequirement",
                    "One condition on a label of a node.");

static const struct field topology_selector_term_fields[] = {
        FIELD_KEPT("matchLabelExpressions", 1, FIELD_OBJECT, FIELD_LIST, "Conditions on labels.",
                   .schema = &topology_selector_label_requirement_schema, .flags = FIELD_ATOMIC),
};
static const struct schema topology_selector_term_schema =
        SCHEMA_KEPT(topology_selector_term, "TopologySelectorTerm",
                    "Conditions on a node that must all hold.", .is_atomic = true);

#define SELF struct storage_class
static const struct field storage_class_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_STRING(provisioner, "provisioner", 2, "Who makes the volumes.",
                        .flags = FIELD_REQUIRED | FIELD_IMMUTABLE),
        FIELD_OF_STRING_MAP(parameters, "parameters", 3, "Settings for whoever makes them.",
                            .flags = FIELD_IMMUTABLE),
        FIELD_OF_STRING(
                reclaim_policy, "reclaimPolicy", 4, "What becomes of a volume when its claim goes.",
                .default_json = "\"Delete\"", .values = WORDS("Delete", "Retain", "Recycle"),
                .flags = FIELD_IMMUTABLE | FIELD_POINTER),
        FIELD_KEPT("mountOptions", 5, FIELD_STRING, FIELD_LIST, "Options for mounting the volumes.",
                   .flags = FIELD_ATOMIC),
        FIELD_OF_OPT_BOOL(allow_volume_expansion, "allowVolumeExpansion", 6,
                          "Whether volumes may grow."),
        FIELD_OF_STRING(volume_binding_mode, "volumeBindingMode", 7,
                        "When a claim gets its volume.", .default_json = "\"Immediate\"",
                        .values = WORDS("Immediate", "WaitForFirstConsumer"),
                        .flags = FIELD_IMMUTABLE | FIELD_POINTER),
        FIELD_KEPT("allowedTopologies", 8, FIELD_OBJECT, FIELD_LIST, "Where volumes may be made.",
                   .schema = &topology_selector_term_schema, .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema storage_class_schema =
        SCHEMA(storage_class, "StorageClass", "A kind of storage that claims can ask for.");

static bool storage_class_is_default(const struct storage_class *s) {
        return str_eq(string_map_get(&s->metadata.annotations,
                                     "storageclass.kubernetes.io/is-default-class"),
                      "true");
}

static int storage_class_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct storage_class *s = decoded;
        AUTO_FREE char *name = str_format("%s%s", str_or_empty(s->metadata.name),
                                          storage_class_is_default(s) ? " (default)" : "");

        if (!name || cell_add_text(cells, name) < 0 || cell_add_text(cells, s->provisioner) < 0 ||
            cell_add_text(cells, s->reclaim_policy) < 0 ||
            cell_add_text(cells, s->volume_binding_mode) < 0 ||
            cell_add(cells, json_boolean(s->allow_volume_expansion.value)) < 0)
                return -ENOMEM;
        return cell_add_age(cells, &s->metadata, now_usec);
}

static const struct table_column storage_class_columns[] = {
        COLUMN_NAME,
        { "Provisioner", "string", "", 0 },
        { "ReclaimPolicy", "string", "", 0 },
        { "VolumeBindingMode", "string", "", 0 },
        { "AllowVolumeExpansion", "boolean", "", 0 },
        COLUMN_AGE,
};

const struct kind storage_class_kind = {
        .api_version = "storage.k8s.io/v1",
        .group = "storage.k8s.io",
        .version = "v1",
        .name = "StorageClass",
        .list_name = "StorageClassList",
        .plural = "storageclasses",
        .singular = "storageclass",
        .short_names = WORDS("sc"),
        .categories = WORDS(NULL),
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &storage_class_schema,
        .columns = storage_class_columns,
        .n_columns = ARRAY_SIZE(storage_class_columns),
        .add_cells = storage_class_add_cells,
        .caveat = KIND_ONLY_KEPT,
};
