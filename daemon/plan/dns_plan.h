#pragma once

#include "base/err.h"
#include "base/ip.h"
#include "daemon/plan/service_table.h"

#include <stddef.h>
#include <stdint.h>

/* The names of a cluster, after the Kubernetes DNS-Based Service Discovery specification 1.1.0. */

struct dns_facts {
        const char *domain;        /* "cluster.local", no dot at the end */
        struct ip_addr gateway;    /* where orch-dns listens: address of ns.dns.DOMAIN */
        struct ip_prefix pod_cidr; /* of the cluster; {0}: unknown */
        struct ip_prefix service_cidr;
        uint32_t serial; /* of the SOA record: any number that grows */
};

/* Builds the content of the snapshot file that orch-dns maps.
 *
 * t         borrowed.
 * ret_data  the caller's; free(). Write it with file_write_atomic().
 * Returns 0, -EINVAL (the domain is no domain), -EFBIG (past DNS_SNAPSHOT_MAX) or -ENOMEM. Pure. */
int dns_plan(const struct service_table *t, const struct dns_facts *facts, uint8_t **ret_data,
             size_t *ret_len, struct err *e);
