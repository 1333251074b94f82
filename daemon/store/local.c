#include "daemon/store/local.h"

#include "base/list.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/thread.h"
#include "daemon/loop/timer.h"
#include "daemon/store/backend.h"
#include "daemon/store/group.h"
#include "daemon/store/leases.h"
#include "daemon/store/watches.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

/* One commit serves so many requests at most, so that the first doesn't wait for ever for the last.
 */
#define LOCAL_GROUP_MAX ((size_t) 256)
#define LOCAL_GROUP_BYTES_MAX (8UL * 1024 * 1024)

/* So long after the last request memory is given back: once, not again and again. */
#define LOCAL_REST_SEC 5

/* A lease that could not be ended (disk full) is tried again after so long. */
#define LOCAL_LEASE_RETRY_SEC 5

struct local {
        struct store base;
        struct loop *loop;  /* NULL: store_local_step() only */
        struct group group; /* the thread's, where there is one */
        uint64_t (*now_usec)(void *clock);
        void *clock;

        /* Loop thread. */
        int64_t revision;
        char failure[ERR_TEXT_MAX];
        bool is_closing;
        struct watches watches;
        struct leases leases;
        struct loop_timer *lease_timer;
        sd_event_source *source;    /* of event_fd, or the deferred step */
        sd_event_source *hand_over; /* of gathered; where there is a thread */
        struct list gathered;       /* what this turn of the loop has asked for */
        int event_fd;

        /* Between the threads. */
        bool has_thread;
        pthread_t thread;
        pthread_mutex_t mutex;
        pthread_cond_t has_work;
        struct list waiting;
        struct list finished;
        bool is_stopping;
};

static struct local *local_of(const struct store *s) {
        return CONTAINER_OF(s, struct local, base);
}

static uint64_t local_now(const struct local *s) {
        return s->now_usec ? s->now_usec(s->clock) : clock_now_usec();
}

/* ---- the store thread ---- */

/* Moves what waits, up to the bounds of a group, into group. Mutex held. */
static void local_take_group(struct local *s, size_t n_max, struct list *group) {
        size_t n = 0, n_bytes = 0;

        while (n < n_max && n_bytes < LOCAL_GROUP_BYTES_MAX && !list_is_empty(&s->waiting)) {
                struct store_request *q = CONTAINER_OF(s->waiting.next, struct store_request, link);

                list_remove(&q->link);
                list_append(group, &q->link);
                n_bytes += store_request_cost(q);
                n++;
        }
}

/* Waits for requests, resting once after a while. Mutex held. False: shall end. */
static bool local_wait(struct local *s, bool *has_rested) {
        struct timespec until;

        if (!list_is_empty(&s->waiting))
                return true;
        if (s->is_stopping)
                return false;
        if (s->group.has_more_to_sweep)
                return true;
        if (*has_rested) {
                (void) pthread_cond_wait(&s->has_work, &s->mutex);
                return true;
        }
        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += LOCAL_REST_SEC;
        if (pthread_cond_timedwait(&s->has_work, &s->mutex, &until) == 0)
                return true;
        (void) pthread_mutex_unlock(&s->mutex);
        s->group.engine->ops->rest(s->group.engine);
        *has_rested = true;
        (void) pthread_mutex_lock(&s->mutex);
        return true;
}

/* Mutex held. One wake-up of the loop serves all that finish before it looks. */
static void local_hand_back(struct local *s, struct list *group) {
        uint64_t one = 1;

        if (list_is_empty(&s->finished))
                (void) !write(s->event_fd, &one, sizeof(one));
        while (!list_is_empty(group)) {
                struct list *first = group->next;

                list_remove(first);
                list_append(&s->finished, first);
        }
}

static void *local_thread_run(void *arg) {
        struct local *s = arg;
        struct engine *en = s->group.engine;
        bool has_rested = false;
        struct list group;

        list_init(&group);
        (void) pthread_mutex_lock(&s->mutex);
        while (local_wait(s, &has_rested)) {
                local_take_group(s, LOCAL_GROUP_MAX, &group);
                (void) pthread_mutex_unlock(&s->mutex);
                if (list_is_empty(&group)) {
                        if (s->group.has_more_to_sweep)
                                group_sweep(&s->group);
                        (void) pthread_mutex_lock(&s->mutex);
                        continue;
                }
                has_rested = false;
                group_execute(&s->group, &group);

                (void) pthread_mutex_lock(&s->mutex);
                local_hand_back(s, &group);
                (void) pthread_mutex_unlock(&s->mutex);

                en->ops->tidy(en); /* after the answers: they need not wait for it */
                (void) pthread_mutex_lock(&s->mutex);
        }
        (void) pthread_mutex_unlock(&s->mutex);
        return NULL;
}

