#include "base/arena.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/str.h"
#include "daemon/plan/pod_plan.h"
#include "tests/unit/test.h"

#define S USEC_PER_SEC
#define NOW (1000 * S)

/* One container "web" in a pod that is as good as it gets; tests bend it. */
struct fixture {
        struct arena *a;
        struct container_wanted cw[3];
        struct container_observed co[3];
        struct pod_wanted w;
        struct pod_observed o;
        struct pod_plan *plan;
};

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        f->a = arena_new(0);
        f->cw[0].name = "web";
        f->cw[1].name = "side";
        f->cw[2].name = "third";
        f->w = (struct pod_wanted){ .name = "web-1",
                                    .ns = "default",
                                    .uid = "u1",
                                    .grace_usec = 30 * S,
                                    .n = 1,
                                    .containers = f->cw };
        f->o = (struct pod_observed){ .sandbox = SANDBOX_READY, .containers = f->co };
        for (size_t i = 0; i < 3; i++)
                f->co[i] = (struct container_observed){ .life = CONTAINER_RUNNING,
                                                        .started_usec = 900 * S,
                                                        .is_started = true,
                                                        .is_probe_ready = true };
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        arena_unref(f->a);
        free(f);
        return 0;
}

static struct pod_plan *plan(struct fixture *f) {
        assert_int_equal(pod_plan(f->a, &f->w, &f->o, NOW, &f->plan), 0);
        return f->plan;
}

static void exits(struct container_observed *c, int code, uint64_t lived_usec, uint64_t ago_usec) {
        c->life = CONTAINER_EXITED;
        c->exited_usec = NOW - ago_usec;
        c->started_usec = c->exited_usec - lived_usec;
        c->exit = (struct container_exit){ .code = code };
}

static void assert_only(const struct pod_plan *p, enum pod_action_kind kind, size_t container) {
        assert_int_equal(p->n, 1);
        assert_int_equal(p->actions[0].kind, kind);
        assert_int_equal(p->actions[0].container, container);
}

static void a_new_pod_gets_its_sandbox_first(void **state) {
        struct fixture *f = *state;
        f->o.sandbox = SANDBOX_NONE;
        f->co[0] = (struct container_observed){ .life = CONTAINER_NEW };

        plan(f);

        assert_only(f->plan, POD_CREATE_SANDBOX, 0);
        assert_int_equal(f->plan->phase, POD_PENDING);
        assert_string_equal(f->plan->containers[0].reason, "ContainerCreating");
        assert_string_equal(f->plan->ready.reason, "ContainersNotReady");
        assert_string_equal(f->plan->ready.message, "containers with unready status: [web]");
        assert_true(f->plan->initialized.is_true);
}

static void all_containers_start_at_once_when_the_sandbox_is_there(void **state) {
        struct fixture *f = *state;
        f->w.n = 2;
        f->co[0] = f->co[1] = (struct container_observed){ .life = CONTAINER_NEW };

        plan(f);

        assert_int_equal(f->plan->n, 2);
        assert_int_equal(f->plan->actions[0].kind, POD_START);
        assert_int_equal(f->plan->actions[1].kind, POD_START);
        assert_int_equal(f->plan->actions[1].container, 1);
        assert_int_equal(f->plan->actions[0].restarts, 0);
}

static void a_healthy_pod_needs_nothing(void **state) {
        struct fixture *f = *state;

        plan(f);

        assert_int_equal(f->plan->n, 0);
        assert_int_equal(f->plan->wake_usec, USEC_NEVER);
        assert_int_equal(f->plan->phase, POD_RUNNING);
        assert_true(f->plan->ready.is_true);
}

static void a_failing_readiness_probe_makes_the_pod_unready_only(void **state) {
        struct fixture *f = *state;
        f->co[0].is_probe_ready = false;

        plan(f);

        assert_int_equal(f->plan->n, 0);
        assert_false(f->plan->ready.is_true);
        assert_int_equal(f->plan->phase, POD_RUNNING);
}

