#include "daemon/loop/queue.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static void keys_come_out_in_the_order_they_came_in_and_once(void **state) {
        AUTO(queue) struct queue *q = queue_new(NULL);
        (void) state;

        assert_int_equal(queue_add(q, "b"), 0);
        assert_int_equal(queue_add(q, "a"), 0);
        assert_int_equal(queue_add(q, "b"), 0);

        assert_string_equal(queue_pop(q, 0), "b");
        assert_string_equal(queue_pop(q, 0), "a");
        assert_null(queue_pop(q, 0));
        assert_int_equal(queue_next_due(q), USEC_NEVER);
}

static void a_key_in_work_is_not_handed_out_again_until_done(void **state) {
        AUTO(queue) struct queue *q = queue_new(NULL);
        const char *key;
        (void) state;

        assert_int_equal(queue_add(q, "a"), 0);
        key = queue_pop(q, 0);
        assert_int_equal(queue_add(q, "a"), 0);
        assert_int_equal(queue_add(q, "a"), 0);
        assert_null(queue_pop(q, 0));
        assert_int_equal(queue_next_due(q), USEC_NEVER);

        queue_done(q, key);

        key = queue_pop(q, 0);
        assert_string_equal(key, "a");
        queue_done(q, key);
        assert_null(queue_pop(q, 0));
        assert_int_equal(queue_n_processing(q), 0);
}

static void delayed_keys_come_when_due_the_earlier_time_winning(void **state) {
        AUTO(queue) struct queue *q = queue_new(NULL);
        (void) state;

        assert_int_equal(queue_add_after(q, "late", 30), 0);
        assert_int_equal(queue_add_after(q, "early", 20), 0);
        assert_int_equal(queue_add_after(q, "late", 10), 0);
        assert_int_equal(queue_add_after(q, "late", 50), 0);

        assert_int_equal(queue_next_due(q), 10);
        assert_null(queue_pop(q, 9));
        assert_string_equal(queue_pop(q, 10), "late");
        assert_int_equal(queue_next_due(q), 20);
        assert_string_equal(queue_pop(q, 20), "early");
        assert_int_equal(queue_n_delayed(q), 0);
}

static void handing_a_key_out_takes_its_delay_back(void **state) {
        AUTO(queue) struct queue *q = queue_new(NULL);
        (void) state;

        assert_int_equal(queue_add_after(q, "a", 100), 0);
        assert_int_equal(queue_add(q, "a"), 0);

        assert_string_equal(queue_pop(q, 5), "a");

        assert_int_equal(queue_next_due(q), USEC_NEVER);
}

static void a_delay_asked_for_in_work_holds_after_done(void **state) {
        AUTO(queue) struct queue *q = queue_new(NULL);
        const char *key;
        (void) state;

        assert_int_equal(queue_add(q, "a"), 0);
        key = queue_pop(q, 0);
        assert_int_equal(queue_add_after(q, "a", 70), 0);
        queue_done(q, key);

        assert_null(queue_pop(q, 69));
        assert_string_equal(queue_pop(q, 70), "a");
}

static void a_delay_that_ends_in_work_makes_the_key_ready_after_done(void **state) {
        AUTO(queue) struct queue *q = queue_new(NULL);
        const char *key;
        (void) state;

        assert_int_equal(queue_add(q, "a"), 0);
        key = queue_pop(q, 0);
        assert_int_equal(queue_add_after(q, "a", 70), 0);
        assert_null(queue_pop(q, 80));
        assert_int_equal(queue_next_due(q), USEC_NEVER);
        queue_done(q, key);

        assert_int_equal(queue_next_due(q), 0);
        assert_string_equal(queue_pop(q, 80), "a");
}

static void retries_wait_longer_each_time_until_forgotten(void **state) {
        AUTO(queue) struct queue *q = queue_new(NULL);
        uint64_t now_usec = 0, due_usec;
        (void) state;

        assert_int_equal(queue_add(q, "a"), 0);
        for (unsigned i = 0; i < 5; i++) {
                const char *key = queue_pop(q, now_usec);

                assert_non_null(key);
                assert_int_equal(queue_retry(q, key, now_usec, &due_usec), 0);
                assert_int_equal(due_usec - now_usec, (5 * USEC_PER_MSEC) << i);
                queue_done(q, key);
                assert_int_equal(queue_next_due(q), due_usec);
                assert_null(queue_pop(q, due_usec - 1));
                now_usec = due_usec;
        }
        assert_int_equal(queue_failures(q, "a"), 5);

        queue_forget(q, "a");

        assert_int_equal(queue_failures(q, "a"), 0);
        assert_int_equal(queue_retry(q, "a", 0, &due_usec), 0);
        assert_int_equal(due_usec, 5 * USEC_PER_MSEC);
}

