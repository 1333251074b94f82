#include "base/ip.h"
#include "tests/unit/test.h"

static struct ip_addr addr(const char *text) {
        struct ip_addr a;

        assert_int_equal(ip_parse(text, &a), 0);
        return a;
}

static void reads_and_writes_both_families(void **state) {
        static const char *const texts[] = { "10.0.0.1", "255.255.255.255", "::1", "fd00::1:2" };
        char buf[IP_TEXT_MAX];
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct ip_addr a = addr(texts[i]);

                assert_string_equal(ip_format(&a, buf), texts[i]);
        }
}

static void refuses_what_is_no_address(void **state) {
        static const char *const texts[] = { "",         "10.0.0",       "10.0.0.256", "10.0.0.01x",
                                             " 1.1.1.1", "fe80::1%eth0", "localhost" };
        struct ip_addr a = { 0 };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                assert_int_equal(ip_parse(texts[i], &a), -EINVAL);
        assert_int_equal(ip_parse(NULL, &a), -EINVAL);
        assert_int_equal(a.family, IP_NONE);
}

static void knows_what_a_prefix_contains(void **state) {
        struct ip_prefix p;
        struct ip_addr a;
        char buf[IP_TEXT_MAX];
        (void) state;

        assert_int_equal(ip_prefix_parse("10.96.0.0/12", &p), 0);
        assert_string_equal(ip_prefix_format(&p, buf), "10.96.0.0/12");
        a = addr("10.111.255.255");
        assert_true(ip_prefix_contains(&p, &a));
        a = addr("10.112.0.0");
        assert_false(ip_prefix_contains(&p, &a));
        a = addr("::1");
        assert_false(ip_prefix_contains(&p, &a));
        assert_int_equal(ip_prefix_parse("fd00::/64", &p), 0);
        a = addr("fd00::ffff");
        assert_true(ip_prefix_contains(&p, &a));
}

static void refuses_what_is_no_prefix(void **state) {
        static const char *const texts[] = { "10.0.0.0", "10.0.0.0/33", "10.0.0.0/",
                                             "/8",       "10.0.0.0/-1", "::/129" };
        struct ip_prefix p;
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                assert_int_equal(ip_prefix_parse(texts[i], &p), -EINVAL);
}

static void converts_to_numbers_and_back(void **state) {
        struct ip_addr a = addr("10.1.2.3"), b;
        (void) state;

        assert_int_equal(ip_to_u32(&a), 0x0a010203);
        b = ip_from_u32(0x0a010203);
        assert_true(ip_eq(&a, &b));
        b = ip_from_u32(0x0a010204);
        assert_true(ip_compare(&a, &b) < 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_and_writes_both_families),
                cmocka_unit_test(refuses_what_is_no_address),
                cmocka_unit_test(knows_what_a_prefix_contains),
                cmocka_unit_test(refuses_what_is_no_prefix),
                cmocka_unit_test(converts_to_numbers_and_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
