/* Field tables of pods that orch keeps and doesn't act on (numbers: generated.proto of
 * k8s.io/api). */
#include "api/kinds/kept_tables.h"
#include "api/kinds/meta.h"
#include "api/kinds/pod.h"
#include "api/kinds/storage.h"

static const struct field resource_claim_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE, "Name of the claim in the pod.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("request", 2, FIELD_STRING, FIELD_ONE,
                   "Part of the claim; all of it when empty."),
};
const struct schema resource_claim_schema =
        SCHEMA_KEPT(resource_claim, "ResourceClaim", "A claim of the pod that a container uses.");

static const struct field volume_device_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE, "Name of the volume.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("devicePath", 2, FIELD_STRING, FIELD_ONE, "Path of the device in the container.",
                   .flags = FIELD_REQUIRED),
};
const struct schema volume_device_schema =
        SCHEMA_KEPT(volume_device, "VolumeDevice", "A raw disk in a container.");

static const struct field preferred_scheduling_term_fields[] = {
        FIELD_KEPT("weight", 1, FIELD_INT, FIELD_ONE, "How much it counts.", RANGE(1, 100),
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("preference", 2, FIELD_OBJECT, FIELD_ONE, "What is wished for.",
                   .schema = &node_selector_term_schema, .flags = FIELD_REQUIRED),
};
static const struct schema preferred_scheduling_term_schema =
        SCHEMA_KEPT(preferred_scheduling_term, "PreferredSchedulingTerm", "A wish about nodes.");

static const struct field node_affinity_fields[] = {
        FIELD_KEPT("requiredDuringSchedulingIgnoredDuringExecution", 1, FIELD_OBJECT_PTR, FIELD_ONE,
                   "What must hold when the pod is bound.", .schema = &node_selector_schema),
        FIELD_KEPT("preferredDuringSchedulingIgnoredDuringExecution", 2, FIELD_OBJECT, FIELD_LIST,
                   "What is wished for.", .schema = &preferred_scheduling_term_schema,
                   .flags = FIELD_ATOMIC),
};
static const struct schema node_affinity_schema =
        SCHEMA_KEPT(node_affinity, "NodeAffinity", "On which nodes a pod runs.");

static const struct field pod_affinity_term_fields[] = {
        FIELD_KEPT("labelSelector", 1, FIELD_OBJECT_PTR, FIELD_ONE, "Labels of those pods.",
                   .schema = &label_selector_schema),
        FIELD_KEPT("namespaces", 2, FIELD_STRING, FIELD_LIST,
                   "Namespaces of those pods; the pod's own when empty.", .flags = FIELD_ATOMIC),
        FIELD_KEPT("topologyKey", 3, FIELD_STRING, FIELD_ONE,
                   "Label of nodes that says what near means.", .flags = FIELD_REQUIRED),
        FIELD_KEPT("namespaceSelector", 4, FIELD_OBJECT_PTR, FIELD_ONE,
                   "Labels of their namespaces.", .schema = &label_selector_schema),
        FIELD_KEPT("matchLabelKeys", 5, FIELD_STRING, FIELD_LIST,
                   "Labels that must be as the pod's own.", .flags = FIELD_ATOMIC),
        FIELD_KEPT("mismatchLabelKeys", 6, FIELD_STRING, FIELD_LIST,
                   "Labels that must not be as the pod's own.", .flags = FIELD_ATOMIC),
};
static const struct schema pod_affinity_term_schema =
        SCHEMA_KEPT(pod_affinity_term, "PodAffinityTerm", "Pods to be near to, or far from.");

static const struct field weighted_pod_affinity_term_fields[] = {
        FIELD_KEPT("weight", 1, FIELD_INT, FIELD_ONE, "How much it counts.", RANGE(1, 100),
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("podAffinityTerm", 2, FIELD_OBJECT, FIELD_ONE, "What is wished for.",
                   .schema = &pod_affinity_term_schema, .flags = FIELD_REQUIRED),
};
static const struct schema weighted_pod_affinity_term_schema = SCHEMA_KEPT(
        weighted_pod_affinity_term, "WeightedPodAffinityTerm", "A wish about other pods.");

/* Being near and being far are told alike. */
#define FIELDS_OF_POD_AFFINITY                                                                     \
        FIELD_KEPT("requiredDuringSchedulingIgnoredDuringExecution", 1, FIELD_OBJECT, FIELD_LIST,  \
                   "What must hold when the pod is bound.", .schema = &pod_affinity_term_schema,   \
                   .flags = FIELD_ATOMIC),                                                         \
                FIELD_KEPT("preferredDuringSchedulingIgnoredDuringExecution", 2, FIELD_OBJECT,     \
                           FIELD_LIST, "What is wished for.",                                      \
                           .schema = &weighted_pod_affinity_term_schema, .flags = FIELD_ATOMIC)

static const struct field pod_affinity_fields[] = {
        FIELDS_OF_POD_AFFINITY,
};
static const struct schema pod_affinity_schema =
        SCHEMA_KEPT(pod_affinity, "PodAffinity", "Pods to be near to.");

static const struct field pod_anti_affinity_fields[] = {
        FIELDS_OF_POD_AFFINITY,
};
static const struct schema pod_anti_affinity_schema =
        SCHEMA_KEPT(pod_anti_affinity, "PodAntiAffinity", "Pods to be far from.");

static const struct field affinity_fields[] = {
        FIELD_KEPT("nodeAffinity", 1, FIELD_OBJECT_PTR, FIELD_ONE, "On which nodes the pod runs.",
                   .schema = &node_affinity_schema),
        FIELD_KEPT("podAffinity", 2, FIELD_OBJECT_PTR, FIELD_ONE, "Pods to be near to.",
                   .schema = &pod_affinity_schema),
        FIELD_KEPT("podAntiAffinity", 3, FIELD_OBJECT_PTR, FIELD_ONE, "Pods to be far from.",
                   .schema = &pod_anti_affinity_schema),
};
const struct schema affinity_schema =
        SCHEMA_KEPT(affinity, "Affinity", "Wishes about nodes and neighbours.");

static const struct field pod_readiness_gate_fields[] = {
        FIELD_KEPT("conditionType", 1, FIELD_STRING, FIELD_ONE, "Name of the condition.",
                   .flags = FIELD_REQUIRED),
};
const struct schema pod_readiness_gate_schema =
        SCHEMA_KEPT(pod_readiness_gate, "PodReadinessGate", "A condition that readiness asks for.");

static const struct field topology_spread_constraint_fields[] = {
        FIELD_KEPT("maxSkew", 1, FIELD_INT, FIELD_ONE, "By how many pods places may differ.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("topologyKey", 2, FIELD_STRING, FIELD_ONE,
                   "Label of nodes that says what a place is.", .flags = FIELD_REQUIRED),
        FIELD_KEPT("whenUnsatisfiable", 3, FIELD_STRING, FIELD_ONE,
                   "What becomes of a pod that doesn't fit.",
                   .values = WORDS("DoNotSchedule", "ScheduleAnyway"), .flags = FIELD_REQUIRED),
        FIELD_KEPT("labelSelector", 4, FIELD_OBJECT_PTR, FIELD_ONE, "Which pods are counted.",
                   .schema = &label_selector_schema),
        FIELD_KEPT("minDomains", 5, FIELD_OPT_INT, FIELD_ONE, "The least number of places."),
        FIELD_KEPT("nodeAffinityPolicy", 6, FIELD_STRING, FIELD_ONE,
                   "Whether the pod's wishes about nodes count.",
                   .values = WORDS("Honor", "Ignore"), .flags = FIELD_POINTER),
        FIELD_KEPT("nodeTaintsPolicy", 7, FIELD_STRING, FIELD_ONE, "Whether taints count.",
                   .values = WORDS("Honor", "Ignore"), .flags = FIELD_POINTER),
        FIELD_KEPT("matchLabelKeys", 8, FIELD_STRING, FIELD_LIST,
                   "Labels that must be as the pod's own.", .flags = FIELD_ATOMIC),
};
const struct schema topology_spread_constraint_schema =
        SCHEMA_KEPT(topology_spread_constraint, "TopologySpreadConstraint",
                    "How pods spread over the cluster.");

static const struct field pod_os_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE, "linux or windows.",
                   .values = WORDS("linux", "windows"), .flags = FIELD_REQUIRED),
};
const struct schema pod_os_schema = SCHEMA_KEPT(pod_os, "PodOS", "An operating system.");

