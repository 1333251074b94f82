#include "daemon/loop/child.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/queue_driver.h"
#include "daemon/loop/timer.h"
#include "daemon/loop/work.h"
#include "tests/unit/exhaust.h"
#include "tests/unit/test.h"

#include <stdio.h>

/* Every allocation fails once: what needed it says -ENOMEM, everything else works on. */

struct life {
        struct loop *loop;
        struct queue_driver *driver;
        size_t n_jobs, n_keys; /* accepted and not answered yet */
        bool has_child;
};

static int job_run(void *job) {
        (void) job;
        return 0;
}

static void job_done(void *job, int r) {
        struct life *l = job;

        assert_true(r == 0 || r == -ECANCELED);
        l->n_jobs--;
}

static void process(struct queue_driver *d, const char *key, void *userdata) {
        struct life *l = userdata;

        /* A retry needs no memory; the second time is the last. */
        if (queue_failures(queue_driver_queue(d), key) == 0) {
                (void) queue_driver_finish(d, key, -EIO);
                return;
        }
        (void) queue_driver_finish(d, key, 0);
        l->n_keys--;
}

static void on_exit_seen(struct child *c, const siginfo_t *info, void *userdata) {
        struct life *l = userdata;

        (void) c;
        (void) info;
        l->has_child = false;
}

static void on_time(struct loop_timer *t, void *userdata) {
        (void) t;
        (void) userdata;
}

static void submit_jobs(struct life *l) {
        struct work_owner *owner = work_owner_new(l->loop);

        for (int i = 0; i < 3; i++)
                if (work_submit(l->loop, job_run, job_done, l) == 0)
                        l->n_jobs++;
        if (owner && work_submit_for(owner, job_run, job_done, l) == 0)
                l->n_jobs++;
        work_owner_cancel(owner);
}

static void add_keys(struct life *l) {
        const struct queue_driver_config config = {
                .queue = { .backoff = { .base_usec = 1, .most_usec = 1 } },
                .process = process,
                .userdata = l,
        };
        char key[16];

        if (queue_driver_new(l->loop, &config, &l->driver, NULL) < 0)
                return;
        for (int i = 0; i < 20; i++) {
                int r;

                (void) snprintf(key, sizeof(key), "key-%d", i);
                r = i % 2 ? queue_driver_add(l->driver, key)
                          : queue_driver_add_after(l->driver, key, 1);
                assert_true(r == 0 || r == -ENOMEM);
                if (r == 0)
                        l->n_keys++;
        }
}

static bool live_once(long n_good) {
        static const char *const argv[] = { "true", NULL };
        struct life l = { 0 };
        struct child *child = NULL;
        struct loop_timer *timer = NULL;
        bool has_failed;

        exhaust_begin(n_good, 1);
        if (loop_new(&l.loop, NULL) == 0) {
                submit_jobs(&l);
                add_keys(&l);
                if (loop_timer_new(l.loop, 0, on_time, &l, &timer, NULL) == 0)
                        loop_timer_set(timer, 1);
                l.has_child = true;
                if (child_spawn(l.loop, &(struct child_spec){ .argv = argv }, on_exit_seen, &l,
                                &child, NULL) < 0)
                        l.has_child = false;
                while (l.n_jobs > 0 || l.n_keys > 0 || l.has_child)
                        assert_true(loop_step(l.loop, USEC_NEVER) >= 0);
        }
        has_failed = exhaust_end();

        child_unref(child);
        loop_timer_unref(timer);
        queue_driver_unref(l.driver);
        loop_unref(l.loop);
        return has_failed;
}

static void memory_that_is_out_loses_no_key_job_or_child(void **state) {
        long n;
        (void) state;

        for (n = 0; live_once(n); n++)
                ;
        print_message("%ld allocations\n", n);
        assert_true(n > 20);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(memory_that_is_out_loses_no_key_job_or_child),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
