#include "daemon/loop/work.h"

#include "base/list.h"
#include "daemon/loop/loop_internal.h"
#include "daemon/loop/thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <time.h>

#define WORK_IDLE_SEC 60

struct work_owner {
        struct loop *loop; /* borrowed: the loop outlives its work */
        unsigned n_refs;   /* the owner's and one for each job; loop thread only */
        atomic_bool is_cancelled;
};

struct work {
        struct list link;
        work_run_fn run;
        work_done_fn done;
        void *job;
        struct work_owner *owner; /* may be NULL */
        int r;
};

enum thread_state { THREAD_FREE, THREAD_RUNS, THREAD_ENDED };

struct work_thread {
        struct work_pool *pool;
        pthread_t id;
        enum thread_state state;
};

struct work_pool {
        sd_event_source *source;
        int event_fd;
        pthread_mutex_t mutex; /* guards all below */
        pthread_cond_t has_work;
        struct list waiting;
        struct list finished;
        size_t n_waiting;
        size_t n_idle; /* threads that wait for work */
        bool is_stopping;
        struct work_thread threads[WORK_THREADS_MAX];
};

struct work_owner *work_owner_new(struct loop *l) {
        struct work_owner *o = calloc(1, sizeof(*o));

        if (!o)
                return NULL;
        o->loop = l;
        o->n_refs = 1;
        atomic_init(&o->is_cancelled, false);
        return o;
}

static void work_owner_unref(struct work_owner *o) {
        if (o && --o->n_refs == 0)
                free(o);
}

void work_owner_cancel(struct work_owner *o) {
        if (!o)
                return;
        atomic_store(&o->is_cancelled, true);
        work_owner_unref(o);
}

bool work_is_cancelled(const struct work_owner *o) {
        return o && atomic_load(&o->is_cancelled);
}

/* Calls done() and frees w. Loop thread. */
static void work_finish(struct work *w) {
        int r = work_is_cancelled(w->owner) ? -ECANCELED : w->r;

        w->done(w->job, r);
        work_owner_unref(w->owner);
        free(w);
}

/* Hands w to the loop; the pool's mutex is held. One wake-up serves all that finish before the loop
 * looks. */
static void work_hand_back(struct work_pool *p, struct work *w) {
        uint64_t one = 1;

        if (list_is_empty(&p->finished))
                (void) !write(p->event_fd, &one, sizeof(one));
        list_append(&p->finished, &w->link);
}

/* Waits for work; the mutex is held. NULL: the thread shall end. */
static struct work *work_take(struct work_pool *p) {
        struct timespec until;
        struct work *w;
        int r = 0;

        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += WORK_IDLE_SEC;
        while (list_is_empty(&p->waiting) && !p->is_stopping && r == 0) {
                p->n_idle++;
                r = pthread_cond_timedwait(&p->has_work, &p->mutex, &until);
                p->n_idle--;
        }
        if (list_is_empty(&p->waiting))
                return NULL;
        w = CONTAINER_OF(p->waiting.next, struct work, link);
        list_remove(&w->link);
        p->n_waiting--;
        return w;
}

static void *work_thread_run(void *arg) {
        struct work_thread *t = arg;
        struct work_pool *p = t->pool;
        struct work *w;

        (void) pthread_mutex_lock(&p->mutex);
        while ((w = work_take(p)) != NULL) {
                bool is_skipped = p->is_stopping;

                (void) pthread_mutex_unlock(&p->mutex);
                if (is_skipped || work_is_cancelled(w->owner))
                        w->r = -ECANCELED;
                else
                        w->r = w->run(w->job);
                (void) pthread_mutex_lock(&p->mutex);
                work_hand_back(p, w);
        }
        t->state = THREAD_ENDED;
        (void) pthread_mutex_unlock(&p->mutex);
        return NULL;
}

static int work_on_finished(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct loop *l = userdata;
        struct work_pool *p = l->pool;
        struct list finished;
        uint64_t count;

        (void) source;
        (void) events;
        list_init(&finished);
        (void) pthread_mutex_lock(&p->mutex);
        (void) !read(fd, &count, sizeof(count));
        while (!list_is_empty(&p->finished)) {
                struct list *first = p->finished.next;

                list_remove(first);
                list_append(&finished, first);
        }
        (void) pthread_mutex_unlock(&p->mutex);

        while (!list_is_empty(&finished)) {
                struct work *w = CONTAINER_OF(finished.next, struct work, link);

                list_remove(&w->link);
                work_finish(w);
        }
        return 0;
}

