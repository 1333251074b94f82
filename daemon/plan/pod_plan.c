#include "daemon/plan/pod_plan.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/macros.h"
#include "daemon/plan/pod_view.h"

#include <assert.h>
#include <errno.h>

#define BACKOFF_FIRST_USEC (10 * USEC_PER_SEC)
#define BACKOFF_MOST_USEC (300 * USEC_PER_SEC)
#define HEALTHY_USEC (600 * USEC_PER_SEC)
/* A preStop hook that used the whole grace leaves the process this long for its TERM. */
#define TERM_LEAST_USEC (2 * USEC_PER_SEC)
/* Missing images and keys are looked for again: after 1 s, 2 s … 1 min. The node also asks at once
 * when an image is loaded or an object changes. */
#define FAULT_FIRST_USEC (1 * USEC_PER_SEC)
#define FAULT_MOST_USEC (60 * USEC_PER_SEC)

/* A pod leaves its service names before its processes are told to end: until this node's rules have
 * dropped it (for this long at most, or half its grace), and then as long again as other nodes'
 * rules and connections that wait to be accepted need. */
#define DRAIN_MOST_USEC (2 * USEC_PER_SEC)
#define DRAIN_LINGER_USEC (100 * USEC_PER_MSEC)

struct planner {
        const struct pod_wanted *wanted;
        const struct pod_observed *seen;
        uint64_t now_usec;
        struct pod_plan *plan;
};

static uint64_t doubled(uint64_t first_usec, uint64_t most_usec, unsigned times) {
        uint64_t usec = first_usec;

        while (times-- > 0 && usec < most_usec)
                usec *= 2;
        return MIN(usec, most_usec);
}

static uint64_t fault_due(uint64_t fault_usec, unsigned n_faults) {
        return fault_usec +
               doubled(FAULT_FIRST_USEC, FAULT_MOST_USEC, n_faults > 0 ? n_faults - 1 : 0);
}

uint64_t pod_restart_delay(unsigned streak) {
        return streak == 0 ? 0 : doubled(BACKOFF_FIRST_USEC, BACKOFF_MOST_USEC, streak - 1);
}

unsigned pod_streak(unsigned streak, uint64_t lived_usec) {
        return lived_usec >= HEALTHY_USEC ? 0 : streak;
}

static struct pod_action *planner_add(struct planner *p, enum pod_action_kind kind,
                                      size_t container) {
        struct pod_action *a = &p->plan->actions[p->plan->n++];

        *a = (struct pod_action){ .kind = kind, .container = container };
        return a;
}

static void planner_wake(struct planner *p, uint64_t due_usec) {
        p->plan->wake_usec = MIN(p->plan->wake_usec, due_usec);
}

static bool is_alive(const struct container_observed *c) {
        return c->life == CONTAINER_STARTING || c->life == CONTAINER_RUNNING;
}

static bool restarts_after(const struct pod_wanted *w, size_t i, const struct container_exit *x) {
        const struct container_wanted *c = &w->containers[i];

        if (c->is_guest)
                return false;
        if (c->is_sidecar)
                return true;
        if (w->restart == POD_RESTART_NEVER)
                return false;
        if (c->is_init || w->restart == POD_RESTART_ON_FAILURE)
                return x->code != 0;
        return true;
}

bool pod_container_is_over(const struct pod_wanted *w, const struct pod_observed *seen, size_t i) {
        const struct container_observed *c = &seen->containers[i];

        return c->life == CONTAINER_EXITED && !c->is_resizing && !restarts_after(w, i, &c->exit);
}

/* Until when the processes of a deleted pod go on serving. */
static uint64_t drained_usec(const struct planner *p) {
        const struct pod_observed *seen = p->seen;
        uint64_t most_usec = seen->deleting_usec + MIN(DRAIN_MOST_USEC, p->wanted->grace_usec / 2);

        if (!p->wanted->is_deleting)
                return 0;
        if (seen->is_listed)
                return most_usec;
        return seen->unlisted_usec == 0 ? 0
                                        : MIN(seen->unlisted_usec + DRAIN_LINGER_USEC, most_usec);
}

/* Stops one container, from wherever it has got to. grace_usec: for a stop that begins now; a stop
 * already under way is only ever shortened. */
