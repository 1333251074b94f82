#include "daemon/control/controller.h"

#include "api/client/timer.h"
#include "api/kinds/object.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/control/core.h"
#include "daemon/control/run.h"
#include "daemon/loop/queue.h"

#include <string.h>

#define CONTROLLER_RUNS_MAX 16
#define CONTROLLER_BURST 64 /* keys handed out before the loop turns */
#define CONTROLLER_BACKOFF_MOST_USEC (60 * USEC_PER_SEC)
#define CONTROLLER_JITTER_PCT 20
#define CONTROLLER_AGAIN_USEC (10 * USEC_PER_MSEC) /* a plan's mistake mustn't burn the CPU */
#define CONTROLLER_LOUD_FAILURES 5 /* conflicts are ordinary; so many in a row aren't */

struct controller {
        struct core *core;
        const struct controller_type *type;
        void *data;
        struct queue *queue;
        struct timer *wake; /* owned while set */
        uint64_t wake_usec; /* when it fires */
        struct run **runs;  /* owned */
        size_t n_runs, cap_runs;
        struct map refusals; /* key → char *, owned */
        bool has_begun;
};

static void controller_pump(struct controller *c);

int controller_new(struct core *core, const struct controller_type *type, void *data,
                   struct controller **ret, struct err *e) {
        struct queue_config config = {
                .backoff = { .base_usec = 5 * USEC_PER_MSEC,
                             .most_usec = CONTROLLER_BACKOFF_MOST_USEC },
                .jitter_pct = CONTROLLER_JITTER_PCT,
                .seed = core_random(core),
        };
        AUTO(controller) struct controller *c = calloc(1, sizeof(*c));

        if (c)
                c->queue = queue_new(&config);
        if (!c || !c->queue)
                return err_set(e, -ENOMEM, "out of memory for the %s", type->name);
        c->core = core;
        c->type = type;
        c->data = data;
        *ret = STEAL(c);
        return 0;
}

void controller_unref(struct controller *c) {
        if (!c)
                return;
        for (size_t i = 0; i < c->n_runs; i++)
                run_unref(c->runs[i]);
        free(c->runs);
        if (c->wake)
                c->core->timers->vtable->cancel(c->core->timers, c->wake);
        queue_unref(c->queue);
        map_done(&c->refusals, free);
        free(c);
}

/* ---- waking up ---- */

static void controller_on_wake(void *data) {
        struct controller *c = data;

        c->wake = NULL;
        controller_pump(c);
}

static bool controller_is_full(const struct controller *c) {
        return c->n_runs >= CONTROLLER_RUNS_MAX;
}

/* Sets the timer to when there is next something to do. */
static void controller_arm(struct controller *c) {
        struct timers *t = c->core->timers;
        uint64_t due = queue_next_due(c->queue);

        if (!c->has_begun || due == USEC_NEVER || controller_is_full(c))
                return;
        due = MAX(due, t->vtable->now_usec(t));
        if (c->wake && c->wake_usec <= due)
                return;
        t->vtable->cancel(t, STEAL(c->wake));
        c->wake_usec = due;
        if (t->vtable->add(t, due, controller_on_wake, c, &c->wake) < 0) {
                c->wake = NULL;
                LOG_WARN(NULL, "%s: out of memory for a timer; goes on with the next change",
                         c->type->name);
        }
}

void controller_begin(struct controller *c) {
        c->has_begun = true;
        controller_arm(c);
}

void controller_enqueue(struct controller *c, const char *key) {
        if (queue_add(c->queue, key) < 0)
                LOG_WARN(key, "%s: out of memory; looks again after the next relist",
                         c->type->name);
        controller_arm(c);
}

void controller_enqueue_after(struct controller *c, const char *key, uint64_t delay_usec) {
        if (queue_add_after(c->queue, key, core_now_usec(c->core) + delay_usec) < 0)
                LOG_WARN(key, "%s: out of memory; looks again after the next relist",
                         c->type->name);
        controller_arm(c);
}

void controller_enqueue_object(struct controller *c, const struct object *o) {
        char key[OBJECT_KEY_MAX];

        controller_enqueue(c, object_key(o, key));
}

