#pragma once

#include "api/kinds/meta.h"
#include "api/schema/field.h"

/* v1 Endpoints, the older form of EndpointSlices. */

struct endpoint_address {
        const char *ip;
        const char *hostname;
        const char *node_name;
        struct object_reference *target_ref;
};

struct legacy_endpoint_port {
        const char *name;
        int64_t port;
        const char *protocol;
        const char *app_protocol;
};

struct endpoint_subset {
        struct {
                struct endpoint_address *items;
                size_t n;
        } addresses;
        struct {
                struct endpoint_address *items;
                size_t n;
        } not_ready_addresses;
        struct {
                struct legacy_endpoint_port *items;
                size_t n;
        } ports;
};

struct endpoints {
        struct object_meta metadata;
        struct {
                struct endpoint_subset *items;
                size_t n;
        } subsets;
};

extern const struct kind endpoints_kind;
