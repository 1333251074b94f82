#pragma once

#include "api/client/timer.h"

#include <stdbool.h>
#include <stdint.h>

/* A clock that moves only when told to, and the timers that hang on it. */
struct sim_clock;

struct sim_clock *sim_clock_new(uint64_t wall_usec);
void sim_clock_free(struct sim_clock *c);

struct timers *sim_clock_timers(struct sim_clock *c);
uint64_t sim_clock_now(const struct sim_clock *c);
uint64_t sim_clock_wall(const struct sim_clock *c);

/* Fires the timers that are due now, those added meanwhile not. Returns how many. */
unsigned sim_clock_fire(struct sim_clock *c);

/* Moves on to the next timer, at most to until_usec. */
void sim_clock_advance(struct sim_clock *c, uint64_t until_usec);
