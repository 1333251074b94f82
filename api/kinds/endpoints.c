/* Endpoints (numbers: k8s.io/api/core/v1/generated.proto). */
#include "api/kinds/endpoints.h"

#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "base/str.h"

#include <string.h>

/* Addresses that a row shows. */
#define ENDPOINTS_SHOWN_MAX 3U

#define SELF struct endpoint_address
static const struct field endpoint_address_fields[] = {
        FIELD_OF_STRING(ip, "ip", 1, "Address of the pod.", .format = FORMAT_IP,
                        .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(hostname, "hostname", 3, "Name of the pod below that of the service."),
        FIELD_OF_STRING(node_name, "nodeName", 4, "Node of the pod.", .flags = FIELD_POINTER),
        FIELD_OF_POINTER(target_ref, object_reference, "targetRef", 2, "The pod."),
};
#undef SELF
static const struct schema endpoint_address_schema = SCHEMA(
        endpoint_address, "EndpointAddress", "Where a pod can be reached.", .is_atomic = true);

#define SELF struct legacy_endpoint_port
static const struct field legacy_endpoint_port_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the port in the service."),
        FIELD_OF_INT(port, "port", 2, "Number of the port.", RANGE(1, 65535),
                     .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(protocol, "protocol", 3, "TCP, UDP or SCTP.", .default_json = "\"TCP\"",
                        .values = WORDS("TCP", "UDP", "SCTP")),
        FIELD_OF_STRING(app_protocol, "appProtocol", 4, "Protocol above it, as http.",
                        .flags = FIELD_POINTER),
};
#undef SELF
static const struct schema legacy_endpoint_port_schema =
        SCHEMA(legacy_endpoint_port, "EndpointPort", "A port of the pods.", .is_atomic = true);

#define SELF struct endpoint_subset
static const struct field endpoint_subset_fields[] = {
        FIELD_OF_OBJECTS(addresses, endpoint_address, "addresses", 1, "Pods that are ready.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_OBJECTS(not_ready_addresses, endpoint_address, "notReadyAddresses", 2,
                         "Pods that are not.", .flags = FIELD_ATOMIC),
        FIELD_OF_OBJECTS(ports, legacy_endpoint_port, "ports", 3, "The ports.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema endpoint_subset_schema =
        SCHEMA(endpoint_subset, "EndpointSubset", "Addresses that have the same ports.");

#define SELF struct endpoints
static const struct field endpoints_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECTS(subsets, endpoint_subset, "subsets", 2, "Addresses with their ports.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema endpoints_schema =
        SCHEMA(endpoints, "Endpoints",
               "Where the pods of a service can be reached; EndpointSlices say the same.");

static void endpoints_check(const void *decoded, struct diags *d) {
        const struct endpoints *e = decoded;

        for (size_t i = 0; i < e->subsets.n; i++) {
                const struct endpoint_subset *s = &e->subsets.items[i];
                AUTO_FREE char *field = str_format("subsets[%zu]", i);

                if (!field)
                        d->has_failed = true;
                else if (s->addresses.n + s->not_ready_addresses.n == 0)
                        (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, field,
                                        "Required value: must specify `addresses` or "
                                        "`notReadyAddresses`");
        }
}

/* Adds the addresses of one subset with its port number i (past the last: without any). */
static size_t endpoints_add_port(struct strbuf *b, const struct endpoint_subset *s, size_t i,
                                 size_t n) {
        for (size_t a = 0; a < s->addresses.n; a++, n++) {
                const char *ip = str_or_empty(s->addresses.items[a].ip);

                if (n >= ENDPOINTS_SHOWN_MAX)
                        continue;
                if (n > 0)
                        strbuf_add(b, ",");
                if (i < s->ports.n)
                        strbuf_addf(b, "%s%s%s:%lld", strchr(ip, ':') ? "[" : "", ip,
                                    strchr(ip, ':') ? "]" : "", (long long) s->ports.items[i].port);
                else
                        strbuf_add(b, ip);
        }
        return n;
}

static int endpoints_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct endpoints *e = decoded;
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        size_t n = 0;

        for (size_t i = 0; i < e->subsets.n; i++) {
                const struct endpoint_subset *s = &e->subsets.items[i];

                if (s->ports.n == 0)
                        n = endpoints_add_port(&b, s, 0, n);
                for (size_t p = 0; p < s->ports.n; p++)
                        n = endpoints_add_port(&b, s, p, n);
        }
        if (n > ENDPOINTS_SHOWN_MAX)
                strbuf_addf(&b, " + %zu more...", n - ENDPOINTS_SHOWN_MAX);
        if (b.has_failed || cell_add_text(cells, e->metadata.name) < 0 ||
            cell_add_text(cells, b.s) < 0)
                return -ENOMEM;
        return cell_add_age(cells, &e->metadata, now_usec);
}

static const struct table_column endpoints_columns[] = {
        COLUMN_NAME,
        { "Endpoints", "string", "", 0 },
        COLUMN_AGE,
};

const struct kind endpoints_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "Endpoints",
        .list_name = "EndpointsList",
        .plural = "endpoints",
        .singular = "endpoints",
        .short_names = WORDS("ep"),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &endpoints_schema,
        .check = endpoints_check,
        .columns = endpoints_columns,
        .n_columns = ARRAY_SIZE(endpoints_columns),
        .add_cells = endpoints_add_cells,
};
