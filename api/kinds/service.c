#include "api/kinds/service.h"

#include "api/kinds/kept_tables.h"
#include "api/kinds/tables.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <stdio.h>

#define SERVICE_AFFINITY_DEFAULT_SECONDS 10800

static const char *const service_protocols[] = { "TCP", "UDP", "SCTP", NULL };

#define SELF struct service_port
static const struct field service_port_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the port; needed when there are several.",
                        .format = FORMAT_DNS_LABEL),
        FIELD_OF_STRING(protocol, "protocol", 2, "Protocol of the port.", .default_json = "\"TCP\"",
                        .values = service_protocols),
        FIELD_OF_STRING(app_protocol, "appProtocol", 6, "What is spoken on the port.",
                        .flags = FIELD_POINTER),
        FIELD_OF_INT(port, "port", 3, "Port of the service.", .flags = FIELD_REQUIRED,
                     .format = FORMAT_PORT),
        FIELD_OF_INT_OR_STRING(target_port, "targetPort", 4,
                               "Port of the pods, by number or name; port by default.",
                               .format = FORMAT_PORT),
        FIELD_OF_INT(node_port, "nodePort", 5, "Port of every node that leads to the service.",
                     RANGE(0, 65535)),
};
#undef SELF
static const struct schema service_port_schema =
        SCHEMA(service_port, "ServicePort", "A port of a service.");

#define SELF struct client_ip_config
static const struct field client_ip_config_fields[] = {
        FIELD_OF_OPT_INT(timeout_seconds, "timeoutSeconds", 1,
                         "Seconds that a client stays with its pod.", RANGE(1, 86400)),
};
#undef SELF
static const struct schema client_ip_config_schema =
        SCHEMA(client_ip_config, "ClientIPConfig", "Affinity by the client's address.");

#define SELF struct session_affinity_config
static const struct field session_affinity_config_fields[] = {
        FIELD_OF_POINTER(client_ip, client_ip_config, "clientIP", 1,
                         "Affinity by the client's address."),
};
#undef SELF
static const struct schema session_affinity_config_schema = SCHEMA(
        session_affinity_config, "SessionAffinityConfig", "How clients stay with their pods.");

#define SELF struct service_spec
static const struct field service_spec_fields[] = {
        FIELD_OF_OBJECTS(ports, service_port, "ports", 1, "Ports of the service.",
                         .patch = FIELD_PATCH_MERGE, .merge_key = "port", .merge_key2 = "protocol"),
        FIELD_OF_STRING_MAP(selector, "selector", 2, "Labels of the pods behind the service.",
                            .format = FORMAT_LABELS, .flags = FIELD_ATOMIC),
        FIELD_OF_STRING(cluster_ip, "clusterIP", 3,
                        "Address of the service; None for names without one. The server chooses."),
        FIELD_OF_STRINGS(cluster_ips, "clusterIPs", 18, "Addresses, one for each family.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_STRING(type, "type", 4, "Whom the service is for.",
                        .default_json = "\"ClusterIP\"",
                        .values = WORDS("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")),
        FIELD_OF_STRINGS(external_ips, "externalIPs", 5, "Addresses of nodes that lead here, too.",
                         .format = FORMAT_IP, .flags = FIELD_UNACTED),
        FIELD_OF_STRING(session_affinity, "sessionAffinity", 7,
                        "Whether a client stays with its pod.", .default_json = "\"None\"",
                        .values = WORDS("ClientIP", "None")),
        FIELD_OF_POINTER(session_affinity_config, session_affinity_config, "sessionAffinityConfig",
                         14, "How clients stay with their pods."),
        FIELD_OF_UNACTED("loadBalancerIP", 8, FIELD_STRING, FIELD_ONE,
                         "Address asked of the load balancer."),
        FIELD_OF_UNACTED("loadBalancerSourceRanges", 9, FIELD_STRING, FIELD_LIST,
                         "Who may use the load balancer."),
        FIELD_OF_STRING(external_name, "externalName", 10, "Name that this one stands for."),
        FIELD_OF_STRING(external_traffic_policy, "externalTrafficPolicy", 11,
                        "Which pods answer traffic from outside.",
                        .values = WORDS("Cluster", "Local")),
        FIELD_OF_UNACTED("healthCheckNodePort", 12, FIELD_INT, FIELD_ONE,
                         "Port for a load balancer's questions."),
        FIELD_OF_BOOL(publish_not_ready_addresses, "publishNotReadyAddresses", 13,
                      "Whether pods that aren't ready have names, too."),
        FIELD_OF_STRING(ip_family_policy, "ipFamilyPolicy", 17, "How many families are wanted.",
                        .values = WORDS("SingleStack", "PreferDualStack", "RequireDualStack"),
                        .flags = FIELD_POINTER),
        FIELD_OF_STRINGS(ip_families, "ipFamilies", 19, "IPv4, IPv6 or both.",
                         .flags = FIELD_ATOMIC, .values = WORDS("IPv4", "IPv6")),
        FIELD_OF_UNACTED("allocateLoadBalancerNodePorts", 20, FIELD_OPT_BOOL, FIELD_ONE,
                         "Whether a load balancer needs node ports."),
        FIELD_KEPT("loadBalancerClass", 21, FIELD_STRING, FIELD_ONE, "Which load balancer.",
                   .flags = FIELD_UNACTED | FIELD_POINTER),
        FIELD_OF_STRING(internal_traffic_policy, "internalTrafficPolicy", 22,
                        "Which pods answer traffic from inside.",
                        .values = WORDS("Cluster", "Local"), .flags = FIELD_POINTER),
        FIELD_KEPT("trafficDistribution", 23, FIELD_STRING, FIELD_ONE, "Which pods are preferred.",
                   .flags = FIELD_UNACTED | FIELD_POINTER),
};
#undef SELF
static const struct schema service_spec_schema =
        SCHEMA(service_spec, "ServiceSpec", "Where a service is and what is behind it.");

