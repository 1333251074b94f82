#include "base/backoff.h"
#include "base/macros.h"
#include "daemon/plan/rollout.h"
#include "tests/unit/test.h"

#define SETS_MAX 3
#define STEPS_MAX 400

static void rounds_percentages_as_kubernetes_does(void **state) {
        (void) state;

        assert_int_equal(rollout_percent(25, 3, true), 1);
        assert_int_equal(rollout_percent(25, 3, false), 0);
        assert_int_equal(rollout_percent(25, 10, true), 3);
        assert_int_equal(rollout_percent(25, 10, false), 2);
        assert_int_equal(rollout_percent(100, 7, false), 7);
        assert_int_equal(rollout_percent(0, 7, true), 0);
        assert_int_equal(rollout_percent(-5, 7, true), 0);
        assert_int_equal(rollout_percent(INT64_MAX, INT64_MAX, true), INT32_MAX);
}

static void lets_one_pod_be_unavailable_when_nothing_else_could_move(void **state) {
        struct rollout_limits l = { .replicas = 3 };
        (void) state;

        rollout_limits_settle(&l);

        assert_int_equal(l.max_surge, 0);
        assert_int_equal(l.max_unavailable, 1);
}

static void never_has_more_unavailable_than_there_are(void **state) {
        struct rollout_limits l = { .replicas = 2, .max_surge = 1, .max_unavailable = 9 };
        (void) state;

        rollout_limits_settle(&l);

        assert_int_equal(l.max_unavailable, 2);
}

static void stops_all_old_sets(void **state) {
        struct rollout_set sets[] = { { .spec = 2, .name = "a" },
                                      { .spec = 3, .name = "b", .is_new = true } };
        (void) state;

        assert_false(rollout_stop_old(sets, 2));
        assert_int_equal(sets[0].want, 0);
        assert_int_equal(sets[1].want, 3);
        sets[0].spec = 0;
        assert_true(rollout_stop_old(sets, 2));
}

static void keeps_the_sum_when_scaling_by_proportion(void **state) {
        const struct rollout_limits l = { .replicas = 50, .max_surge = 5, .max_unavailable = 5 };
        struct rollout_set sets[] = {
                { .spec = 5,
                  .running = 5,
                  .is_settled = true,
                  .annotated_max = 12,
                  .name = "a",
                  .created_usec = 1 },
                { .spec = 4,
                  .running = 4,
                  .is_settled = true,
                  .annotated_max = 12,
                  .name = "b",
                  .created_usec = 2 },
                { .spec = 3,
                  .running = 3,
                  .is_settled = true,
                  .annotated_max = 12,
                  .name = "c",
                  .created_usec = 3,
                  .is_new = true },
        };
        int64_t sum = 0;
        (void) state;

        rollout_scale(&l, sets, ARRAY_SIZE(sets), 12);

        for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
                assert_true(sets[i].want >= sets[i].spec);
                sum += sets[i].want;
        }
        assert_int_equal(sum, 55);
}

static void scales_everything_to_zero(void **state) {
        const struct rollout_limits l = { .replicas = 0, .max_surge = 5 };
        struct rollout_set sets[] = {
                { .spec = 5, .running = 5, .is_settled = true, .annotated_max = 8, .name = "a" },
                { .spec = 3,
                  .running = 3,
                  .is_settled = true,
                  .annotated_max = 8,
                  .name = "b",
                  .is_new = true }
        };
        (void) state;

        rollout_scale(&l, sets, ARRAY_SIZE(sets), 8);

        assert_int_equal(sets[0].want, 0);
        assert_int_equal(sets[1].want, 0);
}

static void waits_with_growing_until_others_have_shrunk(void **state) {
        const struct rollout_limits l = { .replicas = 3, .max_surge = 1 };
        struct rollout_set sets[] = {
                { .spec = 1, .running = 2, .is_settled = true, .annotated_max = 4, .name = "a" },
                { .spec = 2, .running = 2, .is_settled = true, .annotated_max = 4, .name = "b" },
        };
        bool has_scaled;
        (void) state;

        has_scaled = rollout_scale(&l, sets, ARRAY_SIZE(sets), 4);

        assert_false(has_scaled);
        assert_int_equal(sets[0].want + sets[1].want, 3);

        sets[0].running = sets[0].spec;
        sets[1].running = sets[1].spec;
        has_scaled = rollout_scale(&l, sets, ARRAY_SIZE(sets), 4);

        assert_true(has_scaled);
        assert_int_equal(sets[0].want + sets[1].want, 4);
}

static void waits_with_growing_for_a_status_of_this_spec(void **state) {
        const struct rollout_limits l = { .replicas = 3, .max_surge = 1 };
        struct rollout_set sets[] = {
                { .spec = 0, .running = 0, .name = "a" },
                { .spec = 1, .running = 1, .is_settled = true, .name = "b", .is_new = true },
        };
        bool has_scaled;
        (void) state;

        has_scaled = rollout_scale(&l, sets, ARRAY_SIZE(sets), 3);

        assert_false(has_scaled);
        assert_int_equal(sets[1].want, 1);
}

