#include "api/client/timer.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-event.h>
#include <time.h>

struct event_timers {
        struct timers base;
        sd_event *loop;
};

struct timer {
        sd_event_source *source;
        void (*fn)(void *data);
        void *data;
};

static void timer_free(struct timer *t) {
        if (!t)
                return;
        (void) sd_event_source_disable_unref(t->source);
        free(t);
}

static int on_time(sd_event_source *source, uint64_t usec, void *data) {
        struct timer *t = data;
        void (*fn)(void *) = t->fn;
        void *fn_data = t->data;

        (void) source;
        (void) usec;
        timer_free(t);
        fn(fn_data);
        return 0;
}

static uint64_t event_now(struct timers *t) {
        (void) t;
        return clock_now_usec();
}

static int event_add(struct timers *timers, uint64_t due_usec, void (*fn)(void *data), void *data,
                     struct timer **ret_timer) {
        struct event_timers *et = (struct event_timers *) timers;
        struct timer *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return -ENOMEM;
        t->fn = fn;
        t->data = data;
        r = sd_event_add_time(et->loop, &t->source, CLOCK_BOOTTIME, due_usec, 50 * USEC_PER_MSEC,
                              on_time, t);
        if (r < 0) {
                free(t);
                return r;
        }
        *ret_timer = t;
        return 0;
}

static void event_cancel(struct timers *timers, struct timer *t) {
        (void) timers;
        timer_free(t);
}

static const struct timers_vtable event_vtable = {
        .now_usec = event_now,
        .add = event_add,
        .cancel = event_cancel,
};

int timers_new_event(sd_event *loop, struct timers **ret_timers, struct err *e) {
        struct event_timers *et = calloc(1, sizeof(*et));

        if (!et)
                return err_errno(e, -ENOMEM, "cannot make timers");
        et->base.vtable = &event_vtable;
        et->loop = sd_event_ref(loop);
        *ret_timers = &et->base;
        return 0;
}

void timers_free_event(struct timers *t) {
        struct event_timers *et = (struct event_timers *) t;

        if (!et)
                return;
        sd_event_unref(et->loop);
        free(et);
}
