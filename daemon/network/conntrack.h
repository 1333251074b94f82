#pragma once

#include "base/err.h"

#include <stddef.h>

struct netlink;
struct nft_endpoint;

/* Forgets UDP flows from a service address to endpoints that are gone; else a client that keeps its
 * socket goes on talking to nobody. Blocks for a walk over the connection table. Any thread.
 *
 * nl  an open netfilter socket.
 * Returns how many were forgotten, or a negative errno. */
int conntrack_flush(struct netlink *nl, const struct nft_endpoint *gone, size_t n, struct err *e);