#define SELF struct service
static const struct field service_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, service_spec, "spec", 2, "Where it is and what is behind it."),
        FIELD_KEPT("status", 3, FIELD_OBJECT, FIELD_ONE, "What a load balancer says.",
                   .schema = &service_status_schema, .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema service_schema =
        SCHEMA(service, "Service", "One name and address for all pods with certain labels.");

static int service_default_port(json_t *port) {
        json_t *number = json_object_get(port, "port");

        return number ? default_set(port, "targetPort", json_copy(number)) : 0;
}

static int service_default_affinity(json_t *spec) {
        json_t *config, *client_ip;
        int r;

        r = default_set(spec, "sessionAffinityConfig", json_object());
        if (r < 0)
                return r;
        config = json_object_get(spec, "sessionAffinityConfig");
        r = default_set(config, "clientIP", json_object());
        if (r < 0)
                return r;
        client_ip = json_object_get(config, "clientIP");
        return default_set(client_ip, "timeoutSeconds",
                           json_integer(SERVICE_AFFINITY_DEFAULT_SECONDS));
}

static int service_default(json_t *tree) {
        json_t *spec = json_object_get(tree, "spec"), *port;
        const char *type = json_string_value(json_object_get(spec, "type"));
        size_t i;
        int r = 0;

        if (!json_is_object(spec))
                return 0;
        json_array_foreach(json_object_get(spec, "ports"), i, port) {
                r = json_is_object(port) ? service_default_port(port) : 0;
                if (r < 0)
                        return r;
        }
        if (str_eq(json_string_value(json_object_get(spec, "sessionAffinity")), "ClientIP"))
                r = service_default_affinity(spec);
        if (r == 0 && !str_eq(type, "ExternalName"))
                r = default_set(spec, "internalTrafficPolicy", json_string("Cluster"));
        if (r == 0 && (str_eq(type, "NodePort") || str_eq(type, "LoadBalancer")))
                r = default_set(spec, "externalTrafficPolicy", json_string("Cluster"));
        if (r == 0 && str_eq(type, "LoadBalancer"))
                r = default_set(spec, "allocateLoadBalancerNodePorts", json_true());
        return r;
}

static void service_check_port(const struct service_spec *spec, size_t i, struct diags *d) {
        const struct service_port *p = &spec->ports.items[i];
        char field[64];

        if (spec->ports.n > 1 && str_is_empty(p->name)) {
                (void) snprintf(field, sizeof(field), "spec.ports[%zu].name", i);
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, field, "Required value");
        }
        if (p->node_port != 0 &&
            (str_eq(spec->type, "ClusterIP") || str_eq(spec->type, "ExternalName"))) {
                (void) snprintf(field, sizeof(field), "spec.ports[%zu].nodePort", i);
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, field,
                                "Forbidden: may not be used when `type` is '%s'", spec->type);
        }
        for (size_t j = 0; j < i; j++) {
                const struct service_port *q = &spec->ports.items[j];

                if (!str_is_empty(p->name) && str_eq(p->name, q->name)) {
                        (void) snprintf(field, sizeof(field), "spec.ports[%zu].name", i);
                        (void) diag_add(d, DIAG_ERROR, DIAG_DUPLICATE, field,
                                        "Duplicate value: \"%s\"", p->name);
                }
                if (p->port == q->port && str_eq(p->protocol, q->protocol)) {
                        (void) snprintf(field, sizeof(field), "spec.ports[%zu]", i);
                        (void) diag_add(d, DIAG_ERROR, DIAG_DUPLICATE, field,
                                        "Duplicate value: {\"port\":%lld,\"protocol\":\"%s\"}",
                                        (long long) p->port, str_or_empty(p->protocol));
                }
        }
}

