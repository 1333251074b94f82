#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

/* Signatures that were found right, so that a client's second request doesn't cost 0.2 ms of
 * elliptic curves again (docs/adr/0173). What is kept is the digest of key and token and when the
 * token ends: not the token, nor what it says. Bounded; whoever isn't seen for long is forgotten.
 * One thread. */
struct jwt_seen;

#define JWT_SEEN_DIGEST_BYTES 32U

/* NULL: memory is out. */
struct jwt_seen *jwt_seen_new(void);
void jwt_seen_unref(struct jwt_seen *s);
DEFINE_AUTO(jwt_seen);

/* Whether that was added, and hasn't ended. */
bool jwt_seen_knows(struct jwt_seen *s, const uint8_t digest[JWT_SEEN_DIGEST_BYTES],
                    uint64_t now_usec);

/* end_usec: wall clock; after it the entry says nothing. */
void jwt_seen_add(struct jwt_seen *s, const uint8_t digest[JWT_SEEN_DIGEST_BYTES],
                  uint64_t now_usec, uint64_t end_usec);
