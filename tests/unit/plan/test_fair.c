#include "daemon/plan/fair.h"
#include "tests/unit/test.h"

#include <string.h>

static const struct fair_limits LIMITS = {
        .turn_usec = 1000,
        .max_seats = 4,
        .max_queued = 8,
        .max_long = 2,
};

/* Lets n requests of a client come; the verdict on the last one. */
static enum fair_verdict arrive(struct fair *f, struct fair_place *places, unsigned n,
                                const char *client, uint64_t now_usec) {
        enum fair_verdict v = FAIR_REFUSE;

        for (unsigned i = 0; i < n; i++)
                v = fair_arrive(f, &places[i], client, now_usec);
        return v;
}

static void leave(struct fair *f, struct fair_place *places, unsigned n) {
        for (unsigned i = 0; i < n; i++)
                fair_leave(f, &places[i]);
}

static void runs_at_once_while_the_turn_has_time(void **state) {
        struct fair_place a[3] = { 0 };
        struct fair f;
        (void) state;
        fair_init(&f, &LIMITS);

        assert_int_equal(fair_arrive(&f, &a[0], "a", 5000), FAIR_RUN);
        assert_int_equal(fair_arrive(&f, &a[1], "a", 5999), FAIR_RUN);
        assert_int_equal(fair_arrive(&f, &a[2], "a", 6000), FAIR_WAIT);

        leave(&f, a, 3);
        assert_int_equal(f.clients.n, 0);
        fair_done(&f);
}

static void one_request_of_a_newcomer_goes_before_a_crowd(void **state) {
        struct fair_place crowd[8] = { 0 }, late = { 0 };
        struct fair f;
        (void) state;
        fair_init(&f, &LIMITS);
        (void) arrive(&f, crowd, 1, "greedy", 0);
        fair_charge(&crowd[0], 2000);
        (void) arrive(&f, crowd + 1, 7, "greedy", 2000);

        assert_int_equal(fair_arrive(&f, &late, "modest", 2000), FAIR_WAIT);
        fair_turn(&f);

        assert_ptr_equal(fair_next(&f, 3000), &late);
        fair_leave(&f, &late);
        assert_ptr_equal(fair_next(&f, 3000), &crowd[1]);
        leave(&f, crowd, 8);
        fair_done(&f);
}

static void dear_requests_cost_their_client_its_turns(void **state) {
        struct fair_place lists[4] = { 0 }, gets[4] = { 0 };
        unsigned n_gets = 0;
        struct fair f;
        (void) state;
        fair_init(&f, &LIMITS);
        f.turn_ends_usec = 1; /* this turn has no time left */
        (void) arrive(&f, lists, 4, "lister", 10);
        (void) arrive(&f, gets, 4, "getter", 10);
        fair_turn(&f);

        for (unsigned i = 0; i < 5; i++) {
                struct fair_place *p = fair_next(&f, 20);
                bool is_list = p >= lists && p < lists + 4;

                n_gets += !is_list;
                fair_charge(p, is_list ? 300 : 10);
                fair_leave(&f, p);
        }

        assert_int_equal(n_gets, 4);
        leave(&f, lists, 4);
        fair_done(&f);
}

static void silence_earns_no_credit(void **state) {
        struct fair_place a[2] = { 0 }, b[2] = { 0 };
        struct fair f;
        (void) state;
        fair_init(&f, &LIMITS);
        (void) arrive(&f, a, 1, "a", 0);
        fair_charge(&a[0], 100000);
        (void) arrive(&f, a + 1, 1, "a", 2000);
        fair_turn(&f);
        assert_ptr_equal(fair_next(&f, 3000), &a[1]);
        f.turn_ends_usec = 1;

        (void) arrive(&f, b, 2, "b", 3000);
        fair_turn(&f);

        assert_ptr_equal(fair_next(&f, 4000), &b[0]);
        assert_true(f.virtual_usec >= 100000);
        leave(&f, a, 2);
        leave(&f, b, 2);
        fair_done(&f);
}

static void a_full_queue_refuses_its_client_alone(void **state) {
        struct fair_place crowd[8] = { 0 }, more = { 0 }, other = { 0 };
        struct fair f;
        (void) state;
        fair_init(&f, &LIMITS);
        f.turn_ends_usec = 1;
        assert_int_equal(arrive(&f, crowd, 8, "greedy", 10), FAIR_WAIT);

        assert_int_equal(fair_arrive(&f, &more, "greedy", 10), FAIR_REFUSE);
        assert_int_equal(fair_arrive(&f, &other, "modest", 10), FAIR_WAIT);

        fair_leave(&f, &more);
        leave(&f, crowd, 8);
        fair_leave(&f, &other);
        assert_int_equal(f.n_waiting, 0);
        fair_done(&f);
}

static void without_a_seat_a_client_waits_and_others_run(void **state) {
        struct fair_place writes[5] = { 0 }, get = { 0 };
        struct fair f;
        (void) state;
        fair_init(&f, &LIMITS);
        assert_int_equal(arrive(&f, writes, 4, "writer", 0), FAIR_RUN);

        assert_int_equal(fair_arrive(&f, &writes[4], "writer", 0), FAIR_WAIT);
        assert_false(fair_has_more(&f));
        assert_int_equal(fair_arrive(&f, &get, "reader", 0), FAIR_WAIT);
        assert_ptr_equal(fair_next(&f, 1), &get);
        assert_null(fair_next(&f, 1));

        fair_leave(&f, &writes[0]);
        assert_ptr_equal(fair_next(&f, 1), &writes[4]);
        leave(&f, writes, 5);
        fair_leave(&f, &get);
        fair_done(&f);
}

static void long_requests_have_a_bound_of_their_own(void **state) {
        struct fair_place watches[3] = { 0 }, get = { 0 };
        struct fair f;
        (void) state;
        fair_init(&f, &LIMITS);
        (void) arrive(&f, watches, 3, "a", 0);

        assert_true(fair_make_long(&f, &watches[0]));
        assert_true(fair_make_long(&f, &watches[1]));
        assert_false(fair_make_long(&f, &watches[2]));

        fair_leave(&f, &watches[2]);
        assert_int_equal(fair_arrive(&f, &get, "a", 0), FAIR_RUN);
        fair_leave(&f, &get);
        fair_leave(&f, &watches[0]);
        fair_leave(&f, &watches[0]);
        fair_leave(&f, &watches[1]);
        assert_int_equal(f.clients.n, 0);
        fair_done(&f);
}

static void who_leaves_the_queue_is_not_served(void **state) {
        struct fair_place a[2] = { 0 };
        struct fair f;
        (void) state;
        fair_init(&f, &LIMITS);
        f.turn_ends_usec = 1;
        (void) arrive(&f, a, 2, "a", 10);

        fair_leave(&f, &a[0]);
        fair_turn(&f);

        assert_ptr_equal(fair_next(&f, 20), &a[1]);
        assert_null(fair_next(&f, 20));
        fair_leave(&f, &a[1]);
        fair_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(runs_at_once_while_the_turn_has_time),
                cmocka_unit_test(one_request_of_a_newcomer_goes_before_a_crowd),
                cmocka_unit_test(dear_requests_cost_their_client_its_turns),
                cmocka_unit_test(silence_earns_no_credit),
                cmocka_unit_test(a_full_queue_refuses_its_client_alone),
                cmocka_unit_test(without_a_seat_a_client_waits_and_others_run),
                cmocka_unit_test(long_requests_have_a_bound_of_their_own),
                cmocka_unit_test(who_leaves_the_queue_is_not_served),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
