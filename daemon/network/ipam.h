#pragma once

#include "base/err.h"
#include "base/ip.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Gives pod addresses out of one IPv4 prefix of 16 to 29 bits. Network, gateway (the first address)
 * and broadcast are never given. Next-fit: a released address comes again only after all others.
 * The owner keeps what is in use (in its pod files) and marks it after a restart. No I/O. */
struct ipam;

/* Returns 0, -EINVAL (no usable prefix) or -ENOMEM. */
int ipam_new(const struct ip_prefix *cidr, struct ipam **ret, struct err *e);
void ipam_unref(struct ipam *a);
DEFINE_AUTO(ipam);

/* Returns 0, or -ENOSPC when all are in use. */
int ipam_allocate(struct ipam *a, struct ip_addr *ret, struct err *e);

/* Marks an address that is known to be in use. Returns 0, -EEXIST when it is marked already, or
 * -ERANGE when it isn't one that ipam_allocate() could give. */
int ipam_mark(struct ipam *a, const struct ip_addr *addr);

/* Unknown or free addresses are ignored. */
void ipam_release(struct ipam *a, const struct ip_addr *addr);

size_t ipam_n_used(const struct ipam *a);
size_t ipam_n_total(const struct ipam *a);
