#pragma once

#include "api/schema/field.h"

/* Tables of volume sources without a struct: kept in the JSON, as nothing acts on them. */

extern const struct schema secret_reference_schema;
extern const struct schema typed_local_object_reference_schema;
extern const struct schema typed_object_reference_schema;
extern const struct schema gce_persistent_disk_volume_source_schema;
extern const struct schema aws_elastic_block_store_volume_source_schema;
extern const struct schema git_repo_volume_source_schema;
extern const struct schema nfs_volume_source_schema;
extern const struct schema iscsi_volume_source_schema;
extern const struct schema iscsi_persistent_volume_source_schema;
extern const struct schema glusterfs_volume_source_schema;
extern const struct schema glusterfs_persistent_volume_source_schema;
extern const struct schema persistent_volume_claim_volume_source_schema;
extern const struct schema rbd_volume_source_schema;
extern const struct schema rbd_persistent_volume_source_schema;
extern const struct schema flex_volume_source_schema;
extern const struct schema flex_persistent_volume_source_schema;
extern const struct schema cinder_volume_source_schema;
extern const struct schema cinder_persistent_volume_source_schema;
extern const struct schema ceph_fs_volume_source_schema;
extern const struct schema ceph_fs_persistent_volume_source_schema;
extern const struct schema flocker_volume_source_schema;
extern const struct schema fc_volume_source_schema;
extern const struct schema azure_file_volume_source_schema;
extern const struct schema azure_file_persistent_volume_source_schema;
extern const struct schema azure_disk_volume_source_schema;
extern const struct schema vsphere_virtual_disk_volume_source_schema;
extern const struct schema quobyte_volume_source_schema;
extern const struct schema photon_persistent_disk_volume_source_schema;
extern const struct schema portworx_volume_source_schema;
extern const struct schema scale_io_volume_source_schema;
extern const struct schema scale_io_persistent_volume_source_schema;
extern const struct schema storage_os_volume_source_schema;
extern const struct schema storage_os_persistent_volume_source_schema;
extern const struct schema csi_volume_source_schema;
extern const struct schema csi_persistent_volume_source_schema;
extern const struct schema local_volume_source_schema;
extern const struct schema image_volume_source_schema;
extern const struct schema cluster_trust_bundle_projection_schema;

/* Fields that a source has in a pod and in a PersistentVolume alike. secret: the schema of what
 * names its Secret, which is in the pod's namespace there and in any here. */
#define FIELDS_OF_ISCSI(secret)                                                                    \
        FIELD_KEPT("targetPortal", 1, FIELD_STRING, FIELD_ONE, "Address and port of the target.",  \
                   .flags = FIELD_REQUIRED),                                                       \
                FIELD_KEPT("iqn", 2, FIELD_STRING, FIELD_ONE, "Name of the target.",               \
                           .flags = FIELD_REQUIRED),                                               \
                FIELD_KEPT("lun", 3, FIELD_INT, FIELD_ONE, "Number of the unit.",                  \
                           .flags = FIELD_REQUIRED),                                               \
                FIELD_KEPT("iscsiInterface", 4, FIELD_STRING, FIELD_ONE,                           \
                           "Interface of the initiator.", .default_json = "\"default\""),          \
                FIELD_KEPT("fsType", 5, FIELD_STRING, FIELD_ONE, "File system on it."),            \
                FIELD_KEPT("readOnly", 6, FIELD_BOOL, FIELD_ONE,                                   \
                           "Whether it is mounted for reading only."),                             \
                FIELD_KEPT("portals", 7, FIELD_STRING, FIELD_LIST,                                 \
                           "Further addresses of the target.", .flags = FIELD_ATOMIC),             \
                FIELD_KEPT("chapAuthDiscovery", 8, FIELD_BOOL, FIELD_ONE,                          \
                           "Whether discovery is authenticated by CHAP."),                         \
                FIELD_KEPT("chapAuthSession", 11, FIELD_BOOL, FIELD_ONE,                           \
                           "Whether sessions are authenticated by CHAP."),                         \
                FIELD_KEPT("secretRef", 10, FIELD_OBJECT_PTR, FIELD_ONE,                           \
                           "Secret with the CHAP passwords.", .schema = &secret),                  \
                FIELD_KEPT("initiatorName", 12, FIELD_STRING, FIELD_ONE, "Name of the initiator.", \
                           .flags = FIELD_POINTER)

#define FIELDS_OF_RBD(secret)                                                                      \
        FIELD_KEPT("monitors", 1, FIELD_STRING, FIELD_LIST, "Addresses of the monitors.",          \
                   .flags = FIELD_REQUIRED | FIELD_ATOMIC),                                        \
                FIELD_KEPT("image", 2, FIELD_STRING, FIELD_ONE, "Name of the image.",              \
                           .flags = FIELD_REQUIRED),                                               \
                FIELD_KEPT("fsType", 3, FIELD_STRING, FIELD_ONE, "File system on it."),            \
                FIELD_KEPT("pool", 4, FIELD_STRING, FIELD_ONE, "Pool of the image.",               \
                           .default_json = "\"rbd\""),                                             \
                FIELD_KEPT("user", 5, FIELD_STRING, FIELD_ONE, "User of Rados.",                   \
                           .default_json = "\"admin\""),                                           \
                FIELD_KEPT("keyring", 6, FIELD_STRING, FIELD_ONE, "File with the user's key.",     \
                           .default_json = "\"/etc/ceph/keyring\""),                               \
                FIELD_KEPT("secretRef", 7, FIELD_OBJECT_PTR, FIELD_ONE,                            \
                           "Secret with the key, instead of the file.", .schema = &secret),        \
                FIELD_KEPT("readOnly", 8, FIELD_BOOL, FIELD_ONE,                                   \
                           "Whether it is mounted for reading only.")

