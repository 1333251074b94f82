#pragma once

#include "base/err.h"
#include "base/ip.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Services joined with their endpoints: what the rules, the names and the list of names are made
 * from. Immutable once built; strings lie in the table's arena. */

struct object;

enum service_protocol { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_SCTP = 132 };

enum service_kind_of {
        SERVICE_VIRTUAL,  /* has a cluster address */
        SERVICE_HEADLESS, /* clusterIP: None */
        SERVICE_EXTERNAL, /* ExternalName */
};

struct service_table_port {
        const char *name; /* "" for the unnamed one */
        enum service_protocol protocol;
        uint16_t port;
};

struct service_table_endpoint {
        struct ip_addr addr;
        const char *hostname; /* NULL: none was given */
        const char *pod;      /* target's name, or NULL */
        bool is_ready;        /* ready, or not known */
        bool is_serving;
        bool is_terminating;
        const uint16_t *ports; /* one for each port of the service; 0: not offered */
};

struct service_entry {
        const char *namespace;
        const char *name;
        enum service_kind_of kind;
        const char *external_name; /* for SERVICE_EXTERNAL, else NULL */
        bool has_affinity;         /* sessionAffinity: ClientIP */
        bool is_publishing_unready;
        const struct ip_addr *addrs; /* cluster addresses */
        size_t n_addrs;
        const struct service_table_port *ports;
        size_t n_ports;
        const struct service_table_endpoint *endpoints; /* sorted by address, no address twice */
        size_t n_endpoints;
};

struct service_table {
        struct service_entry *items; /* sorted by namespace, then name */
        size_t n;
        const char **namespaces; /* sorted; those given and those of services */
        size_t n_namespaces;
        struct arena *arena; /* NULL in tables that tests write down */
        unsigned refs;
};

struct service_table *service_table_ref(struct service_table *t);
void service_table_unref(struct service_table *t);
DEFINE_AUTO(service_table);

/* Joins decoded objects: Services, EndpointSlices (by label kubernetes.io/service-name) and
 * Namespaces, in any order; others are skipped. Addresses that don't parse and ports out of range
 * are skipped: the server has refused them already.
 *
 * objects  borrowed during the call.
 * Returns 0, -EINVAL where more than SERVICE_TABLE_MAX services come, or -ENOMEM. Pure. */
#define SERVICE_TABLE_MAX 100000
int service_table_new(struct object *const *objects, size_t n, struct service_table **ret,
                      struct err *e);

/* The entry, or NULL. */
const struct service_entry *service_table_find(const struct service_table *t, const char *namespace,
                                               const char *name);
