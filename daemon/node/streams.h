#pragma once

#include "base/err.h"
#include "base/macros.h"

/* Logs, exec, attach, images: the server asks through a watch, the node dials back
 * (docs/architecture.md). */
struct context;
struct pods;
struct streams;

struct streams_events {
        void (*on_images)(void *userdata); /* an image came or went */
        void (*on_heard)(void *userdata); /* the server takes streams; again after each reconnect */
        void *userdata;
};

/* events: copied. pods, ctx: borrowed for life. Begins to watch. */
int streams_new(const struct context *ctx, struct pods *pods, const struct streams_events *events,
                struct streams **ret, struct err *e);
/* Ends all streams. */
void streams_unref(struct streams *s);
DEFINE_AUTO(streams);
