#include "base/str.h"
#include "tests/unit/plan/pod_scene.h"

static void a_failed_liveness_probe_stops_with_grace(void **state) {
        struct fixture *f = *state;
        f->co[0].is_unhealthy = true;

        plan(f);

        assert_only(f->plan, POD_TERM, 0);
        assert_int_equal(f->plan->actions[0].grace_usec, 30 * S);
        assert_int_equal(f->plan->wake_usec, NOW + 30 * S);
        assert_false(f->plan->containers[0].is_ready);
}

static void a_probe_may_bring_a_grace_of_its_own(void **state) {
        struct fixture *f = *state;
        f->co[0].is_unhealthy = true;
        f->cw[0].has_liveness_grace = true;

        plan(f);

        assert_only(f->plan, POD_KILL, 0);
}

static void what_ignores_term_is_killed_when_grace_is_over(void **state) {
        struct fixture *f = *state;
        f->w.is_deleting = true;
        f->co[0].stop = STOP_TERM;
        f->co[0].stop_grace_usec = 30 * S;
        f->co[0].stop_began_usec = NOW - 29 * S;

        plan(f);
        assert_int_equal(f->plan->n, 0);
        assert_int_equal(f->plan->wake_usec, NOW + S);
        f->co[0].stop_began_usec = NOW - 30 * S;
        plan(f);
        assert_only(f->plan, POD_KILL, 0);
}

static void deletion_stops_all_containers_in_parallel(void **state) {
        struct fixture *f = *state;
        f->w.is_deleting = true;
        f->w.n = 3;

        plan(f);

        assert_int_equal(f->plan->n, 3);
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(f->plan->actions[i].kind, POD_TERM);
}

static void a_deleted_pod_serves_on_until_names_no_longer_lead_to_it(void **state) {
        struct fixture *f = *state;
        f->w.is_deleting = true;
        f->o.is_listed = true;
        f->o.deleting_usec = NOW;

        plan(f);

        assert_int_equal(f->plan->n, 0);
        assert_int_equal(f->plan->wake_usec, NOW + 2 * S);
}

static void a_deleted_pod_lingers_a_moment_after_it_left_its_names(void **state) {
        struct fixture *f = *state;
        f->w.is_deleting = true;
        f->o.deleting_usec = NOW - S / 5;
        f->o.unlisted_usec = NOW - S / 20;

        plan(f);

        assert_int_equal(f->plan->n, 0);
        assert_int_equal(f->plan->wake_usec, NOW + S / 20);
}

static void a_deleted_pod_that_left_its_names_is_told_to_end(void **state) {
        struct fixture *f = *state;
        f->w.is_deleting = true;
        f->o.deleting_usec = NOW - S / 5;
        f->o.unlisted_usec = NOW - S / 10;

        plan(f);

        assert_only(f->plan, POD_TERM, 0);
}

static void names_that_never_let_go_hold_a_pod_for_two_seconds(void **state) {
        struct fixture *f = *state;
        f->w.is_deleting = true;
        f->o.is_listed = true;
        f->o.deleting_usec = NOW - 2 * S;

        plan(f);

        assert_only(f->plan, POD_TERM, 0);
}

static void names_hold_a_pod_for_half_its_grace_at_most(void **state) {
        struct fixture *f = *state;
        f->w.is_deleting = true;
        f->w.grace_usec = S;
        f->o.is_listed = true;
        f->o.deleting_usec = NOW - S / 2;

        plan(f);

        assert_only(f->plan, POD_TERM, 0);
}

static void a_pod_without_grace_is_killed_whatever_leads_to_it(void **state) {
        struct fixture *f = *state;
        f->w.is_deleting = true;
        f->w.grace_usec = 0;
        f->o.is_listed = true;
        f->o.deleting_usec = NOW;

        plan(f);

        assert_only(f->plan, POD_KILL, 0);
}

static void a_shorter_grace_hurries_a_stop_under_way(void **state) {
        struct fixture *f = *state;
        f->w.is_deleting = true;
        f->w.grace_usec = S;
        f->co[0].stop = STOP_TERM;
        f->co[0].stop_grace_usec = 30 * S;
        f->co[0].stop_began_usec = NOW - 2 * S;

        plan(f);

        assert_only(f->plan, POD_KILL, 0);
}

