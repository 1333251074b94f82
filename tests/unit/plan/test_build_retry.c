#include "base/clock.h"
#include "daemon/plan/build_retry.h"
#include "tests/unit/test.h"

static void a_registry_that_is_down_is_asked_again_ever_later(void **state) {
        static const char complaint[] = "ECONNREFUSED r: connection refused";
        const char *words = NULL;
        (void) state;

        assert_int_equal(build_retry_wait(complaint, 1, &words), USEC_PER_SEC);
        assert_int_equal(build_retry_wait(complaint, 2, &words), 2 * USEC_PER_SEC);
        assert_int_equal(build_retry_wait(complaint, 3, &words), 4 * USEC_PER_SEC);
        assert_string_equal(words, "r: connection refused");
}

static void it_is_given_up_after_three_more_tries(void **state) {
        const char *words = NULL;
        (void) state;

        assert_int_equal(build_retry_wait("ETIMEDOUT x", BUILD_RETRIES + 1, &words), 0);
        assert_string_equal(words, "x");
}

static void what_stays_wrong_is_not_asked_again(void **state) {
        static const char *const lasting[] = { "ENOENT r: not found",
                                               "EACCES r: unauthorized",
                                               "EDESTADDRREQ no registry",
                                               "EIOX what",
                                               "Even so: orch-image failed",
                                               "EIO",
                                               "E x",
                                               "" };
        const char *words;
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(lasting); i++)
                assert_int_equal(build_retry_wait(lasting[i], 1, &words), 0);
        assert_int_equal(build_retry_wait("Even so", 1, &words), 0);
        assert_string_equal(words, "Even so");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_registry_that_is_down_is_asked_again_ever_later),
                cmocka_unit_test(it_is_given_up_after_three_more_tries),
                cmocka_unit_test(what_stays_wrong_is_not_asked_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
