/* Field tables of nodes, namespaces and services that orch keeps and doesn't act on (numbers:
 * generated.proto of k8s.io/api). */
#include "api/kinds/kept_tables.h"
#include "api/kinds/meta.h"
#include "api/kinds/pod.h"
#include "api/kinds/storage.h"

static const struct field config_map_node_config_source_fields[] = {
        FIELD_KEPT("namespace", 1, FIELD_STRING, FIELD_ONE, "Namespace of the ConfigMap.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("name", 2, FIELD_STRING, FIELD_ONE, "Name of the ConfigMap.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("uid", 3, FIELD_STRING, FIELD_ONE, "UID of the ConfigMap."),
        FIELD_KEPT("resourceVersion", 4, FIELD_STRING, FIELD_ONE, "Version of the ConfigMap."),
        FIELD_KEPT("kubeletConfigKey", 5, FIELD_STRING, FIELD_ONE, "Key in it.",
                   .flags = FIELD_REQUIRED),
};
static const struct schema config_map_node_config_source_schema =
        SCHEMA_KEPT(config_map_node_config_source, "ConfigMapNodeConfigSource",
                    "A ConfigMap with settings of a node.");

static const struct field node_config_source_fields[] = {
        FIELD_KEPT("configMap", 2, FIELD_OBJECT_PTR, FIELD_ONE, "A ConfigMap.",
                   .schema = &config_map_node_config_source_schema),
};
const struct schema node_config_source_schema =
        SCHEMA_KEPT(node_config_source, "NodeConfigSource", "Where settings of a node come from.");

static const struct field node_config_status_fields[] = {
        FIELD_KEPT("assigned", 1, FIELD_OBJECT_PTR, FIELD_ONE, "Those that are wanted.",
                   .schema = &node_config_source_schema),
        FIELD_KEPT("active", 2, FIELD_OBJECT_PTR, FIELD_ONE, "Those that are in force.",
                   .schema = &node_config_source_schema),
        FIELD_KEPT("lastKnownGood", 3, FIELD_OBJECT_PTR, FIELD_ONE, "Those that worked last.",
                   .schema = &node_config_source_schema),
        FIELD_KEPT("error", 4, FIELD_STRING, FIELD_ONE, "What is wrong with them."),
};
const struct schema node_config_status_schema = SCHEMA_KEPT(
        node_config_status, "NodeConfigStatus", "Which settings of a node are in force.");

static const struct field daemon_endpoint_fields[] = {
        FIELD_KEPT("Port", 1, FIELD_INT, FIELD_ONE, "Number of the port.", .flags = FIELD_REQUIRED),
};
static const struct schema daemon_endpoint_schema =
        SCHEMA_KEPT(daemon_endpoint, "DaemonEndpoint", "A port of a program.");

static const struct field node_daemon_endpoints_fields[] = {
        FIELD_KEPT("kubeletEndpoint", 1, FIELD_OBJECT, FIELD_ONE,
                   "The port that the API server dials.", .schema = &daemon_endpoint_schema),
};
const struct schema node_daemon_endpoints_schema =
        SCHEMA_KEPT(node_daemon_endpoints, "NodeDaemonEndpoints", "Ports of the node's program.");

static const struct field attached_volume_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE, "Name of the volume.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("devicePath", 2, FIELD_STRING, FIELD_ONE, "Path of the device.",
                   .flags = FIELD_REQUIRED),
};
const struct schema attached_volume_schema =
        SCHEMA_KEPT(attached_volume, "AttachedVolume", "A volume that is attached to a node.");

static const struct field node_runtime_handler_features_fields[] = {
        FIELD_KEPT("recursiveReadOnlyMounts", 1, FIELD_OPT_BOOL, FIELD_ONE,
                   "Mounts that are read-only all the way down."),
        FIELD_KEPT("userNamespaces", 2, FIELD_OPT_BOOL, FIELD_ONE,
                   "User ids of its own for each pod."),
};
static const struct schema node_runtime_handler_features_schema = SCHEMA_KEPT(
        node_runtime_handler_features, "NodeRuntimeHandlerFeatures", "What a runtime can do.");

static const struct field node_runtime_handler_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE,
                   "Name of the runtime; empty for the default one."),
        FIELD_KEPT("features", 2, FIELD_OBJECT_PTR, FIELD_ONE, "What it can do.",
                   .schema = &node_runtime_handler_features_schema),
};
const struct schema node_runtime_handler_schema =
        SCHEMA_KEPT(node_runtime_handler, "NodeRuntimeHandler", "A runtime of a node.");

static const struct field node_features_fields[] = {
        FIELD_KEPT("supplementalGroupsPolicy", 1, FIELD_OPT_BOOL, FIELD_ONE,
                   "Leaving the image's groups aside."),
};
const struct schema node_features_schema =
        SCHEMA_KEPT(node_features, "NodeFeatures", "What a node can do.");

