#pragma once

#include "base/err.h"
#include "base/macros.h"

/* What this node and its containers use. Nothing is read while nobody asks: the first who does
 * waits for a window of some seconds, who comes again has the time since as his window
 * (docs/adr/0155). */
struct context;
struct pods;
struct usage;
struct usage_asker;

/* ctx, pods: borrowed, must outlive it. Reads nothing before somebody asks. Returns 0 or -ENOMEM.
 */
int usage_new(const struct context *ctx, struct pods *pods, struct usage **ret, struct err *e);
/* No asker is called any more. */
void usage_unref(struct usage *u);
DEFINE_AUTO(usage);

/* fn gets the answer as JSON (borrowed; NULL: memory is out), once, perhaps before this returns:
 * {"timestamp", "window", "cpu", "memory", "pods": {UID: {CONTAINER: {"cpu", "memory"}}}}, with
 * billionths of a processor, bytes, and the window in microseconds.
 * *ret_asker: weak, NULL when fn was called. Returns 0 or -ENOMEM. */
int usage_ask(struct usage *u, void (*fn)(void *data, const char *json), void *data,
              struct usage_asker **ret_asker, struct err *e);
/* fn isn't called. NULL is allowed. */
void usage_leave(struct usage_asker *a);
