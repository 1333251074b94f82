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