static void plan_stop(struct planner *p, size_t i, uint64_t grace_usec) {
        const struct container_observed *c = &p->seen->containers[i];
        uint64_t began_usec = c->stop == STOP_NONE ? p->now_usec : c->stop_began_usec;
        uint64_t kill_usec;
        bool is_hook_over;

        if (c->life != CONTAINER_RUNNING || c->stop == STOP_KILL)
                return;
        if (c->stop != STOP_NONE)
                grace_usec = MIN(grace_usec, c->stop_grace_usec);
        kill_usec = began_usec + grace_usec;

        if (c->stop == STOP_NONE && p->wanted->containers[i].has_pre_stop && grace_usec > 0) {
                planner_add(p, POD_PRE_STOP, i)->grace_usec = grace_usec;
                planner_wake(p, kill_usec);
                return;
        }
        is_hook_over = c->pre_stop == HOOK_DONE || c->pre_stop == HOOK_FAILED;
        if (c->stop == STOP_PRE_STOP && !is_hook_over && p->now_usec < kill_usec) {
                planner_wake(p, kill_usec);
                return;
        }
        if (c->stop != STOP_TERM && grace_usec > 0 && p->now_usec < drained_usec(p)) {
                planner_wake(p, drained_usec(p));
                return;
        }
        if (c->stop != STOP_TERM && grace_usec > 0) {
                if (c->stop == STOP_PRE_STOP)
                        kill_usec = MAX(kill_usec, p->now_usec + TERM_LEAST_USEC);
                planner_add(p, POD_TERM, i)->grace_usec = grace_usec;
                planner_wake(p, kill_usec);
                return;
        }
        if (c->stop == STOP_TERM && p->wanted->containers[i].has_pre_stop)
                kill_usec = MAX(kill_usec, c->term_usec + MIN(TERM_LEAST_USEC, grace_usec));
        if (p->now_usec < kill_usec) {
                planner_wake(p, kill_usec);
                return;
        }
        planner_add(p, POD_KILL, i);
}

static void plan_start(struct planner *p, size_t i) {
        const struct container_observed *c = &p->seen->containers[i];
        bool has_failed = c->life == CONTAINER_EXITED && !c->is_resizing;
        struct pod_action *a;
        unsigned streak = c->streak;
        uint64_t due_usec = 0;

        if (has_failed) {
                uint64_t lived_usec =
                        c->exited_usec > c->started_usec ? c->exited_usec - c->started_usec : 0;

                streak = pod_streak(c->streak, lived_usec);
                due_usec = c->exited_usec + pod_restart_delay(streak);
        }
        if (c->fault_reason)
                due_usec = MAX(due_usec, fault_due(c->fault_usec, c->n_faults));
        if (p->now_usec < due_usec) {
                planner_wake(p, due_usec);
                return;
        }
        a = planner_add(p, POD_START, i);
        a->is_restart = c->life == CONTAINER_EXITED;
        a->restarts = c->restarts + (a->is_restart ? 1 : 0);
        a->streak = streak + (has_failed ? 1 : 0);
}

/* One container that should run (again). */
static void plan_container(struct planner *p, size_t i) {
        const struct container_observed *c = &p->seen->containers[i];
        const struct container_wanted *w = &p->wanted->containers[i];

        if (c->life == CONTAINER_STARTING)
                return;
        if (c->life == CONTAINER_RUNNING) {
                if (c->is_unhealthy)
                        plan_stop(p, i,
                                  w->has_liveness_grace ? w->liveness_grace_usec
                                                        : p->wanted->grace_usec);
                else if (c->is_resizing)
                        plan_stop(p, i, p->wanted->grace_usec);
                else if (w->has_post_start && c->post_start == HOOK_IDLE)
                        planner_add(p, POD_POST_START, i);
                return;
        }
        if (!pod_container_is_over(p->wanted, p->seen, i))
                plan_start(p, i);
}

/* An init container's turn is over when it succeeded, a sidecar's when it has started. */
static bool init_is_done(const struct container_wanted *w, const struct container_observed *c) {
        if (w->is_sidecar)
                return c->life == CONTAINER_RUNNING && c->is_started;
        return c->life == CONTAINER_EXITED && c->exit.code == 0;
}

bool pod_init_is_done(const struct pod_wanted *w, const struct pod_observed *seen) {
        for (size_t i = 0; i < w->n && w->containers[i].is_init; i++)
                if (!init_is_done(&w->containers[i], &seen->containers[i]) &&
                    !(w->containers[i].is_sidecar && seen->containers[i].restarts > 0))
                        return false;
        return true;
}