static const struct field pod_scheduling_gate_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE, "The name.", .flags = FIELD_REQUIRED),
};
const struct schema pod_scheduling_gate_schema =
        SCHEMA_KEPT(pod_scheduling_gate, "PodSchedulingGate", "A name that holds scheduling back.");

static const struct field pod_resource_claim_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE, "Name that containers refer to.",
                   .format = FORMAT_DNS_LABEL, .flags = FIELD_REQUIRED),
        FIELD_KEPT("resourceClaimName", 3, FIELD_STRING, FIELD_ONE, "ResourceClaim that is used.",
                   .flags = FIELD_POINTER),
        FIELD_KEPT("resourceClaimTemplateName", 4, FIELD_STRING, FIELD_ONE,
                   "Template that one is made from.", .flags = FIELD_POINTER),
};
const struct schema pod_resource_claim_schema =
        SCHEMA_KEPT(pod_resource_claim, "PodResourceClaim", "A claim of devices.");

static const struct field volume_mount_status_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE, "Name of the volume.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("mountPath", 2, FIELD_STRING, FIELD_ONE, "Path in the container.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("readOnly", 3, FIELD_BOOL, FIELD_ONE, "Whether it is mounted for reading only."),
        FIELD_KEPT("recursiveReadOnly", 4, FIELD_STRING, FIELD_ONE,
                   "Whether what is mounted below is, too.", .flags = FIELD_POINTER),
};
const struct schema volume_mount_status_schema =
        SCHEMA_KEPT(volume_mount_status, "VolumeMountStatus", "A mount in force.");

