#pragma once

#include "api/kinds/meta.h"

/* v1 Node and Namespace, coordination.k8s.io/v1 Lease. */

struct taint {
        const char *key;
        const char *value;
        const char *effect; /* NoSchedule, PreferNoSchedule, NoExecute */
        uint64_t time_added;
};

struct node_spec {
        const char *pod_cidr;
        struct strings pod_cidrs;
        const char *provider_id;
        bool unschedulable;
        struct {
                struct taint *items;
                size_t n;
        } taints;
};

struct node_condition {
        const char *type; /* Ready, MemoryPressure, DiskPressure, PIDPressure */
        const char *status;
        uint64_t last_heartbeat_time;
        uint64_t last_transition_time;
        const char *reason;
        const char *message;
};

struct node_address {
        const char *type; /* InternalIP, ExternalIP, Hostname */
        const char *address;
};

struct node_system_info {
        const char *machine_id;
        const char *system_uuid;
        const char *boot_id;
        const char *kernel_version;
        const char *os_image;
        const char *container_runtime_version;
        const char *kubelet_version;
        const char *kube_proxy_version;
        const char *operating_system;
        const char *architecture;
};

struct container_image {
        struct strings names;
        int64_t size_bytes;
};

struct node_status {
        struct quantity_map capacity;
        struct quantity_map allocatable;
        const char *phase;
        struct {
                struct node_condition *items;
                size_t n;
        } conditions;
        struct {
                struct node_address *items;
                size_t n;
        } addresses;
        struct node_system_info node_info;
        struct {
                struct container_image *items;
                size_t n;
        } images;
};

struct node {
        struct object_meta metadata;
        struct node_spec spec;
        struct node_status status;
};

struct namespace_spec {
        struct strings finalizers;
};

struct namespace_status {
        const char *phase; /* Active, Terminating */
};

struct namespace {
        struct object_meta metadata;
        struct namespace_spec spec;
        struct namespace_status status;
};

struct lease_spec {
        const char *holder_identity;
        struct opt_int lease_duration_seconds;
        uint64_t acquire_time;
        uint64_t renew_time;
        struct opt_int lease_transitions;
};

struct lease {
        struct object_meta metadata;
        struct lease_spec spec;
};

extern const struct kind node_kind;
extern const struct kind namespace_kind;
extern const struct kind lease_kind;

/* The condition of that type, or NULL. */
const struct node_condition *node_condition_find(const struct node_status *status,
                                                 const char *type);

/* Whether condition Ready is True. */
bool node_is_ready(const struct node *n);
