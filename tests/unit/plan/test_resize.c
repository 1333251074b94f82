#include "base/arena.h"
#include "base/clock.h"
#include "daemon/plan/pod_plan.h"
#include "daemon/plan/resize_plan.h"
#include "tests/unit/test.h"

#include <string.h>

#define MIB (INT64_C(1) << 20)

/* ---- granting ---- */

/* A node of 4 processors and 1 GiB, half of both held by others. */
static struct resize_wish wish(int64_t cpu_milli, int64_t memory_bytes) {
        return (struct resize_wish){ .cpu_milli = cpu_milli,
                                     .memory_bytes = memory_bytes,
                                     .granted_cpu_milli = 100,
                                     .granted_memory_bytes = 64 * MIB,
                                     .node_cpu_milli = 4000,
                                     .node_memory_bytes = 1024 * MIB,
                                     .others_cpu_milli = 2000,
                                     .others_memory_bytes = 512 * MIB };
}

static void what_fits_beside_the_others_is_granted(void **state) {
        const struct resize_wish w = wish(2000, 512 * MIB);
        char why[256] = "";
        (void) state;

        assert_int_equal(resize_judge(&w, why), RESIZE_GRANTED);
        assert_string_equal(why, "");
}

static void what_others_hold_is_waited_for(void **state) {
        const struct resize_wish cpu = wish(2001, 64 * MIB), memory = wish(100, 512 * MIB + 1);
        char why[256];
        (void) state;

        assert_int_equal(resize_judge(&cpu, why), RESIZE_DEFERRED);
        assert_string_equal(why, "Node didn't have enough resource: cpu, requested: 2001, used: "
                                 "2000, capacity: 4000");
        assert_int_equal(resize_judge(&memory, why), RESIZE_DEFERRED);
        assert_string_equal(why, "Node didn't have enough resource: memory, requested: 536870913, "
                                 "used: 536870912, capacity: 1073741824");
}

static void what_the_node_hasnt_is_infeasible(void **state) {
        const struct resize_wish cpu = wish(4001, 64 * MIB), both = wish(4001, 1024 * MIB + 1);
        char why[256];
        (void) state;

        assert_int_equal(resize_judge(&cpu, why), RESIZE_INFEASIBLE);
        assert_string_equal(why,
                            "Node didn't have enough capacity: cpu, requested: 4001, capacity: "
                            "4000");
        assert_int_equal(resize_judge(&both, why), RESIZE_INFEASIBLE);
        assert_string_equal(why, "Node didn't have enough capacity: memory, requested: 1073741825, "
                                 "capacity: 1073741824");
}

static void on_a_node_that_is_too_full_a_pod_can_still_shrink(void **state) {
        struct resize_wish w = wish(90, 32 * MIB);
        char why[256];
        (void) state;
        w.others_cpu_milli = 9000;
        w.others_memory_bytes = 2048 * MIB;

        assert_int_equal(resize_judge(&w, why), RESIZE_GRANTED);
}

static void a_node_that_doesnt_know_itself_has_no_bound(void **state) {
        struct resize_wish w = wish(9000, 4096 * MIB);
        char why[256];
        (void) state;
        w.node_cpu_milli = w.node_memory_bytes = 0;

        assert_int_equal(resize_judge(&w, why), RESIZE_GRANTED);
}

/* ---- bringing into force ---- */

/* Runs with 100m and 64 MiB of 200m and 128 MiB, and has the same granted; 40 MiB are in use. */
static struct resize_container running(const char *name) {
        const struct resize_size size = { 100, 200, 64 * MIB, 128 * MIB };

        return (struct resize_container){ .name = name,
                                          .granted = size,
                                          .in_force = size,
                                          .is_known = true,
                                          .is_running = true,
                                          .used_bytes = 40 * MIB };
}

static void what_is_in_force_is_left_alone(void **state) {
        struct resize_container c = running("a");
        (void) state;

        assert_int_equal(resize_step(&c), RESIZE_KEEP);
        c.cpu_restarts = c.memory_restarts = true;
        assert_int_equal(resize_step(&c), RESIZE_KEEP);
}

static void each_of_four_amounts_is_written(void **state) {
        struct resize_container c[4] = { running("a"), running("b"), running("c"), running("d") };
        (void) state;
        c[0].granted.cpu_request_milli++;
        c[1].granted.cpu_limit_milli--;
        c[2].granted.memory_request_bytes++;
        c[3].granted.memory_limit_bytes -= MIB;

        for (int i = 0; i < 4; i++)
                assert_int_equal(resize_step(&c[i]), RESIZE_WRITE);
}

static void only_the_resource_whose_policy_says_so_restarts(void **state) {
        struct resize_container c = running("a");
        (void) state;
        c.granted.cpu_limit_milli = 500;

        c.memory_restarts = true;
        assert_int_equal(resize_step(&c), RESIZE_WRITE);
        c.cpu_restarts = true;
        assert_int_equal(resize_step(&c), RESIZE_RESTART);
        c.is_running = false;
        assert_int_equal(resize_step(&c), RESIZE_KEEP);
}

static void what_isnt_known_is_written_and_never_restarts(void **state) {
        struct resize_container c = running("a");
        (void) state;
        c.is_known = false;
        c.in_force = (struct resize_size){ 0 };
        c.cpu_restarts = c.memory_restarts = true;

        assert_int_equal(resize_step(&c), RESIZE_WRITE);
}

