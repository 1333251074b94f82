#pragma once

#include "base/list.h"
#include "base/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who is served next: every client has the same share of the server's time, however many
 * connections it opens and however dear its requests are (docs/adr/0141). A request is run at once
 * while the turn of the loop has time left; then it waits, and of the clients that wait the one
 * that has had the least of the server runs. Pure: time comes as an argument. */
struct fair_limits {
        uint64_t turn_usec;  /* what requests may take before the loop turns */
        unsigned max_seats;  /* a client's requests under way, the writes that wait for the disk */
        unsigned max_queued; /* a client's requests that wait; more are refused */
        unsigned max_long;   /* a client's watches, logs, commands */
};

struct fair {
        struct fair_limits limits;
        struct map clients;      /* name → struct fair_client *; those with requests only */
        uint64_t virtual_usec;   /* what the client that ran last had had: newcomers begin there */
        uint64_t turn_ends_usec; /* 0: nothing has run in this turn */
        unsigned n_waiting;
};

enum fair_state { FAIR_OUT, FAIR_WAITING, FAIR_SEATED, FAIR_LONG };

/* A request's place. Embedded by whoever asks; begins zeroed. */
struct fair_place {
        struct list link;
        struct fair_client *client;
        enum fair_state state;
};

enum fair_verdict {
        FAIR_RUN,    /* now */
        FAIR_WAIT,   /* until fair_next() gives it */
        FAIR_REFUSE, /* the client has too many already, or memory is out: 429 */
};

/* limits: copied. No client is known. */
void fair_init(struct fair *f, const struct fair_limits *limits);
/* All places must be out. */
void fair_done(struct fair *f);

/* The loop has turned. */
void fair_turn(struct fair *f);

/* A request has come. client: who asks; copied. Unless refused, fair_leave() must follow. */
enum fair_verdict fair_arrive(struct fair *f, struct fair_place *p, const char *client,
                              uint64_t now_usec);

/* The next one that waits, seated; NULL: none may run in this turn. */
struct fair_place *fair_next(struct fair *f, uint64_t now_usec);

/* Whether fair_next() will have one in the next turn. */
bool fair_has_more(const struct fair *f);

/* Charges the client for work. */
void fair_charge(struct fair_place *p, uint64_t cost_usec);

/* The request goes on without end: it gives its seat back. False: the client has too many. */
bool fair_make_long(struct fair *f, struct fair_place *p);

/* The request is over, or its client has left. Harmless twice. */
void fair_leave(struct fair *f, struct fair_place *p);
