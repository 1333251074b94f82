#pragma once

#include "api/client/timer.h"
#include "base/list.h"
#include "daemon/registry/registry.h"
#include "daemon/registry/watch.h"
#include "tests/unit/test.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A registry over the memory store on a clock that the test moves. */
struct fake_timers {
        struct timers timers;
        struct list list;
        uint64_t now_usec;
};

struct fixture {
        struct fake_timers clock;
        struct store *store;
        struct registry *registry;
        const struct user *user; /* who asks; NULL: "test" of system:masters */
        bool is_ready;
        int ready_result;
        const char *accept;        /* of the next requests; NULL: none */
        const char *if_none_match; /* likewise */
};

void fixture_init(struct fixture *f);
void fixture_done(struct fixture *f);
/* The same as cmocka wants it, for tests that need no more: *state is a struct fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* A new registry on the same store, as after a restart. */
void fixture_restart(struct fixture *f);
/* Moves the clock and lets everything happen that is due. */
void fixture_run(struct fixture *f, uint64_t usec);

/* What a request got. */
struct answer {
        bool is_there;
        unsigned status;
        const char *type; /* Content-Type; static */
        char *text;       /* owned */
        size_t len;       /* of text */
        json_t *tree;     /* owned; NULL: no JSON */
        char etag[64];
        char allow[64];
        char warning[512];
        size_t n_warnings;
        struct watch *watch; /* owned */
};
void answer_done(struct answer *a);

/* Sends a request; fixture_run() may be needed before it is answered. */
void fixture_send(struct fixture *f, const char *method, const char *url, const char *type,
                  const char *body, struct answer *a);
/* The same with a body of bytes that need be no text. */
struct fixture_body {
        const char *type;
        const void *bytes;
        size_t len;
};
void fixture_send_bytes(struct fixture *f, const char *method, const char *url,
                        const struct fixture_body *body, struct answer *a);
/* The same, waiting for the answer; body NULL: none. */
struct answer fixture_ask(struct fixture *f, const char *method, const char *url, const char *body);
/* The same, checking the status and throwing the rest away. */
void fixture_do(struct fixture *f, const char *method, const char *url, const char *body,
                unsigned status);
struct answer fixture_patch(struct fixture *f, const char *url, const char *type, const char *body);

/* "metadata.name", "items.0.metadata.name" as text, "" when absent. Borrowed;
 * a number only until the next call. */
const char *tree_at(const json_t *tree, const char *path);

/* The next event as "ADDED web", "BOOKMARK", "ERROR 410", "idle" or "end". */
const char *watch_word(struct watch *w, char *buf, size_t len);

/* A pod's JSON; static until the next call. */
const char *pod_json(const char *name, const char *labels);