static void first_restart_comes_at_once(void **state) {
        struct fixture *f = *state;
        exits(&f->co[0], 1, 5 * S, 0);

        plan(f);

        assert_only(f->plan, POD_START, 0);
        assert_true(f->plan->actions[0].is_restart);
        assert_int_equal(f->plan->actions[0].restarts, 1);
        assert_int_equal(f->plan->actions[0].streak, 1);
}

static void later_restarts_wait_ten_seconds_doubling_to_five_minutes(void **state) {
        static const uint64_t seconds[] = { 0, 10, 20, 40, 80, 160, 300, 300 };
        (void) state;

        for (unsigned i = 0; i < ARRAY_SIZE(seconds); i++)
                assert_int_equal(pod_restart_delay(i), seconds[i] * S);
        assert_int_equal(pod_restart_delay(UINT32_MAX), 300 * S);
}

static void a_waiting_restart_is_called_crash_loop_back_off(void **state) {
        struct fixture *f = *state;
        exits(&f->co[0], 1, 5 * S, 3 * S);
        f->co[0].streak = 1;
        f->co[0].restarts = 1;

        plan(f);

        assert_int_equal(f->plan->n, 0);
        assert_int_equal(f->plan->wake_usec, NOW + 7 * S);
        assert_true(f->plan->containers[0].is_back_off);
        assert_string_equal(f->plan->containers[0].reason, "CrashLoopBackOff");
        assert_string_equal(f->plan->containers[0].message,
                            "back-off 10s restarting failed container=web pod=web-1_default(u1)");
        assert_int_equal(f->plan->phase, POD_RUNNING);
}

static void ten_healthy_minutes_forgive_the_streak(void **state) {
        struct fixture *f = *state;
        exits(&f->co[0], 1, 600 * S, 0);
        f->co[0].streak = 6;

        plan(f);

        assert_only(f->plan, POD_START, 0);
        assert_int_equal(f->plan->actions[0].streak, 1);
}

static void on_failure_leaves_a_success_alone(void **state) {
        struct fixture *f = *state;
        f->w.restart = POD_RESTART_ON_FAILURE;
        f->w.n = 2;
        exits(&f->co[0], 0, S, S);

        plan(f);

        assert_int_equal(f->plan->n, 0);
        assert_int_equal(f->plan->phase, POD_RUNNING);
        assert_string_equal(f->plan->containers[0].reason, "Completed");
}

static void a_finished_pod_is_torn_down_and_stays(void **state) {
        struct fixture *f = *state;
        f->w.restart = POD_RESTART_NEVER;
        exits(&f->co[0], 3, S, S);

        plan(f);
        assert_only(f->plan, POD_TEAR_DOWN, 0);
        assert_int_equal(f->plan->phase, POD_FAILED);
        assert_string_equal(f->plan->containers[0].reason, "Error");
        f->o.sandbox = SANDBOX_REMOVED;
        plan(f);
        assert_int_equal(f->plan->n, 0);
}

static void a_succeeded_pod_says_completed(void **state) {
        struct fixture *f = *state;
        f->w.restart = POD_RESTART_ON_FAILURE;
        exits(&f->co[0], 0, S, S);

        plan(f);

        assert_int_equal(f->plan->phase, POD_SUCCEEDED);
        assert_string_equal(f->plan->ready.reason, "PodCompleted");
        assert_false(f->plan->ready.is_true);
}

static void a_finished_pod_never_runs_again_even_without_its_containers(void **state) {
        struct fixture *f = *state;
        f->o.is_finished = true;
        f->o.sandbox = SANDBOX_NONE;
        f->co[0] = (struct container_observed){ .life = CONTAINER_NEW };

        plan(f);

        assert_int_equal(f->plan->n, 0);
        assert_int_equal(f->plan->phase, POD_SUCCEEDED);
}