static const struct field linux_container_user_fields[] = {
        FIELD_KEPT("uid", 1, FIELD_INT, FIELD_ONE, "User id.", .flags = FIELD_ALWAYS),
        FIELD_KEPT("gid", 2, FIELD_INT, FIELD_ONE, "Group id.", .flags = FIELD_ALWAYS),
        FIELD_KEPT("supplementalGroups", 3, FIELD_INT, FIELD_LIST, "More group ids.",
                   .flags = FIELD_ATOMIC),
};
static const struct schema linux_container_user_schema =
        SCHEMA_KEPT(linux_container_user, "LinuxContainerUser", "Whom a container runs as.");

static const struct field container_user_fields[] = {
        FIELD_KEPT("linux", 1, FIELD_OBJECT_PTR, FIELD_ONE, "On Linux.",
                   .schema = &linux_container_user_schema),
};
const struct schema container_user_schema =
        SCHEMA_KEPT(container_user, "ContainerUser", "Whom a container runs as.");

static const struct field resource_health_fields[] = {
        FIELD_KEPT("resourceID", 1, FIELD_STRING, FIELD_ONE, "Name of the device.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("health", 2, FIELD_STRING, FIELD_ONE, "Healthy, Unhealthy or Unknown."),
};
static const struct schema resource_health_schema =
        SCHEMA_KEPT(resource_health, "ResourceHealth", "Health of one device.");

static const struct field resource_status_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE, "Name of the resource.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("resources", 2, FIELD_OBJECT, FIELD_LIST, "Its devices.",
                   .schema = &resource_health_schema, .merge_key = "resourceID"),
};
const struct schema resource_status_schema =
        SCHEMA_KEPT(resource_status, "ResourceStatus", "Health of the devices of a resource.");

static const struct field pod_resource_claim_status_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE, "Name of the claim in the pod.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("resourceClaimName", 2, FIELD_STRING, FIELD_ONE, "ResourceClaim that was made.",
                   .flags = FIELD_POINTER),
};
const struct schema pod_resource_claim_status_schema = SCHEMA_KEPT(
        pod_resource_claim_status, "PodResourceClaimStatus", "State of a claim of devices.");

