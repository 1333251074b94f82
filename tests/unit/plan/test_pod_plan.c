#include "base/macros.h"
#include "base/str.h"
#include "tests/unit/plan/pod_scene.h"

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
