#pragma once

#include "api/kinds/meta.h"
#include "api/schema/field.h"

/* networking.k8s.io/v1: Ingress and IngressClass. */

struct service_backend_port {
        const char *name;
        int64_t number;
};

struct ingress_service_backend {
        const char *name;
        struct service_backend_port port;
};

struct ingress_backend {
        struct ingress_service_backend *service;
};

struct http_ingress_path {
        const char *path;
        const char *path_type;
        struct ingress_backend backend;
};

struct http_ingress_rule_value {
        struct {
                struct http_ingress_path *items;
                size_t n;
        } paths;
};

struct ingress_rule {
        const char *host;
        struct http_ingress_rule_value *http;
};

struct ingress_tls {
        struct strings hosts;
        const char *secret_name;
};

struct ingress_spec {
        const char *ingress_class_name;
        struct ingress_backend *default_backend;
        struct {
                struct ingress_tls *items;
                size_t n;
        } tls;
        struct {
                struct ingress_rule *items;
                size_t n;
        } rules;
};

struct ingress_load_balancer_ingress {
        const char *ip;
        const char *hostname;
};

struct ingress_load_balancer_status {
        struct {
                struct ingress_load_balancer_ingress *items;
                size_t n;
        } ingress;
};

struct ingress_status {
        struct ingress_load_balancer_status load_balancer;
};

struct ingress {
        struct object_meta metadata;
        struct ingress_spec spec;
        struct ingress_status status;
};

struct ingress_class_parameters_reference {
        const char *api_group;
        const char *kind;
        const char *name;
        const char *scope;
        const char *namespace;
};

struct ingress_class_spec {
        const char *controller;
        struct ingress_class_parameters_reference *parameters;
};

struct ingress_class {
        struct object_meta metadata;
        struct ingress_class_spec spec;
};

extern const struct kind ingress_kind;
extern const struct kind ingress_class_kind;