static const struct field container_extended_resource_request_fields[] = {
        FIELD_KEPT("containerName", 1, FIELD_STRING, FIELD_ONE, "Name of the container.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("resourceName", 2, FIELD_STRING, FIELD_ONE, "Name of the resource.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("requestName", 3, FIELD_STRING, FIELD_ONE, "Name of the request in the claim.",
                   .flags = FIELD_REQUIRED),
};
static const struct schema container_extended_resource_request_schema =
        SCHEMA_KEPT(container_extended_resource_request, "ContainerExtendedResourceRequest",
                    "Which request of a container became part of a claim.");

static const struct field pod_extended_resource_claim_status_fields[] = {
        FIELD_KEPT("requestMappings", 1, FIELD_OBJECT, FIELD_LIST,
                   "Requests of containers that it is for.",
                   .schema = &container_extended_resource_request_schema, .flags = FIELD_ATOMIC),
        FIELD_KEPT("resourceClaimName", 2, FIELD_STRING, FIELD_ONE, "Name of the ResourceClaim.",
                   .flags = FIELD_REQUIRED),
};
const struct schema pod_extended_resource_claim_status_schema =
        SCHEMA_KEPT(pod_extended_resource_claim_status, "PodExtendedResourceClaimStatus",
                    "State of a claim that the scheduler made.");

static const struct field workload_reference_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE, "Name of the Workload.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("podGroup", 2, FIELD_STRING, FIELD_ONE, "Group of pods in it.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("podGroupReplicaKey", 3, FIELD_STRING, FIELD_ONE, "Which replica of the group."),
};
const struct schema workload_reference_schema = SCHEMA_KEPT(
        workload_reference, "WorkloadReference", "Names a workload that a pod is scheduled with.");

static const struct field file_key_selector_fields[] = {
        FIELD_KEPT("volumeName", 1, FIELD_STRING, FIELD_ONE, "Name of the volume.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("path", 2, FIELD_STRING, FIELD_ONE, "File in the volume.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("key", 3, FIELD_STRING, FIELD_ONE, "Key in the file.", .flags = FIELD_REQUIRED),
        FIELD_KEPT("optional", 4, FIELD_OPT_BOOL, FIELD_ONE, "Whether file or key may be missing."),
};
const struct schema file_key_selector_schema = SCHEMA_KEPT(
        file_key_selector, "FileKeySelector", "A key of a file in a volume.", .is_atomic = true);

static const struct field container_restart_rule_on_exit_codes_fields[] = {
        FIELD_KEPT("operator", 1, FIELD_STRING, FIELD_ONE, "In or NotIn.", .flags = FIELD_REQUIRED,
                   .values = WORDS("In", "NotIn")),
        FIELD_KEPT("values", 2, FIELD_INT, FIELD_LIST, "Exit codes.", .flags = FIELD_SET),
};
static const struct schema container_restart_rule_on_exit_codes_schema =
        SCHEMA_KEPT(container_restart_rule_on_exit_codes, "ContainerRestartRuleOnExitCodes",
                    "Exit codes that a rule is about.");

static const struct field container_restart_rule_fields[] = {
        FIELD_KEPT("action", 1, FIELD_STRING, FIELD_ONE, "What is done.", .flags = FIELD_REQUIRED),
        FIELD_KEPT("exitCodes", 2, FIELD_OBJECT_PTR, FIELD_ONE, "Exit codes that it is about.",
                   .schema = &container_restart_rule_on_exit_codes_schema),
};
const struct schema container_restart_rule_schema =
        SCHEMA_KEPT(container_restart_rule, "ContainerRestartRule",
                    "What becomes of a container that ended in some way.");

static const struct field pod_certificate_projection_fields[] = {
        FIELD_KEPT("signerName", 1, FIELD_STRING, FIELD_ONE, "Who signs the certificate.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("keyType", 2, FIELD_STRING, FIELD_ONE, "Kind of key.", .flags = FIELD_REQUIRED),
        FIELD_KEPT("maxExpirationSeconds", 3, FIELD_OPT_INT, FIELD_ONE,
                   "Seconds that the certificate may be good for."),
        FIELD_KEPT("credentialBundlePath", 4, FIELD_STRING, FIELD_ONE,
                   "File for key and certificates, relative to the volume."),
        FIELD_KEPT("keyPath", 5, FIELD_STRING, FIELD_ONE, "File for the key."),
        FIELD_KEPT("certificateChainPath", 6, FIELD_STRING, FIELD_ONE,
                   "File for the certificates."),
        FIELD_KEPT("userAnnotations", 7, FIELD_STRING, FIELD_MAP, "Notes for the signer."),
};
const struct schema pod_certificate_projection_schema =
        SCHEMA_KEPT(pod_certificate_projection, "PodCertificateProjection",
                    "A key and its certificate for the pod.");
