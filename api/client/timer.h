#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdint.h>

/* Time as a dependency: the real loop gives one made of sd-event, a simulation a fake one. */
struct timer;
struct timers;

struct timers_vtable {
        /* Microseconds of CLOCK_BOOTTIME or of the simulation. Never goes back. */
        uint64_t (*now_usec)(struct timers *t);
        /* Calls fn(data) once when now_usec() >= due_usec, from the loop, never from in here. The
         * timer frees itself just before fn is called. Returns 0 or -ENOMEM. */
        int (*add)(struct timers *t, uint64_t due_usec, void (*fn)(void *data), void *data,
                   struct timer **ret_timer);
        /* Forgets a timer that has not fired. NULL is allowed. */
        void (*cancel)(struct timers *t, struct timer *timer);
};

/* Implementations embed this as their first member. */
struct timers {
        const struct timers_vtable *vtable;
};

typedef struct sd_event sd_event;

/* Timers on a real loop. loop is referenced. */
int timers_new_event(sd_event *loop, struct timers **ret_timers, struct err *e);

/* Frees what timers_new_event() made; every timer must have fired or been cancelled. */
void timers_free_event(struct timers *t);