#define FIELDS_OF_FLEX(secret)                                                                     \
        FIELD_KEPT("driver", 1, FIELD_STRING, FIELD_ONE, "Name of the plugin.",                    \
                   .flags = FIELD_REQUIRED),                                                       \
                FIELD_KEPT("fsType", 2, FIELD_STRING, FIELD_ONE, "File system on it."),            \
                FIELD_KEPT("secretRef", 3, FIELD_OBJECT_PTR, FIELD_ONE, "Secret for the plugin.",  \
                           .schema = &secret),                                                     \
                FIELD_KEPT("readOnly", 4, FIELD_BOOL, FIELD_ONE,                                   \
                           "Whether it is mounted for reading only."),                             \
                FIELD_KEPT("options", 5, FIELD_STRING, FIELD_MAP,                                  \
                           "Further settings for the plugin.")

#define FIELDS_OF_CINDER(secret)                                                                   \
        FIELD_KEPT("volumeID", 1, FIELD_STRING, FIELD_ONE, "Name of the disk.",                    \
                   .flags = FIELD_REQUIRED),                                                       \
                FIELD_KEPT("fsType", 2, FIELD_STRING, FIELD_ONE, "File system on it."),            \
                FIELD_KEPT("readOnly", 3, FIELD_BOOL, FIELD_ONE,                                   \
                           "Whether it is mounted for reading only."),                             \
                FIELD_KEPT("secretRef", 4, FIELD_OBJECT_PTR, FIELD_ONE, "Secret for OpenStack.",   \
                           .schema = &secret)

#define FIELDS_OF_CEPH_FS(secret)                                                                  \
        FIELD_KEPT("monitors", 1, FIELD_STRING, FIELD_LIST, "Addresses of the monitors.",          \
                   .flags = FIELD_REQUIRED | FIELD_ATOMIC),                                        \
                FIELD_KEPT("path", 2, FIELD_STRING, FIELD_ONE,                                     \
                           "Folder that is mounted; the root when absent."),                       \
                FIELD_KEPT("user", 3, FIELD_STRING, FIELD_ONE, "User of Ceph."),                   \
                FIELD_KEPT("secretFile", 4, FIELD_STRING, FIELD_ONE, "File with the user's key."), \
                FIELD_KEPT("secretRef", 5, FIELD_OBJECT_PTR, FIELD_ONE,                            \
                           "Secret with the key, instead of the file.", .schema = &secret),        \
                FIELD_KEPT("readOnly", 6, FIELD_BOOL, FIELD_ONE,                                   \
                           "Whether it is mounted for reading only.")

#define FIELDS_OF_SCALE_IO(secret)                                                                 \
        FIELD_KEPT("gateway", 1, FIELD_STRING, FIELD_ONE, "Address of the gateway.",               \
                   .flags = FIELD_REQUIRED),                                                       \
                FIELD_KEPT("system", 2, FIELD_STRING, FIELD_ONE, "Name of the system.",            \
                           .flags = FIELD_REQUIRED),                                               \
                FIELD_KEPT("secretRef", 3, FIELD_OBJECT_PTR, FIELD_ONE,                            \
                           "Secret with user and password.", .schema = &secret,                    \
                           .flags = FIELD_REQUIRED),                                               \
                FIELD_KEPT("sslEnabled", 4, FIELD_BOOL, FIELD_ONE,                                 \
                           "Whether the gateway speaks TLS."),                                     \
                FIELD_KEPT("protectionDomain", 5, FIELD_STRING, FIELD_ONE,                         \
                           "Domain of the storage."),                                              \
                FIELD_KEPT("storagePool", 6, FIELD_STRING, FIELD_ONE, "Pool of the storage."),     \
                FIELD_KEPT("storageMode", 7, FIELD_STRING, FIELD_ONE,                              \
                           "ThickProvisioned or ThinProvisioned.",                                 \
                           .default_json = "\"ThinProvisioned\""),                                 \
                FIELD_KEPT("volumeName", 8, FIELD_STRING, FIELD_ONE, "Name of the volume."),       \
                FIELD_KEPT("fsType", 9, FIELD_STRING, FIELD_ONE, "File system on it.",             \
                           .default_json = "\"xfs\""),                                             \
                FIELD_KEPT("readOnly", 10, FIELD_BOOL, FIELD_ONE,                                  \
                           "Whether it is mounted for reading only.")

#define FIELDS_OF_GLUSTERFS                                                                        \
        FIELD_KEPT("endpoints", 1, FIELD_STRING, FIELD_ONE, "Endpoints object with the servers.",  \
                   .flags = FIELD_REQUIRED),                                                       \
                FIELD_KEPT("path", 2, FIELD_STRING, FIELD_ONE, "Name of the volume.",              \
                           .flags = FIELD_REQUIRED),                                               \
                FIELD_KEPT("readOnly", 3, FIELD_BOOL, FIELD_ONE,                                   \
                           "Whether it is mounted for reading only.")

#define FIELDS_OF_AZURE_FILE                                                                       \
        FIELD_KEPT("secretName", 1, FIELD_STRING, FIELD_ONE, "Secret with account and key.",       \
                   .flags = FIELD_REQUIRED),                                                       \
                FIELD_KEPT("shareName", 2, FIELD_STRING, FIELD_ONE, "Name of the share.",          \
                           .flags = FIELD_REQUIRED),                                               \
                FIELD_KEPT("readOnly", 3, FIELD_BOOL, FIELD_ONE,                                   \
                           "Whether it is mounted for reading only.")
