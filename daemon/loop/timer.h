#pragma once

#include "base/clock.h"
#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* A one-shot timer that can be set again, also from its own callback. Times are those of
 * clock_now_usec(): CLOCK_BOOTTIME, or CLOCK_MONOTONIC where the kernel's timerfd lacks that. */
struct loop_timer;

typedef void (*loop_timer_fn)(struct loop_timer *t, void *userdata);

/* Starts unset. slack_usec: how much later than asked it may fire, so that the kernel wakes the
 * process once for several timers; 0 means 1 ms. Returns 0 or a negative errno. */
int loop_timer_new(struct loop *l, uint64_t slack_usec, loop_timer_fn fire, void *userdata,
                   struct loop_timer **ret, struct err *e);

/* Stops it and frees. May be called from its own callback. */
void loop_timer_unref(struct loop_timer *t);
DEFINE_AUTO(loop_timer);

/* Fires once at due_usec (a past time: in the next iteration), or not at all: USEC_NEVER. Replaces
 * what was set. */
void loop_timer_set(struct loop_timer *t, uint64_t due_usec);

/* What is set, or USEC_NEVER. */
uint64_t loop_timer_due(const struct loop_timer *t);
