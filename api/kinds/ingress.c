/* Ingress and IngressClass (numbers: k8s.io/api/networking/v1/generated.proto). */
#include "api/kinds/ingress.h"

#include "api/kinds/object.h"
#include "api/kinds/source_tables.h"
#include "api/kinds/tables.h"
#include "base/str.h"

/* Hosts that a row shows. */
#define INGRESS_SHOWN_MAX 3U

#define SELF struct service_backend_port
static const struct field service_backend_port_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the port."),
        FIELD_OF_INT(number, "number", 2, "Number of the port."),
};
#undef SELF
static const struct schema service_backend_port_schema = SCHEMA(
        service_backend_port, "ServiceBackendPort", "A port of a service.", .is_atomic = true);

#define SELF struct ingress_service_backend
static const struct field ingress_service_backend_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the service.", .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(port, service_backend_port, "port", 2, "Port of the service."),
};
#undef SELF
static const struct schema ingress_service_backend_schema =
        SCHEMA(ingress_service_backend, "IngressServiceBackend", "A service that answers.");

#define SELF struct ingress_backend
static const struct field ingress_backend_fields[] = {
        FIELD_OF_POINTER(service, ingress_service_backend, "service", 4, "A service."),
        FIELD_KEPT("resource", 3, FIELD_OBJECT_PTR, FIELD_ONE,
                   "Another object, instead of a service.",
                   .schema = &typed_local_object_reference_schema),
};
#undef SELF
static const struct schema ingress_backend_schema =
        SCHEMA(ingress_backend, "IngressBackend", "Who answers.");

