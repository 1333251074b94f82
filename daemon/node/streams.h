#pragma once

#include "base/err.h"
#include "base/macros.h"

/* Logs, exec, attach, images: the server asks through a watch, the node dials back
 * (docs/architecture.md). */
struct context;
struct pods;
struct streams;

/* on_images: an image came or went. pods, ctx: borrowed for life. Begins to watch. */
int streams_new(const struct context *ctx, struct pods *pods, void (*on_images)(void *userdata),
                void *userdata, struct streams **ret, struct err *e);
/* Ends all streams. */
void streams_unref(struct streams *s);
DEFINE_AUTO(streams);