/* What is kept but has no effect yet. */
static void service_warn(const struct service_spec *spec, struct diags *d) {
        if (str_eq(spec->type, "NodePort") || str_eq(spec->type, "LoadBalancer"))
                (void) diag_add(
                        d, DIAG_WARNING, DIAG_INVALID, "spec.type",
                        "%s is kept but not acted on: the service has its cluster address only",
                        spec->type);
        if (str_eq(spec->internal_traffic_policy, "Local"))
                (void) diag_add(d, DIAG_WARNING, DIAG_INVALID, "spec.internalTrafficPolicy",
                                "kept but not acted on");
        if (str_eq(spec->external_traffic_policy, "Local"))
                (void) diag_add(d, DIAG_WARNING, DIAG_INVALID, "spec.externalTrafficPolicy",
                                "kept but not acted on");
}

static void service_check(const void *decoded, struct diags *d) {
        const struct service_spec *spec = &((const struct service *) decoded)->spec;
        bool is_external = str_eq(spec->type, "ExternalName");
        bool is_headless = str_eq(spec->cluster_ip, "None");
        const char *wrong;

        service_warn(spec, d);
        if (spec->ports.n == 0 && !is_external && !is_headless)
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, "spec.ports", "Required value");
        for (size_t i = 0; i < spec->ports.n && i < 1000; i++)
                service_check_port(spec, i, d);
        if (is_external && str_is_empty(spec->external_name))
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, "spec.externalName",
                                "Required value");
        if (is_external && !str_is_empty(spec->cluster_ip) && !is_headless)
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "spec.clusterIP",
                                "Forbidden: may not be set when `type` is 'ExternalName'");
        if (is_headless && (str_eq(spec->type, "NodePort") || str_eq(spec->type, "LoadBalancer")))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.clusterIPs[0]",
                                "Invalid value: \"None\": may not be set to 'None' for %s services",
                                spec->type);
        if (is_headless || str_is_empty(spec->cluster_ip))
                return;
        wrong = schema_format_check(FORMAT_IP, spec->cluster_ip);
        if (wrong)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.clusterIP",
                                "Invalid value: \"%s\": %s", spec->cluster_ip, wrong);
}

static void service_check_update(const void *old, const void *decoded, struct diags *d) {
        const struct service_spec *was = &((const struct service *) old)->spec;
        const struct service_spec *is = &((const struct service *) decoded)->spec;

        if (str_eq(was->type, "ExternalName") || str_eq(is->type, "ExternalName"))
                return;
        if (!str_is_empty(was->cluster_ip) && !str_eq(was->cluster_ip, is->cluster_ip))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.clusterIP",
                                "Invalid value: \"%s\": field is immutable",
                                str_or_empty(is->cluster_ip));
}

static int service_add_ports(const struct service_spec *spec, json_t *cells) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (size_t i = 0; i < spec->ports.n; i++) {
                const struct service_port *p = &spec->ports.items[i];

                strbuf_addf(&b, "%s%lld", i > 0 ? "," : "", (long long) p->port);
                if (p->node_port != 0)
                        strbuf_addf(&b, ":%lld", (long long) p->node_port);
                strbuf_addf(&b, "/%s", str_or_empty(p->protocol));
        }
        return b.has_failed ? -ENOMEM : cell_add_text(cells, b.s);
}