/* ---- leases ---- */

static int local_submit(struct store *base, struct store_request *q, struct err *e);

static void local_leases_arm(struct local *s) {
        uint64_t due_usec = leases_next_due(&s->leases);

        if (s->lease_timer && loop_timer_due(s->lease_timer) != due_usec)
                loop_timer_set(s->lease_timer, s->is_closing ? USEC_NEVER : due_usec);
}

/* Has the keys of an ended lease deleted. */
static void local_lease_end(struct local *s, struct lease *l) {
        struct store_request *q = store_request_new(STORE_REQUEST_REVOKE, 0);
        uint64_t retry_usec = local_now(s) + LOCAL_LEASE_RETRY_SEC * USEC_PER_SEC;

        if (!q) {
                leases_add(&s->leases, l, l->id, 0);
                l->due_usec = retry_usec;
                return;
        }
        q->lease_id = l->id;
        q->lease = l;
        if (local_submit(&s->base, q, NULL) < 0) {
                q->lease = NULL;
                store_request_free(q);
                leases_add(&s->leases, l, l->id, 0);
                l->due_usec = retry_usec;
        }
}

static void local_check_leases(struct store *base) {
        struct local *s = local_of(base);
        uint64_t now_usec = local_now(s);
        struct lease *l;

        while ((l = leases_pop_ended(&s->leases, now_usec)) != NULL)
                local_lease_end(s, l);
        local_leases_arm(s);
}

static void local_on_lease_time(struct loop_timer *t, void *userdata) {
        (void) t;
        local_check_leases(userdata);
}

/* What the answer of q means for the book of leases. */
static void local_leases_follow(struct local *s, struct store_request *q) {
        if (q->kind == STORE_REQUEST_GRANT && q->r == 0) {
                leases_add(&s->leases, STEAL(q->lease), q->result.lease, local_now(s));
        } else if (q->kind == STORE_REQUEST_REVOKE && q->lease && q->r < 0 && q->r != -ENOENT) {
                uint64_t due_usec = local_now(s) + LOCAL_LEASE_RETRY_SEC * USEC_PER_SEC;
                struct lease *l = STEAL(q->lease);

                leases_add(&s->leases, l, l->id, 0);
                l->due_usec = due_usec;
        } else if (q->kind == STORE_REQUEST_REVOKE && q->r == 0) {
                leases_remove(&s->leases, q->lease_id);
        } else {
                return;
        }
        local_leases_arm(s);
}

/* ---- answers ---- */

static void local_answer(struct local *s, struct store_request *q) {
        if (q->has_store_failed)
                (void) memcpy(s->failure, q->e.text, sizeof(s->failure));
        if (q->kind != STORE_REQUEST_LIST)
                s->revision = MAX(s->revision, q->result.revision);
        local_leases_follow(s, q);
        if (q->done)
                q->done(q->userdata, q->r, &q->result, q->r < 0 ? &q->e : NULL);

        if (q->watch)
                watches_continue(q);
        else if (q->n_events > 0 && q->r == 0)
                watches_feed(&s->watches, q);
        store_request_free(q);
}

static size_t local_answer_all(struct local *s, struct list *finished) {
        size_t n = 0;

        watches_hold(&s->watches);
        while (!list_is_empty(finished)) {
                struct store_request *q = CONTAINER_OF(finished->next, struct store_request, link);

                list_remove(&q->link);
                local_answer(s, q);
                n++;
        }
        watches_let_go(&s->watches);
        return n;
}

static void local_take_finished(struct local *s, struct list *ret) {
        uint64_t count;

        (void) pthread_mutex_lock(&s->mutex);
        if (s->event_fd >= 0)
                (void) !read(s->event_fd, &count, sizeof(count));
        while (!list_is_empty(&s->finished)) {
                struct list *first = s->finished.next;

                list_remove(first);
                list_append(ret, first);
        }
        (void) pthread_mutex_unlock(&s->mutex);
}

