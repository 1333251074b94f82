#include "daemon/loop/loop.h"
#include "daemon/loop/work.h"
#include "tests/unit/test.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

struct job {
        struct loop *loop;
        sem_t *gate; /* run waits for it; NULL: not at all */
        sem_t *started;
        atomic_bool was_run;
        bool is_done;
        int r;
        size_t *n_left;
};

static int job_run(void *userdata) {
        struct job *j = userdata;

        if (j->started)
                (void) sem_post(j->started);
        if (j->gate)
                (void) sem_wait(j->gate);
        atomic_store(&j->was_run, true);
        return 7;
}

static void job_done(void *userdata, int r) {
        struct job *j = userdata;

        assert_false(j->is_done);
        j->is_done = true;
        j->r = r;
        if (j->n_left && --*j->n_left == 0)
                loop_exit(j->loop, 0);
}

static void a_thousand_jobs_are_run_and_each_answered_once(void **state) {
        enum { N = 1000 };
        AUTO(loop) struct loop *l = NULL;
        AUTO_FREE struct job *jobs = calloc(N, sizeof(*jobs));
        size_t n_left = N;
        (void) state;

        assert_int_equal(loop_new(&l, NULL), 0);
        for (size_t i = 0; i < N; i++) {
                jobs[i].loop = l;
                jobs[i].n_left = &n_left;
                assert_int_equal(work_submit(l, job_run, job_done, &jobs[i]), 0);
        }
        assert_int_equal(loop_run(l), 0);

        for (size_t i = 0; i < N; i++) {
                assert_true(jobs[i].was_run);
                assert_int_equal(jobs[i].r, 7);
        }
}

static void jobs_run_side_by_side_up_to_the_bound(void **state) {
        AUTO(loop) struct loop *l = NULL;
        struct job jobs[WORK_THREADS_MAX + 2];
        size_t n_left = WORK_THREADS_MAX + 2;
        sem_t gate, started;
        int waiting;
        (void) state;

        assert_int_equal(sem_init(&gate, 0, 0), 0);
        assert_int_equal(sem_init(&started, 0, 0), 0);
        assert_int_equal(loop_new(&l, NULL), 0);
        memset(jobs, 0, sizeof(jobs));
        for (size_t i = 0; i < WORK_THREADS_MAX + 2; i++) {
                jobs[i].loop = l;
                jobs[i].gate = &gate;
                jobs[i].started = &started;
                jobs[i].n_left = &n_left;
                assert_int_equal(work_submit(l, job_run, job_done, &jobs[i]), 0);
        }

        for (int i = 0; i < WORK_THREADS_MAX; i++)
                assert_int_equal(sem_wait(&started), 0); /* hangs if they didn't run together */
        assert_int_equal(sem_getvalue(&started, &waiting), 0);
        assert_int_equal(waiting, 0);
        for (int i = 0; i < WORK_THREADS_MAX + 2; i++)
                assert_int_equal(sem_post(&gate), 0);

        assert_int_equal(loop_run(l), 0);
        assert_int_equal(n_left, 0);
}

static void a_cancelled_owner_gets_its_jobs_back_unused(void **state) {
        AUTO(loop) struct loop *l = NULL;
        struct job running[WORK_THREADS_MAX], waiting = { 0 };
        size_t n_left = WORK_THREADS_MAX + 1;
        struct work_owner *owner;
        sem_t gate, started;
        (void) state;

        assert_int_equal(sem_init(&gate, 0, 0), 0);
        assert_int_equal(sem_init(&started, 0, 0), 0);
        assert_int_equal(loop_new(&l, NULL), 0);
        owner = work_owner_new(l);
        assert_non_null(owner);
        memset(running, 0, sizeof(running));
        for (int i = 0; i < WORK_THREADS_MAX; i++) {
                running[i] = (struct job){
                        .loop = l, .gate = &gate, .started = &started, .n_left = &n_left
                };
                assert_int_equal(work_submit_for(owner, job_run, job_done, &running[i]), 0);
        }
        for (int i = 0; i < WORK_THREADS_MAX; i++)
                assert_int_equal(sem_wait(&started), 0);
        waiting = (struct job){ .loop = l, .n_left = &n_left };
        assert_int_equal(work_submit_for(owner, job_run, job_done, &waiting), 0);

        work_owner_cancel(owner);
        for (int i = 0; i < WORK_THREADS_MAX; i++)
                assert_int_equal(sem_post(&gate), 0);
        assert_int_equal(loop_run(l), 0);

        assert_false(waiting.was_run);
        assert_int_equal(waiting.r, -ECANCELED);
        for (int i = 0; i < WORK_THREADS_MAX; i++) {
                assert_true(running[i].was_run);
                assert_int_equal(running[i].r, -ECANCELED);
        }
}

static void resubmit(void *userdata, int r) {
        struct job *j = userdata;

        job_done(j, r);
        assert_int_equal(work_submit(j->loop, job_run, job_done, j), -ESHUTDOWN);
}

static void closing_the_loop_answers_every_job(void **state) {
        enum { N = 100 };
        AUTO_FREE struct job *jobs = calloc(N, sizeof(*jobs));
        struct loop *l = NULL;
        (void) state;

        assert_int_equal(loop_new(&l, NULL), 0);
        for (size_t i = 0; i < N; i++) {
                jobs[i].loop = l;
                assert_int_equal(work_submit(l, job_run, resubmit, &jobs[i]), 0);
        }

        loop_unref(l);

        for (size_t i = 0; i < N; i++) {
                assert_true(jobs[i].is_done);
                assert_int_equal(jobs[i].r, -ECANCELED);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_thousand_jobs_are_run_and_each_answered_once),
                cmocka_unit_test(jobs_run_side_by_side_up_to_the_bound),
                cmocka_unit_test(a_cancelled_owner_gets_its_jobs_back_unused),
                cmocka_unit_test(closing_the_loop_answers_every_job),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
