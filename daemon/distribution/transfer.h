#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* What to do after each attempt to get something from a registry, or to bring it there: pure, so
 * that every order of cuts, redirects, refusals and back-offs can be tested without a network. */

#define TRANSFER_REDIRECTS_MAX 5
#define TRANSFER_FRUITLESS_MAX 5                   /* failures in a row that brought no byte */
#define TRANSFER_TRIES_MAX 100                     /* attempts at all */
#define TRANSFER_WAIT_MAX_USEC (60ULL * 1000000)   /* one wait */
#define TRANSFER_WAITS_MAX_USEC (180ULL * 1000000) /* all waits together */

/* Kept from attempt to attempt; {0} before the first. */
struct transfer {
        unsigned n_tries, n_fruitless, n_redirects, n_auth;
        uint64_t got_bytes;  /* of the body, all attempts together */
        uint64_t got_before; /* at the attempt's start */
        uint64_t waited_usec;
        uint64_t seed; /* of the jitter */
};

/* How an attempt ended. */
struct transfer_seen {
        int error;         /* 0: there was an answer; else a negative errno */
        bool is_permanent; /* error that doesn't pass (a certificate, a wrong size) */
        unsigned status;   /* of the answer */
        bool is_cut;       /* the answer ended too early */
        bool has_location;
        bool has_challenge;
        bool may_fall_back;        /* there is another place to ask */
        bool may_authenticate;     /* there is something (else) to show */
        uint64_t retry_after_usec; /* UINT64_MAX: not said */
};

enum transfer_action {
        TRANSFER_DONE,
        TRANSFER_AGAIN,        /* the same place, after wait_usec */
        TRANSFER_AUTHENTICATE, /* the same place, with what it wants to be shown */
        TRANSFER_REDIRECT,     /* where it points to */
        TRANSFER_NEXT,         /* the next place */
        TRANSFER_FAIL,         /* code says what kind of failure it is */
};

struct transfer_step {
        enum transfer_action action;
        uint64_t wait_usec;
        int code; /* -ENOENT, -EACCES, -ELOOP, -EBUSY (asked to wait), -EIO, or the error seen */
};

struct transfer_step transfer_next(struct transfer *t, const struct transfer_seen *seen);

/* What the head of an answer says of its body. */
struct transfer_head {
        unsigned status;           /* 200 or 206 */
        const char *content_range; /* borrowed; NULL: none */
        int64_t content_length;    /* of this answer; -1: not said */
};

/* Whether the head of an answer goes on where the last attempt was cut (RFC 9110, sections 14 and
 * 15.3.7).
 *
 * size_bytes  of the whole; UINT64_MAX: not known.
 * ret_skip    bytes of the body to drop: a server that can't give a part gives it all again.
 *
 * Returns 0, -EBADMSG when the answer is for another part or of another size. */
int transfer_check_head(const struct transfer *t, const struct transfer_head *head,
                        uint64_t size_bytes, uint64_t *ret_skip, struct err *e);

/* Seconds or an HTTP date (RFC 9110, section 10.2.3); UINT64_MAX: neither. now_sec: since 1970. */
uint64_t transfer_retry_after(const char *text, uint64_t now_sec);