static int local_on_finished(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct local *s = userdata;
        struct list finished;

        (void) source;
        (void) fd;
        (void) events;
        list_init(&finished);
        local_take_finished(s, &finished);
        (void) local_answer_all(s, &finished);
        return 0;
}

/* Without a thread: the middle of the drawing in local.h, here and now. */
static size_t local_step_group(struct local *s, size_t n) {
        struct engine *en = s->group.engine;
        struct list group;

        list_init(&group);
        local_take_group(s, MIN(n, LOCAL_GROUP_MAX), &group);
        if (list_is_empty(&group))
                return 0;
        group_execute(&s->group, &group);
        while (s->group.has_more_to_sweep)
                group_sweep(&s->group);
        en->ops->tidy(en);
        return local_answer_all(s, &group);
}

size_t store_local_step(struct store *base, size_t n) {
        struct local *s = local_of(base);
        size_t n_done = 0, n_now;

        local_check_leases(base);
        while (n_done < n && (n_now = local_step_group(s, n - n_done)) > 0)
                n_done += n_now;
        return n_done;
}

static int local_on_deferred(sd_event_source *source, void *userdata) {
        struct local *s = userdata;

        (void) source;
        (void) local_step_group(s, LOCAL_GROUP_MAX);
        if (!list_is_empty(&s->waiting))
                (void) sd_event_source_set_enabled(s->source, SD_EVENT_ONESHOT);
        return 0;
}

/* ---- requests ---- */

static int local_prepare(struct local *s, struct store_request *q, struct err *e) {
        if (q->kind == STORE_REQUEST_GRANT) {
                q->lease = lease_new(q->ttl_sec);
                if (!q->lease)
                        return err_set(e, -ENOMEM, "out of memory for a lease");
        }
        if (q->kind == STORE_REQUEST_KEEPALIVE) {
                q->is_keepalive_known = leases_renew(&s->leases, q->lease_id, local_now(s));
                local_leases_arm(s);
        }
        return 0;
}

static int local_submit(struct store *base, struct store_request *q, struct err *e) {
        struct local *s = local_of(base);
        int r;

        if (s->is_closing)
                return err_set(e, -ESHUTDOWN, "the store is being closed");
        r = local_prepare(s, q, e);
        if (r < 0)
                return r;

        if (!s->has_thread) {
                list_append(&s->waiting, &q->link);
                if (s->source)
                        (void) sd_event_source_set_enabled(s->source, SD_EVENT_ONESHOT);
                return 0;
        }
        list_append(&s->gathered, &q->link);
        (void) sd_event_source_set_enabled(s->hand_over, SD_EVENT_ONESHOT);
        return 0;
}

/* All of a turn at once: a thread that is woken by the first would commit that one alone. */
static int local_on_hand_over(sd_event_source *source, void *userdata) {
        struct local *s = userdata;

        (void) source;
        if (list_is_empty(&s->gathered))
                return 0;
        (void) pthread_mutex_lock(&s->mutex);
        if (list_is_empty(&s->waiting))
                (void) pthread_cond_signal(&s->has_work);
        list_append_all(&s->waiting, &s->gathered);
        (void) pthread_mutex_unlock(&s->mutex);
        return 0;
}

static int local_watch(struct store *base, const struct store_watch_options *options,
                       struct store_watch **ret, struct err *e) {
        return watches_add(&local_of(base)->watches, base, options, ret, e);
}

static int64_t local_revision(const struct store *base) {
        return local_of(base)->revision;
}

static const char *local_failure(const struct store *base) {
        const struct local *s = local_of(base);

        return s->failure[0] == '\0' ? NULL : s->failure;
}

/* ---- open and close ---- */

/* What was accepted is finished and answered. */
static void local_drain(struct local *s) {
        struct list finished;

        s->is_closing = true;
        if (!s->has_thread) {
                while (local_step_group(s, SIZE_MAX) > 0)
                        ;
                return;
        }
        (void) local_on_hand_over(NULL, s);
        (void) pthread_mutex_lock(&s->mutex);
        s->is_stopping = true;
        (void) pthread_cond_signal(&s->has_work);
        (void) pthread_mutex_unlock(&s->mutex);
        (void) pthread_join(s->thread, NULL);

        list_init(&finished);
        local_take_finished(s, &finished);
        (void) local_answer_all(s, &finished);
}

