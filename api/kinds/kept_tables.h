#pragma once

#include "api/schema/field.h"

/* Tables of pods, nodes and services without a struct: kept in the JSON, as nothing acts on them.
 */

extern const struct schema resource_claim_schema;
extern const struct schema volume_device_schema;
extern const struct schema affinity_schema;
extern const struct schema pod_readiness_gate_schema;
extern const struct schema topology_spread_constraint_schema;
extern const struct schema pod_os_schema;
extern const struct schema pod_scheduling_gate_schema;
extern const struct schema pod_resource_claim_schema;
extern const struct schema volume_mount_status_schema;
extern const struct schema container_user_schema;
extern const struct schema resource_status_schema;
extern const struct schema pod_resource_claim_status_schema;
extern const struct schema node_config_source_schema;
extern const struct schema node_config_status_schema;
extern const struct schema node_daemon_endpoints_schema;
extern const struct schema attached_volume_schema;
extern const struct schema node_runtime_handler_schema;
extern const struct schema node_features_schema;
extern const struct schema node_swap_status_schema;
extern const struct schema namespace_condition_schema;
extern const struct schema service_status_schema;
extern const struct schema endpoint_hints_schema;
extern const struct schema pod_extended_resource_claim_status_schema;
extern const struct schema workload_reference_schema;
extern const struct schema file_key_selector_schema;
extern const struct schema container_restart_rule_schema;
extern const struct schema pod_certificate_projection_schema;
