#include "daemon/plan/probe.h"

#include "base/clock.h"
#include "base/macros.h"

struct probe_state probe_begin(const struct probe_rule *rule, uint64_t started_usec) {
        uint64_t first_usec = started_usec + rule->initial_delay_usec;

        return (struct probe_state){
                .is_begun = true,
                .is_passing = rule->kind == PROBE_LIVENESS,
                .begun_usec = first_usec,
                .due_usec = first_usec,
        };
}

static uint64_t probe_next_due(const struct probe_rule *rule, struct probe_state *s,
                               uint64_t now_usec) {
        if (s->is_spread)
                return now_usec + rule->period_usec;
        s->is_spread = true;
        return now_usec + rule->period_usec - rule->period_usec / 100 * MIN(rule->spread_pct, 99U);
}

static bool probe_is_settling(const struct probe_state *s, uint64_t now_usec) {
        return !s->has_verdict && s->n_successes == 0 && s->n_failures == 0 &&
               now_usec < s->begun_usec + PROBE_SETTLE_USEC;
}

static void probe_succeed(const struct probe_rule *rule, struct probe_outcome *o,
                          uint64_t now_usec) {
        struct probe_state *s = &o->state;

        s->n_failures = 0;
        s->n_successes = MIN(s->n_successes + 1, rule->success_threshold);
        s->due_usec = probe_next_due(rule, s, now_usec);
        if (s->n_successes < rule->success_threshold)
                return;

        if (!s->has_verdict || !s->is_passing)
                o->verdict = PROBE_PASSED;
        s->has_verdict = true;
        s->is_passing = true;
        if (rule->kind == PROBE_STARTUP)
                s->due_usec = USEC_NEVER;
}

static void probe_fail(const struct probe_rule *rule, struct probe_outcome *o, uint64_t now_usec) {
        struct probe_state *s = &o->state;

        s->n_successes = 0;
        s->n_failures = MIN(s->n_failures + 1, rule->failure_threshold);
        s->due_usec = now_usec + rule->period_usec;
        o->is_counted = true;
        if (s->n_failures < rule->failure_threshold)
                return;

        if (!s->has_verdict || s->is_passing)
                o->verdict = PROBE_FAILED;
        s->has_verdict = true;
        s->is_passing = false;
        if (rule->kind != PROBE_READINESS)
                s->due_usec = USEC_NEVER;
}

struct probe_outcome probe_step(const struct probe_rule *rule, const struct probe_state *state,
                                enum probe_result result, uint64_t now_usec) {
        struct probe_outcome o = { .state = *state };

        switch (result) {
        case PROBE_NO_RESULT:
                break;
        case PROBE_SUCCESS:
                probe_succeed(rule, &o, now_usec);
                break;
        case PROBE_FAILURE:
                if (probe_is_settling(state, now_usec)) {
                        o.state.retry_usec =
                                state->retry_usec ? state->retry_usec * 2 : PROBE_RETRY_FIRST_USEC;
                        o.state.due_usec = now_usec + MIN(o.state.retry_usec, rule->period_usec);
                        break;
                }
                probe_fail(rule, &o, now_usec);
                break;
        }
        return o;
}
