#include "daemon/loop/queue_driver.h"

#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"

#define QUEUE_DRIVER_ACTIVE_MAX 16

/* Keys handed out in one go, so that descriptors get their turn in between. */
#define QUEUE_DRIVER_BURST 32

struct queue_driver {
        unsigned n_refs; /* the owner's, and one while keys are handed out */
        bool is_gone;
        struct queue *queue;
        size_t n_active_max;
        queue_driver_fn process;
        void *userdata;
        sd_event_source *ready;
        struct loop_timer *timer;
};

static void queue_driver_release(struct queue_driver *d) {
        if (--d->n_refs > 0)
                return;
        (void) sd_event_source_disable_unref(d->ready);
        loop_timer_unref(d->timer);
        queue_unref(d->queue);
        free(d);
}

static bool queue_driver_is_full(const struct queue_driver *d) {
        return queue_n_processing(d->queue) >= d->n_active_max;
}

/* Wakes the loop exactly when a key can be handed out. */
static void queue_driver_arm(struct queue_driver *d) {
        uint64_t due_usec = USEC_NEVER;

        if (!d->is_gone && !queue_driver_is_full(d))
                due_usec = queue_next_due(d->queue);

        (void) sd_event_source_set_enabled(d->ready,
                                           due_usec == 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
        if (due_usec == 0)
                due_usec = USEC_NEVER;
        if (loop_timer_due(d->timer) != due_usec)
                loop_timer_set(d->timer, due_usec);
}

static void queue_driver_hand_out(struct queue_driver *d) {
        uint64_t now_usec = clock_now_usec();

        d->n_refs++;
        for (unsigned i = 0; i < QUEUE_DRIVER_BURST; i++) {
                const char *key;

                if (d->is_gone || queue_driver_is_full(d))
                        break;
                key = queue_pop(d->queue, now_usec);
                if (!key)
                        break;
                d->process(d, key, d->userdata);
        }
        queue_driver_arm(d);
        queue_driver_release(d);
}

static int queue_driver_on_ready(sd_event_source *source, void *userdata) {
        (void) source;
        queue_driver_hand_out(userdata);
        return 0;
}

static void queue_driver_on_time(struct loop_timer *t, void *userdata) {
        (void) t;
        queue_driver_hand_out(userdata);
}

int queue_driver_new(struct loop *l, const struct queue_driver_config *config,
                     struct queue_driver **ret, struct err *e) {
        AUTO(queue_driver) struct queue_driver *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return err_set(e, -ENOMEM, "out of memory for a work queue");
        d->n_refs = 1;
        d->n_active_max = config->n_active_max > 0 ? config->n_active_max : QUEUE_DRIVER_ACTIVE_MAX;
        d->process = config->process;
        d->userdata = config->userdata;
        d->queue = queue_new(&config->queue);
        if (!d->queue)
                return err_set(e, -ENOMEM, "out of memory for a work queue");

        r = sd_event_add_defer(loop_event(l), &d->ready, queue_driver_on_ready, d);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->ready, SD_EVENT_OFF);
        if (r < 0)
                return err_errno(e, r, "cannot tie a work queue to the event loop");
        r = loop_timer_new(l, 0, queue_driver_on_time, d, &d->timer, e);
        if (r < 0)
                return r;

        *ret = STEAL(d);
        return 0;
}

void queue_driver_unref(struct queue_driver *d) {
        if (!d)
                return;
        d->is_gone = true;
        queue_driver_release(d);
}

int queue_driver_add(struct queue_driver *d, const char *key) {
        int r = queue_add(d->queue, key);

        queue_driver_arm(d);
        return r;
}

int queue_driver_add_after(struct queue_driver *d, const char *key, uint64_t delay_usec) {
        uint64_t now_usec = clock_now_usec();
        int r;

        r = queue_add_after(d->queue, key,
                            delay_usec > USEC_NEVER - now_usec ? USEC_NEVER
                                                               : now_usec + delay_usec);
        queue_driver_arm(d);
        return r;
}

uint64_t queue_driver_finish(struct queue_driver *d, const char *key, int r) {
        uint64_t now_usec = clock_now_usec();
        uint64_t due_usec = now_usec;

        if (r < 0)
                (void) queue_retry(d->queue, key, now_usec,
                                   &due_usec); /* has the key: can't fail */
        else
                queue_forget(d->queue, key);
        queue_done(d->queue, key);
        queue_driver_arm(d);
        return due_usec - now_usec;
}

const struct queue *queue_driver_queue(const struct queue_driver *d) {
        return d->queue;
}
