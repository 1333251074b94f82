#pragma once

#include "base/clock.h"
#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/* One event loop for a process: sd-event, signals, and a small pool of work threads that is started
 * when first needed. Everything here belongs to the thread that runs the loop, unless it says
 * otherwise. There is no periodic timer: an idle loop sleeps. */
struct loop;

/* Opens a loop. Blocks SIGCHLD and ignores SIGPIPE for the process, so call it before threads
 * start. Returns 0 or a negative errno. */
int loop_new(struct loop **ret, struct err *e);

struct loop *loop_ref(struct loop *l);

/* The last reference: no more work is started, running work is waited for, every done() that is
 * still owed is called with -ECANCELED, then memory goes. All sources must be gone before. */
void loop_unref(struct loop *l);
DEFINE_AUTO(loop);

/* The sd-event loop, borrowed: add descriptors and defer sources to it as you like. */
sd_event *loop_event(struct loop *l);

/* SIGTERM and SIGINT end loop_run() with code 0. Blocks both: call before threads start. */
int loop_exit_on_signals(struct loop *l, struct err *e);

/* Runs until loop_exit(). Returns its code, or a negative errno when the loop itself failed. */
int loop_run(struct loop *l);

/* Handles what is ready, waiting at most timeout_usec for something (0: don't wait, USEC_NEVER: for
 * ever). Returns 1 when something was handled, 0 when not, or a negative errno. For tests, and for
 * those who wait for one answer at start. */
int loop_step(struct loop *l, uint64_t timeout_usec);

/* Ends loop_run() after the present callback. code: 0 or positive. Harmless when called twice. */
void loop_exit(struct loop *l, int code);

/* The time as clock_now_usec(), read once an iteration. */
uint64_t loop_now_usec(struct loop *l);
