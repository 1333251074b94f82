#pragma once

#include "base/err.h"

#include <stdint.h>

/* Images that pods wait for, brought by orch-image: each once for all that want it with the same
 * credentials, a few side by side, the others behind them in order. */
struct context;
struct puller;
struct pull_wish;

/* Pulls at the same time; each brings several layers at once. */
#define PULLER_AT_ONCE 3

struct pull_result {
        const char *id;      /* "sha256:HEX" */
        uint64_t pull_usec;  /* the pull itself */
        uint64_t total_usec; /* with waiting */
        uint64_t size_bytes;
};

/* code 0: result is set; else a negative errno and why. The wish is gone by then. */
typedef void (*pull_wish_fn)(void *userdata, int code, const struct pull_result *result,
                             const char *text);

int puller_new(const struct context *ctx, struct puller **ret, struct err *e);
void puller_unref(struct puller *p); /* wishes must be cancelled before */

/* image: as the pod spells it. auth: JSON for orch-image's --auth-fd, or NULL; both copied. fn
 * comes from the loop, never from in here. Returns 0 or a negative errno. */
int puller_want(struct puller *p, const char *image, const char *auth, pull_wish_fn fn,
                void *userdata, struct pull_wish **ret, struct err *e);

/* Nobody waits any more; a pull that nobody else waits for is ended. NULL is fine. */
void pull_wish_cancel(struct pull_wish *take_w);
