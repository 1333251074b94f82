#include "daemon/node/prober.h"

#include "api/kinds/pod.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"
#include "daemon/node/ask.h"

#include <stdio.h>

struct prober {
        struct loop *loop;
        size_t n_targets;
};

struct probe_target {
        struct prober *owner;
        struct probe_target_spec spec;
        struct probe_rule rule;
        struct probe_state state;
        struct loop_timer *timer;
        struct ask *ask; /* the question under way */
        prober_fn fn;
        void *userdata;
};

struct probe_rule prober_rule(enum probe_kind kind, const struct probe *probe, uint64_t seed) {
        return (struct probe_rule){
                .kind = kind,
                .initial_delay_usec =
                        (uint64_t) MAX(probe->initial_delay_seconds, 0) * USEC_PER_SEC,
                .period_usec =
                        (uint64_t) MAX(probe->period_seconds ? probe->period_seconds : 10, 1) *
                        USEC_PER_SEC,
                .success_threshold = (unsigned) MAX(probe->success_threshold, 1),
                .failure_threshold =
                        (unsigned) MAX(probe->failure_threshold ? probe->failure_threshold : 3, 1),
                .spread_pct = (unsigned) (seed % 50),
        };
}

int prober_new(struct loop *loop, struct prober **ret, struct err *e) {
        struct prober *p = calloc(1, sizeof(*p));

        if (!p)
                return err_set(e, -ENOMEM, "out of memory");
        p->loop = loop;
        *ret = p;
        return 0;
}

void prober_unref(struct prober *p) {
        free(p);
}

static void target_answered(void *userdata, int r, const char *text) {
        struct probe_target *t = userdata;
        struct probe_outcome o;

        t->ask = NULL;
        o = probe_step(&t->rule, &t->state, r == 0 ? PROBE_SUCCESS : PROBE_FAILURE,
                       clock_now_usec());
        t->state = o.state;
        loop_timer_set(t->timer, o.state.due_usec);
        t->fn(t->userdata, t, t->rule.kind, &o, text); /* may free t */
}

static void on_due(struct loop_timer *timer, void *userdata) {
        struct probe_target *t = userdata;
        const struct probe *p = t->spec.probe;
        const struct ask_spec spec = {
                .exec = p->exec,
                .http_get = p->http_get,
                .tcp_socket = p->tcp_socket,
                .is_grpc = p->grpc != NULL,
                .container = t->spec.container,
                .pod = t->spec.pod,
                .addr = t->spec.addr,
                .timeout_usec = (uint64_t) MAX(p->timeout_seconds, 1) * USEC_PER_SEC,
        };
        struct err e = { 0 };
        int r;
        (void) timer;

        r = ask_start(t->owner->loop, &spec, target_answered, t, &t->ask, &e);
        if (r < 0)
                target_answered(t, r, err_text(&e));
}

int prober_add(struct prober *p, const struct probe_target_spec *spec, prober_fn fn, void *userdata,
               struct probe_target **ret, struct err *e) {
        struct probe_target *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return err_set(e, -ENOMEM, "out of memory");
        *t = (struct probe_target){ .owner = p, .spec = *spec, .fn = fn, .userdata = userdata };
        t->rule = prober_rule(spec->kind, spec->probe, spec->seed);
        t->state = probe_begin(&t->rule, spec->started_usec);
        if (spec->is_passing) {
                /* Spread over a whole period: a restarted node adopts all pods at once. */
                t->state.has_verdict = t->state.is_passing = t->state.is_spread = true;
                t->state.due_usec =
                        clock_now_usec() + t->rule.period_usec / 100 * (spec->seed % 100);
        }
        r = loop_timer_new(p->loop, 0, on_due, t, &t->timer, e);
        if (r < 0) {
                free(t);
                return r;
        }
        loop_timer_set(t->timer, t->state.due_usec);
        p->n_targets++;
        *ret = t;
        return 0;
}

void prober_remove(struct probe_target *t) {
        if (!t)
                return;
        ask_cancel(t->ask);
        loop_timer_unref(t->timer);
        t->owner->n_targets--;
        free(t);
}