static void pre_stop_comes_before_term(void **state) {
        struct fixture *f = *state;
        f->w.is_deleting = true;
        f->cw[0].has_pre_stop = true;

        plan(f);
        assert_only(f->plan, POD_PRE_STOP, 0);
        f->co[0].stop = STOP_PRE_STOP;
        f->co[0].pre_stop = HOOK_RUNNING;
        f->co[0].stop_grace_usec = 30 * S;
        f->co[0].stop_began_usec = NOW - 10 * S;
        plan(f);
        assert_int_equal(f->plan->n, 0);
        assert_int_equal(f->plan->wake_usec, NOW + 20 * S);
        f->co[0].pre_stop = HOOK_DONE;
        plan(f);
        assert_only(f->plan, POD_TERM, 0);
}

static void a_hook_that_eats_the_grace_leaves_two_seconds_for_term(void **state) {
        struct fixture *f = *state;
        f->w.is_deleting = true;
        f->cw[0].has_pre_stop = true;
        f->co[0].stop = STOP_PRE_STOP;
        f->co[0].pre_stop = HOOK_RUNNING;
        f->co[0].stop_grace_usec = 30 * S;
        f->co[0].stop_began_usec = NOW - 30 * S;

        plan(f);
        assert_only(f->plan, POD_TERM, 0);
        f->co[0].stop = STOP_TERM;
        f->co[0].term_usec = NOW;
        plan(f);
        assert_int_equal(f->plan->n, 0);
        assert_int_equal(f->plan->wake_usec, NOW + 2 * S);
}

static void a_deleted_pod_goes_step_by_step(void **state) {
        struct fixture *f = *state;
        f->w.is_deleting = true;
        exits(&f->co[0], 0, S, S);

        plan(f);
        assert_only(f->plan, POD_TEAR_DOWN, 0);
        f->o.sandbox = SANDBOX_REMOVING;
        assert_int_equal(plan(f)->n, 0);
        f->o.sandbox = SANDBOX_REMOVED;
        plan(f);
        assert_only(f->plan, POD_DELETE_OBJECT, 0);
        f->w.is_gone = true;
        plan(f);
        assert_only(f->plan, POD_FORGET, 0);
}

static void a_deleted_pod_waits_for_a_container_that_is_just_starting(void **state) {
        struct fixture *f = *state;
        f->w.is_deleting = true;
        f->co[0].life = CONTAINER_STARTING;

        assert_int_equal(plan(f)->n, 0);
}

static void an_exited_container_is_not_restarted_while_deleting(void **state) {
        struct fixture *f = *state;
        f->w.is_deleting = true;
        f->w.n = 2;
        exits(&f->co[0], 1, S, S);

        plan(f);

        assert_only(f->plan, POD_TERM, 1);
        assert_int_equal(f->plan->containers[0].state, SIGHT_TERMINATED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH(a_failed_liveness_probe_stops_with_grace),
                WITH(a_probe_may_bring_a_grace_of_its_own),
                WITH(what_ignores_term_is_killed_when_grace_is_over),
                WITH(deletion_stops_all_containers_in_parallel),
                WITH(a_deleted_pod_serves_on_until_names_no_longer_lead_to_it),
                WITH(a_deleted_pod_lingers_a_moment_after_it_left_its_names),
                WITH(a_deleted_pod_that_left_its_names_is_told_to_end),
                WITH(names_that_never_let_go_hold_a_pod_for_two_seconds),
                WITH(names_hold_a_pod_for_half_its_grace_at_most),
                WITH(a_pod_without_grace_is_killed_whatever_leads_to_it),
                WITH(a_shorter_grace_hurries_a_stop_under_way),
                WITH(pre_stop_comes_before_term),
                WITH(a_hook_that_eats_the_grace_leaves_two_seconds_for_term),
                WITH(a_deleted_pod_goes_step_by_step),
                WITH(a_deleted_pod_waits_for_a_container_that_is_just_starting),
                WITH(an_exited_container_is_not_restarted_while_deleting),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
