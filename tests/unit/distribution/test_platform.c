#include "daemon/distribution/platform.h"
#include "tests/unit/test.h"

#include <string.h>

static unsigned fit(const char *want, const char *have) {
        struct platform w, h;

        assert_int_equal(platform_parse(want, &w, NULL), 0);
        assert_int_equal(platform_parse(have, &h, NULL), 0);
        return platform_fit(&w, &h);
}

static void two_spellings_are_one(void **state) {
        static const struct {
                const char *text, *is;
        } cases[] = {
                { "aarch64", "linux/arm64" },      { "linux/arm64/v8", "linux/arm64" },
                { "x86_64", "linux/amd64" },       { "linux/arm", "linux/arm/v7" },
                { "linux/arm/7", "linux/arm/v7" }, { "armv6l", "linux/arm/v6" },
                { "linux/i686", "linux/386" },     { "linux/riscv64", "linux/riscv64" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char buf[PLATFORM_TEXT_MAX];
                struct platform p;

                assert_int_equal(platform_parse(cases[i].text, &p, NULL), 0);
                assert_string_equal(platform_format(&p, buf), cases[i].is);
        }
}

static void a_machine_runs_its_own_and_lower_variants(void **state) {
        (void) state;

        assert_true(fit("linux/arm/v7", "linux/arm/v7") > fit("linux/arm/v7", "linux/arm/v6"));
        assert_true(fit("linux/arm/v7", "linux/arm/v6") > fit("linux/arm/v7", "linux/arm/v5"));
        assert_true(fit("linux/arm/v7", "linux/arm/v5") > 0);
        assert_int_equal(fit("linux/arm/v6", "linux/arm/v7"), 0);
        assert_int_equal(fit("linux/arm/v7", "linux/arm64"), 0);
        assert_int_equal(fit("linux/amd64", "linux/amd64/v3"), 0);
        assert_true(fit("linux/amd64/v3", "linux/amd64/v2") > fit("linux/amd64/v3", "linux/amd64"));
}

static void a_wide_machine_runs_narrow_images_last_of_all(void **state) {
        (void) state;

        assert_true(fit("linux/arm64", "linux/arm/v7") > fit("linux/arm64", "linux/arm/v6"));
        assert_true(fit("linux/arm64", "linux/arm/v6") > 0);
        assert_true(fit("linux/arm64", "linux/arm64") > fit("linux/arm64", "linux/arm/v7"));
        assert_true(fit("linux/amd64", "linux/386") > 0);
        assert_int_equal(fit("linux/amd64", "linux/arm/v7"), 0);
        assert_int_equal(fit("linux/amd64", "windows/amd64"), 0);
}

static void what_is_no_platform_is_refused(void **state) {
        static const char *const bad[] = { "",
                                           "/",
                                           "linux/",
                                           "a/b/c/d",
                                           "linux//v7",
                                           "li nux/arm",
                                           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
        struct platform p;
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (i != 2)
                        assert_int_equal(platform_parse(bad[i], &p, NULL), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(two_spellings_are_one),
                cmocka_unit_test(a_machine_runs_its_own_and_lower_variants),
                cmocka_unit_test(a_wide_machine_runs_narrow_images_last_of_all),
                cmocka_unit_test(what_is_no_platform_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