static const char *service_external(const struct service_spec *spec) {
        if (str_eq(spec->type, "ExternalName"))
                return spec->external_name;
        if (spec->external_ips.n > 0)
                return spec->external_ips.items[0];
        return str_eq(spec->type, "LoadBalancer") ? "<pending>" : NULL;
}

static int service_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct service *s = decoded;

        if (cell_add_text(cells, s->metadata.name) < 0 || cell_add_text(cells, s->spec.type) < 0 ||
            cell_add_text(cells, s->spec.cluster_ip) < 0 ||
            cell_add_text(cells, service_external(&s->spec)) < 0 ||
            service_add_ports(&s->spec, cells) < 0 ||
            cell_add_age(cells, &s->metadata, now_usec) < 0)
                return -ENOMEM;
        return cell_add_map(cells, &s->spec.selector);
}

static const struct table_column service_columns[] = {
        COLUMN_NAME,
        { "Type", "string", "", 0 },
        { "Cluster-IP", "string", "", 0 },
        { "External-IP", "string", "", 0 },
        { "Port(s)", "string", "", 0 },
        COLUMN_AGE,
        { "Selector", "string", "", 1 },
};

const struct kind service_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "Service",
        .list_name = "ServiceList",
        .plural = "services",
        .singular = "service",
        .short_names = WORDS("svc"),
        .categories = WORDS("all"),
        .is_namespaced = true,
        .is_stored = true,
        .has_status = true,
        .name_format = FORMAT_DNS_LABEL_1035,
        .schema = &service_schema,
        .set_defaults = service_default,
        .check = service_check,
        .check_update = service_check_update,
        .columns = service_columns,
        .n_columns = ARRAY_SIZE(service_columns),
        .add_cells = service_add_cells,
};

#define SELF struct endpoint_conditions
static const struct field endpoint_conditions_fields[] = {
        FIELD_OF_OPT_BOOL(ready, "ready", 1, "Whether it takes requests."),
        FIELD_OF_OPT_BOOL(serving, "serving", 2, "Whether it answers, even while ending."),
        FIELD_OF_OPT_BOOL(terminating, "terminating", 3, "Whether it is ending."),
};
#undef SELF
static const struct schema endpoint_conditions_schema =
        SCHEMA(endpoint_conditions, "EndpointConditions", "How an endpoint is doing.");

#define SELF struct endpoint
static const struct field endpoint_fields[] = {
        FIELD_OF_STRINGS(addresses, "addresses", 1, "Its addresses; all lead to the same.",
                         .flags = FIELD_REQUIRED | FIELD_SET),
        FIELD_OF_OBJECT(conditions, endpoint_conditions, "conditions", 2, "How it is doing."),
        FIELD_OF_STRING(hostname, "hostname", 3, "Name of its own.", .format = FORMAT_DNS_LABEL,
                        .flags = FIELD_POINTER),
        FIELD_OF_POINTER(target_ref, object_reference, "targetRef", 4, "Pod that it is."),
        FIELD_KEPT("deprecatedTopology", 5, FIELD_STRING, FIELD_MAP, "Not used any more."),
        FIELD_OF_STRING(node_name, "nodeName", 6, "Node that it is on.", .flags = FIELD_POINTER),
        FIELD_OF_STRING(zone, "zone", 7, "Zone that it is in.", .flags = FIELD_POINTER),
        FIELD_KEPT("hints", 8, FIELD_OBJECT_PTR, FIELD_ONE, "Who should use it.",
                   .schema = &endpoint_hints_schema),
};
#undef SELF
static const struct schema endpoint_schema =
        SCHEMA(endpoint, "Endpoint", "One receiver behind a service.");

#define SELF struct endpoint_port
static const struct field endpoint_port_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the service's port.", .default_json = "\"\"",
                        .flags = FIELD_ALWAYS | FIELD_POINTER),
        FIELD_OF_STRING(protocol, "protocol", 2, "Protocol of the port.", .default_json = "\"TCP\"",
                        .values = service_protocols, .flags = FIELD_POINTER),
        FIELD_OF_OPT_INT(port, "port", 3, "Port of the receivers.", .format = FORMAT_PORT),
        FIELD_OF_STRING(app_protocol, "appProtocol", 4, "What is spoken on the port.",
                        .flags = FIELD_POINTER),
};
#undef SELF
static const struct schema endpoint_port_schema =
        SCHEMA(endpoint_port, "EndpointPort", "A port of receivers.");