static void init_containers_run_in_order(void **state) {
        struct fixture *f = *state;
        f->w.n = 3;
        f->cw[0].is_init = f->cw[1].is_init = true;
        for (size_t i = 0; i < 3; i++)
                f->co[i] = (struct container_observed){ .life = CONTAINER_NEW };

        plan(f);
        assert_only(f->plan, POD_START, 0);
        assert_string_equal(f->plan->containers[2].reason, "PodInitializing");
        assert_string_equal(f->plan->initialized.message,
                            "containers with incomplete status: [web side]");
        exits(&f->co[0], 0, S, S);
        plan(f);
        assert_only(f->plan, POD_START, 1);
        exits(&f->co[1], 0, S, S);
        plan(f);
        assert_only(f->plan, POD_START, 2);
        assert_true(f->plan->initialized.is_true);
}

static void a_failed_init_container_fails_a_pod_that_never_restarts(void **state) {
        struct fixture *f = *state;
        f->w.n = 2;
        f->w.restart = POD_RESTART_NEVER;
        f->cw[0].is_init = true;
        exits(&f->co[0], 1, S, S);
        f->co[1] = (struct container_observed){ .life = CONTAINER_NEW };

        plan(f);

        assert_only(f->plan, POD_TEAR_DOWN, 0);
        assert_int_equal(f->plan->phase, POD_FAILED);
}

static void a_sidecar_lets_the_next_one_start_and_keeps_running(void **state) {
        struct fixture *f = *state;
        f->w.n = 2;
        f->cw[0].is_init = f->cw[0].is_sidecar = true;
        f->co[1] = (struct container_observed){ .life = CONTAINER_NEW };

        plan(f);

        assert_only(f->plan, POD_START, 1);
}

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

static void a_lost_supervisor_is_cleaned_up_and_replaced(void **state) {
        struct fixture *f = *state;
        f->o.sandbox = SANDBOX_LOST;
        exits(&f->co[0], 137, S, 0);

        plan(f);
        assert_only(f->plan, POD_TEAR_DOWN, 0);
        f->o.sandbox = SANDBOX_REMOVED;
        plan(f);
        assert_only(f->plan, POD_CREATE_SANDBOX, 0);
}

static void a_missing_image_is_looked_for_again_later(void **state) {
        struct fixture *f = *state;
        f->co[0] = (struct container_observed){ .life = CONTAINER_NEW,
                                                .fault_reason = "ErrImagePull",
                                                .fault_text = "not here",
                                                .n_faults = 1,
                                                .fault_usec = NOW };

        plan(f);
        assert_int_equal(f->plan->n, 0);
        assert_int_equal(f->plan->wake_usec, NOW + S);
        assert_string_equal(f->plan->containers[0].reason, "ErrImagePull");
        assert_string_equal(f->plan->containers[0].message, "not here");
        f->co[0].n_faults = 3;
        plan(f);
        assert_int_equal(f->plan->wake_usec, NOW + 4 * S);
        assert_string_equal(f->plan->containers[0].reason, "ImagePullBackOff");
}

static void a_sandbox_that_failed_waits_and_says_why(void **state) {
        struct fixture *f = *state;
        f->o = (struct pod_observed){ .sandbox = SANDBOX_NONE,
                                      .containers = f->co,
                                      .sandbox_reason = "FailedMount",
                                      .sandbox_text = "no such secret",
                                      .n_sandbox_faults = 2,
                                      .sandbox_fault_usec = NOW };
        f->co[0] = (struct container_observed){ .life = CONTAINER_NEW };

        plan(f);

        assert_int_equal(f->plan->n, 0);
        assert_int_equal(f->plan->wake_usec, NOW + 2 * S);
        assert_string_equal(f->plan->containers[0].message, "no such secret");
}

static void post_start_runs_once(void **state) {
        struct fixture *f = *state;
        f->cw[0].has_post_start = true;

        plan(f);
        assert_only(f->plan, POD_POST_START, 0);
        f->co[0].post_start = HOOK_RUNNING;
        assert_int_equal(plan(f)->n, 0);
}

