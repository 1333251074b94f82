#pragma once

#include "base/err.h"
#include "base/ip.h"
#include "base/macros.h"
#include "daemon/plan/service_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which elements the kernel's table "ip orch" must hold, and how to get there from what it holds.
 *
 * The rules themselves never change with services: a verdict map leads (address . protocol . port)
 * to one chain for each number of endpoints, which draws a slot and looks (address . protocol .
 * port . slot) up in a second map. So a change is a handful of map elements, however many services
 * there are. See docs/adr/0060. */

/* More endpoints of one service port are left out; the first ones by address serve. */
#define NFT_SLOTS_MAX 1024

/* A chain is known by the number of its slots (endpoints, never 0) and by how it draws one: at
 * random, or from the client's address. */
#define NFT_CHAIN_STICKY (1U << 31)

/* Key of both maps. Orders by address, protocol, port, slot. */
struct nft_key {
        uint32_t addr; /* host order */
        uint16_t port;
        uint8_t protocol;
        uint8_t reserved; /* 0: without padding, elements compare as bytes */
        uint32_t slot;    /* of endpoints; 0 in services */
};

/* A service without endpoints has no element: what is still addressed to the service range after
 * the maps is refused by a rule. */
struct nft_service {
        struct nft_key key;
        uint32_t chain; /* n, or NFT_CHAIN_STICKY | n */
};

struct nft_endpoint {
        struct nft_key key;
        uint32_t to_addr; /* host order */
        uint16_t to_port;
        uint16_t reserved; /* 0 */
};

/* Each list sorted, nothing twice. */
struct nft_model {
        struct nft_service *services;
        size_t n_services;
        struct nft_endpoint *endpoints;
        size_t n_endpoints;
        uint32_t *hairpins; /* endpoint addresses on this node: masqueraded when they reach
                               themselves */
        size_t n_hairpins;
        unsigned refs;
};

struct nft_model *nft_model_ref(struct nft_model *m);
void nft_model_unref(struct nft_model *m);
DEFINE_AUTO(nft_model);

/* The wanted model.
 *
 * t         borrowed.
 * pod_cidr  the node's own pod addresses.
 * before    the model that is in force, or NULL: endpoints keep their slots where they can, so that
 *           a change stays small. Borrowed.
 * Returns 0 or -ENOMEM. Pure. IPv4 only so far: other addresses are skipped. */
int nft_plan(const struct service_table *t, const struct ip_prefix *pod_cidr,
             const struct nft_model *before, struct nft_model **ret, struct err *e);

/* Elements to delete, then elements to add, all in one transaction. A changed element is in both.
 */
struct nft_diff {
        struct nft_model del, add; /* refs unused */
        uint32_t *chains;          /* that added services lead to; sorted, nothing twice */
        size_t n_chains;
        struct nft_endpoint *gone_udp; /* whose conntrack entries must go (key, to_addr, to_port) */
        size_t n_gone_udp;
};

void nft_diff_done(struct nft_diff *d);
DEFINE_AUTO_DONE(nft_diff);

/* from NULL: from nothing. *ret is overwritten; release it with nft_diff_done(). Returns 0 or
 * -ENOMEM. Pure. */
int nft_plan_diff(const struct nft_model *from, const struct nft_model *to, struct nft_diff *ret,
                  struct err *e);

bool nft_diff_is_empty(const struct nft_diff *d);
