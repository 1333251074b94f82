#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"
#include "tests/unit/test.h"

#include <signal.h>

struct seen {
        struct loop *loop;
        unsigned n_fired;
        unsigned n_wanted;
        bool is_unref_wanted;
        struct loop_timer *timer;
};

static void on_time(struct loop_timer *t, void *userdata) {
        struct seen *s = userdata;

        assert_int_equal(loop_timer_due(t), USEC_NEVER);
        if (++s->n_fired < s->n_wanted) {
                loop_timer_set(t, loop_now_usec(s->loop));
                return;
        }
        if (s->is_unref_wanted)
                loop_timer_unref(STEAL(s->timer));
        loop_exit(s->loop, 3);
}

static void a_timer_fires_and_can_be_set_again_in_its_callback(void **state) {
        AUTO(loop) struct loop *l = NULL;
        AUTO(loop_timer) struct loop_timer *t = NULL;
        struct seen s = { .n_wanted = 5 };
        (void) state;

        assert_int_equal(loop_new(&l, NULL), 0);
        s.loop = l;
        assert_int_equal(loop_timer_new(l, 0, on_time, &s, &t, NULL), 0);
        loop_timer_set(t, 1);

        assert_int_equal(loop_run(l), 3);
        assert_int_equal(s.n_fired, 5);
        loop_timer_unref(STEAL(t)); /* before the loop */
}

static void a_timer_may_go_in_its_own_callback(void **state) {
        AUTO(loop) struct loop *l = NULL;
        struct seen s = { .n_wanted = 1, .is_unref_wanted = true };
        (void) state;

        assert_int_equal(loop_new(&l, NULL), 0);
        s.loop = l;
        assert_int_equal(loop_timer_new(l, 0, on_time, &s, &s.timer, NULL), 0);
        loop_timer_set(s.timer, clock_now_usec() + 1);

        assert_int_equal(loop_run(l), 3);
        assert_null(s.timer);
}

static void a_timer_that_is_unset_or_far_away_does_not_fire(void **state) {
        AUTO(loop) struct loop *l = NULL;
        AUTO(loop_timer) struct loop_timer *t = NULL;
        struct seen s = { .n_wanted = 1 };
        (void) state;

        assert_int_equal(loop_new(&l, NULL), 0);
        s.loop = l;
        assert_int_equal(loop_timer_new(l, 0, on_time, &s, &t, NULL), 0);
        assert_int_equal(loop_step(l, 0), 0);
        loop_timer_set(t, 1);
        loop_timer_set(t, USEC_NEVER);
        assert_int_equal(loop_step(l, 0), 0);
        loop_timer_set(t, clock_now_usec() + 3600 * USEC_PER_SEC);
        assert_int_equal(loop_step(l, 0), 0);

        assert_int_equal(s.n_fired, 0);
        loop_timer_unref(STEAL(t));
}

static void sigterm_and_sigint_end_the_loop_with_0(void **state) {
        static const int signals[] = { SIGTERM, SIGINT };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                AUTO(loop) struct loop *l = NULL;

                assert_int_equal(loop_new(&l, NULL), 0);
                assert_int_equal(loop_exit_on_signals(l, NULL), 0);
                assert_int_equal(raise(signals[i]), 0);

                assert_int_equal(loop_run(l), 0);
        }
}

static void the_loops_time_is_that_of_clock_now(void **state) {
        AUTO(loop) struct loop *l = NULL;
        uint64_t before = clock_now_usec(), now;
        (void) state;

        assert_int_equal(loop_new(&l, NULL), 0);
        now = loop_now_usec(l);

        assert_true(now >= before && now <= clock_now_usec());
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_timer_fires_and_can_be_set_again_in_its_callback),
                cmocka_unit_test(a_timer_may_go_in_its_own_callback),
                cmocka_unit_test(a_timer_that_is_unset_or_far_away_does_not_fire),
                cmocka_unit_test(sigterm_and_sigint_end_the_loop_with_0),
                cmocka_unit_test(the_loops_time_is_that_of_clock_now),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
