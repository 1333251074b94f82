#pragma once

#include "base/err.h"
#include "base/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Interfaces, addresses and routes by rtnetlink. Everything here blocks for the kernel's work
 * (bridge: a few milliseconds, veth pair: about one), in the calling thread's network namespace. */

struct bridge_config {
        const char *name;
        struct ip_prefix pod_cidr; /* its first address becomes the bridge's */
        struct ip_prefix service_cidr;
};

/* Makes the bridge or adopts it, with address and route. */
int bridge_setup(const struct bridge_config *c, struct err *e);

/* Missing is success. */
int bridge_remove(const char *name, struct err *e);

struct veth_config {
        const char *name; /* on this side */
        int netns_fd;     /* the pod's network namespace */
        struct ip_addr addr;
        struct ip_addr gateway;
        unsigned mtu;
};

/* Makes the pair and sets it up on both sides; adopts one that is there already. Enters the pod's
 * namespace and returns: the calling thread must be allowed to (a work thread). When it can't come
 * back the process aborts. */
int veth_attach(const struct veth_config *c, struct err *e);

/* Deletes the interface, which waits for the kernel (25 to 33 ms). Missing is success. */
int veth_remove(const char *name, struct err *e);

/* MTU of the interface with the default route, or 0 when there is none. */
unsigned link_uplink_mtu(void);
