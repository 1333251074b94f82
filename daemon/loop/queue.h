#pragma once

#include "base/backoff.h"
#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A keyed work queue, as client-go's: a data structure without I/O, threads or a clock of its own.
 * A key waits at most once, however often it is added; a key that is being processed is never
 * handed out a second time: what was added meanwhile is handed out after queue_done().
 *
 *            add                    pop                done
 *   absent ------> ready (FIFO) ---------> processing ------> absent
 *      \             ^ due                    | add: dirty     ^ dirty: ready
 *       add_after -> delayed (by due time)    +----------------+
 *
 * A pop takes back a delay that the key still had: who processes the key sees everything anew and
 * asks for the next look itself. */
struct queue;

struct queue_config {
        struct backoff backoff; /* all zero: BACKOFF_CONTROLLER */
        unsigned jitter_pct;    /* 0 to 100: a retry comes up to so much later */
        uint64_t seed;          /* of the jitter */
};

/* config: NULL for the defaults, read during the call only. NULL: memory is out. */
struct queue *queue_new(const struct queue_config *config);
void queue_unref(struct queue *q);
DEFINE_AUTO(queue);

/* Makes key ready now. key is copied. Returns 0 or -ENOMEM (nothing changed then). */
int queue_add(struct queue *q, const char *key);

/* Makes key ready at due_usec, or at the earlier time that was asked for before. 0 or -ENOMEM. */
int queue_add_after(struct queue *q, const char *key, uint64_t due_usec);

/* Adds after one more failure: due after its back-off with jitter. ret_due_usec may be NULL. 0 or
 * -ENOMEM. */
int queue_retry(struct queue *q, const char *key, uint64_t now_usec, uint64_t *ret_due_usec);

/* Hands out the next ready key, or NULL. Owned by the queue, valid until queue_done(). */
const char *queue_pop(struct queue *q, uint64_t now_usec);

/* Processing of key is over; it is ready again when it was added meanwhile. Call after
 * queue_retry() or queue_forget(). key may be the pointer that queue_pop() gave; it is invalid
 * afterwards. */
void queue_done(struct queue *q, const char *key);

/* Success: failures count from zero again. */
void queue_forget(struct queue *q, const char *key);

/* Failures in a row so far. */
unsigned queue_failures(const struct queue *q, const char *key);

/* When to pop again: 0 when something is ready, USEC_NEVER when nothing waits. */
uint64_t queue_next_due(const struct queue *q);

/* Ready keys; delayed ones; those being processed. */
size_t queue_n_ready(const struct queue *q);
size_t queue_n_delayed(const struct queue *q);
size_t queue_n_processing(const struct queue *q);