static void local_free(struct store *base) {
        struct local *s = local_of(base);

        watches_abandon(&s->watches);
        local_drain(s);
        watches_let_go(&s->watches);

        loop_timer_unref(s->lease_timer);
        leases_done(&s->leases);
        (void) sd_event_source_disable_unref(s->source);
        (void) sd_event_source_disable_unref(s->hand_over);
        if (s->event_fd >= 0)
                (void) close(s->event_fd);
        s->group.engine->ops->free(s->group.engine);
        (void) pthread_cond_destroy(&s->has_work);
        (void) pthread_mutex_destroy(&s->mutex);
        loop_unref(s->loop);
        free(s);
}

static const struct store_ops local_ops = {
        .free = local_free,
        .revision = local_revision,
        .failure = local_failure,
        .submit = local_submit,
        .watch = local_watch,
        .watch_free = watches_remove,
        .check_leases = local_check_leases,
};

static int local_attach(struct local *s, bool has_thread, struct err *e) {
        int r;

        r = loop_timer_new(s->loop, 100 * USEC_PER_MSEC, local_on_lease_time, s, &s->lease_timer,
                           e);
        if (r < 0)
                return r;
        if (!has_thread) {
                r = sd_event_add_defer(loop_event(s->loop), &s->source, local_on_deferred, s);
                if (r >= 0)
                        r = sd_event_source_set_enabled(s->source, SD_EVENT_OFF);
                return r < 0 ? err_errno(e, r, "cannot tie the store to the event loop") : 0;
        }
        s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (s->event_fd < 0)
                return err_errno(e, -errno, "cannot tie the store to the event loop");
        r = sd_event_add_io(loop_event(s->loop), &s->source, s->event_fd, EPOLLIN,
                            local_on_finished, s);
        if (r >= 0)
                r = sd_event_add_defer(loop_event(s->loop), &s->hand_over, local_on_hand_over, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->hand_over, SD_EVENT_OFF);
        if (r >= 0)
                r = thread_start(&s->thread, "orch-store", local_thread_run, s);
        if (r < 0)
                return err_errno(e, r, "cannot start the thread of the store");
        s->has_thread = true;
        return 0;
}

static void local_init(struct local *s, struct engine *en,
                       const struct store_local_options *options) {
        pthread_condattr_t attr;

        s->base.ops = &local_ops;
        s->group.engine = en;
        s->group.keep_revisions = options->keep_revisions;
        s->now_usec = options->now_usec;
        s->clock = options->clock;
        s->revision = en->revision;
        s->event_fd = -1;
        watches_init(&s->watches);
        list_init(&s->gathered);
        list_init(&s->waiting);
        list_init(&s->finished);
        leases_init(&s->leases);
        (void) pthread_mutex_init(&s->mutex, NULL);
        (void) pthread_condattr_init(&attr);
        (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        (void) pthread_cond_init(&s->has_work, &attr);
        (void) pthread_condattr_destroy(&attr);
}

static int local_found_lease(void *userdata, int64_t id, uint64_t ttl_sec) {
        struct local *s = userdata;
        struct lease *l = lease_new(ttl_sec);

        if (!l)
                return -ENOMEM;
        leases_add(&s->leases, l, id, local_now(s));
        return 0;
}

int store_local_new(struct loop *l, struct engine *take_en,
                    const struct store_local_options *options, struct store **ret, struct err *e) {
        struct local *s = calloc(1, sizeof(*s));
        int r;

        if (!s) {
                take_en->ops->free(take_en);
                return err_set(e, -ENOMEM, "out of memory for a store");
        }
        local_init(s, take_en, options);
        r = take_en->ops->leases(take_en, local_found_lease, s, e);
        if (r >= 0 && l) {
                s->loop = loop_ref(l);
                r = local_attach(s, options->has_thread, e);
        }
        if (r < 0) {
                local_free(&s->base);
                return r;
        }
        local_leases_arm(s);
        *ret = &s->base;
        return 0;
}