void controller_enqueue_name(struct controller *c, const char *ns, const char *name) {
        char key[OBJECT_KEY_MAX];

        if (str_is_empty(ns))
                (void) snprintf(key, sizeof(key), "%s", name);
        else
                (void) snprintf(key, sizeof(key), "%s/%s", ns, name);
        controller_enqueue(c, key);
}

void controller_enqueue_label(struct controller *c, const char *label, const struct object *before,
                              const struct object *after) {
        const struct object *both[] = { before, after };

        for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
                const char *name = both[i] ? string_map_get(&both[i]->meta->labels, label) : NULL;

                if (name)
                        controller_enqueue_name(c, both[i]->meta->namespace, name);
        }
}

bool controller_is_idle(const struct controller *c) {
        return c->n_runs == 0 && queue_n_ready(c->queue) == 0;
}

/* ---- the end of a run ---- */

const char *controller_failure(const struct controller *c, const char *key) {
        return map_get(&c->refusals, key);
}

static void controller_remember(struct controller *c, const char *key, const char *refusal) {
        char *copy = NULL;
        void *old = NULL;

        if (!refusal) {
                free(map_remove(&c->refusals, key));
                return;
        }
        copy = strdup(refusal);
        if (!copy || map_put(&c->refusals, key, copy, &old) < 0)
                free(copy); /* costs a condition in the status until the next failure */
        free(old);
}

static void controller_log_failure(const struct controller *c, const char *key,
                                   const struct run_end *end, uint64_t due_usec) {
        unsigned n = queue_failures(c->queue, key);
        uint64_t now = core_now_usec(c->core);
        uint64_t delay_msec = due_usec > now ? (due_usec - now) / USEC_PER_MSEC : 0;

        if (n < CONTROLLER_LOUD_FAILURES || (n & (n - 1)) != 0) {
                LOG_DEBUG(key, "%s: %s; next try in %llu ms", c->type->name, err_text(&end->error),
                          (unsigned long long) delay_msec);
                return;
        }
        LOG_WARN(key, "%s: %s (%u failures in a row); next try in %llu ms", c->type->name,
                 err_text(&end->error), n, (unsigned long long) delay_msec);
}

static void controller_finish(struct controller *c, const char *key, const struct run_end *end) {
        uint64_t wall = core_wall_usec(c->core), due = 0;
        uint64_t now = core_now_usec(c->core);

        controller_remember(c, key, end->refusal);
        if (end->result < 0) {
                if (queue_retry(c->queue, key, now, &due) < 0)
                        LOG_WARN(key, "%s: out of memory; looks again after the next relist",
                                 c->type->name);
                controller_log_failure(c, key, end, due);
        } else {
                queue_forget(c->queue, key);
                if (end->again_usec)
                        (void) queue_add_after(
                                c->queue, key,
                                now + (end->again_usec > wall
                                               ? MAX(end->again_usec - wall, CONTROLLER_AGAIN_USEC)
                                               : CONTROLLER_AGAIN_USEC));
        }
        queue_done(c->queue, key);
}

static void controller_on_end(void *owner, struct run *run, const struct run_end *end) {
        struct controller *c = owner;

        for (size_t i = 0; i < c->n_runs; i++) {
                if (c->runs[i] == run) {
                        c->runs[i] = c->runs[--c->n_runs];
                        break;
                }
        }
        controller_finish(c, run_key(run), end);
        controller_arm(c);
}

/* ---- the beginning of a run ---- */

static void controller_process(struct controller *c, const char *key) {
        struct run_config config = { .core = c->core,
                                     .type = c->type,
                                     .data = c->data,
                                     .key = key,
                                     .on_end = controller_on_end,
                                     .owner = c };
        struct run_end end = { 0 };
        struct run *run = NULL;
        int r;

        r = array_reserve(&c->runs, &c->cap_runs, c->n_runs, sizeof(*c->runs));
        if (r == 0)
                r = run_new(&config, &run, &end, &end.error);
        if (r < 0)
                end.result = r;
        if (!run) {
                controller_finish(c, key, &end);
                return;
        }
        c->runs[c->n_runs++] = run;
        run_start(run);
}

static void controller_pump(struct controller *c) {
        for (unsigned n = 0; n < CONTROLLER_BURST && !controller_is_full(c); n++) {
                const char *key = queue_pop(c->queue, core_now_usec(c->core));

                if (!key)
                        break;
                controller_process(c, key);
        }
        controller_arm(c);
}
