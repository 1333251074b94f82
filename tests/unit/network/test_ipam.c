#include "daemon/network/ipam.h"
#include "tests/unit/test.h"

#include <string.h>

static struct ipam *new_pool(const char *cidr) {
        struct ipam *a = NULL;
        struct ip_prefix p;

        assert_int_equal(ip_prefix_parse(cidr, &p), 0);
        assert_int_equal(ipam_new(&p, &a, NULL), 0);
        return a;
}

static const char *next_of(struct ipam *a, char *buf) {
        struct ip_addr addr;

        assert_int_equal(ipam_allocate(a, &addr, NULL), 0);
        return ip_format(&addr, buf);
}

static void gives_addresses_behind_the_gateway(void **state) {
        AUTO(ipam) struct ipam *a = new_pool("10.244.3.0/24");
        char buf[IP_TEXT_MAX];
        (void) state;

        assert_string_equal(next_of(a, buf), "10.244.3.2");
        assert_string_equal(next_of(a, buf), "10.244.3.3");
        assert_int_equal(ipam_n_used(a), 2);
        assert_int_equal(ipam_n_total(a), 253);
}

static void does_not_give_a_released_address_at_once(void **state) {
        AUTO(ipam) struct ipam *a = new_pool("10.0.0.0/29");
        struct ip_addr first;
        char buf[IP_TEXT_MAX];
        (void) state;

        assert_int_equal(ipam_allocate(a, &first, NULL), 0);
        ipam_release(a, &first);

        assert_string_equal(next_of(a, buf), "10.0.0.3");
        assert_string_equal(next_of(a, buf), "10.0.0.4");
        assert_string_equal(next_of(a, buf), "10.0.0.5");
        assert_string_equal(next_of(a, buf), "10.0.0.6");
        assert_string_equal(next_of(a, buf), "10.0.0.2");
}

static void says_when_all_are_in_use(void **state) {
        AUTO(ipam) struct ipam *a = new_pool("10.0.0.0/29");
        struct err e = { 0 };
        struct ip_addr addr;
        (void) state;

        for (int i = 0; i < 5; i++)
                assert_int_equal(ipam_allocate(a, &addr, NULL), 0);

        assert_int_equal(ipam_allocate(a, &addr, &e), -ENOSPC);
        assert_non_null(strstr(e.text, "all 5 pod addresses"));
}

static void remembers_what_is_marked(void **state) {
        AUTO(ipam) struct ipam *a = new_pool("10.0.0.0/24");
        struct ip_addr addr = ip_from_u32(0x0a000009), gateway = ip_from_u32(0x0a000001);
        struct ip_addr other = ip_from_u32(0x0a000109), six = { .family = IP_V6 };
        char buf[IP_TEXT_MAX];
        (void) state;

        assert_int_equal(ipam_mark(a, &addr), 0);

        assert_int_equal(ipam_mark(a, &addr), -EEXIST);
        assert_int_equal(ipam_mark(a, &gateway), -ERANGE);
        assert_int_equal(ipam_mark(a, &other), -ERANGE);
        assert_int_equal(ipam_mark(a, &six), -ERANGE);
        assert_string_equal(next_of(a, buf), "10.0.0.10");
}

static void ignores_the_release_of_what_it_never_gave(void **state) {
        AUTO(ipam) struct ipam *a = new_pool("10.0.0.0/24");
        struct ip_addr addr = ip_from_u32(0x0a000009), gateway = ip_from_u32(0x0a000001);
        (void) state;

        ipam_release(a, &addr);
        ipam_release(a, &gateway);

        assert_int_equal(ipam_n_used(a), 0);
}

static void refuses_ranges_it_cannot_serve(void **state) {
        static const char *const texts[] = { "10.0.0.0/30", "10.0.0.0/8", "fd00::/64" };
        struct ipam *a = NULL;
        struct ip_prefix p;
        struct err e = { 0 };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                assert_int_equal(ip_prefix_parse(texts[i], &p), 0);
                assert_int_equal(ipam_new(&p, &a, &e), -EINVAL);
                assert_null(a);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(gives_addresses_behind_the_gateway),
                cmocka_unit_test(does_not_give_a_released_address_at_once),
                cmocka_unit_test(says_when_all_are_in_use),
                cmocka_unit_test(remembers_what_is_marked),
                cmocka_unit_test(ignores_the_release_of_what_it_never_gave),
                cmocka_unit_test(refuses_ranges_it_cannot_serve),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