/* ---- a rollout in miniature: sets that follow late, pods that get ready in any order ---- */

struct model {
        struct rollout_set sets[SETS_MAX];
        size_t n;
        int64_t pods[SETS_MAX], ready[SETS_MAX];
        uint64_t random;
};

static uint64_t any(struct model *m, uint64_t below) {
        return backoff_random(&m->random) % below;
}

/* One ReplicaSet's controller looks: it makes and takes pods, unready ones first, then its status
 * says what it saw before that. */
static void follow(struct model *m, size_t i) {
        struct rollout_set *s = &m->sets[i];

        s->running = m->pods[i];
        s->available = m->ready[i];
        s->is_settled = true;
        if (m->pods[i] < s->spec)
                m->pods[i] = s->spec;
        while (m->pods[i] > s->spec) {
                if (m->ready[i] == m->pods[i])
                        m->ready[i]--;
                m->pods[i]--;
        }
}

static void decide(struct model *m, const struct rollout_limits *l) {
        struct rollout_set copy[SETS_MAX];
        int64_t create;

        for (size_t i = 0; i < m->n; i++)
                copy[i] = m->sets[i];
        rollout_step(l, copy, m->n, &create);
        for (size_t i = 0; i < m->n; i++) {
                for (size_t k = 0; k < m->n; k++) {
                        if (copy[k].name != m->sets[i].name || copy[k].want == m->sets[i].spec)
                                continue;
                        m->sets[i].spec = copy[k].want;
                        m->sets[i].is_settled = false;
                }
        }
}

static void check(const struct model *m, const struct rollout_limits *l, uint64_t seed) {
        int64_t pods = 0, ready = 0;

        for (size_t i = 0; i < m->n; i++) {
                assert_true(m->sets[i].spec >= 0);
                pods += m->pods[i];
                ready += m->ready[i];
        }
        if (pods > l->replicas + l->max_surge || ready < l->replicas - l->max_unavailable)
                fail_msg("seed %llu: %lld pods, %lld ready of %lld +%lld -%lld",
                         (unsigned long long) seed, (long long) pods, (long long) ready,
                         (long long) l->replicas, (long long) l->max_surge,
                         (long long) l->max_unavailable);
}

static void one_rollout(uint64_t seed) {
        static const char *const names[SETS_MAX] = { "a", "b", "c" };
        struct model m = { .n = SETS_MAX, .random = seed };
        struct rollout_limits l = { 0 };
        bool is_over = false;

        l.replicas = 1 + (int64_t) any(&m, 12);
        l.max_surge = (int64_t) any(&m, 4);
        l.max_unavailable = (int64_t) any(&m, 4);
        rollout_limits_settle(&l);
        for (size_t i = 0; i < m.n; i++)
                m.sets[i] = (struct rollout_set){ .name = names[i],
                                                  .created_usec = i,
                                                  .is_settled = true };
        m.pods[0] = m.ready[0] = m.sets[0].spec = m.sets[0].running = m.sets[0].available =
                l.replicas;
        m.sets[2].is_new = true;

        for (size_t step = 0; step < STEPS_MAX && !is_over; step++) {
                size_t i = (size_t) any(&m, m.n);

                switch (any(&m, 8)) {
                case 0:
                case 1:
                case 2:
                        decide(&m, &l);
                        break;
                case 3:
                        if (step < 40) { /* somebody changes his mind: another template */
                                m.sets[1].is_new = any(&m, 2);
                                m.sets[2].is_new = !m.sets[1].is_new;
                        }
                        break;
                case 4:
                case 5:
                        follow(&m, i);
                        break;
                default:
                        if (m.ready[i] < m.pods[i])
                                m.ready[i]++;
                        break;
                }
                check(&m, &l, seed);
        }
        for (size_t round = 0; round < 100; round++) { /* now everybody does his work */
                decide(&m, &l);
                for (size_t i = 0; i < m.n; i++) {
                        follow(&m, i);
                        m.ready[i] = m.pods[i];
                        check(&m, &l, seed);
                        follow(&m, i);
                }
        }
        for (size_t i = 0; i < m.n; i++)
                assert_int_equal(m.pods[i], m.sets[i].is_new ? l.replicas : 0);
}

static void holds_its_limits_and_ends_whatever_the_order(void **state) {
        (void) state;

        for (uint64_t seed = 1; seed <= 20000; seed++)
                one_rollout(seed);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rounds_percentages_as_kubernetes_does),
                cmocka_unit_test(lets_one_pod_be_unavailable_when_nothing_else_could_move),
                cmocka_unit_test(never_has_more_unavailable_than_there_are),
                cmocka_unit_test(stops_all_old_sets),
                cmocka_unit_test(keeps_the_sum_when_scaling_by_proportion),
                cmocka_unit_test(scales_everything_to_zero),
                cmocka_unit_test(waits_with_growing_until_others_have_shrunk),
                cmocka_unit_test(waits_with_growing_for_a_status_of_this_spec),
                cmocka_unit_test(holds_its_limits_and_ends_whatever_the_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