static const struct field node_swap_status_fields[] = {
        FIELD_KEPT("capacity", 1, FIELD_OPT_INT, FIELD_ONE, "Its size in bytes."),
};
const struct schema node_swap_status_schema =
        SCHEMA_KEPT(node_swap_status, "NodeSwapStatus", "Swap space of a node.");

static const struct field namespace_condition_fields[] = {
        FIELD_KEPT("type", 1, FIELD_STRING, FIELD_ONE, "Name of the condition.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("status", 2, FIELD_STRING, FIELD_ONE, "True, False or Unknown.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("lastTransitionTime", 4, FIELD_TIME, FIELD_ONE, "When it last changed."),
        FIELD_KEPT("reason", 5, FIELD_STRING, FIELD_ONE, "One word why."),
        FIELD_KEPT("message", 6, FIELD_STRING, FIELD_ONE, "A sentence why."),
};
const struct schema namespace_condition_schema = SCHEMA_KEPT(
        namespace_condition, "NamespaceCondition", "A yes-or-no question about a namespace.");

static const struct field port_status_fields[] = {
        FIELD_KEPT("port", 1, FIELD_INT, FIELD_ONE, "Number of the port.", .flags = FIELD_REQUIRED),
        FIELD_KEPT("protocol", 2, FIELD_STRING, FIELD_ONE, "TCP, UDP or SCTP.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("error", 3, FIELD_STRING, FIELD_ONE, "What is wrong with it.",
                   .flags = FIELD_POINTER),
};
static const struct schema port_status_schema =
        SCHEMA_KEPT(port_status, "PortStatus", "How a port of an address is doing.");

static const struct field load_balancer_ingress_fields[] = {
        FIELD_KEPT("ip", 1, FIELD_STRING, FIELD_ONE, "The address."),
        FIELD_KEPT("hostname", 2, FIELD_STRING, FIELD_ONE, "A name instead of an address."),
        FIELD_KEPT("ipMode", 3, FIELD_STRING, FIELD_ONE,
                   "Whether traffic arrives with the address in place.", .flags = FIELD_POINTER),
        FIELD_KEPT("ports", 4, FIELD_OBJECT, FIELD_LIST, "How its ports are doing.",
                   .schema = &port_status_schema, .flags = FIELD_ATOMIC),
};
static const struct schema load_balancer_ingress_schema =
        SCHEMA_KEPT(load_balancer_ingress, "LoadBalancerIngress", "An address of a load balancer.");

static const struct field load_balancer_status_fields[] = {
        FIELD_KEPT("ingress", 1, FIELD_OBJECT, FIELD_LIST, "The addresses.",
                   .schema = &load_balancer_ingress_schema, .flags = FIELD_ATOMIC),
};
static const struct schema load_balancer_status_schema =
        SCHEMA_KEPT(load_balancer_status, "LoadBalancerStatus", "Addresses of a load balancer.");

static const struct field service_status_fields[] = {
        FIELD_KEPT("loadBalancer", 1, FIELD_OBJECT, FIELD_ONE, "Addresses of its load balancer.",
                   .schema = &load_balancer_status_schema),
        FIELD_KEPT("conditions", 2, FIELD_OBJECT, FIELD_LIST, "Questions about the service.",
                   .schema = &condition_schema, .patch = FIELD_PATCH_MERGE, .merge_key = "type"),
};
const struct schema service_status_schema =
        SCHEMA_KEPT(service_status, "ServiceStatus", "How a service is doing.");

static const struct field for_zone_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE, "Name of the zone.",
                   .flags = FIELD_REQUIRED),
};
static const struct schema for_zone_schema = SCHEMA_KEPT(for_zone, "ForZone", "A zone.");

static const struct field for_node_fields[] = {
        FIELD_KEPT("name", 1, FIELD_STRING, FIELD_ONE, "Name of the node.",
                   .flags = FIELD_REQUIRED),
};
static const struct schema for_node_schema = SCHEMA_KEPT(for_node, "ForNode", "A node.");

static const struct field endpoint_hints_fields[] = {
        FIELD_KEPT("forZones", 1, FIELD_OBJECT, FIELD_LIST, "Zones.", .schema = &for_zone_schema,
                   .flags = FIELD_ATOMIC),
        FIELD_KEPT("forNodes", 2, FIELD_OBJECT, FIELD_LIST, "Nodes.", .schema = &for_node_schema,
                   .flags = FIELD_ATOMIC),
};
const struct schema endpoint_hints_schema =
        SCHEMA_KEPT(endpoint_hints, "EndpointHints", "Who should use an endpoint.");
