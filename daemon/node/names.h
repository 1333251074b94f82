#pragma once

#include "base/err.h"

/* The two files by which a container finds names: /etc/hosts and /etc/resolv.conf. Pure. */

struct pod;

/* The text of /etc/hosts, the caller's; NULL: memory is out.
 * ip: NULL: none; hostname: the pod's; cluster_domain: for subdomain. */
char *names_hosts(const struct pod *pod, const char *ip, const char *hostname,
                  const char *cluster_domain);

/* The pod's hostname: spec.hostname, else its name, cut to 63. buf: 64 bytes. Returns buf. */
char *names_hostname(const struct pod *pod, char buf[64]);

struct names_dns {
        const char *dns_address;      /* of orch-dns */
        const char *cluster_domain;   /* "cluster.local" */
        const char *host_resolv_conf; /* text of the machine's, "" when there is none */
};

/* The text of /etc/resolv.conf by dnsPolicy and dnsConfig, the caller's; NULL: memory is out. At
 * most 3 nameservers and 32 search domains (of at most 2048 bytes), as the kubelet cuts them. */
char *names_resolv_conf(const struct pod *pod, const struct names_dns *dns);
