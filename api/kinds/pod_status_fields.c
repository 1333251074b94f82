/* Field tables of a pod's status. */
#include "api/kinds/kept_tables.h"
#include "api/kinds/pod.h"
#include "api/kinds/tables.h"

#define SELF struct container_state_waiting
static const struct field container_state_waiting_fields[] = {
        FIELD_OF_STRING(reason, "reason", 1, "One word why."),
        FIELD_OF_STRING(message, "message", 2, "A sentence why."),
};
#undef SELF
static const struct schema container_state_waiting_schema =
        SCHEMA(container_state_waiting, "ContainerStateWaiting", "The container hasn't started.");

#define SELF struct container_state_running
static const struct field container_state_running_fields[] = {
        FIELD_OF_TIME(started_at, "startedAt", 1, "When it started."),
};
#undef SELF
static const struct schema container_state_running_schema =
        SCHEMA(container_state_running, "ContainerStateRunning", "The container runs.");

#define SELF struct container_state_terminated
static const struct field container_state_terminated_fields[] = {
        FIELD_OF_INT(exit_code, "exitCode", 1, "Exit code.", .flags = FIELD_ALWAYS),
        FIELD_OF_INT(signal, "signal", 2, "Signal that ended it."),
        FIELD_OF_STRING(reason, "reason", 3, "Completed, Error, OOMKilled and the like."),
        FIELD_OF_STRING(message, "message", 4, "Its last words."),
        FIELD_OF_TIME(started_at, "startedAt", 5, "When it started."),
        FIELD_OF_TIME(finished_at, "finishedAt", 6, "When it ended."),
        FIELD_OF_STRING(container_id, "containerID", 7, "Which run this was.",
                        .flags = FIELD_NODE_ONLY),
};
#undef SELF
static const struct schema container_state_terminated_schema =
        SCHEMA(container_state_terminated, "ContainerStateTerminated", "The container has ended.");

#define SELF struct container_state
static const struct field container_state_fields[] = {
        FIELD_OF_POINTER(waiting, container_state_waiting, "waiting", 1, "It hasn't started."),
        FIELD_OF_POINTER(running, container_state_running, "running", 2, "It runs."),
        FIELD_OF_POINTER(terminated, container_state_terminated, "terminated", 3, "It has ended."),
};
#undef SELF
static const struct schema container_state_schema =
        SCHEMA(container_state, "ContainerState", "Waiting, running or terminated.");

#define SELF struct container_status
static const struct field container_status_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the container.", .flags = FIELD_ALWAYS),
        FIELD_OF_OBJECT(state, container_state, "state", 2, "What it does now."),
        FIELD_OF_OBJECT(last_state, container_state, "lastState", 3, "How its last run ended.",
                        .flags = FIELD_ALWAYS),
        FIELD_OF_BOOL(ready, "ready", 4, "Whether its readiness probe is content.",
                      .flags = FIELD_ALWAYS),
        FIELD_OF_INT(restart_count, "restartCount", 5, "How often it was started again.",
                     .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(image, "image", 6, "Image that it runs.", .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(image_id, "imageID", 7, "Digest of that image.",
                        .flags = FIELD_NODE_ONLY | FIELD_ALWAYS),
        FIELD_OF_STRING(container_id, "containerID", 8, "Which run this is.",
                        .flags = FIELD_NODE_ONLY),
        FIELD_OF_OPT_BOOL(started, "started", 9, "Whether its startup probe has succeeded."),
        FIELD_OF_QUANTITY_MAP(allocated_resources, "allocatedResources", 10, "Resources granted."),
        FIELD_OF_POINTER(resources, resource_requirements, "resources", 11, "Resources in force."),
        FIELD_KEPT("volumeMounts", 12, FIELD_OBJECT, FIELD_LIST, "Mounts in force.",
                   .schema = &volume_mount_status_schema, .patch = FIELD_PATCH_MERGE,
                   .merge_key = "mountPath"),
        FIELD_KEPT("user", 13, FIELD_OBJECT_PTR, FIELD_ONE, "User that it runs as.",
                   .schema = &container_user_schema),
        FIELD_KEPT("allocatedResourcesStatus", 14, FIELD_OBJECT, FIELD_LIST, "Health of devices.",
                   .schema = &resource_status_schema, .patch = FIELD_PATCH_MERGE,
                   .merge_key = "name"),
        FIELD_KEPT("stopSignal", 15, FIELD_STRING, FIELD_ONE, "Signal that ends it.",
                   .flags = FIELD_POINTER),
};
#undef SELF
const struct schema container_status_schema =
        SCHEMA(container_status, "ContainerStatus", "How a container is doing.");

#define SELF struct pod_condition
static const struct field pod_condition_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "Name of the condition.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(status, "status", 2, "True, False or Unknown.", .flags = FIELD_REQUIRED),
        FIELD_OF_TIME(last_probe_time, "lastProbeTime", 3, "When it was last looked at.",
                      .flags = FIELD_ALWAYS),
        FIELD_OF_TIME(last_transition_time, "lastTransitionTime", 4, "When it last changed."),
        FIELD_OF_STRING(reason, "reason", 5, "One word why."),
        FIELD_OF_STRING(message, "message", 6, "A sentence why."),
        FIELD_OF_INT(observed_generation, "observedGeneration", 7, "Generation that was seen."),
};
#undef SELF
static const struct schema pod_condition_schema =
        SCHEMA(pod_condition, "PodCondition", "A yes-or-no question about the pod.");

