#pragma once

#include "base/err.h"
#include "base/macros.h"

/* What a registry wants to be shown: WWW-Authenticate (RFC 9110, section 11.6.1), with the
 * parameters of the token protocol (distribution-spec's "authentication"; Docker's "Token
 * authentication specification"). */
enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
        enum challenge_scheme scheme;
        char *realm;   /* bearer: the URL that gives tokens */
        char *service; /* bearer; NULL: not said */
        char *scope;   /* bearer; NULL: not said */
        char *error;   /* "insufficient_scope"; NULL: not said */
};

void challenge_done(struct challenge *c);
DEFINE_AUTO_DONE(challenge);

/* Reads one header's value, which may hold several challenges, and keeps the best seen so far in
 * io: Bearer before Basic, the first of each. Other schemes and what is malformed are passed over.
 *
 * text  borrowed; what stands behind 8 KiB is not looked at.
 * io    {0} before the first header of an answer; challenge_done().
 *
 * Returns 0 or -ENOMEM. Pure. */
int challenge_read(const char *text, struct challenge *io);
