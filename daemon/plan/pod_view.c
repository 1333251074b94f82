#include "daemon/plan/pod_view.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>

const char *pod_phase_name(enum pod_phase phase) {
        static const char *const names[] = { "Pending", "Running", "Succeeded", "Failed" };

        return names[phase];
}

const char *pod_exit_reason(const struct container_exit *x) {
        if (x->is_start_error)
                return "StartError";
        if (x->is_oom)
                return "OOMKilled";
        return x->code == 0 ? "Completed" : "Error";
}

/* An image that was missing twice in a row is "backing off", as kubectl's users expect. */
static const char *fault_word(const struct container_observed *c) {
        if (c->n_faults > 1 && str_eq(c->fault_reason, "ErrImagePull"))
                return "ImagePullBackOff";
        return c->fault_reason;
}

/* As Go prints a duration of whole seconds: "10s", "1m20s". */
static const char *go_duration(uint64_t usec, char text[32]) {
        unsigned seconds = (unsigned) (usec / USEC_PER_SEC);

        if (seconds < 60)
                (void) snprintf(text, 32, "%us", seconds);
        else
                (void) snprintf(text, 32, "%um%us", seconds / 60, seconds % 60);
        return text;
}

static int view_back_off(struct arena *a, const struct pod_wanted *w,
                         const struct container_observed *c, size_t i, struct container_view *v) {
        uint64_t lived_usec =
                c->exited_usec > c->started_usec ? c->exited_usec - c->started_usec : 0;
        uint64_t delay_usec =
                c->is_resizing ? 0 : pod_restart_delay(pod_streak(c->streak, lived_usec));
        char text[32];

        if (delay_usec == 0) {
                *v = (struct container_view){ .state = SIGHT_TERMINATED,
                                              .reason = pod_exit_reason(&c->exit),
                                              .message = c->exit.message };
                return 0;
        }
        v->state = SIGHT_WAITING;
        v->is_back_off = true;
        v->reason = "CrashLoopBackOff";
        v->message = arena_printf(a, "back-off %s restarting failed container=%s pod=%s_%s(%s)",
                                  go_duration(delay_usec, text), w->containers[i].name, w->name,
                                  w->ns, w->uid);
        return v->message ? 0 : -ENOMEM;
}

static void view_waiting(const struct pod_wanted *w, const struct pod_observed *seen, size_t i,
                         struct container_view *v) {
        const struct container_observed *c = &seen->containers[i];

        v->state = SIGHT_WAITING;
        if (c->fault_reason) {
                v->reason = fault_word(c);
                v->message = c->fault_text;
                return;
        }
        v->reason = pod_init_is_done(w, seen) ? "ContainerCreating" : "PodInitializing";
        v->message = seen->sandbox_text;
}

static int view_container(struct arena *a, const struct pod_wanted *w,
                          const struct pod_observed *seen, size_t i, struct container_view *v) {
        const struct container_observed *c = &seen->containers[i];

        switch (c->life) {
        case CONTAINER_NEW:
        case CONTAINER_STARTING:
                view_waiting(w, seen, i, v);
                return 0;
        case CONTAINER_RUNNING:
                v->state = SIGHT_RUNNING;
                v->is_started = c->is_started;
                /* An init container that runs isn't ready; it becomes so by ending well. */
                v->is_ready = !w->containers[i].is_guest && c->is_started && c->is_probe_ready &&
                              !c->is_unhealthy && !c->is_resizing &&
                              (!w->containers[i].is_init || w->containers[i].is_sidecar);
                return 0;
        case CONTAINER_EXITED:
                break;
        }
        if (c->fault_reason && !pod_container_is_over(w, seen, i)) {
                view_waiting(w, seen, i, v);
                return 0;
        }
        if (!w->is_deleting && !pod_container_is_over(w, seen, i) && !seen->is_finished)
                return view_back_off(a, w, c, i, v);
        v->state = SIGHT_TERMINATED;
        v->reason = pod_exit_reason(&c->exit);
        v->message = c->exit.message;
        v->is_ready = w->containers[i].is_init && c->exit.code == 0;
        return 0;
}

static enum pod_phase view_phase(const struct pod_wanted *w, const struct pod_observed *seen) {
        bool is_failed = false, has_waiting = false, has_lived = false;

        /* A pod that is being deleted keeps Running until it is gone, as the kubelet reports it. */
        if ((!w->is_deleting || seen->is_finished) && pod_is_over(w, seen, &is_failed))
                return is_failed ? POD_FAILED : POD_SUCCEEDED;
        if (!pod_init_is_done(w, seen))
                return POD_PENDING;
        for (size_t i = 0; i < w->n; i++) {
                const struct container_observed *c = &seen->containers[i];

                if (w->containers[i].is_init || w->containers[i].is_guest)
                        continue;
                if ((c->life == CONTAINER_NEW || c->life == CONTAINER_STARTING) && !c->has_last)
                        has_waiting = true;
                else
                        has_lived = true;
        }
        return has_waiting || !has_lived ? POD_PENDING : POD_RUNNING;
}

/* "containers with unready status: [a b]": names of containers of one sort that aren't ready. */
static const char *view_unready(struct arena *a, const struct pod_wanted *w,
                                const struct pod_plan *plan, bool is_init, const char *prefix) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        bool is_first = true;

        strbuf_addf(&b, "%s: [", prefix);
        for (size_t i = 0; i < w->n; i++) {
                if (w->containers[i].is_init != is_init || w->containers[i].is_guest ||
                    plan->containers[i].is_ready)
                        continue;
                strbuf_addf(&b, "%s%s", is_first ? "" : " ", w->containers[i].name);
                is_first = false;
        }
        strbuf_add_char(&b, ']');
        return b.has_failed ? NULL : arena_strdup(a, b.s);
}

static int view_conditions(struct arena *a, const struct pod_wanted *w,
                           const struct pod_observed *seen, struct pod_plan *plan) {
        struct pod_condition_view *init = &plan->initialized, *ready = &plan->containers_ready;
        bool is_ready = true;

        if (plan->phase == POD_SUCCEEDED || plan->phase == POD_FAILED) {
                bool is_done = plan->phase == POD_SUCCEEDED;

                *init = (struct pod_condition_view){ .is_true =
                                                             is_done || pod_init_is_done(w, seen),
                                                     .reason = is_done ? "PodCompleted" : NULL };
                ready->reason = is_done ? "PodCompleted" : "PodFailed";
                plan->ready = *ready;
                return 0;
        }
        init->is_true = pod_init_is_done(w, seen);
        if (!init->is_true) {
                init->reason = "ContainersNotInitialized";
                init->message = view_unready(a, w, plan, true, "containers with incomplete status");
                if (!init->message)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < w->n; i++)
                if (!plan->containers[i].is_ready && !w->containers[i].is_guest &&
                    (!w->containers[i].is_init || w->containers[i].is_sidecar))
                        is_ready = false;
        ready->is_true = is_ready && init->is_true;
        if (!ready->is_true) {
                ready->reason = "ContainersNotReady";
                ready->message = view_unready(a, w, plan, false, "containers with unready status");
                if (!ready->message)
                        return -ENOMEM;
        }
        plan->ready = *ready;
        return 0;
}

int pod_view_fill(struct arena *a, const struct pod_wanted *w, const struct pod_observed *seen,
                  struct pod_plan *plan) {
        for (size_t i = 0; i < w->n; i++) {
                int r = view_container(a, w, seen, i, &plan->containers[i]);

                if (r < 0)
                        return r;
        }
        plan->phase = view_phase(w, seen);
        return view_conditions(a, w, seen, plan);
}
