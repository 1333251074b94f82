/* Field tables of sources of PersistentVolumes that orch doesn't act on (numbers:
 * k8s.io/api/core/v1/generated.proto). */
#include "api/kinds/meta.h"
#include "api/kinds/source_tables.h"

static const struct field secret_reference_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE, "Name of the Secret."),
        FIELD_KEPT("namespace", 2, FIELD_STRING, FIELD_ONE, "Namespace of the Secret."),
};
const struct schema secret_reference_schema = SCHEMA_KEPT(
        secret_reference, "SecretReference", "Names a Secret in any namespace.", .is_atomic = true);

static const struct field iscsi_persistent_volume_source_fields[] = {
        FIELD_KEPT("targetPortal", 1, FIELD_STRING, FIELD_ONE, "Address and port of the target.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("iqn", 2, FIELD_STRING, FIELD_ONE, "Name of the target.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("lun", 3, FIELD_INT, FIELD_ONE, "Number of the unit.", .flags = FIELD_REQUIRED),
        FIELD_KEPT("iscsiInterface", 4, FIELD_STRING, FIELD_ONE, "Interface of the initiator.",
                   .default_json = "\"default\""),
        FIELD_KEPT("fsType", 5, FIELD_STRING, FIELD_ONE, "File system on it."),
        FIELD_KEPT("readOnly", 6, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
        FIELD_KEPT("portals", 7, FIELD_STRING, FIELD_LIST, "Further addresses of the target.",
                   .flags = FIELD_ATOMIC),
        FIELD_KEPT("chapAuthDiscovery", 8, FIELD_BOOL, FIELD_ONE,
                   "Whether discovery is authenticated by CHAP."),
        FIELD_KEPT("chapAuthSession", 11, FIELD_BOOL, FIELD_ONE,
                   "Whether sessions are authenticated by CHAP."),
        FIELD_KEPT("secretRef", 10, FIELD_OBJECT_PTR, FIELD_ONE, "Secret with the CHAP passwords.",
                   .schema = &secret_reference_schema),
        FIELD_KEPT("initiatorName", 12, FIELD_STRING, FIELD_ONE, "Name of the initiator.",
                   .flags = FIELD_POINTER),
};
const struct schema iscsi_persistent_volume_source_schema = SCHEMA_KEPT(
        iscsi_persistent_volume_source, "ISCSIPersistentVolumeSource", "An iSCSI disk.");

static const struct field glusterfs_persistent_volume_source_fields[] = {
        FIELD_KEPT("endpoints", 1, FIELD_STRING, FIELD_ONE, "Endpoints object with the servers.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("path", 2, FIELD_STRING, FIELD_ONE, "Name of the volume.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("readOnly", 3, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
        FIELD_KEPT("endpointsNamespace", 4, FIELD_STRING, FIELD_ONE,
                   "Namespace of that object; the claim's when absent.", .flags = FIELD_POINTER),
};
const struct schema glusterfs_persistent_volume_source_schema = SCHEMA_KEPT(
        glusterfs_persistent_volume_source, "GlusterfsPersistentVolumeSource", "A Gluster volume.");

static const struct field rbd_persistent_volume_source_fields[] = {
        FIELD_KEPT("monitors", 1, FIELD_STRING, FIELD_LIST, "Addresses of the monitors.",
                   .flags = FIELD_REQUIRED | FIELD_ATOMIC),
        FIELD_KEPT("image", 2, FIELD_STRING, FIELD_ONE, "Name of the image.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("fsType", 3, FIELD_STRING, FIELD_ONE, "File system on it."),
        FIELD_KEPT("pool", 4, FIELD_STRING, FIELD_ONE, "Pool of the image.",
                   .default_json = "\"rbd\""),
        FIELD_KEPT("user", 5, FIELD_STRING, FIELD_ONE, "User of Rados.",
                   .default_json = "\"admin\""),
        FIELD_KEPT("keyring", 6, FIELD_STRING, FIELD_ONE, "File with the user's key.",
                   .default_json = "\"/etc/ceph/keyring\""),
        FIELD_KEPT("secretRef", 7, FIELD_OBJECT_PTR, FIELD_ONE,
                   "Secret with the key, instead of the file.", .schema = &secret_reference_schema),
        FIELD_KEPT("readOnly", 8, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
};
const struct schema rbd_persistent_volume_source_schema = SCHEMA_KEPT(
        rbd_persistent_volume_source, "RBDPersistentVolumeSource", "A Rados block device.");

static const struct field flex_persistent_volume_source_fields[] = {
        FIELD_KEPT("driver", 1, FIELD_STRING, FIELD_ONE, "Name of the plugin.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("fsType", 2, FIELD_STRING, FIELD_ONE, "File system on it."),
        FIELD_KEPT("secretRef", 3, FIELD_OBJECT_PTR, FIELD_ONE, "Secret for the plugin.",
                   .schema = &secret_reference_schema),
        FIELD_KEPT("readOnly", 4, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
        FIELD_KEPT("options", 5, FIELD_STRING, FIELD_MAP, "Further settings for the plugin."),
};
const struct schema flex_persistent_volume_source_schema = SCHEMA_KEPT(
        flex_persistent_volume_source, "FlexPersistentVolumeSource", "A volume of a plugin.");

static const struct field cinder_persistent_volume_source_fields[] = {
        FIELD_KEPT("volumeID", 1, FIELD_STRING, FIELD_ONE, "Name of the disk.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("fsType", 2, FIELD_STRING, FIELD_ONE, "File system on it."),
        FIELD_KEPT("readOnly", 3, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
        FIELD_KEPT("secretRef", 4, FIELD_OBJECT_PTR, FIELD_ONE, "Secret for OpenStack.",
                   .schema = &secret_reference_schema),
};
const struct schema cinder_persistent_volume_source_schema = SCHEMA_KEPT(
        cinder_persistent_volume_source, "CinderPersistentVolumeSource", "A disk of OpenStack.");

static const struct field ceph_fs_persistent_volume_source_fields[] = {
        FIELD_KEPT("monitors", 1, FIELD_STRING, FIELD_LIST, "Addresses of the monitors.",
                   .flags = FIELD_REQUIRED | FIELD_ATOMIC),
        FIELD_KEPT("path", 2, FIELD_STRING, FIELD_ONE,
                   "Folder that is mounted; the root when absent."),
        FIELD_KEPT("user", 3, FIELD_STRING, FIELD_ONE, "User of Ceph."),
        FIELD_KEPT("secretFile", 4, FIELD_STRING, FIELD_ONE, "File with the user's key."),
        FIELD_KEPT("secretRef", 5, FIELD_OBJECT_PTR, FIELD_ONE,
                   "Secret with the key, instead of the file.", .schema = &secret_reference_schema),
        FIELD_KEPT("readOnly", 6, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
};
const struct schema ceph_fs_persistent_volume_source_schema = SCHEMA_KEPT(
        ceph_fs_persistent_volume_source, "CephFSPersistentVolumeSource", "A Ceph file system.");

static const struct field azure_file_persistent_volume_source_fields[] = {
        FIELD_KEPT("secretName", 1, FIELD_STRING, FIELD_ONE, "Secret with account and key.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("shareName", 2, FIELD_STRING, FIELD_ONE, "Name of the share.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("readOnly", 3, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
        FIELD_KEPT("secretNamespace", 4, FIELD_STRING, FIELD_ONE, "Namespace of the Secret.",
                   .flags = FIELD_POINTER),
};
const struct schema azure_file_persistent_volume_source_schema =
        SCHEMA_KEPT(azure_file_persistent_volume_source, "AzureFilePersistentVolumeSource",
                    "A share of Microsoft's cloud.");

static const struct field scale_io_persistent_volume_source_fields[] = {
        FIELD_KEPT("gateway", 1, FIELD_STRING, FIELD_ONE, "Address of the gateway.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("system", 2, FIELD_STRING, FIELD_ONE, "Name of the system.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("secretRef", 3, FIELD_OBJECT_PTR, FIELD_ONE, "Secret with user and password.",
                   .schema = &secret_reference_schema, .flags = FIELD_REQUIRED),
        FIELD_KEPT("sslEnabled", 4, FIELD_BOOL, FIELD_ONE, "Whether the gateway speaks TLS."),
        FIELD_KEPT("protectionDomain", 5, FIELD_STRING, FIELD_ONE, "Domain of the storage."),
        FIELD_KEPT("storagePool", 6, FIELD_STRING, FIELD_ONE, "Pool of the storage."),
        FIELD_KEPT("storageMode", 7, FIELD_STRING, FIELD_ONE,
                   "ThickProvisioned or ThinProvisioned.", .default_json = "\"ThinProvisioned\""),
        FIELD_KEPT("volumeName", 8, FIELD_STRING, FIELD_ONE, "Name of the volume."),
        FIELD_KEPT("fsType", 9, FIELD_STRING, FIELD_ONE, "File system on it.",
                   .default_json = "\"xfs\""),
        FIELD_KEPT("readOnly", 10, FIELD_BOOL, FIELD_ONE,
                   "Whether it is mounted for reading only."),
};
const struct schema scale_io_persistent_volume_source_schema = SCHEMA_KEPT(
        scale_io_persistent_volume_source, "ScaleIOPersistentVolumeSource", "A ScaleIO volume.");

static const struct field storage_os_persistent_volume_source_fields[] = {
        FIELD_KEPT("volumeName", 1, FIELD_STRING, FIELD_ONE, "Name of the volume."),
        FIELD_KEPT("volumeNamespace", 2, FIELD_STRING, FIELD_ONE, "Its namespace in StorageOS."),
        FIELD_KEPT("fsType", 3, FIELD_STRING, FIELD_ONE, "File system on it."),
        FIELD_KEPT("readOnly", 4, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
        FIELD_KEPT("secretRef", 5, FIELD_OBJECT_PTR, FIELD_ONE, "Secret for StorageOS.",
                   .schema = &object_reference_schema),
};
const struct schema storage_os_persistent_volume_source_schema =
        SCHEMA_KEPT(storage_os_persistent_volume_source, "StorageOSPersistentVolumeSource",
                    "A StorageOS volume.");

static const struct field csi_persistent_volume_source_fields[] = {
        FIELD_KEPT("driver", 1, FIELD_STRING, FIELD_ONE, "Name of the driver.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("volumeHandle", 2, FIELD_STRING, FIELD_ONE, "What the driver calls the volume.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("readOnly", 3, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
        FIELD_KEPT("fsType", 4, FIELD_STRING, FIELD_ONE, "File system on it."),
        FIELD_KEPT("volumeAttributes", 5, FIELD_STRING, FIELD_MAP,
                   "Settings that the driver gave the volume."),
        FIELD_KEPT("controllerPublishSecretRef", 6, FIELD_OBJECT_PTR, FIELD_ONE,
                   "Secret for attaching.", .schema = &secret_reference_schema),
        FIELD_KEPT("nodeStageSecretRef", 7, FIELD_OBJECT_PTR, FIELD_ONE,
                   "Secret for staging on the node.", .schema = &secret_reference_schema),
        FIELD_KEPT("nodePublishSecretRef", 8, FIELD_OBJECT_PTR, FIELD_ONE, "Secret for mounting.",
                   .schema = &secret_reference_schema),
        FIELD_KEPT("controllerExpandSecretRef", 9, FIELD_OBJECT_PTR, FIELD_ONE,
                   "Secret for growing the volume.", .schema = &secret_reference_schema),
        FIELD_KEPT("nodeExpandSecretRef", 10, FIELD_OBJECT_PTR, FIELD_ONE,
                   "Secret for growing the file system.", .schema = &secret_reference_schema),
};
const struct schema csi_persistent_volume_source_schema = SCHEMA_KEPT(
        csi_persistent_volume_source, "CSIPersistentVolumeSource", "A volume of a CSI driver.");

static const struct field local_volume_source_fields[] = {
        FIELD_KEPT("path", 1, FIELD_STRING, FIELD_ONE, "Path of the disk or folder.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("fsType", 2, FIELD_STRING, FIELD_ONE, "File system on it.",
                   .flags = FIELD_POINTER),
};
const struct schema local_volume_source_schema =
        SCHEMA_KEPT(local_volume_source, "LocalVolumeSource", "A disk or folder of one node.");
