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
        FIELDS_OF_ISCSI(secret_reference_schema),
};
const struct schema iscsi_persistent_volume_source_schema = SCHEMA_KEPT(
        iscsi_persistent_volume_source, "ISCSIPersistentVolumeSource", "An iSCSI disk.");

static const struct field glusterfs_persistent_volume_source_fields[] = {
        FIELDS_OF_GLUSTERFS,
        FIELD_KEPT("endpointsNamespace", 4, FIELD_STRING, FIELD_ONE,
                   "Namespace of that object; the claim's when absent.", .flags = FIELD_POINTER),
};
const struct schema glusterfs_persistent_volume_source_schema = SCHEMA_KEPT(
        glusterfs_persistent_volume_source, "GlusterfsPersistentVolumeSource", "A Gluster volume.");

static const struct field rbd_persistent_volume_source_fields[] = {
        FIELDS_OF_RBD(secret_reference_schema),
};
const struct schema rbd_persistent_volume_source_schema = SCHEMA_KEPT(
        rbd_persistent_volume_source, "RBDPersistentVolumeSource", "A Rados block device.");

static const struct field flex_persistent_volume_source_fields[] = {
        FIELDS_OF_FLEX(secret_reference_schema),
};
const struct schema flex_persistent_volume_source_schema = SCHEMA_KEPT(
        flex_persistent_volume_source, "FlexPersistentVolumeSource", "A volume of a plugin.");

static const struct field cinder_persistent_volume_source_fields[] = {
        FIELDS_OF_CINDER(secret_reference_schema),
};
const struct schema cinder_persistent_volume_source_schema = SCHEMA_KEPT(
        cinder_persistent_volume_source, "CinderPersistentVolumeSource", "A disk of OpenStack.");

static const struct field ceph_fs_persistent_volume_source_fields[] = {
        FIELDS_OF_CEPH_FS(secret_reference_schema),
};
const struct schema ceph_fs_persistent_volume_source_schema = SCHEMA_KEPT(
        ceph_fs_persistent_volume_source, "CephFSPersistentVolumeSource", "A Ceph file system.");

static const struct field azure_file_persistent_volume_source_fields[] = {
        FIELDS_OF_AZURE_FILE,
        FIELD_KEPT("secretNamespace", 4, FIELD_STRING, FIELD_ONE, "Namespace of the Secret.",
                   .flags = FIELD_POINTER),
};
const struct schema azure_file_persistent_volume_source_schema =
        SCHEMA_KEPT(azure_file_persistent_volume_source, "AzureFilePersistentVolumeSource",
                    "A share of Microsoft's cloud.");

static const struct field scale_io_persistent_volume_source_fields[] = {
        FIELDS_OF_SCALE_IO(secret_reference_schema),
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
