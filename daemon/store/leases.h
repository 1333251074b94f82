#pragma once

#include "base/clock.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

/* Which leases live until when: pure, without a clock. A store has a handful, so a list will do. */
struct lease {
        struct list link;
        int64_t id;
        uint64_t ttl_sec;
        uint64_t due_usec;
};

struct leases {
        struct list all;
};

/* NULL: memory is out. */
struct lease *lease_new(uint64_t ttl_sec);
void lease_free(struct lease *l);

void leases_init(struct leases *s);
void leases_done(struct leases *s);

/* Takes l; it lives its ttl from now on. */
void leases_add(struct leases *s, struct lease *take_l, int64_t id, uint64_t now_usec);

/* Gives l its whole ttl again; false when there is no such lease, or it has ended. */
bool leases_renew(struct leases *s, int64_t id, uint64_t now_usec);

void leases_remove(struct leases *s, int64_t id);

/* Takes one out that has ended, or NULL. The caller's. */
struct lease *leases_pop_ended(struct leases *s, uint64_t now_usec);

/* When the next one ends, or USEC_NEVER. */
uint64_t leases_next_due(const struct leases *s);
