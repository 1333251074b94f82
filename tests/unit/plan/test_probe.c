#include "base/clock.h"
#include "base/macros.h"
#include "daemon/plan/probe.h"
#include "tests/unit/test.h"

#define S USEC_PER_SEC

static const struct probe_rule readiness = { .kind = PROBE_READINESS,
                                             .period_usec = 10 * S,
                                             .success_threshold = 1,
                                             .failure_threshold = 3 };
static const struct probe_rule liveness = { .kind = PROBE_LIVENESS,
                                            .period_usec = 10 * S,
                                            .success_threshold = 1,
                                            .failure_threshold = 3 };

static void first_try_is_due_when_the_container_runs_plus_its_delay(void **state) {
        struct probe_rule late = readiness;
        (void) state;

        late.initial_delay_usec = 5 * S;

        assert_int_equal(probe_begin(&readiness, 100 * S).due_usec, 100 * S);
        assert_int_equal(probe_begin(&late, 100 * S).due_usec, 105 * S);
}

static void early_failures_are_tried_again_soon_and_not_counted(void **state) {
        struct probe_state s = probe_begin(&readiness, 100 * S);
        uint64_t waits[3];
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
                uint64_t now = s.due_usec;
                struct probe_outcome o = probe_step(&readiness, &s, PROBE_FAILURE, now);

                assert_int_equal(o.verdict, PROBE_UNDECIDED);
                assert_false(o.is_counted);
                waits[i] = o.state.due_usec - now;
                s = o.state;
        }

        assert_int_equal(waits[0], 10000);
        assert_int_equal(waits[1], 20000);
        assert_int_equal(waits[2], 40000);
        assert_int_equal(s.n_failures, 0);
}

static void failures_count_once_settling_is_over(void **state) {
        struct probe_state s = probe_begin(&liveness, 100 * S);
        enum probe_verdict verdicts[3];
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
                struct probe_outcome o =
                        probe_step(&liveness, &s, PROBE_FAILURE, (102 + 10 * i) * S);

                assert_true(o.is_counted);
                verdicts[i] = o.verdict;
                s = o.state;
        }

        assert_int_equal(verdicts[0], PROBE_UNDECIDED);
        assert_int_equal(verdicts[1], PROBE_UNDECIDED);
        assert_int_equal(verdicts[2], PROBE_FAILED);
        assert_int_equal(s.due_usec, USEC_NEVER);
}

static void one_success_makes_ready_and_forgives_failures(void **state) {
        struct probe_state s = probe_begin(&readiness, 100 * S);
        struct probe_outcome o;
        (void) state;

        s = probe_step(&readiness, &s, PROBE_FAILURE, 102 * S).state;
        s = probe_step(&readiness, &s, PROBE_FAILURE, 112 * S).state;
        o = probe_step(&readiness, &s, PROBE_SUCCESS, 122 * S);

        assert_int_equal(o.verdict, PROBE_PASSED);
        assert_true(o.state.is_passing);
        assert_int_equal(o.state.n_failures, 0);
        assert_int_equal(o.state.due_usec, 132 * S);
}

static void a_ready_container_stays_so_until_the_failure_threshold(void **state) {
        struct probe_state s = probe_begin(&readiness, 0);
        struct probe_outcome o;
        (void) state;
        s = probe_step(&readiness, &s, PROBE_SUCCESS, 0).state;

        for (int i = 1; i <= 2; i++) {
                o = probe_step(&readiness, &s, PROBE_FAILURE, 10 * S * i);
                assert_int_equal(o.verdict, PROBE_UNDECIDED);
                assert_true(o.state.is_passing);
                s = o.state;
        }
        o = probe_step(&readiness, &s, PROBE_FAILURE, 30 * S);

        assert_int_equal(o.verdict, PROBE_FAILED);
        assert_false(o.state.is_passing);
        assert_int_equal(o.state.due_usec, 40 * S);
}

static void a_readiness_failure_right_after_a_success_counts(void **state) {
        struct probe_rule strict = readiness;
        struct probe_state s = probe_begin(&strict, 0);
        (void) state;
        strict.failure_threshold = 1;

        s = probe_step(&strict, &s, PROBE_SUCCESS, 1000).state;

        assert_int_equal(probe_step(&strict, &s, PROBE_FAILURE, 2000).verdict, PROBE_FAILED);
}

static void several_successes_are_needed_when_asked_for(void **state) {
        struct probe_rule slow = readiness;
        struct probe_state s = probe_begin(&slow, 0);
        struct probe_outcome o;
        (void) state;
        slow.success_threshold = 2;

        o = probe_step(&slow, &s, PROBE_SUCCESS, 0);
        assert_int_equal(o.verdict, PROBE_UNDECIDED);
        assert_false(o.state.is_passing);
        o = probe_step(&slow, &o.state, PROBE_SUCCESS, 10 * S);
        assert_int_equal(o.verdict, PROBE_PASSED);
}

static void startup_is_asked_until_it_passes_and_then_never_again(void **state) {
        const struct probe_rule startup = { .kind = PROBE_STARTUP,
                                            .period_usec = S,
                                            .success_threshold = 1,
                                            .failure_threshold = 30 };
        struct probe_state s = probe_begin(&startup, 0);
        struct probe_outcome o;
        (void) state;
        assert_false(s.is_passing);

        o = probe_step(&startup, &s, PROBE_SUCCESS, 500);

        assert_int_equal(o.verdict, PROBE_PASSED);
        assert_int_equal(o.state.due_usec, USEC_NEVER);
}

static void the_second_interval_is_shortened_once_to_spread_pods(void **state) {
        struct probe_rule spread = readiness;
        struct probe_state s;
        (void) state;
        spread.spread_pct = 30;
        s = probe_begin(&spread, 0);

        s = probe_step(&spread, &s, PROBE_SUCCESS, 0).state;
        assert_int_equal(s.due_usec, 7 * S);
        s = probe_step(&spread, &s, PROBE_SUCCESS, 7 * S).state;
        assert_int_equal(s.due_usec, 17 * S);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(first_try_is_due_when_the_container_runs_plus_its_delay),
                cmocka_unit_test(early_failures_are_tried_again_soon_and_not_counted),
                cmocka_unit_test(failures_count_once_settling_is_over),
                cmocka_unit_test(one_success_makes_ready_and_forgives_failures),
                cmocka_unit_test(a_ready_container_stays_so_until_the_failure_threshold),
                cmocka_unit_test(a_readiness_failure_right_after_a_success_counts),
                cmocka_unit_test(several_successes_are_needed_when_asked_for),
                cmocka_unit_test(startup_is_asked_until_it_passes_and_then_never_again),
                cmocka_unit_test(the_second_interval_is_shortened_once_to_spread_pods),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
