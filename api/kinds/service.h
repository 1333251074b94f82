#pragma once

#include "api/kinds/meta.h"

/* v1 Service, discovery.k8s.io/v1 EndpointSlice. */

struct service_port {
        const char *name;
        const char *protocol;
        const char *app_protocol;
        int64_t port;
        struct int_or_string target_port;
        int64_t node_port;
};

struct client_ip_config {
        struct opt_int timeout_seconds;
};

struct session_affinity_config {
        struct client_ip_config *client_ip;
};

struct service_spec {
        struct {
                struct service_port *items;
                size_t n;
        } ports;
        struct string_map selector;
        const char *cluster_ip; /* an address, None, or NULL before the server chose */
        struct strings cluster_ips;
        const char *type; /* ClusterIP, NodePort, LoadBalancer, ExternalName */
        struct strings external_ips;
        const char *session_affinity; /* None, ClientIP */
        struct session_affinity_config *session_affinity_config;
        const char *external_name;
        bool publish_not_ready_addresses;
        struct strings ip_families;
        const char *ip_family_policy;
        const char *internal_traffic_policy;
        const char *external_traffic_policy;
};

struct service {
        struct object_meta metadata;
        struct service_spec spec;
};

struct endpoint_conditions {
        struct opt_bool ready;
        struct opt_bool serving;
        struct opt_bool terminating;
};

struct endpoint {
        struct strings addresses;
        struct endpoint_conditions conditions;
        const char *hostname;
        struct object_reference *target_ref;
        const char *node_name;
        const char *zone;
};

struct endpoint_port {
        const char *name;
        const char *protocol;
        struct opt_int port;
        const char *app_protocol;
};

struct endpoint_slice {
        struct object_meta metadata;
        const char *address_type; /* IPv4, IPv6, FQDN */
        struct {
                struct endpoint *items;
                size_t n;
        } endpoints;
        struct {
                struct endpoint_port *items;
                size_t n;
        } ports;
};

extern const struct kind service_kind;
extern const struct kind endpoint_slice_kind;
