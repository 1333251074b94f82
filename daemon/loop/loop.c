#include "daemon/loop/loop.h"

#include "daemon/loop/loop_internal.h"

#include <signal.h>

int loop_new(struct loop **ret, struct err *e) {
        struct loop *l = calloc(1, sizeof(*l));
        sigset_t child;
        int r;

        if (!l)
                return err_set(e, -ENOMEM, "out of memory for an event loop");
        l->n_refs = 1;

        r = sd_event_new(&l->event);
        if (r < 0) {
                loop_unref(l);
                return err_errno(e, r, "cannot open an event loop");
        }

        /* sd-event wants SIGCHLD blocked before it watches children, so that nobody else's handler
         * reaps them. A peer that hangs up is an error of write(), no reason to die. */
        (void) sigemptyset(&child);
        (void) sigaddset(&child, SIGCHLD);
        (void) pthread_sigmask(SIG_BLOCK, &child, NULL);
        (void) signal(SIGPIPE, SIG_IGN);

        *ret = l;
        return 0;
}

struct loop *loop_ref(struct loop *l) {
        l->n_refs++;
        return l;
}

void loop_unref(struct loop *l) {
        if (!l || --l->n_refs > 0)
                return;
        work_pool_free(l->pool);
        (void) sd_event_source_unref(l->on_term);
        (void) sd_event_source_unref(l->on_int);
        (void) sd_event_unref(l->event);
        free(l);
}

sd_event *loop_event(struct loop *l) {
        return l->event;
}

static int loop_on_signal(sd_event_source *source, const struct signalfd_siginfo *info,
                          void *userdata) {
        (void) source;
        (void) info;
        loop_exit(userdata, 0);
        return 0;
}

int loop_exit_on_signals(struct loop *l, struct err *e) {
        sigset_t set;
        int r;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaddset(&set, SIGINT);
        (void) pthread_sigmask(SIG_BLOCK, &set, NULL);

        r = sd_event_add_signal(l->event, &l->on_term, SIGTERM, loop_on_signal, l);
        if (r >= 0)
                r = sd_event_add_signal(l->event, &l->on_int, SIGINT, loop_on_signal, l);
        if (r < 0)
                return err_errno(e, r, "cannot watch for signals");
        return 0;
}

int loop_run(struct loop *l) {
        return sd_event_loop(l->event);
}

int loop_step(struct loop *l, uint64_t timeout_usec) {
        return sd_event_run(l->event, timeout_usec);
}

void loop_exit(struct loop *l, int code) {
        if (l->is_exiting)
                return;
        l->is_exiting = true;
        (void) sd_event_exit(l->event, code);
}

uint64_t loop_now_usec(struct loop *l) {
        uint64_t now_usec;

        if (sd_event_now(l->event, CLOCK_BOOTTIME, &now_usec) < 0)
                return clock_now_usec();
        return now_usec;
}