static void a_limit_below_use_is_not_written(void **state) {
        struct resize_container c = running("a");
        (void) state;

        c.granted.memory_limit_bytes = 40 * MIB;
        assert_int_equal(resize_step(&c), RESIZE_WRITE);
        c.granted.memory_limit_bytes--;
        assert_int_equal(resize_step(&c), RESIZE_TOO_FULL);
        /* The first limit of all is a cut, too. */
        c.in_force.memory_limit_bytes = 0;
        assert_int_equal(resize_step(&c), RESIZE_TOO_FULL);
        /* A new life begins with nothing in use. */
        c.memory_restarts = true;
        assert_int_equal(resize_step(&c), RESIZE_RESTART);
        /* None at all is more than any. */
        c.memory_restarts = false;
        c.granted.memory_limit_bytes = 0;
        c.in_force.memory_limit_bytes = 128 * MIB;
        assert_int_equal(resize_step(&c), RESIZE_WRITE);
}

static void a_rise_is_written_whatever_is_in_use(void **state) {
        struct resize_container c = running("a");
        (void) state;
        c.used_bytes = 300 * MIB;
        c.granted.memory_limit_bytes = 200 * MIB;

        assert_int_equal(resize_step(&c), RESIZE_WRITE);
}

static void the_obstacle_is_told_as_the_kubelet_does(void **state) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct resize_container c[2] = { running("a"), running("b") };
        const char *text = "";
        (void) state;

        assert_int_equal(resize_obstacle(a, c, 2, 256 * MIB, &text), 0);
        assert_null(text);

        c[1].granted.memory_limit_bytes = 32 * MIB;
        assert_int_equal(resize_obstacle(a, c, 2, 160 * MIB, &text), 0);
        assert_string_equal(text,
                            "cannot decrease memory limits: attempting to set container \"b\" "
                            "memory limit (33554432) below current usage (41943040)");

        c[0].granted.memory_limit_bytes = 32 * MIB;
        assert_int_equal(resize_obstacle(a, c, 2, 64 * MIB, &text), 0);
        assert_string_equal(
                text, "cannot decrease memory limits: [attempting to set pod memory limit "
                      "(67108864) below current usage (83886080), attempting to set container "
                      "\"a\" memory limit (33554432) below current usage (41943040), "
                      "attempting to set container \"b\" memory limit (33554432) below "
                      "current usage (41943040)]");
}

/* ---- the new life ---- */

static const struct container_wanted web = { .name = "web", .has_pre_stop = false };

static struct pod_plan *plan(struct arena *a, enum pod_restart restart,
                             struct container_observed *c) {
        const struct pod_wanted wanted = { .name = "p",
                                           .ns = "default",
                                           .uid = "u",
                                           .restart = restart,
                                           .grace_usec = 30 * USEC_PER_SEC,
                                           .n = 1,
                                           .containers = &web };
        const struct pod_observed seen = { .sandbox = SANDBOX_READY, .containers = c };
        struct pod_plan *p = NULL;

        assert_int_equal(pod_plan(a, &wanted, &seen, 1000 * USEC_PER_SEC, &p), 0);
        return p;
}

static void a_resized_container_gets_the_pods_whole_grace(void **state) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct container_observed c = { .life = CONTAINER_RUNNING,
                                        .is_started = true,
                                        .is_probe_ready = true,
                                        .is_resizing = true };
        struct pod_plan *p = plan(a, POD_RESTART_ALWAYS, &c);
        (void) state;

        assert_int_equal(p->n, 1);
        assert_int_equal(p->actions[0].kind, POD_TERM);
        assert_int_equal(p->actions[0].grace_usec, 30 * USEC_PER_SEC);
        assert_false(p->ready.is_true);
}

static void it_starts_at_once_though_it_ended_well_or_often(void **state) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct container_observed c = { .life = CONTAINER_EXITED,
                                        .started_usec = 990 * USEC_PER_SEC,
                                        .exited_usec = 1000 * USEC_PER_SEC,
                                        .restarts = 3,
                                        .streak = 3,
                                        .is_resizing = true };
        struct pod_plan *p = plan(a, POD_RESTART_ON_FAILURE, &c);
        (void) state;

        assert_int_equal(p->n, 1);
        assert_int_equal(p->actions[0].kind, POD_START);
        assert_int_equal(p->actions[0].restarts, 4);
        assert_int_equal(p->actions[0].streak, 3);
        assert_int_equal(p->phase, POD_RUNNING);
        assert_false(p->containers[0].is_back_off);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_fits_beside_the_others_is_granted),
                cmocka_unit_test(what_others_hold_is_waited_for),
                cmocka_unit_test(what_the_node_hasnt_is_infeasible),
                cmocka_unit_test(on_a_node_that_is_too_full_a_pod_can_still_shrink),
                cmocka_unit_test(a_node_that_doesnt_know_itself_has_no_bound),
                cmocka_unit_test(what_is_in_force_is_left_alone),
                cmocka_unit_test(each_of_four_amounts_is_written),
                cmocka_unit_test(only_the_resource_whose_policy_says_so_restarts),
                cmocka_unit_test(what_isnt_known_is_written_and_never_restarts),
                cmocka_unit_test(a_limit_below_use_is_not_written),
                cmocka_unit_test(a_rise_is_written_whatever_is_in_use),
                cmocka_unit_test(the_obstacle_is_told_as_the_kubelet_does),
                cmocka_unit_test(a_resized_container_gets_the_pods_whole_grace),
                cmocka_unit_test(it_starts_at_once_though_it_ended_well_or_often),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
