#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* JSON Web Tokens (RFC 7519) in compact form, signed by ES256 (RFC 7518, 3.4), no other algorithm:
 * keys are made in no time on any board, and every client library carries tokens unread. Pure but
 * for the randomness of signing; any thread. */

/* Longer ones are refused before anything is decoded. */
#define JWT_MAX_BYTES 8192U

struct jwt_key;
struct jwt_seen;

/* pem: a private key of ECDSA on P-256. Returns 0, -EINVAL or -ENOMEM. */
int jwt_key_new(const char *pem, size_t len, struct jwt_key **ret_key, struct err *e);
void jwt_key_unref(struct jwt_key *k);
DEFINE_AUTO(jwt_key);

/* Its name in the header of tokens. Borrowed. */
const char *jwt_key_id(const struct jwt_key *k);

/* The public half as a JSON Web Key Set (RFC 7517), the caller's; NULL: memory is out. */
json_t *jwt_key_set(const struct jwt_key *k);

/* Signs claims. The token is the caller's. Returns 0, -E2BIG, -EIO or -ENOMEM. */
int jwt_sign(const struct jwt_key *k, const json_t *claims, char **ret_token, struct err *e);

/* Whether text has the form of a token at all: two dots, and letters of base64url between. */
bool jwt_is_token(const char *text);

/* Checks form, algorithm and signature. The claims are the caller's and say nothing about time or
 * audience yet. Returns 0, -EKEYREJECTED with the reason, or -ENOMEM. */
int jwt_verify(const struct jwt_key *k, const char *token, json_t **ret_claims, struct err *e);

/* The same, remembering which signatures were right: of a token that was seen, only form and header
 * are looked at again. seen: NULL: nothing is remembered. now_usec: wall clock. */
int jwt_verify_seen(const struct jwt_key *k, struct jwt_seen *seen, uint64_t now_usec,
                    const char *token, json_t **ret_claims, struct err *e);

/* What must hold of claims. */
struct jwt_expectation {
        const char *issuer;
        const char *const *audiences; /* one of them must be among the token's */
        size_t n_audiences;
        uint64_t now_usec; /* wall clock */
        /* Before this the clock isn't set; then "not yet" isn't believed. */
        uint64_t clock_floor_usec;
};

/* iss, exp (which must be there), nbf and aud (RFC 7519, 4.1). Returns 0 or -EKEYREJECTED. */
int jwt_check(const json_t *claims, const struct jwt_expectation *want, struct err *e);

/* Whether aud, a text or a list of texts, names the audience. */
bool jwt_has_audience(const json_t *claims, const char *audience);
