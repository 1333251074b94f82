#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>

/* Writes Event objects, as few as say it all: the same event again raises its count; of many that
 * differ in the message only, the first ten are written, then one "(combined from similar events)"
 * counts the rest. Best effort: an event that the API refuses is dropped. */

struct change_event;
struct core;
struct events;
struct object;

int events_new(struct core *core, struct events **ret, struct err *e);
/* Cancels what is under way; what waits is lost. */
void events_unref(struct events *v);
DEFINE_AUTO(events);

/* Records one. component: who says so (a literal). about: borrowed. detail: put behind the message
 * with ": ", NULL: nothing. Out of memory: the event is lost. */
void events_record(struct events *v, const char *component, const struct object *about,
                   const struct change_event *event, const char *detail);

/* Nothing is under way or waiting. */
bool events_are_idle(const struct events *v);
