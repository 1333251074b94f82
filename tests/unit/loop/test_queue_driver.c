#include "daemon/loop/loop.h"
#include "daemon/loop/queue_driver.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

struct seen {
        struct loop *loop;
        struct queue_driver *driver;
        unsigned n_processed;
        unsigned n_fail; /* so many times process fails */
        unsigned n_wanted;
        size_t n_active, n_active_most;
        bool is_slow; /* finished by the test */
        bool is_unref_wanted;
};

static void process(struct queue_driver *d, const char *key, void *userdata) {
        struct seen *s = userdata;
        uint64_t delay_usec;

        s->n_processed++;
        s->n_active++;
        s->n_active_most = MAX(s->n_active_most, s->n_active);
        if (s->is_unref_wanted) {
                queue_driver_unref(STEAL(s->driver));
                loop_exit(s->loop, 0);
                return;
        }
        if (s->is_slow)
                return;
        s->n_active--;
        delay_usec = queue_driver_finish(d, key, s->n_fail > 0 ? -EIO : 0);
        if (s->n_fail > 0) {
                s->n_fail--;
                assert_true(delay_usec > 0);
        } else {
                assert_int_equal(delay_usec, 0);
        }
        if (s->n_processed == s->n_wanted)
                loop_exit(s->loop, 0);
}

static struct queue_driver *driver_new(struct seen *s, size_t n_active_max) {
        struct queue_driver_config config = {
                .queue = { .backoff = { .base_usec = 10, .most_usec = 100 } },
                .n_active_max = n_active_max,
                .process = process,
                .userdata = s,
        };
        struct queue_driver *d = NULL;

        assert_int_equal(queue_driver_new(s->loop, &config, &d, NULL), 0);
        return d;
}

static void every_key_is_processed_and_failures_are_tried_again(void **state) {
        AUTO(loop) struct loop *l = NULL;
        struct seen s = { .n_fail = 10, .n_wanted = 110 };
        (void) state;

        assert_int_equal(loop_new(&l, NULL), 0);
        s.loop = l;
        s.driver = driver_new(&s, 0);
        for (int i = 0; i < 100; i++) {
                char key[16];

                (void) snprintf(key, sizeof(key), "key-%d", i);
                if (i % 2)
                        assert_int_equal(queue_driver_add(s.driver, key), 0);
                else
                        assert_int_equal(queue_driver_add_after(s.driver, key, 5), 0);
        }

        assert_int_equal(loop_run(l), 0);

        assert_int_equal(s.n_processed, 110);
        assert_int_equal(queue_next_due(queue_driver_queue(s.driver)), USEC_NEVER);
        queue_driver_unref(s.driver);
}

static void no_more_keys_are_out_than_allowed(void **state) {
        static const char *const keys[] = { "a", "b", "c", "d", "e" };
        AUTO(loop) struct loop *l = NULL;
        struct seen s = { .is_slow = true };
        (void) state;

        assert_int_equal(loop_new(&l, NULL), 0);
        s.loop = l;
        s.driver = driver_new(&s, 2);
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                assert_int_equal(queue_driver_add(s.driver, keys[i]), 0);

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                while (loop_step(l, 0) > 0)
                        ;
                assert_int_equal(s.n_processed, MIN(i + 2, ARRAY_SIZE(keys)));
                s.n_active--;
                assert_int_equal(queue_driver_finish(s.driver, keys[i], 0), 0);
        }
        assert_int_equal(s.n_active_most, 2);
        queue_driver_unref(s.driver);
}

static void a_driver_may_go_while_it_hands_a_key_out(void **state) {
        AUTO(loop) struct loop *l = NULL;
        struct seen s = { .is_unref_wanted = true };
        (void) state;

        assert_int_equal(loop_new(&l, NULL), 0);
        s.loop = l;
        s.driver = driver_new(&s, 0);
        assert_int_equal(queue_driver_add(s.driver, "a"), 0);
        assert_int_equal(queue_driver_add(s.driver, "b"), 0);

        assert_int_equal(loop_run(l), 0);

        assert_int_equal(s.n_processed, 1);
        assert_null(s.driver);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_key_is_processed_and_failures_are_tried_again),
                cmocka_unit_test(no_more_keys_are_out_than_allowed),
                cmocka_unit_test(a_driver_may_go_while_it_hands_a_key_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
