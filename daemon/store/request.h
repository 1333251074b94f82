#pragma once

/* For back-ends only. */

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "daemon/store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum store_request_kind {
        STORE_REQUEST_GET,
        STORE_REQUEST_LIST,
        STORE_REQUEST_TRANSACT,
        STORE_REQUEST_COMPACT,
        STORE_REQUEST_GRANT,
        STORE_REQUEST_KEEPALIVE,
        STORE_REQUEST_REVOKE,
        STORE_REQUEST_HISTORY, /* the past of a watch: made by back-ends themselves */
};

/* An answer holds so much in values, and one item more. */
#define STORE_REQUEST_LIST_BYTES (4UL * 1024 * 1024)
#define STORE_REQUEST_HISTORY_BYTES (1024UL * 1024)

struct lease;

/* One request from its acceptance to its answer: what was asked, checked and copied, and room for
 * the answer. Belongs to one thread at a time. */
struct store_request {
        struct list link;
        enum store_request_kind kind;
        store_done_fn done; /* NULL: nobody is waiting */
        void *userdata;
        struct arena *arena; /* owned: copies of the arguments, and the answer */
        size_t n_bytes;      /* keys and values in it */

        /* What was asked. */
        const char *key;        /* get; history: the prefix */
        struct store_list list; /* list; limit is never 0 */
        struct store_txn txn;
        int64_t revision; /* compact; history: from */
        int64_t lease_id; /* keepalive, revoke */
        uint64_t ttl_sec; /* grant */

        /* The answer. */
        int r;
        struct err e;
        struct store_result result;
        struct store_event *events;   /* transact: room for every op from the start, so that nothing
                                         can fail after the commit */
        struct store_event *matching; /* room for as many again: those that one watch wants */
        size_t n_events;
        int64_t next_revision; /* history: where to go on, when has_more */

        /* The back-end's own. */
        struct lease *lease;       /* owned, may be NULL */
        struct store_watch *watch; /* history */
        bool is_keepalive_known;
        bool has_store_failed; /* with r < 0: writes don't work any more */
};

/* Zeroed, with an arena that has room for n_bytes. NULL: memory is out. */
struct store_request *store_request_new(enum store_request_kind kind, size_t n_bytes);
void store_request_free(struct store_request *q);

/* What it and its answer may take of memory, in bytes. */
size_t store_request_cost(const struct store_request *q);

/* Whether it may change the database. */
bool store_request_is_write(const struct store_request *q);
