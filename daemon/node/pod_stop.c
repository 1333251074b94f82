#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/image/image.h"
#include "daemon/loop/timer.h"
#include "daemon/node/ask.h"
#include "daemon/node/container_spec.h"
#include "daemon/node/events.h"
#include "daemon/node/pod_internal.h"
#include "daemon/runtime/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A postStart hook that doesn't end is given up after this long. */
#define POST_START_MOST_USEC (3600 * USEC_PER_SEC)

static struct container_observed *seen_of(struct pod_slot *s) {
        return &s->pod->seen.containers[s->index];
}

static void hook_ended(void *userdata, int r, const char *text) {
        struct pod_slot *s = userdata;
        struct container_observed *c = seen_of(s);

        s->hook = NULL;
        if (s->is_pre_stop) {
                c->pre_stop = r == 0 ? HOOK_DONE : HOOK_FAILED;
                if (r < 0)
                        events_pod(s->pod->ctx->events, &s->pod->spec->metadata, s->spec->name,
                                   EVENT_WARNING, "FailedPreStopHook", "PreStopHook failed: %s",
                                   text);
        } else {
                c->post_start = r == 0 ? HOOK_DONE : HOOK_FAILED;
                if (r < 0) {
                        events_pod(s->pod->ctx->events, &s->pod->spec->metadata, s->spec->name,
                                   EVENT_WARNING, "FailedPostStartHook", "PostStartHook failed: %s",
                                   text);
                        c->is_unhealthy = true;
                }
        }
        node_pod_run(s->pod);
}

static void on_slept(struct loop_timer *t, void *userdata) {
        struct pod_slot *s = userdata;
        (void) t;

        loop_timer_unref(STEAL(s->hook_timer));
        hook_ended(s, 0, "");
}

static int hook_sleep(struct pod_slot *s, int64_t seconds, struct err *e) {
        int r;

        loop_timer_unref(STEAL(s->hook_timer));
        r = loop_timer_new(s->pod->ctx->loop, 0, on_slept, s, &s->hook_timer, e);
        if (r == 0)
                loop_timer_set(s->hook_timer,
                               clock_now_usec() + (uint64_t) MAX(seconds, 0) * USEC_PER_SEC);
        return r;
}

static void hook_start(struct pod_slot *s, const struct lifecycle_handler *h, bool is_pre_stop,
                       uint64_t timeout_usec) {
        struct node_pod *p = s->pod;
        const struct ask_spec spec = {
                .exec = h->exec,
                .http_get = h->http_get,
                .tcp_socket = h->tcp_socket,
                .container = s->spec,
                .pod = p->rt,
                .addr = p->ip,
                .timeout_usec = timeout_usec,
        };
        struct err e = { 0 };
        int r;

        ask_cancel(STEAL(s->hook));
        s->is_pre_stop = is_pre_stop;
        if (h->sleep)
                r = hook_sleep(s, h->sleep->seconds, &e);
        else
                r = ask_start(p->ctx->loop, &spec, hook_ended, s, &s->hook, &e);
        p->is_dirty = true;
        if (r < 0)
                hook_ended(s, r, err_text(&e)); /* only marks the plan dirty: it is running */
}

void pod_post_start(struct pod_slot *s) {
        seen_of(s)->post_start = HOOK_RUNNING;
        hook_start(s, s->spec->lifecycle->post_start, false, POST_START_MOST_USEC);
}

static void stop_begins(struct pod_slot *s, const struct pod_action *a) {
        struct container_observed *c = seen_of(s);

        if (c->stop != STOP_NONE)
                return;
        c->stop_began_usec = clock_now_usec();
        c->stop_grace_usec = a->grace_usec;
        if (c->is_unhealthy)
                return; /* said with the probe's or hook's failure */
        events_pod(s->pod->ctx->events, &s->pod->spec->metadata, s->spec->name, EVENT_NORMAL,
                   "Killing", "Stopping container %s", s->spec->name);
}

void pod_pre_stop(struct pod_slot *s, const struct pod_action *a) {
        struct container_observed *c = seen_of(s);

        stop_begins(s, a);
        c->stop = STOP_PRE_STOP;
        c->pre_stop = HOOK_RUNNING;
        hook_start(s, s->spec->lifecycle->pre_stop, true, a->grace_usec);
}

void pod_term(struct pod_slot *s, const struct pod_action *a) {
        struct container_observed *c = seen_of(s);
        int signo = container_spec_stop_signal(s->spec, s->image ? s->image->stop_signal : NULL);
        struct err e = { 0 };
        int r;

        stop_begins(s, a);
        c->stop = STOP_TERM;
        c->term_usec = clock_now_usec();
        r = runtime_container_signal(s->pod->rt, s->spec->name, signo, &e);
        if (r < 0 && r != -ESRCH)
                LOG_WARN(s->pod->key,
                         "container %s can't be told to end (%s); it is killed after its grace",
                         s->spec->name, err_text(&e));
        s->pod->is_dirty = true;
}

void pod_kill(struct pod_slot *s) {
        struct err e = { 0 };
        int r;

        seen_of(s)->stop = STOP_KILL;
        r = runtime_container_kill(s->pod->rt, s->spec->name, &e);
        if (r < 0 && r != -ESRCH)
                LOG_WARN(s->pod->key, "container %s can't be killed (%s)", s->spec->name,
                         err_text(&e));
}
