#include "daemon/plan/usage.h"
#include "tests/unit/test.h"

static void the_first_who_asks_waits_for_a_window(void **state) {
        struct usage_step s;
        (void) state;

        s = usage_step(0, 50000000);

        assert_int_equal(s.kind, USAGE_BEGIN);
        assert_int_equal(s.due_usec, 50000000 + USAGE_WINDOW_FIRST_USEC);
}

static void who_asks_again_is_answered_at_once(void **state) {
        (void) state;

        assert_int_equal(usage_step(50000000, 52000000).kind, USAGE_ANSWER);
        assert_int_equal(usage_step(50000000, 170000000).kind, USAGE_ANSWER);
}

static void a_window_that_is_too_short_is_waited_out(void **state) {
        struct usage_step s;
        (void) state;

        s = usage_step(50000000, 51999999);

        assert_int_equal(s.kind, USAGE_WAIT);
        assert_int_equal(s.due_usec, 53000000);
}

static void an_old_reading_counts_for_nothing(void **state) {
        (void) state;

        assert_int_equal(usage_step(50000000, 170000001).kind, USAGE_BEGIN);
}

static void a_rate_is_billionths_of_a_processor(void **state) {
        (void) state;

        /* 30 ms in 3 s are 10 thousandths */
        assert_int_equal(usage_rate(1000000000, 1030000000, 3000000), 10000000);
        assert_int_equal(usage_rate(0, 6000000000, 3000000), 2000000000);
        assert_int_equal(usage_rate(5, 5, 3000000), 0);
        assert_int_equal(usage_rate(5, 6, 0), 0);
}

static void a_counter_that_went_back_began_anew(void **state) {
        (void) state;

        assert_int_equal(usage_rate(9000000000, 30000000, 3000000), 10000000);
}

static void ticks_leave_idle_and_stolen_time_out(void **state) {
        (void) state;

        assert_int_equal(usage_ticks("cpu  100 20 30 4000 500 6 7 800 9 0\ncpu0 1 2 3"), 163);
        assert_int_equal(usage_ticks("cpu0 1 2 3 4 5 6 7"), 0);
        assert_int_equal(usage_ticks(""), 0);
}

static void memory_is_without_idle_pages_of_files(void **state) {
        (void) state;

        assert_int_equal(usage_memory("MemTotal:        1000 kB\nMemFree:          200 kB\n"
                                      "Active(file):     11 kB\nInactive(file):   300 kB\n"),
                         500 << 10);
        assert_int_equal(usage_memory("MemTotal: 10 kB\nMemFree: 20 kB\n"), 0);
        assert_int_equal(usage_memory(""), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_first_who_asks_waits_for_a_window),
                cmocka_unit_test(who_asks_again_is_answered_at_once),
                cmocka_unit_test(a_window_that_is_too_short_is_waited_out),
                cmocka_unit_test(an_old_reading_counts_for_nothing),
                cmocka_unit_test(a_rate_is_billionths_of_a_processor),
                cmocka_unit_test(a_counter_that_went_back_began_anew),
                cmocka_unit_test(ticks_leave_idle_and_stolen_time_out),
                cmocka_unit_test(memory_is_without_idle_pages_of_files),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
