#include "base/backoff.h"
#include "tests/unit/test.h"

#include <limits.h>

static void controllers_wait_5_ms_doubling_to_1000_s(void **state) {
        const struct backoff b = BACKOFF_CONTROLLER;
        (void) state;

        assert_int_equal(backoff_delay(&b, 0), 0);
        assert_int_equal(backoff_delay(&b, 1), 5 * USEC_PER_MSEC);
        assert_int_equal(backoff_delay(&b, 2), 10 * USEC_PER_MSEC);
        assert_int_equal(backoff_delay(&b, 18), 655360 * USEC_PER_MSEC);
        assert_int_equal(backoff_delay(&b, 19), 1000 * USEC_PER_SEC);
        assert_int_equal(backoff_delay(&b, UINT_MAX), 1000 * USEC_PER_SEC);
}

static void a_crashing_container_restarts_at_once_then_after_10_s_to_5_min(void **state) {
        static const unsigned want_sec[] = { 0, 0, 10, 20, 40, 80, 160, 300, 300 };
        const struct backoff b = BACKOFF_CRASH_LOOP;
        (void) state;

        for (unsigned i = 0; i < sizeof(want_sec) / sizeof(want_sec[0]); i++)
                assert_int_equal(backoff_delay(&b, i), want_sec[i] * USEC_PER_SEC);
}

static void ten_minutes_of_health_forget_earlier_failures(void **state) {
        const struct backoff b = BACKOFF_CRASH_LOOP;
        (void) state;

        assert_int_equal(backoff_count(&b, 7, 600 * USEC_PER_SEC - 1), 8);
        assert_int_equal(backoff_count(&b, 7, 600 * USEC_PER_SEC), 1);
        assert_int_equal(backoff_count(&b, UINT_MAX, 0), UINT_MAX);
}

static void a_backoff_of_zero_or_of_half_the_range_stays_in_bounds(void **state) {
        const struct backoff none = { .base_usec = 0, .most_usec = USEC_PER_SEC };
        const struct backoff vast = { .base_usec = 3, .most_usec = UINT64_MAX };
        (void) state;

        assert_int_equal(backoff_delay(&none, UINT_MAX), 0);
        assert_true(backoff_delay(&vast, UINT_MAX) == UINT64_MAX);
}

static void jitter_only_lengthens_and_repeats_for_a_seed(void **state) {
        uint64_t a = 42, b = 42, most = 0;
        (void) state;

        for (int i = 0; i < 1000; i++) {
                uint64_t got = backoff_jitter(1000, 10, &a);

                assert_int_equal(got, backoff_jitter(1000, 10, &b));
                assert_in_range(got, 1000, 1100);
                most = got > most ? got : most;
        }
        assert_true(most > 1090);
        assert_int_equal(backoff_jitter(1000, 0, &a), 1000);
        assert_true(backoff_jitter(UINT64_MAX, 100, &a) == UINT64_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(controllers_wait_5_ms_doubling_to_1000_s),
                cmocka_unit_test(a_crashing_container_restarts_at_once_then_after_10_s_to_5_min),
                cmocka_unit_test(ten_minutes_of_health_forget_earlier_failures),
                cmocka_unit_test(a_backoff_of_zero_or_of_half_the_range_stays_in_bounds),
                cmocka_unit_test(jitter_only_lengthens_and_repeats_for_a_seed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
