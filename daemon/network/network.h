#pragma once

#include "base/err.h"
#include "base/ip.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The node's network: gateway address, veth pairs, routes, service rules. Everything here runs on
 * the loop thread; what blocks goes to work threads and answers by done() on the loop, exactly
 * once. */

struct loop;
struct nft_model;
struct network;

struct network_config {
        const char *bridge; /* "orch0"; at most 15 bytes */
        struct ip_prefix
                pod_cidr; /* this node's: 10.244.0.0/24; its first address is the gateway */
        struct ip_prefix cluster_cidr; /* all nodes' pods: 10.244.0.0/16 */
        struct ip_prefix service_cidr; /* 10.96.0.0/16 */
        unsigned mtu; /* 0: that of the interface with the default route, else 1500 */
};

/* bridge orch0, 10.244.0.0/24, 10.244.0.0/16, 10.96.0.0/16, mtu 0. */
struct network_config network_config_default(void);

/* Remembers the configuration; touches nothing yet. Returns 0, -EINVAL or -ENOMEM. */
int network_new(struct loop *l, const struct network_config *c, struct network **ret,
                struct err *e);

/* Answers still owed come with -ECANCELED before this returns or from the loop. The kernel's state
 * stays: pods keep their connections. */
void network_unref(struct network *n);
DEFINE_AUTO(network);

/* Makes or adopts bridge, gateway address, forwarding, route for the service range. Idempotent;
 * pods' interfaces and the rules in force are left alone. Blocks for a few milliseconds: for the
 * start, before the loop runs. Returns 0 or a negative errno; -EPERM and -EOPNOTSUPP explained. */
int network_setup(struct network *n, struct err *e);

/* First address of pod_cidr: default gateway, and where orch-dns listens. */
struct ip_addr network_gateway(const struct network *n);

/* Gives a pod's network namespace its eth0: a veth pair, address, default route, lo up; on the node
 * a route to the pod. Repeating it for an attached pod is a success without effect.
 *
 * done  r 0 or a negative errno with e explained (e is never NULL).
 * Returns 0, or a negative errno when nothing was started (done isn't called then). */
typedef void (*network_done_fn)(void *userdata, int r, const struct err *e);
struct network_pod {
        int netns_fd;        /* its namespace ("/proc/PID/ns/net"); duplicated, so yours to close */
        const char *uid;     /* names the interface on the node's side (network_interface_name()) */
        struct ip_addr addr; /* of ipam_allocate() */
};
int network_attach(struct network *n, const struct network_pod *pod, network_done_fn done,
                   void *userdata, struct err *e);

/* Removes the pod's interface if it still exists. Not needed where the namespace ends (the veth
 * pair dies with it, which costs nothing on this side): only to take a living namespace off the
 * network. done may be NULL. */
int network_detach(struct network *n, const char *pod_uid, network_done_fn done, void *userdata,
                   struct err *e);

/* "op" and 13 hex digits of a hash of the uid. buf: 16 bytes. Returns buf. */
#define NETWORK_INTERFACE_MAX 16
char *network_interface_name(const char *pod_uid, char buf[NETWORK_INTERFACE_MAX]);

/* Brings the kernel's service rules to the model. The first call, and any after a failure, replaces
 * the whole table in one transaction; later ones send what differs. While one is under way, only
 * the newest of the waiting models is applied next.
 *
 * model  a reference is taken.
 * done   when this model or a newer one is in force (r 0; within this call when it is already), or
 *        could not be loaded; may be NULL.
 * Returns 0 or -ENOMEM. */
int network_rules_apply(struct network *n, struct nft_model *model, network_done_fn done,
                        void *userdata, struct err *e);

/* The model in force, or NULL: the `before` of nft_plan(). Borrowed until the loop runs on. */
const struct nft_model *network_rules_applied(const struct network *n);

/* Removes table, bridge and route: ends all pods' connectivity. Blocks. For an orderly removal of
 * orch, never for a restart. Missing things are a success. */
int network_teardown(struct network *n, struct err *e);