static void the_same_seed_gives_the_same_jitter(void **state) {
        const struct queue_config config = { .jitter_pct = 50, .seed = 7 };
        AUTO(queue) struct queue *a = queue_new(&config);
        AUTO(queue) struct queue *b = queue_new(&config);
        (void) state;

        for (int i = 0; i < 8; i++) {
                uint64_t due_a = 0, due_b = 0;

                assert_int_equal(queue_retry(a, "k", 0, &due_a), 0);
                assert_int_equal(queue_retry(b, "k", 0, &due_b), 0);
                assert_int_equal(due_a, due_b);
        }
}

/* What the queue promises, kept in the plainest way. */
struct model {
        bool is_ready, is_processing, is_dirty;
        uint64_t due_usec;
};

#define N_KEYS 40

static void model_promote(struct model *m, uint64_t now_usec) {
        for (int i = 0; i < N_KEYS; i++) {
                if (m[i].due_usec > now_usec)
                        continue;
                m[i].due_usec = USEC_NEVER;
                if (m[i].is_processing)
                        m[i].is_dirty = true;
                else
                        m[i].is_ready = true;
        }
}

static void model_add(struct model *m) {
        if (m->is_processing)
                m->is_dirty = true;
        else
                m->is_ready = true;
}

static uint64_t model_next_due(const struct model *m) {
        uint64_t due_usec = USEC_NEVER;

        for (int i = 0; i < N_KEYS; i++) {
                if (m[i].is_ready)
                        return 0;
                due_usec = MIN(due_usec, m[i].due_usec);
        }
        return due_usec;
}

static void a_random_walk_agrees_with_a_plain_model(void **state) {
        AUTO(queue) struct queue *q = queue_new(NULL);
        struct model m[N_KEYS];
        uint64_t seed = 4711, now_usec = 0;
        (void) state;

        for (int i = 0; i < N_KEYS; i++)
                m[i] = (struct model){ .due_usec = USEC_NEVER };

        for (int step = 0; step < 100000; step++) {
                int i = (int) (backoff_random(&seed) % N_KEYS);
                uint64_t due_usec = now_usec + backoff_random(&seed) % 50;
                const char *popped;
                char key[8];

                (void) snprintf(key, sizeof(key), "%d", i);
                switch (backoff_random(&seed) % 5) {
                case 0:
                        assert_int_equal(queue_add(q, key), 0);
                        model_add(&m[i]);
                        break;
                case 1:
                        assert_int_equal(queue_add_after(q, key, due_usec), 0);
                        if (!m[i].is_ready)
                                m[i].due_usec = MIN(m[i].due_usec, due_usec);
                        break;
                case 2:
                case 3:
                        popped = queue_pop(q, now_usec);
                        model_promote(m, now_usec);
                        if (!popped) {
                                assert_int_not_equal(model_next_due(m), 0);
                                break;
                        }
                        i = atoi(popped);
                        assert_true(m[i].is_ready);
                        m[i] = (struct model){ .is_processing = true, .due_usec = USEC_NEVER };
                        break;
                default:
                        queue_done(q, key);
                        if (m[i].is_processing) {
                                m[i].is_ready = m[i].is_dirty;
                                m[i].is_processing = m[i].is_dirty = false;
                        }
                        now_usec += backoff_random(&seed) % 3;
                }
                assert_int_equal(queue_next_due(q), model_next_due(m));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keys_come_out_in_the_order_they_came_in_and_once),
                cmocka_unit_test(a_key_in_work_is_not_handed_out_again_until_done),
                cmocka_unit_test(delayed_keys_come_when_due_the_earlier_time_winning),
                cmocka_unit_test(handing_a_key_out_takes_its_delay_back),
                cmocka_unit_test(a_delay_asked_for_in_work_holds_after_done),
                cmocka_unit_test(a_delay_that_ends_in_work_makes_the_key_ready_after_done),
                cmocka_unit_test(retries_wait_longer_each_time_until_forgotten),
                cmocka_unit_test(the_same_seed_gives_the_same_jitter),
                cmocka_unit_test(a_random_walk_agrees_with_a_plain_model),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
