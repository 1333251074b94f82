#pragma once

#include "api/client/client.h"
#include "daemon/control/caches.h"
#include "daemon/control/core.h"
#include "daemon/control/events.h"
#include "tests/sim/clock.h"
#include "tests/unit/test.h"

/* A client that only remembers what it was asked; the test answers when it likes. */

#define FAKE_CALLS_MAX 64

struct fake_call {
        struct client_call call;
        struct client_handlers handlers;
        void *data;
        enum client_method method;
        char *path, *body; /* owned */
        bool is_open;
};

struct fake_client {
        struct client client;
        struct fake_call *calls[FAKE_CALLS_MAX]; /* owned, in order */
        size_t n;
};

struct fixture {
        struct fake_client *fake;
        struct sim_clock *clock;
        struct core core;
};

/* cmocka's setup and teardown: *state is the fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Answers the n-th call. status 0: no answer at all. */
void fixture_answer(struct fixture *f, size_t n, unsigned status, const char *body);

/* Lets timers fire until usec from now. */
void fixture_run(struct fixture *f, uint64_t usec);

/* A decoded object from JSON, the caller's. */
struct object *fixture_object(const char *json);
