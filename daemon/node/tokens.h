#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdint.h>

/* Tokens of the pods' accounts: asked of the server as soon as a pod is here, asked anew after four
 * fifths of their life, kept in memory only (docs/adr/0152). */
struct client;
struct pod;
struct service_account_token_projection;
struct timers;
struct tokens;

/* Without an answer for so long, pods do without. */
#define TOKENS_PATIENCE_USEC (5ULL * 1000000)

/* What tokens_get() says of the pod has changed. */
typedef void (*tokens_change_fn)(void *userdata, const char *uid);

struct tokens_options {
        struct client *client; /* borrowed for life, as are timers */
        struct timers *timers;
        uint64_t (*wall_usec)(void); /* what tokens end by; NULL: clock_wall_usec() */
        tokens_change_fn on_change;
        void *userdata;
};

/* Returns 0 or -ENOMEM. */
int tokens_new(const struct tokens_options *options, struct tokens **ret);
void tokens_unref(struct tokens *t);
DEFINE_AUTO(tokens);

/* Begins to ask for all that the pod's volumes project. What isn't asked for now, memory being out,
 * is asked for by tokens_get(). */
void tokens_want(struct tokens *t, const struct pod *pod);
/* The pod is no more. */
void tokens_unwant(struct tokens *t, const struct pod *pod);

/* Returns 0 and the token (borrowed until the loop turns), -EAGAIN: not known yet, -EHOSTDOWN: the
 * server hasn't answered for TOKENS_PATIENCE_USEC, -EACCES: it refused, e says why; or -ENOMEM. */
int tokens_get(struct tokens *t, const struct pod *pod,
               const struct service_account_token_projection *want, const char **ret_token,
               struct err *e);
