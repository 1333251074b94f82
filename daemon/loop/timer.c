#include "daemon/loop/timer.h"

#include "daemon/loop/loop.h"

#include <time.h>

struct loop_timer {
        sd_event_source *source;
        loop_timer_fn fire;
        void *userdata;
        uint64_t due_usec;
        clockid_t clock;
};

static int timer_on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        struct loop_timer *t = userdata;

        (void) source;
        (void) usec;
        t->due_usec = USEC_NEVER;
        t->fire(t, t->userdata); /* may free t */
        return 0;
}

static int timer_add(struct loop *l, uint64_t slack_usec, struct loop_timer *t) {
        int r;

        t->clock = CLOCK_BOOTTIME;
        r = sd_event_add_time(loop_event(l), &t->source, t->clock, USEC_NEVER, slack_usec,
                              timer_on_time, t);
        if (r >= 0)
                return 0;
        t->clock = CLOCK_MONOTONIC;
        return sd_event_add_time(loop_event(l), &t->source, t->clock, USEC_NEVER, slack_usec,
                                 timer_on_time, t);
}

int loop_timer_new(struct loop *l, uint64_t slack_usec, loop_timer_fn fire, void *userdata,
                   struct loop_timer **ret, struct err *e) {
        AUTO(loop_timer) struct loop_timer *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return err_set(e, -ENOMEM, "out of memory for a timer");
        t->fire = fire;
        t->userdata = userdata;
        t->due_usec = USEC_NEVER;

        r = timer_add(l, slack_usec == 0 ? USEC_PER_MSEC : slack_usec, t);
        if (r < 0)
                return err_errno(e, r, "cannot add a timer");
        r = sd_event_source_set_enabled(t->source, SD_EVENT_OFF);
        if (r < 0)
                return err_errno(e, r, "cannot add a timer");

        *ret = STEAL(t);
        return 0;
}

void loop_timer_unref(struct loop_timer *t) {
        if (!t)
                return;
        (void) sd_event_source_disable_unref(t->source);
        free(t);
}

/* A time of clock_now_usec() in the clock that the source counts in. */
static uint64_t timer_translate(const struct loop_timer *t, uint64_t due_usec) {
        struct timespec ts = { 0 };
        uint64_t now_usec;

        if (t->clock == CLOCK_BOOTTIME)
                return due_usec;
        now_usec = clock_now_usec();
        (void) clock_gettime(t->clock, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000 +
               (due_usec > now_usec ? due_usec - now_usec : 0);
}

void loop_timer_set(struct loop_timer *t, uint64_t due_usec) {
        t->due_usec = due_usec;
        if (due_usec == USEC_NEVER) {
                (void) sd_event_source_set_enabled(t->source, SD_EVENT_OFF);
                return;
        }
        /* Neither fails: the source is in a living loop, and it reserved what it needs when made.
         */
        (void) sd_event_source_set_time(t->source, timer_translate(t, due_usec));
        (void) sd_event_source_set_enabled(t->source, SD_EVENT_ONESHOT);
}

uint64_t loop_timer_due(const struct loop_timer *t) {
        return t->due_usec;
}