bool pod_is_over(const struct pod_wanted *w, const struct pod_observed *seen, bool *ret_failed) {
        bool is_failed = false;

        if (seen->is_finished) {
                *ret_failed = seen->is_failed;
                return true;
        }
        for (size_t i = 0; i < w->n; i++) {
                bool is_over = pod_container_is_over(w, seen, i);

                if (w->containers[i].is_sidecar || w->containers[i].is_guest)
                        continue;
                if (w->containers[i].is_init) {
                        if (is_over && seen->containers[i].exit.code != 0) {
                                *ret_failed = true;
                                return true;
                        }
                        continue;
                }
                if (!is_over)
                        return false;
                is_failed |= seen->containers[i].exit.code != 0;
        }
        *ret_failed = is_failed;
        return true;
}

static void plan_containers(struct planner *p) {
        for (size_t i = 0; i < p->wanted->n; i++) {
                const struct container_wanted *w = &p->wanted->containers[i];
                const struct container_observed *c = &p->seen->containers[i];

                plan_container(p, i);
                if (w->is_init && !init_is_done(w, c) && !(w->is_sidecar && c->restarts > 0))
                        return;
        }
}

static bool plan_stop_all(struct planner *p) {
        bool is_quiet = true;

        for (size_t i = 0; i < p->wanted->n; i++) {
                if (!is_alive(&p->seen->containers[i]))
                        continue;
                is_quiet = false;
                plan_stop(p, i, p->wanted->grace_usec);
        }
        return is_quiet;
}

/* The end of a pod: containers, then sandbox, then (deleted only) the object. */
static void plan_end(struct planner *p) {
        switch (p->seen->sandbox) {
        case SANDBOX_READY:
                if (plan_stop_all(p))
                        planner_add(p, POD_TEAR_DOWN, 0);
                break;
        case SANDBOX_LOST:
                planner_add(p, POD_TEAR_DOWN, 0);
                break;
        case SANDBOX_NONE:
        case SANDBOX_REMOVED:
                if (p->wanted->is_gone)
                        planner_add(p, POD_FORGET, 0);
                else if (p->wanted->is_deleting)
                        planner_add(p, POD_DELETE_OBJECT, 0);
                break;
        case SANDBOX_PREPARING: /* its end is reported soon */
        case SANDBOX_REMOVING:
                break;
        }
}

static void plan_sandbox(struct planner *p) {
        uint64_t due_usec = 0;

        if (p->seen->sandbox_reason)
                due_usec = fault_due(p->seen->sandbox_fault_usec, p->seen->n_sandbox_faults);
        if (p->now_usec < due_usec)
                planner_wake(p, due_usec);
        else
                planner_add(p, POD_CREATE_SANDBOX, 0);
}

static void plan_actions(struct planner *p) {
        bool is_failed;

        if (p->wanted->is_deleting || pod_is_over(p->wanted, p->seen, &is_failed)) {
                plan_end(p);
                return;
        }
        switch (p->seen->sandbox) {
        case SANDBOX_NONE:
        case SANDBOX_REMOVED:
                plan_sandbox(p);
                break;
        case SANDBOX_LOST:
                planner_add(p, POD_TEAR_DOWN, 0);
                break;
        case SANDBOX_READY:
                plan_containers(p);
                break;
        case SANDBOX_PREPARING:
        case SANDBOX_REMOVING:
                break;
        }
}

int pod_plan(struct arena *a, const struct pod_wanted *wanted, const struct pod_observed *seen,
             uint64_t now_usec, struct pod_plan **ret_plan) {
        struct pod_plan *plan = arena_alloc(a, sizeof(*plan));
        struct planner p = { .wanted = wanted, .seen = seen, .now_usec = now_usec, .plan = plan };
        int r;

        assert(wanted->n <= POD_CONTAINERS_MAX);
        if (!plan)
                return -ENOMEM;
        plan->wake_usec = USEC_NEVER;
        /* At most one action for each container, or one for the pod. */
        plan->actions = arena_alloc_n(a, wanted->n + 1, sizeof(*plan->actions));
        plan->containers = arena_alloc_n(a, wanted->n + 1, sizeof(*plan->containers));
        if (!plan->actions || !plan->containers)
                return -ENOMEM;

        plan_actions(&p);
        r = pod_view_fill(a, wanted, seen, plan);
        if (r < 0)
                return r;

        *ret_plan = plan;
        return 0;
}
