#pragma once

#include "base/err.h"
#include "daemon/registry/hub.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The way of a change: it gets its revision, goes to the store, and when that says it is durable
 * (and every change before it is, too) the memory copy changes and watches are told. */
struct kind_state;
struct registry;
struct record;
typedef struct json_t json_t;

/* result: 0, or a negative errno that text explains; nothing has changed then. now: the published
 * version, borrowed. */
typedef void (*commit_done_fn)(void *data, int result, const char *text, struct record *now);

struct change_request {
        struct kind_state *kind;
        enum change change;
        const json_t *tree; /* the new state; for a deletion the last one. Borrowed */
        struct record *old; /* borrowed; NULL for an addition */
        bool is_volatile;   /* memory only */
        commit_done_fn done;
        void *data;
};

/* Submits a change of an object that has no other change under way. done may be called before this
 * returns. Returns 0, or -ENOMEM, -EINVAL, -E2BIG (done is not called then). */
int commit_submit(struct registry *r, const struct change_request *request, struct err *e);

/* ---- one write at a time for each object ---- */

/* A place in the queue for an object. Embedded by whoever writes. */
struct turn {
        struct list link;
        void (*run)(struct turn *t); /* its turn has come; turn_end() must follow */
        char *key;                   /* owned */
        struct registry *registry;
};

/* Waits for the object's turn; run is called at once when nobody else has it. take_key: of
 * registry_key(), may be NULL (then -ENOMEM). */
int turn_begin(struct registry *r, struct turn *t, char *take_key);

/* Ends it: the next one's run is called, perhaps before this returns. Harmless without turn. */
void turn_end(struct turn *t);
