#include "daemon/store/leases.h"

#include "tests/unit/test.h"

static void the_earliest_end_comes_next_and_renewal_moves_it(void **state) {
        struct leases s;
        struct lease *l;
        (void) state;

        leases_init(&s);
        assert_true(leases_next_due(&s) == USEC_NEVER);
        leases_add(&s, lease_new(10), 1, 100);
        leases_add(&s, lease_new(20), 2, 100);
        assert_int_equal(leases_next_due(&s), 10 * USEC_PER_SEC + 100);

        assert_true(leases_renew(&s, 1, 5 * USEC_PER_SEC));
        assert_true(leases_renew(&s, 1, 14 * USEC_PER_SEC));
        assert_int_equal(leases_next_due(&s), 20 * USEC_PER_SEC + 100);
        assert_null(leases_pop_ended(&s, 20 * USEC_PER_SEC));

        l = leases_pop_ended(&s, 20 * USEC_PER_SEC + 100);
        assert_non_null(l);
        assert_int_equal(l->id, 2);
        lease_free(l);
        assert_false(leases_renew(&s, 2, 0));
        leases_done(&s);
}

static void an_ended_lease_cannot_be_renewed(void **state) {
        struct leases s;
        (void) state;

        leases_init(&s);
        leases_add(&s, lease_new(1), 1, 0);
        assert_false(leases_renew(&s, 1, USEC_PER_SEC));
        assert_false(leases_renew(&s, 9, 0));
        leases_remove(&s, 1);
        leases_remove(&s, 1);
        assert_true(leases_next_due(&s) == USEC_NEVER);
        leases_done(&s);
}

static void a_very_long_lease_never_ends(void **state) {
        struct leases s;
        (void) state;

        leases_init(&s);
        leases_add(&s, lease_new(UINT64_MAX), 1, UINT64_MAX - 5);
        assert_true(leases_next_due(&s) == USEC_NEVER);
        assert_null(leases_pop_ended(&s, UINT64_MAX - 1));
        leases_done(&s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_earliest_end_comes_next_and_renewal_moves_it),
                cmocka_unit_test(an_ended_lease_cannot_be_renewed),
                cmocka_unit_test(a_very_long_lease_never_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