static int work_pool_new(struct loop *l) {
        struct work_pool *p = calloc(1, sizeof(*p));
        pthread_condattr_t attr;
        int r;

        if (!p)
                return -ENOMEM;
        list_init(&p->waiting);
        list_init(&p->finished);
        (void) pthread_mutex_init(&p->mutex, NULL);
        (void) pthread_condattr_init(&attr);
        (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        (void) pthread_cond_init(&p->has_work, &attr);
        (void) pthread_condattr_destroy(&attr);

        p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = p->event_fd < 0 ? -errno : 0;
        if (r >= 0)
                r = sd_event_add_io(l->event, &p->source, p->event_fd, EPOLLIN, work_on_finished,
                                    l);
        if (r < 0) {
                work_pool_free(p);
                return r;
        }
        l->pool = p;
        return 0;
}

/* Only this thread starts others, so a slot that is free stays free. */
static void work_join_all(struct work_pool *p) {
        for (size_t i = 0; i < WORK_THREADS_MAX; i++) {
                struct work_thread *t = &p->threads[i];
                bool was_started;

                (void) pthread_mutex_lock(&p->mutex);
                was_started = t->state != THREAD_FREE;
                (void) pthread_mutex_unlock(&p->mutex);
                if (was_started)
                        (void) pthread_join(t->id, NULL);
        }
}

void work_pool_free(struct work_pool *p) {
        if (!p)
                return;
        (void) pthread_mutex_lock(&p->mutex);
        p->is_stopping = true;
        (void) pthread_cond_broadcast(&p->has_work);
        (void) pthread_mutex_unlock(&p->mutex);
        work_join_all(p);

        while (!list_is_empty(&p->finished)) {
                struct work *w = CONTAINER_OF(p->finished.next, struct work, link);

                list_remove(&w->link);
                w->r = -ECANCELED;
                work_finish(w);
        }
        (void) sd_event_source_disable_unref(p->source);
        if (p->event_fd >= 0)
                (void) close(p->event_fd);
        (void) pthread_cond_destroy(&p->has_work);
        (void) pthread_mutex_destroy(&p->mutex);
        free(p);
}

/* Starts one more thread when work would have to wait for it; mutex held. Returns 0 or a negative
 * errno, which matters only when no thread runs at all. */
static int work_thread_add(struct work_pool *p) {
        int r = 0;

        if (p->n_waiting <= p->n_idle)
                return 0;
        for (size_t i = 0; i < WORK_THREADS_MAX; i++) {
                struct work_thread *t = &p->threads[i];

                if (t->state == THREAD_RUNS)
                        continue;
                if (t->state == THREAD_ENDED)
                        (void) pthread_join(t->id,
                                            NULL); /* past its last use of the mutex's data */
                t->pool = p;
                t->state = THREAD_RUNS;
                r = thread_start(&t->id, "orch-work", work_thread_run, t);
                if (r < 0)
                        t->state = THREAD_FREE;
                return r;
        }
        return 0;
}

static bool work_has_thread(const struct work_pool *p) {
        for (size_t i = 0; i < WORK_THREADS_MAX; i++)
                if (p->threads[i].state == THREAD_RUNS)
                        return true;
        return false;
}

static int work_enqueue(struct work_pool *p, struct work *w) {
        int r;

        (void) pthread_mutex_lock(&p->mutex);
        list_append(&p->waiting, &w->link);
        p->n_waiting++;
        r = work_thread_add(p);
        if (r < 0 && !work_has_thread(p)) {
                list_remove(&w->link);
                p->n_waiting--;
        } else {
                r = 0;
                (void) pthread_cond_signal(&p->has_work);
        }
        (void) pthread_mutex_unlock(&p->mutex);
        return r;
}

static int work_add(struct loop *l, const struct work *what) {
        struct work *w;
        int r;

        /* A done() that is owed at the very end may submit no more. */
        if (l->n_refs == 0)
                return -ESHUTDOWN;
        if (!l->pool) {
                r = work_pool_new(l);
                if (r < 0)
                        return r;
        }
        w = malloc(sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = *what;
        list_init(&w->link);
        r = work_enqueue(l->pool, w);
        if (r < 0) {
                free(w);
                return r;
        }
        if (w->owner)
                w->owner->n_refs++;
        return 0;
}

int work_submit(struct loop *l, work_run_fn run, work_done_fn done, void *job) {
        return work_add(l, &(struct work){ .run = run, .done = done, .job = job });
}

int work_submit_for(struct work_owner *o, work_run_fn run, work_done_fn done, void *job) {
        return work_add(o->loop,
                        &(struct work){ .run = run, .done = done, .job = job, .owner = o });
}
