#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stream of changes, pulled by its reader. Nothing is queued for it: it is a place in the ring of
 * recent events that all watches share, so a slow reader costs nothing and, once the ring has gone
 * round, is told 410 and ends. */
struct record;
struct resource;
struct watch;

struct watch_event {
        const char *prefix; /* {"type":"ADDED","object":  borrowed until the next watch_next() */
        size_t prefix_len;
        const char *object; /* JSON; borrowed until the next watch_next() */
        size_t object_len;
        struct record *record; /* what object belongs to; NULL for BOOKMARK and ERROR */
};

/* Ends every line of a watch, behind the object. */
#define WATCH_SUFFIX "}\n"
#define WATCH_SUFFIX_LEN 2

enum watch_state {
        WATCH_EVENT, /* *ret holds one */
        WATCH_IDLE,  /* nothing now; on_ready tells when to ask again */
        WATCH_END,   /* over (time-out, fell behind, shutdown): close */
};

/* What it watches. */
const struct resource *watch_resource(const struct watch *w);

/* The next event. Never blocks. */
enum watch_state watch_next(struct watch *w, struct watch_event *ret);

/* fn(data) is called from the loop once after each WATCH_IDLE, when watch_next() has more. It must
 * not call watch_next() in there, and may unref this watch only. */
void watch_on_ready(struct watch *w, void (*fn)(void *data), void *data);

/* Ends it. No call afterwards. */
void watch_unref(struct watch *w);
DEFINE_AUTO(watch);
