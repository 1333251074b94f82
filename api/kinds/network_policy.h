#pragma once

#include "api/kinds/meta.h"
#include "api/schema/field.h"

/* networking.k8s.io/v1 NetworkPolicy. */

struct ip_block {
        const char *cidr;
        struct strings except;
};

struct network_policy_peer {
        struct label_selector *pod_selector;
        struct label_selector *namespace_selector;
        struct ip_block *ip_block;
};

struct network_policy_port {
        const char *protocol;
        struct int_or_string port;
        struct opt_int end_port;
};

struct network_policy_ingress_rule {
        struct {
                struct network_policy_port *items;
                size_t n;
        } ports;
        struct {
                struct network_policy_peer *items;
                size_t n;
        } from;
};

struct network_policy_egress_rule {
        struct {
                struct network_policy_port *items;
                size_t n;
        } ports;
        struct {
                struct network_policy_peer *items;
                size_t n;
        } to;
};

struct network_policy_spec {
        struct label_selector pod_selector;
        struct {
                struct network_policy_ingress_rule *items;
                size_t n;
        } ingress;
        struct {
                struct network_policy_egress_rule *items;
                size_t n;
        } egress;
        struct strings policy_types;
};

struct network_policy {
        struct object_meta metadata;
        struct network_policy_spec spec;
};

extern const struct kind network_policy_kind;