#define SELF struct http_ingress_path
static const struct field http_ingress_path_fields[] = {
        FIELD_OF_STRING(path, "path", 1, "The path."),
        FIELD_OF_STRING(path_type, "pathType", 3, "How paths are compared.",
                        .values = WORDS("Exact", "Prefix", "ImplementationSpecific"),
                        .flags = FIELD_REQUIRED | FIELD_POINTER),
        FIELD_OF_OBJECT(backend, ingress_backend, "backend", 2, "Who answers.",
                        .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema http_ingress_path_schema =
        SCHEMA(http_ingress_path, "HTTPIngressPath", "Who answers for a path.");

#define SELF struct http_ingress_rule_value
static const struct field http_ingress_rule_value_fields[] = {
        FIELD_OF_OBJECTS(paths, http_ingress_path, "paths", 1, "The paths.",
                         .flags = FIELD_REQUIRED | FIELD_ATOMIC),
};
#undef SELF
static const struct schema http_ingress_rule_value_schema =
        SCHEMA(http_ingress_rule_value, "HTTPIngressRuleValue", "Who answers for which path.");

#define SELF struct ingress_rule
static const struct field ingress_rule_fields[] = {
        FIELD_OF_STRING(host, "host", 1, "Name of the host; all when empty."),
        FIELD_OF_POINTER(http, http_ingress_rule_value, "http", 1, "Who answers for which path.",
                         .inside = 2),
};
#undef SELF
static const struct schema ingress_rule_schema =
        SCHEMA(ingress_rule, "IngressRule", "Who answers for a host.");

#define SELF struct ingress_tls
static const struct field ingress_tls_fields[] = {
        FIELD_OF_STRINGS(hosts, "hosts", 1, "Names of the hosts.", .flags = FIELD_ATOMIC),
        FIELD_OF_STRING(secret_name, "secretName", 2, "Secret with certificate and key."),
};
#undef SELF
static const struct schema ingress_tls_schema =
        SCHEMA(ingress_tls, "IngressTLS", "Certificate for some hosts.");

#define SELF struct ingress_spec
static const struct field ingress_spec_fields[] = {
        FIELD_OF_STRING(ingress_class_name, "ingressClassName", 4,
                        "IngressClass whose controller does it.", .flags = FIELD_POINTER),
        FIELD_OF_POINTER(default_backend, ingress_backend, "defaultBackend", 1,
                         "Who answers for all the rest."),
        FIELD_OF_OBJECTS(tls, ingress_tls, "tls", 2, "Certificates.", .flags = FIELD_ATOMIC),
        FIELD_OF_OBJECTS(rules, ingress_rule, "rules", 3, "Who answers for which host.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema ingress_spec_schema =
        SCHEMA(ingress_spec, "IngressSpec", "Who answers for which host and path.");

static const struct field ingress_port_status_fields[] = {
        FIELD_KEPT("port", 1, FIELD_INT, FIELD_ONE, "Number of the port.", .flags = FIELD_REQUIRED),
        FIELD_KEPT("protocol", 2, FIELD_STRING, FIELD_ONE, "TCP, UDP or SCTP.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("error", 3, FIELD_STRING, FIELD_ONE, "What is wrong with it.",
                   .flags = FIELD_POINTER),
};
static const struct schema ingress_port_status_schema =
        SCHEMA_KEPT(ingress_port_status, "IngressPortStatus", "How a port of an address is doing.");

#define SELF struct ingress_load_balancer_ingress
static const struct field ingress_load_balancer_ingress_fields[] = {
        FIELD_OF_STRING(ip, "ip", 1, "The address."),
        FIELD_OF_STRING(hostname, "hostname", 2, "A name instead of an address."),
        FIELD_KEPT("ports", 4, FIELD_OBJECT, FIELD_LIST, "How its ports are doing.",
                   .schema = &ingress_port_status_schema, .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema ingress_load_balancer_ingress_schema =
        SCHEMA(ingress_load_balancer_ingress, "IngressLoadBalancerIngress",
               "An address that the outside can use.");

#define SELF struct ingress_load_balancer_status
static const struct field ingress_load_balancer_status_fields[] = {
        FIELD_OF_OBJECTS(ingress, ingress_load_balancer_ingress, "ingress", 1, "The addresses.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema ingress_load_balancer_status_schema =
        SCHEMA(ingress_load_balancer_status, "IngressLoadBalancerStatus",
               "Addresses that the outside can use.");

#define SELF struct ingress_status
static const struct field ingress_status_fields[] = {
        FIELD_OF_OBJECT(load_balancer, ingress_load_balancer_status, "loadBalancer", 1,
                        "Addresses that the outside can use."),
};
#undef SELF
static const struct schema ingress_status_schema =
        SCHEMA(ingress_status, "IngressStatus", "How an Ingress is doing.");

#define SELF struct ingress
static const struct field ingress_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, ingress_spec, "spec", 2, "Who answers for what."),
        FIELD_OF_OBJECT(status, ingress_status, "status", 3, "How it is doing.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema ingress_schema =
        SCHEMA(ingress, "Ingress", "Lets HTTP in from outside, by host and path.");

/* ---- checks ---- */

static void ingress_check_backend(const struct ingress_backend *b, const char *field,
                                  struct diags *d) {
        const struct service_backend_port *port = b->service ? &b->service->port : NULL;

        if (port && port->number == 0 && str_is_empty(port->name))
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, field,
                                "Required value: port name or number is required");
        if (port && port->number != 0 && !str_is_empty(port->name))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, field,
                                "Invalid value: cannot set both port name & port number");
        if (port && (port->number < 0 || port->number > 65535))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, field,
                                "Invalid value: %lld: must be between 1 and 65535, inclusive",
                                (long long) port->number);
}

static void ingress_check_path(const struct http_ingress_path *p, const char *field,
                               struct diags *d) {
        bool is_any = str_eq(p->path_type, "ImplementationSpecific");
        AUTO_FREE char *path = str_format("%s.path", field);
        AUTO_FREE char *backend = str_format("%s.backend", field);

        if (!path || !backend) {
                d->has_failed = true;
                return;
        }
        if (!is_any && (!p->path || p->path[0] != '/'))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, path,
                                "Invalid value: \"%s\": must be an absolute path",
                                str_or_empty(p->path));
        ingress_check_backend(&p->backend, backend, d);
}

static void ingress_check(const void *decoded, struct diags *d) {
        const struct ingress_spec *spec = &((const struct ingress *) decoded)->spec;

        if (spec->rules.n == 0 && !spec->default_backend)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec",
                                "Invalid value: {}: either `defaultBackend` or `rules` must be "
                                "specified");
        if (spec->default_backend)
                ingress_check_backend(spec->default_backend, "spec.defaultBackend", d);
        for (size_t i = 0; i < spec->rules.n; i++) {
                const struct http_ingress_rule_value *http = spec->rules.items[i].http;

                for (size_t k = 0; http && k < http->paths.n; k++) {
                        AUTO_FREE char *field = str_format("spec.rules[%zu].http.paths[%zu]", i, k);

                        if (field)
                                ingress_check_path(&http->paths.items[k], field, d);
                        else
                                d->has_failed = true;
                }
        }
}

/* ---- the row ---- */

static int ingress_add_hosts(const struct ingress_spec *spec, json_t *cells) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        size_t n = 0;

        for (size_t i = 0; i < spec->rules.n; i++) {
                const char *host = spec->rules.items[i].host;

                if (str_is_empty(host) || n++ >= INGRESS_SHOWN_MAX)
                        continue;
                strbuf_addf(&b, "%s%s", b.len > 0 ? "," : "", host);
        }
        if (n > INGRESS_SHOWN_MAX)
                strbuf_addf(&b, " + %zu more...", n - INGRESS_SHOWN_MAX);
        return b.has_failed ? -ENOMEM : cell_add_text(cells, b.len > 0 ? b.s : "*");
}

static int ingress_add_addresses(const struct ingress_load_balancer_status *s, json_t *cells) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (size_t i = 0; i < s->ingress.n; i++) {
                const struct ingress_load_balancer_ingress *one = &s->ingress.items[i];

                strbuf_addf(&b, "%s%s", b.len > 0 ? "," : "",
                            str_or_empty(str_is_empty(one->ip) ? one->hostname : one->ip));
        }
        return b.has_failed ? -ENOMEM : cell_add(cells, json_string(str_or_empty(b.s)));
}

static int ingress_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct ingress *i = decoded;

        if (cell_add_text(cells, i->metadata.name) < 0 ||
            cell_add_text(cells, i->spec.ingress_class_name) < 0 ||
            ingress_add_hosts(&i->spec, cells) < 0 ||
            ingress_add_addresses(&i->status.load_balancer, cells) < 0 ||
            cell_add_text(cells, i->spec.tls.n > 0 ? "80, 443" : "80") < 0)
                return -ENOMEM;
        return cell_add_age(cells, &i->metadata, now_usec);
}

