/* Field tables of volumes. */
#include "api/kinds/kept_tables.h"
#include "api/kinds/pod.h"
#include "api/kinds/source_tables.h"
#include "api/kinds/storage.h"
#include "api/kinds/tables.h"

#define VOLUME_MODE_RANGE RANGE(0, 0777)

#define SELF struct key_to_path
static const struct field key_to_path_fields[] = {
        FIELD_OF_STRING(key, "key", 1, "Key that is shown.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(path, "path", 2, "File that it becomes, relative to the volume.",
                        .flags = FIELD_REQUIRED, .format = FORMAT_RELATIVE_PATH),
        FIELD_OF_OPT_INT(mode, "mode", 3, "Permission bits, instead of defaultMode.",
                         VOLUME_MODE_RANGE),
};
#undef SELF
static const struct schema key_to_path_schema =
        SCHEMA(key_to_path, "KeyToPath", "Makes a key a file.");

#define SELF struct empty_dir_volume_source
static const struct field empty_dir_volume_source_fields[] = {
        FIELD_OF_STRING(medium, "medium", 1, "Memory for a tmpfs; empty for the node's disk.",
                        .values = WORDS("", "Memory", "HugePages")),
        FIELD_OF_QUANTITY(size_limit, "sizeLimit", 2, "The most that the volume may hold."),
};
#undef SELF
static const struct schema empty_dir_volume_source_schema = SCHEMA(
        empty_dir_volume_source, "EmptyDirVolumeSource", "A folder that lives as long as the pod.");

#define SELF struct host_path_volume_source
static const struct field host_path_volume_source_fields[] = {
        FIELD_OF_STRING(path, "path", 1, "Path on the node.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(type, "type", 2, "What must be there, or is made.", .default_json = "\"\"",
                        .values = WORDS("", "DirectoryOrCreate", "Directory", "FileOrCreate",
                                        "File", "Socket", "CharDevice", "BlockDevice"),
                        .flags = FIELD_POINTER),
};
#undef SELF
const struct schema host_path_volume_source_schema =
        SCHEMA(host_path_volume_source, "HostPathVolumeSource", "A path of the node itself.");

#define SELF struct config_map_volume_source
static const struct field config_map_volume_source_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the ConfigMap.", .inside = 1),
        FIELD_OF_OBJECTS(items, key_to_path, "items", 2, "Keys that are shown; all by default.",
                         .flags = FIELD_NODE_ONLY | FIELD_ATOMIC),
        FIELD_OF_OPT_INT(default_mode, "defaultMode", 3, "Permission bits of the files.",
                         .default_json = "420", VOLUME_MODE_RANGE),
        FIELD_OF_OPT_BOOL(optional, "optional", 4, "Whether map or keys may be missing."),
};
#undef SELF
static const struct schema config_map_volume_source_schema =
        SCHEMA(config_map_volume_source, "ConfigMapVolumeSource", "A ConfigMap as files.");

#define SELF struct secret_volume_source
static const struct field secret_volume_source_fields[] = {
        FIELD_OF_STRING(secret_name, "secretName", 1, "Name of the Secret."),
        FIELD_OF_OBJECTS(items, key_to_path, "items", 2, "Keys that are shown; all by default.",
                         .flags = FIELD_NODE_ONLY | FIELD_ATOMIC),
        FIELD_OF_OPT_INT(default_mode, "defaultMode", 3, "Permission bits of the files.",
                         .default_json = "420", VOLUME_MODE_RANGE),
        FIELD_OF_OPT_BOOL(optional, "optional", 4, "Whether secret or keys may be missing."),
};
#undef SELF
static const struct schema secret_volume_source_schema =
        SCHEMA(secret_volume_source, "SecretVolumeSource", "A Secret as files.");

#define SELF struct downward_api_volume_file
static const struct field downward_api_volume_file_fields[] = {
        FIELD_OF_STRING(path, "path", 1, "File, relative to the volume.", .flags = FIELD_REQUIRED,
                        .format = FORMAT_RELATIVE_PATH),
        FIELD_OF_POINTER(field_ref, object_field_selector, "fieldRef", 2, "A field of the pod."),
        FIELD_OF_POINTER(resource_field_ref, resource_field_selector, "resourceFieldRef", 3,
                         "A resource of a container."),
        FIELD_OF_OPT_INT(mode, "mode", 4, "Permission bits, instead of defaultMode.",
                         VOLUME_MODE_RANGE),
};
#undef SELF
static const struct schema downward_api_volume_file_schema = SCHEMA(
        downward_api_volume_file, "DownwardAPIVolumeFile", "A fact about the pod as a file.");

