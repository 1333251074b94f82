#pragma once

#include "base/err.h"

struct image_store;

/* Gives neighbours what they ask for by digest (daemon/distribution/peer.h), on a unix socket that
 * it makes; a socket that is there already is replaced. Each connection is a child's, at most
 * SERVE_AT_ONCE of them; one that doesn't ask for 30 s, or takes less
 * than 64 KiB/s, is cut. Reads the store
 * and changes nothing.
 *
 * Prints "ready" on standard output, then runs until it is killed. Returns a negative errno when it
 * cannot begin. Forks; for programs of one thread. */
#define SERVE_AT_ONCE 8
int image_serve(struct image_store *store, const char *socket, struct err *e);
