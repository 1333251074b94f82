#pragma once

/* For local stores only: a table of rows with revisions, used by one thread at a time, blocking.
 * What a transaction, a compare or an event means is decided above (execute.c), once for all
 * engines. */

#include "base/arena.h"
#include "base/err.h"
#include "daemon/store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;

/* Rows of one revision; a lease with more keys than that takes several revisions to end. */
#define ENGINE_SUB_MAX 65535

struct engine_row {
        struct store_kv kv; /* of a deletion: key and mod_revision only */
        unsigned sub;       /* 0, 1, … within the revision */
        bool is_deletion;
};

struct engine_range {
        const char *prefix;
        const char *after; /* NULL: from the start */
        int64_t revision;
        size_t limit;
        size_t bytes_max; /* ends after the item that passes it */
};

struct engine_history {
        const char *prefix;
        int64_t from_revision;
        size_t rows_max; /* seen, not matching; ends with the revision that passes one of the two */
        size_t bytes_max;
};

/* What a piece of history holds. */
struct engine_events {
        struct store_event *events;
        size_t n;
        int64_t next_revision; /* where to go on, 0: that is all */
};

typedef int (*engine_lease_fn)(void *userdata, int64_t id, uint64_t ttl_sec);

struct engine_ops {
        void (*free)(struct engine *en);

        /* Everything from begin to commit becomes durable together, or not at all. A failed commit
         * has been rolled back. */
        int (*begin)(struct engine *en, struct err *e);
        int (*commit)(struct engine *en, struct err *e);
        void (*rollback)(struct engine *en);

        /* The present state of key: 1 and ret filled, 0 when there is none. arena: for the value;
         * NULL: without it. */
        int (*find)(struct engine *en, const char *key, struct arena *arena, struct store_kv *ret,
                    struct err *e);
        int (*add)(struct engine *en, const struct engine_row *row, struct err *e);
        /* Fills items, n and has_more of ret. */
        int (*range)(struct engine *en, const struct engine_range *range, struct arena *arena,
                     struct store_result *ret, struct err *e);
        int (*history)(struct engine *en, const struct engine_history *what, struct arena *arena,
                       struct engine_events *ret, struct err *e);

        int (*lease_add)(struct engine *en, uint64_t ttl_sec, int64_t *ret_id, struct err *e);
        /* 1 when there was one, 0 when not. */
        int (*lease_remove)(struct engine *en, int64_t id, struct err *e);
        int (*lease_has)(struct engine *en, int64_t id, struct err *e);
        /* Keys whose present state hangs on the lease. */
        int (*lease_keys)(struct engine *en, int64_t id, struct arena *arena,
                          const char ***ret_keys, size_t *ret_n, struct err *e);

        /* Calls found for every lease there is; ends at its first negative result. */
        int (*leases)(struct engine *en, engine_lease_fn found, void *userdata, struct err *e);

        /* Remembers revision as compacted; rows go later, by sweep(). */
        int (*compact)(struct engine *en, int64_t revision, struct err *e);
        /* Frees some compacted rows. Returns 1 when there is more to do. */
        int (*sweep)(struct engine *en, struct err *e);

        /* After commits, with nobody waiting for it: moves the log into the database when it has
         * grown. */
        void (*tidy)(struct engine *en);
        /* Nothing has happened for a while: gives memory back. Writes nothing. */
        void (*rest)(struct engine *en);
};

/* First member of every engine's own struct. */
struct engine {
        const struct engine_ops *ops;
        int64_t revision;  /* the newest, rolled back with the transaction by who uses the engine */
        int64_t compacted; /* lists below it and watches from it are refused; 0: none */
};