static const struct table_column ingress_columns[] = {
        COLUMN_NAME,
        { "Class", "string", "", 0 },
        { "Hosts", "string", "", 0 },
        { "Address", "string", "", 0 },
        { "Ports", "string", "", 0 },
        COLUMN_AGE,
};

const struct kind ingress_kind = {
        .api_version = "networking.k8s.io/v1",
        .group = "networking.k8s.io",
        .version = "v1",
        .name = "Ingress",
        .list_name = "IngressList",
        .plural = "ingresses",
        .singular = "ingress",
        .short_names = WORDS("ing"),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .has_status = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &ingress_schema,
        .check = ingress_check,
        .columns = ingress_columns,
        .n_columns = ARRAY_SIZE(ingress_columns),
        .add_cells = ingress_add_cells,
        .caveat = KIND_ONLY_KEPT,
};

#define SELF struct ingress_class_parameters_reference
static const struct field ingress_class_parameters_reference_fields[] = {
        FIELD_OF_STRING(api_group, "apiGroup", 1, "Group of the object's kind; absent for core.",
                        .flags = FIELD_POINTER),
        FIELD_OF_STRING(kind, "kind", 2, "Kind of the object.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(name, "name", 3, "Name of the object.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(scope, "scope", 4, "Whether the object is in a namespace.",
                        .default_json = "\"Cluster\"", .values = WORDS("Cluster", "Namespace"),
                        .flags = FIELD_POINTER),
        FIELD_OF_STRING(namespace, "namespace", 5, "Namespace of the object.",
                        .flags = FIELD_POINTER),
};
#undef SELF
static const struct schema ingress_class_parameters_reference_schema =
        SCHEMA(ingress_class_parameters_reference, "IngressClassParametersReference",
               "Names an object with settings.");

#define SELF struct ingress_class_spec
static const struct field ingress_class_spec_fields[] = {
        FIELD_OF_STRING(controller, "controller", 1, "Name of the controller.",
                        .flags = FIELD_IMMUTABLE),
        FIELD_OF_POINTER(parameters, ingress_class_parameters_reference, "parameters", 2,
                         "Settings for the controller."),
};
#undef SELF
static const struct schema ingress_class_spec_schema =
        SCHEMA(ingress_class_spec, "IngressClassSpec", "Whose Ingresses these are.");

#define SELF struct ingress_class
static const struct field ingress_class_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, ingress_class_spec, "spec", 2, "Who it is."),
};
#undef SELF
static const struct schema ingress_class_schema =
        SCHEMA(ingress_class, "IngressClass", "Names who looks after an Ingress.");

static void ingress_class_check(const void *decoded, struct diags *d) {
        const struct ingress_class *c = decoded;

        if (str_is_empty(c->spec.controller))
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, "spec.controller", "Required value");
}

static int ingress_class_add_parameters(const struct ingress_class_parameters_reference *p,
                                        json_t *cells) {
        AUTO_FREE char *text = NULL;

        if (!p)
                return cell_add_text(cells, NULL);
        text = str_format("%s%s%s/%s", str_or_empty(p->kind), p->api_group ? "." : "",
                          str_or_empty(p->api_group), str_or_empty(p->name));
        return text ? cell_add_text(cells, text) : -ENOMEM;
}

static int ingress_class_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct ingress_class *c = decoded;

        if (cell_add_text(cells, c->metadata.name) < 0 ||
            cell_add_text(cells, c->spec.controller) < 0 ||
            ingress_class_add_parameters(c->spec.parameters, cells) < 0)
                return -ENOMEM;
        return cell_add_age(cells, &c->metadata, now_usec);
}

static const struct table_column ingress_class_columns[] = {
        COLUMN_NAME,
        { "Controller", "string", "", 0 },
        { "Parameters", "string", "", 0 },
        COLUMN_AGE,
};

const struct kind ingress_class_kind = {
        .api_version = "networking.k8s.io/v1",
        .group = "networking.k8s.io",
        .version = "v1",
        .name = "IngressClass",
        .list_name = "IngressClassList",
        .plural = "ingressclasses",
        .singular = "ingressclass",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &ingress_class_schema,
        .check = ingress_class_check,
        .columns = ingress_class_columns,
        .n_columns = ARRAY_SIZE(ingress_class_columns),
        .add_cells = ingress_class_add_cells,
        .caveat = KIND_ONLY_KEPT,
};
