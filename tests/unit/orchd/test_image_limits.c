#include "daemon/orchd_image_limits.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static void without_options_they_are_kubelets(void **state) {
        struct orchd_image_limits limits;
        (void) state;

        assert_int_equal(orchd_image_limits_read(NULL, NULL, NULL, &limits, NULL), 0);

        assert_int_equal(limits.high_pct, 85);
        assert_int_equal(limits.low_pct, 80);
        assert_int_equal(limits.min_age_sec, 120);
}

static void options_are_percents_and_a_duration(void **state) {
        struct orchd_image_limits limits;
        (void) state;

        assert_int_equal(orchd_image_limits_read("100", "0", "1h30m", &limits, NULL), 0);

        assert_int_equal(limits.high_pct, 100);
        assert_int_equal(limits.low_pct, 0);
        assert_int_equal(limits.min_age_sec, 5400);
}

static void what_can_not_be_is_refused_by_name(void **state) {
        static const struct {
                const char *high, *low, *age, *words;
        } cases[] = {
                { "101", "80", "2m", "--image-gc-high-threshold-percent 101" },
                { "85%", "80", "2m", "--image-gc-high-threshold-percent 85%" },
                { "85", "-1", "2m", "--image-gc-low-threshold-percent -1" },
                { "85", "85", "2m", "isn't below" },
                { "70", NULL, "2m", "isn't below" },
                { "85", "80", "soon", "--image-minimum-gc-age soon" },
                { "85", "80", "-1s", "--image-minimum-gc-age -1s" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct orchd_image_limits limits = { .high_pct = 1 };
                struct err e = { 0 };

                assert_int_equal(orchd_image_limits_read(cases[i].high, cases[i].low, cases[i].age,
                                                         &limits, &e),
                                 -EINVAL);
                assert_non_null(strstr(err_text(&e), cases[i].words));
                assert_int_equal(limits.high_pct, 1);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_options_they_are_kubelets),
                cmocka_unit_test(options_are_percents_and_a_duration),
                cmocka_unit_test(what_can_not_be_is_refused_by_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