#define SELF struct downward_api_volume_source
static const struct field downward_api_volume_source_fields[] = {
        FIELD_OF_OBJECTS(items, downward_api_volume_file, "items", 1, "The files.",
                         .flags = FIELD_NODE_ONLY | FIELD_ATOMIC),
        FIELD_OF_OPT_INT(default_mode, "defaultMode", 2, "Permission bits of the files.",
                         .default_json = "420", VOLUME_MODE_RANGE),
};
#undef SELF
static const struct schema downward_api_volume_source_schema = SCHEMA(
        downward_api_volume_source, "DownwardAPIVolumeSource", "Facts about the pod as files.");

#define SELF struct secret_projection
static const struct field secret_projection_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the Secret.", .inside = 1),
        FIELD_OF_OBJECTS(items, key_to_path, "items", 2, "Keys that are shown; all by default.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_OPT_BOOL(optional, "optional", 4, "Whether secret or keys may be missing."),
};
#undef SELF
static const struct schema secret_projection_schema =
        SCHEMA(secret_projection, "SecretProjection", "A Secret as a part of a volume.");

#define SELF struct config_map_projection
static const struct field config_map_projection_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the ConfigMap.", .inside = 1),
        FIELD_OF_OBJECTS(items, key_to_path, "items", 2, "Keys that are shown; all by default.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_OPT_BOOL(optional, "optional", 4, "Whether map or keys may be missing."),
};
#undef SELF
static const struct schema config_map_projection_schema =
        SCHEMA(config_map_projection, "ConfigMapProjection", "A ConfigMap as a part of a volume.");

