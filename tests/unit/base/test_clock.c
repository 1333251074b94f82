#include "base/clock.h"
#include "tests/unit/test.h"

static void times_survive_a_round_trip(void **state) {
        char buf[CLOCK_TEXT_MAX];
        uint64_t usec = 0;
        (void) state;

        assert_int_equal(clock_parse("2026-01-02T03:04:05.678901Z", &usec), 0);
        assert_string_equal(clock_format_micro(usec, buf), "2026-01-02T03:04:05.678901Z");
        assert_string_equal(clock_format(usec, buf), "2026-01-02T03:04:05Z");
}

static void offsets_and_fractions_are_understood(void **state) {
        uint64_t a = 0, b = 0;
        (void) state;

        assert_int_equal(clock_parse("2026-01-02T05:04:05+02:00", &a), 0);
        assert_int_equal(clock_parse("2026-01-02T03:04:05Z", &b), 0);
        assert_int_equal(a, b);
        assert_int_equal(clock_parse("2026-01-02T03:04:05.5Z", &a), 0);
        assert_int_equal(a - b, 500000);
}

static void nonsense_is_refused(void **state) {
        uint64_t v = 1;
        (void) state;

        assert_int_equal(clock_parse("", &v), -EINVAL);
        assert_int_equal(clock_parse("2026-13-02T03:04:05Z", &v), -EINVAL);
        assert_int_equal(clock_parse("2026-01-02T03:04:05", &v), -EINVAL);
        assert_int_equal(clock_parse("2026-01-02T03:04:05Zx", &v), -EINVAL);
        assert_int_equal(clock_parse("2026-01-02", &v), -EINVAL);
        assert_int_equal(clock_parse("1970-01-01T00:00:00+01:00", &v), -EINVAL);
        assert_int_equal(v, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(times_survive_a_round_trip),
                cmocka_unit_test(offsets_and_fractions_are_understood),
                cmocka_unit_test(nonsense_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