#define SELF struct endpoint_slice
static const struct field endpoint_slice_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_STRING(address_type, "addressType", 4, "What addresses are.",
                        .flags = FIELD_REQUIRED | FIELD_IMMUTABLE,
                        .values = WORDS("FQDN", "IPv4", "IPv6")),
        FIELD_OF_OBJECTS(endpoints, endpoint, "endpoints", 2, "The receivers.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_OBJECTS(ports, endpoint_port, "ports", 3, "The ports that all of them have.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema endpoint_slice_schema =
        SCHEMA(endpoint_slice, "EndpointSlice", "A part of the receivers behind a service.");

static int endpoint_slice_default(json_t *tree) {
        int r = default_set(tree, "endpoints", json_array());

        return r < 0 ? r : default_set(tree, "ports", json_array());
}

static bool endpoint_slice_has_family(const char *type, const char *address) {
        uint8_t bytes[16];

        if (str_eq(type, "IPv4"))
                return inet_pton(AF_INET, address, bytes) == 1;
        if (str_eq(type, "IPv6"))
                return inet_pton(AF_INET6, address, bytes) == 1;
        return str_is_dns_subdomain(address);
}

static void endpoint_slice_check(const void *decoded, struct diags *d) {
        const struct endpoint_slice *s = decoded;
        char field[96];

        if (s->endpoints.n > 1000)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "endpoints",
                                "Too many: %zu: must have at most 1000 items", s->endpoints.n);
        if (s->ports.n > 100)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "ports",
                                "Too many: %zu: must have at most 100 items", s->ports.n);
        for (size_t i = 0; i < s->endpoints.n; i++) {
                const struct strings *addresses = &s->endpoints.items[i].addresses;

                for (size_t j = 0; j < addresses->n; j++) {
                        if (endpoint_slice_has_family(s->address_type, addresses->items[j]))
                                continue;
                        (void) snprintf(field, sizeof(field), "endpoints[%zu].addresses[%zu]", i,
                                        j);
                        (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, field,
                                        "Invalid value: \"%s\": must be an address of type %s",
                                        addresses->items[j], str_or_empty(s->address_type));
                }
        }
}

static int endpoint_slice_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct endpoint_slice *s = decoded;
        AUTO_DONE(strbuf) struct strbuf ports = { 0 }, addresses = { 0 };
        size_t n = 0;

        for (size_t i = 0; i < s->ports.n; i++)
                strbuf_addf(&ports, "%s%lld", i > 0 ? "," : "",
                            (long long) s->ports.items[i].port.value);
        for (size_t i = 0; i < s->endpoints.n; i++)
                for (size_t j = 0; j < s->endpoints.items[i].addresses.n; j++, n++)
                        if (n < 3)
                                strbuf_addf(&addresses, "%s%s", n > 0 ? "," : "",
                                            s->endpoints.items[i].addresses.items[j]);
        if (n > 3)
                strbuf_addf(&addresses, " + %zu more...", n - 3);
        if (ports.has_failed || addresses.has_failed)
                return -ENOMEM;
        if (cell_add_text(cells, s->metadata.name) < 0 ||
            cell_add_text(cells, s->address_type) < 0 ||
            cell_add_text(cells, ports.s ? ports.s : "<unset>") < 0 ||
            cell_add_text(cells, addresses.s ? addresses.s : "<unset>") < 0)
                return -ENOMEM;
        return cell_add_age(cells, &s->metadata, now_usec);
}

static const struct table_column endpoint_slice_columns[] = {
        COLUMN_NAME,
        { "AddressType", "string", "", 0 },
        { "Ports", "string", "", 0 },
        { "Endpoints", "string", "", 0 },
        COLUMN_AGE,
};

const struct kind endpoint_slice_kind = {
        .api_version = "discovery.k8s.io/v1",
        .group = "discovery.k8s.io",
        .version = "v1",
        .name = "EndpointSlice",
        .list_name = "EndpointSliceList",
        .plural = "endpointslices",
        .singular = "endpointslice",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &endpoint_slice_schema,
        .set_defaults = endpoint_slice_default,
        .check = endpoint_slice_check,
        .columns = endpoint_slice_columns,
        .n_columns = ARRAY_SIZE(endpoint_slice_columns),
        .add_cells = endpoint_slice_add_cells,
};
