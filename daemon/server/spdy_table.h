#pragma once

#include "api/client/spdy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The streams of one SPDY connection, seen from the server: which are open, and which side has
 * ended. Bounded. Pure: no I/O, any thread. */
#define SPDY_STREAMS_MAX 512

struct spdy_stream {
        uint32_t id; /* 0: free */
        bool has_in_ended, has_out_ended;
        void *data; /* whose stream it is; not looked at here */
};

struct spdy_table {
        struct spdy_stream *streams; /* owned; grows up to SPDY_STREAMS_MAX */
        size_t n, cap;
        uint32_t last_id; /* the highest that was opened */
};

enum spdy_verdict {
        SPDY_ACCEPT,
        SPDY_REFUSE, /* this stream: there are enough */
        SPDY_BREAK,  /* the connection: its ids go back, repeat, or aren't a client's */
};

void spdy_table_done(struct spdy_table *t);

/* A client opens a stream; is_fin: its side is at its end. Out of memory refuses it. */
enum spdy_verdict spdy_table_open(struct spdy_table *t, uint32_t id, bool is_fin);

/* NULL: there is none (any more). Valid until the next spdy_table_open() or an end. */
struct spdy_stream *spdy_table_find(const struct spdy_table *t, uint32_t id);

/* One side, or both (a reset), of a stream are at their end. A stream that has ended is forgotten.
 * What isn't there is left aside. */
void spdy_table_end_in(struct spdy_table *t, uint32_t id);
void spdy_table_end_out(struct spdy_table *t, uint32_t id);
void spdy_table_forget(struct spdy_table *t, uint32_t id);