static void exits_have_kubernetes_words(void **state) {
        (void) state;

        assert_string_equal(pod_exit_reason(&(struct container_exit){ .code = 0 }), "Completed");
        assert_string_equal(pod_exit_reason(&(struct container_exit){ .code = 2 }), "Error");
        assert_string_equal(
                pod_exit_reason(&(struct container_exit){ .code = 137, .is_oom = true }),
                "OOMKilled");
        assert_string_equal(
                pod_exit_reason(&(struct container_exit){ .code = 128, .is_start_error = true }),
                "StartError");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* ---- guests ---- */

static void a_guest_starts_beside_what_runs(void **state) {
        struct fixture *f = *state;
        f->w.n = 2;
        f->cw[1].is_guest = true;
        f->co[1] = (struct container_observed){ .life = CONTAINER_NEW };

        plan(f);

        assert_only(f->plan, POD_START, 1);
        assert_int_equal(f->plan->phase, POD_RUNNING);
        assert_true(f->plan->ready.is_true);
}

static void a_guest_waits_for_init_containers(void **state) {
        struct fixture *f = *state;
        f->w.n = 3;
        f->cw[0].is_init = true;
        f->cw[2].is_guest = true;
        f->co[1] = f->co[2] = (struct container_observed){ .life = CONTAINER_NEW };

        plan(f);

        assert_int_equal(f->plan->n, 0);
}

static void a_guest_that_ended_is_left_alone(void **state) {
        struct fixture *f = *state;
        f->w.n = 2;
        f->cw[1].is_guest = true;
        exits(&f->co[1], 1, 5 * S, 600 * S);

        plan(f);

        assert_int_equal(f->plan->n, 0);
        assert_int_equal(f->plan->wake_usec, USEC_NEVER);
        assert_int_equal(f->plan->containers[1].state, SIGHT_TERMINATED);
        assert_true(f->plan->ready.is_true);
}

static void a_guest_keeps_no_pod_alive(void **state) {
        struct fixture *f = *state;
        f->w.n = 2;
        f->w.restart = POD_RESTART_NEVER;
        f->cw[1].is_guest = true;
        exits(&f->co[0], 0, 5 * S, 1 * S);

        plan(f);

        assert_int_equal(f->plan->phase, POD_SUCCEEDED);
        assert_only(f->plan, POD_TERM, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH(a_new_pod_gets_its_sandbox_first),
                WITH(all_containers_start_at_once_when_the_sandbox_is_there),
                WITH(a_healthy_pod_needs_nothing),
                WITH(a_failing_readiness_probe_makes_the_pod_unready_only),
                WITH(first_restart_comes_at_once),
                cmocka_unit_test(later_restarts_wait_ten_seconds_doubling_to_five_minutes),
                WITH(a_waiting_restart_is_called_crash_loop_back_off),
                WITH(ten_healthy_minutes_forgive_the_streak),
                WITH(on_failure_leaves_a_success_alone),
                WITH(a_finished_pod_is_torn_down_and_stays),
                WITH(a_succeeded_pod_says_completed),
                WITH(a_finished_pod_never_runs_again_even_without_its_containers),
                WITH(init_containers_run_in_order),
                WITH(a_failed_init_container_fails_a_pod_that_never_restarts),
                WITH(a_sidecar_lets_the_next_one_start_and_keeps_running),
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
                WITH(a_lost_supervisor_is_cleaned_up_and_replaced),
                WITH(a_missing_image_is_looked_for_again_later),
                WITH(a_sandbox_that_failed_waits_and_says_why),
                WITH(post_start_runs_once),
                WITH(a_guest_starts_beside_what_runs),
                WITH(a_guest_waits_for_init_containers),
                WITH(a_guest_that_ended_is_left_alone),
                WITH(a_guest_keeps_no_pod_alive),
                cmocka_unit_test(exits_have_kubernetes_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
