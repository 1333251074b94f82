#pragma once

#include "base/err.h"
#include "base/ip.h"
#include "base/str.h"
#include "daemon/plan/nft_plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netlink;

/* Writes service rules as nfnetlink transactions. Pure encoders, and two functions that talk to the
 * kernel. */

struct rules_facts {
        const char *bridge;
        struct ip_prefix pod_cidr;
        struct ip_prefix cluster_cidr;
        struct ip_prefix service_cidr;
};

/* The chains that exist in the kernel: one bit for each chain number, random and sticky apart. */
struct rules_chains {
        uint8_t bits[2][NFT_SLOTS_MAX / 8 + 1];
};

bool rules_chains_has(const struct rules_chains *c, uint32_t chain);
void rules_chains_add(struct rules_chains *c, uint32_t chain);

/* Appends a transaction to b that replaces the whole table by one with these elements.
 * all: a difference from nothing. */
void rules_encode_full(struct strbuf *b, const struct rules_facts *f, const struct nft_diff *all);

/* Appends a transaction that makes the chains that are missing, then deletes and adds elements. */
void rules_encode_diff(struct strbuf *b, const struct nft_diff *d, const struct rules_chains *have);

/* Appends a transaction that removes the table; the kernel needs one to exist, so it is made first.
 */
void rules_encode_remove(struct strbuf *b);

/* Sends a transaction; blocks while the kernel works (a change: a fraction of a millisecond; 1,000
 * services: some ten). Any thread. Returns 0 or a negative errno: then nothing of it is in force.
 *
 * nl  opened when it isn't yet, and left open: closing a netfilter socket after a change waits for
 *     the kernel to free what was deleted, 10 to 20 ms. */
int rules_commit(struct netlink *nl, struct strbuf *b, struct err *e);

/* 1: the table is in the kernel, 0: not; or a negative errno. */
int rules_is_loaded(struct netlink *nl, struct err *e);
