/* Field tables of volume sources that orch doesn't act on (numbers:
 * k8s.io/api/core/v1/generated.proto). */
#include "api/kinds/meta.h"
#include "api/kinds/pod.h"
#include "api/kinds/source_tables.h"

static const struct field typed_local_object_reference_fields[] = {
        FIELD_KEPT("apiGroup", 1, FIELD_STRING, FIELD_ONE, "Group of the kind; absent for core.",
                   .flags = FIELD_POINTER),
        FIELD_KEPT("kind", 2, FIELD_STRING, FIELD_ONE, "Kind of the object.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("name", 3, FIELD_STRING, FIELD_ONE, "Name of the object.",
                   .flags = FIELD_REQUIRED),
};
const struct schema typed_local_object_reference_schema =
        SCHEMA_KEPT(typed_local_object_reference, "TypedLocalObjectReference",
                    "Names an object of some kind in the same namespace.", .is_atomic = true);

static const struct field typed_object_reference_fields[] = {
        FIELD_KEPT("apiGroup", 1, FIELD_STRING, FIELD_ONE, "Group of the kind; absent for core.",
                   .flags = FIELD_POINTER),
        FIELD_KEPT("kind", 2, FIELD_STRING, FIELD_ONE, "Kind of the object.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("name", 3, FIELD_STRING, FIELD_ONE, "Name of the object.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("namespace", 4, FIELD_STRING, FIELD_ONE,
                   "Namespace of the object; the claim's own when absent.", .flags = FIELD_POINTER),
};
const struct schema typed_object_reference_schema =
        SCHEMA_KEPT(typed_object_reference, "TypedObjectReference",
                    "Names an object of some kind in any namespace.");

static const struct field gce_persistent_disk_volume_source_fields[] = {
        FIELD_KEPT("pdName", 1, FIELD_STRING, FIELD_ONE, "Name of the disk.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("fsType", 2, FIELD_STRING, FIELD_ONE, "File system on it."),
        FIELD_KEPT("partition", 3, FIELD_INT, FIELD_ONE,
                   "Number of the partition; the whole disk when 0."),
        FIELD_KEPT("readOnly", 4, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
};
const struct schema gce_persistent_disk_volume_source_schema =
        SCHEMA_KEPT(gce_persistent_disk_volume_source, "GCEPersistentDiskVolumeSource",
                    "A disk of Google's cloud.");

static const struct field aws_elastic_block_store_volume_source_fields[] = {
        FIELD_KEPT("volumeID", 1, FIELD_STRING, FIELD_ONE, "Name of the disk.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("fsType", 2, FIELD_STRING, FIELD_ONE, "File system on it."),
        FIELD_KEPT("partition", 3, FIELD_INT, FIELD_ONE,
                   "Number of the partition; the whole disk when 0."),
        FIELD_KEPT("readOnly", 4, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
};
const struct schema aws_elastic_block_store_volume_source_schema =
        SCHEMA_KEPT(aws_elastic_block_store_volume_source, "AWSElasticBlockStoreVolumeSource",
                    "A disk of Amazon's cloud.");

static const struct field git_repo_volume_source_fields[] = {
        FIELD_KEPT("repository", 1, FIELD_STRING, FIELD_ONE, "URL of the repository.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("revision", 2, FIELD_STRING, FIELD_ONE, "Commit that is checked out."),
        FIELD_KEPT("directory", 3, FIELD_STRING, FIELD_ONE, "Folder for the checkout."),
};
const struct schema git_repo_volume_source_schema = SCHEMA_KEPT(
        git_repo_volume_source, "GitRepoVolumeSource", "A checkout made when the pod starts.");

static const struct field nfs_volume_source_fields[] = {
        FIELD_KEPT("server", 1, FIELD_STRING, FIELD_ONE, "Name or address of the server.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("path", 2, FIELD_STRING, FIELD_ONE, "Path that the server exports.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("readOnly", 3, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
};
const struct schema nfs_volume_source_schema =
        SCHEMA_KEPT(nfs_volume_source, "NFSVolumeSource", "An NFS export.");

static const struct field iscsi_volume_source_fields[] = {
        FIELDS_OF_ISCSI(local_object_reference_schema),
};
const struct schema iscsi_volume_source_schema =
        SCHEMA_KEPT(iscsi_volume_source, "ISCSIVolumeSource", "An iSCSI disk.");

static const struct field glusterfs_volume_source_fields[] = {
        FIELDS_OF_GLUSTERFS,
};
const struct schema glusterfs_volume_source_schema =
        SCHEMA_KEPT(glusterfs_volume_source, "GlusterfsVolumeSource", "A Gluster volume.");

#define SELF struct persistent_volume_claim_volume_source
static const struct field persistent_volume_claim_volume_source_fields[] = {
        FIELD_OF_STRING(claim_name, "claimName", 1, "Name of the claim, in the pod's namespace.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_BOOL(read_only, "readOnly", 2, "Whether it is mounted for reading only."),
};
#undef SELF
const struct schema persistent_volume_claim_volume_source_schema =
        SCHEMA(persistent_volume_claim_volume_source, "PersistentVolumeClaimVolumeSource",
               "A claim of lasting storage.");

static const struct field rbd_volume_source_fields[] = {
        FIELDS_OF_RBD(local_object_reference_schema),
};
const struct schema rbd_volume_source_schema =
        SCHEMA_KEPT(rbd_volume_source, "RBDVolumeSource", "A Rados block device.");

static const struct field flex_volume_source_fields[] = {
        FIELDS_OF_FLEX(local_object_reference_schema),
};
const struct schema flex_volume_source_schema =
        SCHEMA_KEPT(flex_volume_source, "FlexVolumeSource", "A volume of a plugin.");

static const struct field cinder_volume_source_fields[] = {
        FIELDS_OF_CINDER(local_object_reference_schema),
};
const struct schema cinder_volume_source_schema =
        SCHEMA_KEPT(cinder_volume_source, "CinderVolumeSource", "A disk of OpenStack.");

static const struct field ceph_fs_volume_source_fields[] = {
        FIELDS_OF_CEPH_FS(local_object_reference_schema),
};
const struct schema ceph_fs_volume_source_schema =
        SCHEMA_KEPT(ceph_fs_volume_source, "CephFSVolumeSource", "A Ceph file system.");

static const struct field flocker_volume_source_fields[] = {
        FIELD_KEPT("datasetName", 1, FIELD_STRING, FIELD_ONE, "Name of the data set."),
        FIELD_KEPT("datasetUUID", 2, FIELD_STRING, FIELD_ONE, "UUID of the data set."),
};
const struct schema flocker_volume_source_schema =
        SCHEMA_KEPT(flocker_volume_source, "FlockerVolumeSource", "A Flocker volume.");

static const struct field fc_volume_source_fields[] = {
        FIELD_KEPT("targetWWNs", 1, FIELD_STRING, FIELD_LIST, "World-wide names of the targets.",
                   .flags = FIELD_ATOMIC),
        FIELD_KEPT("lun", 2, FIELD_OPT_INT, FIELD_ONE, "Number of the unit."),
        FIELD_KEPT("fsType", 3, FIELD_STRING, FIELD_ONE, "File system on it."),
        FIELD_KEPT("readOnly", 4, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
        FIELD_KEPT("wwids", 5, FIELD_STRING, FIELD_LIST,
                   "World-wide identifiers, instead of targets and unit.", .flags = FIELD_ATOMIC),
};
const struct schema fc_volume_source_schema =
        SCHEMA_KEPT(fc_volume_source, "FCVolumeSource", "A Fibre Channel disk.");

static const struct field azure_file_volume_source_fields[] = {
        FIELDS_OF_AZURE_FILE,
};
const struct schema azure_file_volume_source_schema = SCHEMA_KEPT(
        azure_file_volume_source, "AzureFileVolumeSource", "A share of Microsoft's cloud.");

static const struct field azure_disk_volume_source_fields[] = {
        FIELD_KEPT("diskName", 1, FIELD_STRING, FIELD_ONE, "Name of the disk.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("diskURI", 2, FIELD_STRING, FIELD_ONE, "URI of the disk.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("cachingMode", 3, FIELD_STRING, FIELD_ONE, "How the host caches it.",
                   .default_json = "\"ReadWrite\"", .flags = FIELD_POINTER),
        FIELD_KEPT("fsType", 4, FIELD_STRING, FIELD_ONE, "File system on it.",
                   .default_json = "\"ext4\"", .flags = FIELD_POINTER),
        FIELD_KEPT("readOnly", 5, FIELD_OPT_BOOL, FIELD_ONE,
                   "Whether it is mounted for reading only.", .default_json = "false"),
        FIELD_KEPT("kind", 6, FIELD_STRING, FIELD_ONE, "Shared, Dedicated or Managed.",
                   .default_json = "\"Shared\"", .flags = FIELD_POINTER),
};
const struct schema azure_disk_volume_source_schema = SCHEMA_KEPT(
        azure_disk_volume_source, "AzureDiskVolumeSource", "A disk of Microsoft's cloud.");

static const struct field vsphere_virtual_disk_volume_source_fields[] = {
        FIELD_KEPT("volumePath", 1, FIELD_STRING, FIELD_ONE, "Path of the disk's file.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("fsType", 2, FIELD_STRING, FIELD_ONE, "File system on it."),
        FIELD_KEPT("storagePolicyName", 3, FIELD_STRING, FIELD_ONE, "Name of the storage policy."),
        FIELD_KEPT("storagePolicyID", 4, FIELD_STRING, FIELD_ONE,
                   "Identifier of the storage policy."),
};
const struct schema vsphere_virtual_disk_volume_source_schema = SCHEMA_KEPT(
        vsphere_virtual_disk_volume_source, "VsphereVirtualDiskVolumeSource", "A disk of vSphere.");

static const struct field quobyte_volume_source_fields[] = {
        FIELD_KEPT("registry", 1, FIELD_STRING, FIELD_ONE, "Addresses of the registries.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("volume", 2, FIELD_STRING, FIELD_ONE, "Name of the volume.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("readOnly", 3, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
        FIELD_KEPT("user", 4, FIELD_STRING, FIELD_ONE, "User that it is mounted as."),
        FIELD_KEPT("group", 5, FIELD_STRING, FIELD_ONE, "Group that it is mounted as."),
        FIELD_KEPT("tenant", 6, FIELD_STRING, FIELD_ONE, "Owner of the volume."),
};
const struct schema quobyte_volume_source_schema =
        SCHEMA_KEPT(quobyte_volume_source, "QuobyteVolumeSource", "A Quobyte volume.");

static const struct field photon_persistent_disk_volume_source_fields[] = {
        FIELD_KEPT("pdID", 1, FIELD_STRING, FIELD_ONE, "Name of the disk.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("fsType", 2, FIELD_STRING, FIELD_ONE, "File system on it."),
};
const struct schema photon_persistent_disk_volume_source_schema =
        SCHEMA_KEPT(photon_persistent_disk_volume_source, "PhotonPersistentDiskVolumeSource",
                    "A disk of Photon.");

static const struct field portworx_volume_source_fields[] = {
        FIELD_KEPT("volumeID", 1, FIELD_STRING, FIELD_ONE, "Name of the volume.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("fsType", 2, FIELD_STRING, FIELD_ONE, "File system on it."),
        FIELD_KEPT("readOnly", 3, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
};
const struct schema portworx_volume_source_schema =
        SCHEMA_KEPT(portworx_volume_source, "PortworxVolumeSource", "A Portworx volume.");

static const struct field scale_io_volume_source_fields[] = {
        FIELDS_OF_SCALE_IO(local_object_reference_schema),
};
const struct schema scale_io_volume_source_schema =
        SCHEMA_KEPT(scale_io_volume_source, "ScaleIOVolumeSource", "A ScaleIO volume.");

static const struct field storage_os_volume_source_fields[] = {
        FIELD_KEPT("volumeName", 1, FIELD_STRING, FIELD_ONE, "Name of the volume."),
        FIELD_KEPT("volumeNamespace", 2, FIELD_STRING, FIELD_ONE, "Its namespace in StorageOS."),
        FIELD_KEPT("fsType", 3, FIELD_STRING, FIELD_ONE, "File system on it."),
        FIELD_KEPT("readOnly", 4, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
        FIELD_KEPT("secretRef", 5, FIELD_OBJECT_PTR, FIELD_ONE, "Secret for StorageOS.",
                   .schema = &local_object_reference_schema),
};
const struct schema storage_os_volume_source_schema =
        SCHEMA_KEPT(storage_os_volume_source, "StorageOSVolumeSource", "A StorageOS volume.");

#define SELF struct csi_volume_source
static const struct field csi_volume_source_fields[] = {
        FIELD_OF_STRING(driver, "driver", 1, "Name of the driver.", .flags = FIELD_REQUIRED),
        FIELD_KEPT("readOnly", 2, FIELD_OPT_BOOL, FIELD_ONE,
                   "Whether it is mounted for reading only."),
        FIELD_KEPT("fsType", 3, FIELD_STRING, FIELD_ONE, "File system on it.",
                   .flags = FIELD_POINTER),
        FIELD_KEPT("volumeAttributes", 4, FIELD_STRING, FIELD_MAP, "Settings for the driver."),
        FIELD_KEPT("nodePublishSecretRef", 5, FIELD_OBJECT_PTR, FIELD_ONE, "Secret for the driver.",
                   .schema = &local_object_reference_schema),
};
#undef SELF
const struct schema csi_volume_source_schema = SCHEMA(
        csi_volume_source, "CSIVolumeSource", "A volume that a CSI driver makes for the pod.");

#define SELF struct image_volume_source
static const struct field image_volume_source_fields[] = {
        FIELD_OF_STRING(reference, "reference", 1, "Name of the image."),
        FIELD_OF_STRING(pull_policy, "pullPolicy", 2, "When the image is pulled.",
                        .values = WORDS("Always", "Never", "IfNotPresent")),
};
#undef SELF
const struct schema image_volume_source_schema =
        SCHEMA(image_volume_source, "ImageVolumeSource", "The files of an OCI image.");

static const struct field cluster_trust_bundle_projection_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE, "Name of one ClusterTrustBundle.",
                   .flags = FIELD_POINTER),
        FIELD_KEPT("signerName", 2, FIELD_STRING, FIELD_ONE,
                   "Signer whose bundles are taken, instead of a name.", .flags = FIELD_POINTER),
        FIELD_KEPT("labelSelector", 3, FIELD_OBJECT_PTR, FIELD_ONE,
                   "Which bundles of the signer are taken.", .schema = &label_selector_schema),
        FIELD_KEPT("optional", 5, FIELD_OPT_BOOL, FIELD_ONE, "Whether the bundles may be missing."),
        FIELD_KEPT("path", 4, FIELD_STRING, FIELD_ONE, "File, relative to the volume.",
                   .flags = FIELD_REQUIRED),
};
const struct schema cluster_trust_bundle_projection_schema =
        SCHEMA_KEPT(cluster_trust_bundle_projection, "ClusterTrustBundleProjection",
                    "Trusted certificates as a file.");