#define SELF struct downward_api_projection
static const struct field downward_api_projection_fields[] = {
        FIELD_OF_OBJECTS(items, downward_api_volume_file, "items", 1, "The files.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema downward_api_projection_schema =
        SCHEMA(downward_api_projection, "DownwardAPIProjection",
               "Facts about the pod as a part of a volume.");

#define SELF struct service_account_token_projection
static const struct field service_account_token_projection_fields[] = {
        FIELD_OF_STRING(audience, "audience", 1,
                        "Whom the token is for; the API server by default."),
        FIELD_OF_OPT_INT(expiration_seconds, "expirationSeconds", 2,
                         "How long a token is good; a fresh one comes in time.",
                         .default_json = "3600", RANGE(600, 1LL << 32)),
        FIELD_OF_STRING(path, "path", 3, "File, relative to the volume.", .flags = FIELD_REQUIRED,
                        .format = FORMAT_RELATIVE_PATH),
};
#undef SELF
static const struct schema service_account_token_projection_schema =
        SCHEMA(service_account_token_projection, "ServiceAccountTokenProjection",
               "A token of the pod's account as a part of a volume.");

#define SELF struct volume_projection
static const struct field volume_projection_fields[] = {
        FIELD_OF_POINTER(secret, secret_projection, "secret", 1, "A Secret."),
        FIELD_OF_POINTER(downward_api, downward_api_projection, "downwardAPI", 2,
                         "Facts about the pod."),
        FIELD_OF_POINTER(config_map, config_map_projection, "configMap", 3, "A ConfigMap."),
        FIELD_OF_POINTER(service_account_token, service_account_token_projection,
                         "serviceAccountToken", 4, "A token of the pod's account."),
        FIELD_OF_UNACTED("clusterTrustBundle", 5, FIELD_OBJECT_PTR, FIELD_ONE, "Certificates.",
                         .schema = &cluster_trust_bundle_projection_schema),
        FIELD_OF_UNACTED("podCertificate", 6, FIELD_OBJECT_PTR, FIELD_ONE, "The pod's certificate.",
                         .schema = &pod_certificate_projection_schema),
};
#undef SELF
static const struct schema volume_projection_schema =
        SCHEMA(volume_projection, "VolumeProjection", "One source of a projected volume.");

#define SELF struct projected_volume_source
static const struct field projected_volume_source_fields[] = {
        FIELD_OF_OBJECTS(sources, volume_projection, "sources", 1,
                         "What the volume is put together from.",
                         .flags = FIELD_NODE_ONLY | FIELD_ATOMIC),
        FIELD_OF_OPT_INT(default_mode, "defaultMode", 2, "Permission bits of the files.",
                         .default_json = "420", VOLUME_MODE_RANGE),
};
#undef SELF
static const struct schema projected_volume_source_schema =
        SCHEMA(projected_volume_source, "ProjectedVolumeSource", "Several sources in one volume.");

#define VOLUME_UNACTED(tag, json, nr, text)                                                        \
        FIELD_OF_UNACTED(json, nr, FIELD_OBJECT_PTR, FIELD_ONE, text, .inside = 2,                 \
                         .schema = &tag##_schema)

#define SELF struct volume
static const struct field volume_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name that mounts refer to.", .flags = FIELD_REQUIRED,
                        .format = FORMAT_DNS_LABEL),
        FIELD_OF_POINTER(host_path, host_path_volume_source, "hostPath", 1,
                         "A path of the node itself.", .inside = 2),
        FIELD_OF_POINTER(empty_dir, empty_dir_volume_source, "emptyDir", 2,
                         "A folder that lives as long as the pod.", .inside = 2),
        FIELD_OF_POINTER(secret, secret_volume_source, "secret", 6, "A Secret as files.",
                         .inside = 2),
        FIELD_OF_POINTER(downward_api, downward_api_volume_source, "downwardAPI", 16,
                         "Facts about the pod as files.", .inside = 2),
        FIELD_OF_POINTER(config_map, config_map_volume_source, "configMap", 19,
                         "A ConfigMap as files.", .inside = 2),
        FIELD_OF_POINTER(projected, projected_volume_source, "projected", 26,
                         "Several sources in one volume.", .inside = 2),
        FIELD_OF_POINTER(persistent_volume_claim, persistent_volume_claim_volume_source,
                         "persistentVolumeClaim", 10, "A claim of lasting storage.", .inside = 2,
                         .flags = FIELD_UNACTED),
        VOLUME_UNACTED(nfs_volume_source, "nfs", 7, "An NFS export."),
        FIELD_OF_POINTER(csi, csi_volume_source, "csi", 28, "A volume of a CSI driver.",
                         .inside = 2, .flags = FIELD_UNACTED),
        FIELD_OF_POINTER(ephemeral, ephemeral_volume_source, "ephemeral", 29,
                         "A claim made for this pod.", .inside = 2, .flags = FIELD_UNACTED),
        FIELD_OF_POINTER(image, image_volume_source, "image", 30, "An OCI image's files.",
                         .inside = 2, .flags = FIELD_UNACTED),
        VOLUME_UNACTED(iscsi_volume_source, "iscsi", 8, "An iSCSI disk."),
        VOLUME_UNACTED(fc_volume_source, "fc", 17, "A Fibre Channel disk."),
        VOLUME_UNACTED(gce_persistent_disk_volume_source, "gcePersistentDisk", 3,
                       "A disk of a cloud."),
        VOLUME_UNACTED(aws_elastic_block_store_volume_source, "awsElasticBlockStore", 4,
                       "A disk of a cloud."),
        VOLUME_UNACTED(git_repo_volume_source, "gitRepo", 5, "A git checkout."),
        VOLUME_UNACTED(glusterfs_volume_source, "glusterfs", 9, "A Gluster volume."),
        VOLUME_UNACTED(rbd_volume_source, "rbd", 11, "A Rados block device."),
        VOLUME_UNACTED(flex_volume_source, "flexVolume", 12, "A volume of a plugin."),
        VOLUME_UNACTED(cinder_volume_source, "cinder", 13, "A disk of a cloud."),
        VOLUME_UNACTED(ceph_fs_volume_source, "cephfs", 14, "A Ceph file system."),
        VOLUME_UNACTED(flocker_volume_source, "flocker", 15, "A Flocker volume."),
        VOLUME_UNACTED(azure_file_volume_source, "azureFile", 18, "A share of a cloud."),
        VOLUME_UNACTED(vsphere_virtual_disk_volume_source, "vsphereVolume", 20,
                       "A disk of vSphere."),
        VOLUME_UNACTED(quobyte_volume_source, "quobyte", 21, "A Quobyte volume."),
        VOLUME_UNACTED(azure_disk_volume_source, "azureDisk", 22, "A disk of a cloud."),
        VOLUME_UNACTED(photon_persistent_disk_volume_source, "photonPersistentDisk", 23,
                       "A disk of Photon."),
        VOLUME_UNACTED(portworx_volume_source, "portworxVolume", 24, "A Portworx volume."),
        VOLUME_UNACTED(scale_io_volume_source, "scaleIO", 25, "A ScaleIO volume."),
        VOLUME_UNACTED(storage_os_volume_source, "storageos", 27, "A StorageOS volume."),
};
#undef SELF
const struct schema volume_schema =
        SCHEMA(volume, "Volume", "A folder that containers of the pod may mount.");