#define SELF struct pod_ip
static const struct field pod_ip_fields[] = {
        FIELD_OF_STRING(ip, "ip", 1, "Address.", .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema pod_ip_schema = SCHEMA(pod_ip, "PodIP", "An address of the pod.");

#define SELF struct host_ip
static const struct field host_ip_fields[] = {
        FIELD_OF_STRING(ip, "ip", 1, "Address.", .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema host_ip_schema = SCHEMA(host_ip, "HostIP", "An address of the node.");

#define SELF struct pod_status
static const struct field pod_status_fields[] = {
        FIELD_OF_INT(observed_generation, "observedGeneration", 17, "Generation that was seen."),
        FIELD_OF_STRING(phase, "phase", 1, "Where the pod is in its life.",
                        .default_json = "\"Pending\"",
                        .values = WORDS("Pending", "Running", "Succeeded", "Failed", "Unknown")),
        FIELD_OF_OBJECTS(conditions, pod_condition, "conditions", 2, "Questions about the pod.",
                         .patch = FIELD_PATCH_MERGE, .merge_key = "type"),
        FIELD_OF_STRING(message, "message", 3, "A sentence why."),
        FIELD_OF_STRING(reason, "reason", 4, "One word why, as Evicted."),
        FIELD_OF_STRING(nominated_node_name, "nominatedNodeName", 11, "Node that is made free."),
        FIELD_OF_STRING(host_ip, "hostIP", 5, "Address of the node."),
        FIELD_OF_OBJECTS(host_ips, host_ip, "hostIPs", 16, "Addresses of the node.",
                         .patch = FIELD_PATCH_MERGE, .merge_key = "ip"),
        FIELD_OF_STRING(pod_ip, "podIP", 6, "Address of the pod."),
        FIELD_OF_OBJECTS(pod_ips, pod_ip, "podIPs", 12, "Addresses of the pod.",
                         .patch = FIELD_PATCH_MERGE, .merge_key = "ip"),
        FIELD_OF_TIME(start_time, "startTime", 7, "When the node took the pod on."),
        FIELD_OF_OBJECTS(init_container_statuses, container_status, "initContainerStatuses", 10,
                         "How init containers are doing."),
        FIELD_OF_OBJECTS(container_statuses, container_status, "containerStatuses", 8,
                         "How containers are doing."),
        FIELD_OF_STRING(qos_class, "qosClass", 9, "Guaranteed, Burstable or BestEffort."),
        FIELD_OF_OBJECTS(ephemeral_container_statuses, container_status,
                         "ephemeralContainerStatuses", 13, "How debugging containers are doing."),
        FIELD_KEPT("resize", 14, FIELD_STRING, FIELD_ONE, "State of a change of resources."),
        FIELD_KEPT("resourceClaimStatuses", 15, FIELD_OBJECT, FIELD_LIST, "State of claims.",
                   .schema = &pod_resource_claim_status_schema, .patch = FIELD_PATCH_MERGE,
                   .merge_key = "name"),
        FIELD_KEPT("extendedResourceClaimStatus", 18, FIELD_OBJECT_PTR, FIELD_ONE,
                   "State of a claim that the scheduler made.",
                   .schema = &pod_extended_resource_claim_status_schema),
        FIELD_KEPT("allocatedResources", 19, FIELD_QUANTITY, FIELD_MAP,
                   "Resources granted to the pod as a whole."),
        FIELD_KEPT("resources", 20, FIELD_OBJECT_PTR, FIELD_ONE,
                   "Resources of the pod as a whole that are in force.",
                   .schema = &resource_requirements_schema),
};
#undef SELF
const struct schema pod_status_schema =
        SCHEMA(pod_status, "PodStatus", "What the pod is, as its node sees it.");
