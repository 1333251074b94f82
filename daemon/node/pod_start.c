#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/image/image.h"
#include "daemon/loop/timer.h"
#include "daemon/node/ask.h"
#include "daemon/node/container_spec.h"
#include "daemon/node/events.h"
#include "daemon/node/pod_internal.h"
#include "daemon/runtime/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct container_observed *seen_of(struct pod_slot *s) {
        return &s->pod->seen.containers[s->index];
}

static void texts_done(struct pod_exit_texts *t) {
        free(t->message);
        free(t->id);
        *t = (struct pod_exit_texts){ 0 };
}

void pod_slot_done(struct pod_slot *s) {
        pod_probes_stop(s);
        ask_cancel(s->hook);
        loop_timer_unref(s->hook_timer);
        pod_slot_drop_image(s);
        object_unref(s->sized);
        free(s->fault_reason);
        free(s->fault_text);
        free(s->id);
        free(s->image_id);
        texts_done(&s->exit);
        texts_done(&s->last);
}

void pod_slot_set_id(struct pod_slot *s, uint64_t instance) {
        free(s->id);
        s->id = str_format("orch://%s/%s/%llu", s->pod->uid, s->spec->name,
                           (unsigned long long) instance);
        seen_of(s)->id = s->id;
}

void pod_slot_fault(struct pod_slot *s, const char *reason, const char *text) {
        struct container_observed *c = seen_of(s);

        pod_text_set(&s->fault_reason, reason);
        pod_text_set(&s->fault_text, text);
        c->fault_reason = s->fault_reason ? s->fault_reason : reason;
        c->fault_text = s->fault_text;
        c->fault_usec = clock_now_usec();
        c->n_faults++;
}

void pod_slot_clear_fault(struct pod_slot *s) {
        struct container_observed *c = seen_of(s);

        pod_text_set(&s->fault_reason, NULL);
        pod_text_set(&s->fault_text, NULL);
        c->fault_reason = c->fault_text = NULL;
        c->n_faults = 0;
}

void pod_slot_exited(struct pod_slot *s, const struct runtime_container_status *status) {
        struct container_observed *c = seen_of(s);
        uint64_t wall_usec = clock_wall_usec(), now_usec = clock_now_usec();
        uint64_t ago_usec =
                wall_usec > status->finished_usec ? wall_usec - status->finished_usec : 0;
        uint64_t lived_usec = status->finished_usec > status->started_usec
                                      ? status->finished_usec - status->started_usec
                                      : 0;

        pod_probes_stop(s);
        ask_cancel(STEAL(s->hook));
        loop_timer_unref(STEAL(s->hook_timer));
        pod_text_set(&s->exit.message, str_is_empty(status->message) ? NULL : status->message);
        pod_text_set(&s->exit.id, s->id);
        c->exited_usec = now_usec - MIN(ago_usec, now_usec);
        c->started_usec = c->exited_usec - MIN(lived_usec, c->exited_usec);
        c->exit = (struct container_exit){
                .code = status->exit_code,
                .signal = status->signal,
                .is_oom = status->is_oom_killed,
                .is_start_error = status->has_start_failed,
                .started_wall_usec = status->started_usec,
                .finished_wall_usec = status->finished_usec,
                .message = s->exit.message,
                .id = s->exit.id,
        };
        c->life = CONTAINER_EXITED;
        c->stop = STOP_NONE;
        c->post_start = c->pre_stop = HOOK_IDLE;
        c->is_unhealthy = c->is_started = false;
        c->is_probe_ready = false;
}

/* The life that ended becomes the one before this. */
static void slot_begin_life(struct pod_slot *s, const struct pod_action *a) {
        struct container_observed *c = seen_of(s);

        if (c->life == CONTAINER_EXITED) {
                texts_done(&s->last);
                s->last = s->exit;
                s->exit = (struct pod_exit_texts){ 0 };
                c->last = c->exit;
                c->has_last = true;
        }
        c->life = CONTAINER_STARTING;
        c->restarts = a->restarts;
        c->streak = a->streak;
        c->stop = STOP_NONE;
        c->post_start = c->pre_stop = HOOK_IDLE;
        c->is_unhealthy = c->is_resizing = c->is_started = c->is_probe_ready = false;
        pod_slot_size(s);
        pod_slot_set_id(s, c->restarts);
}

void pod_slot_running(struct pod_slot *s, uint64_t started_wall_usec) {
        const struct container_wanted *w = &s->pod->wanted.containers[s->index];
        struct container_observed *c = seen_of(s);

        c->life = CONTAINER_RUNNING;
        c->started_usec = clock_now_usec();
        c->started_wall_usec = started_wall_usec;
        c->is_started = !w->has_startup;
        c->is_probe_ready = !pod_probes_has_readiness(s);
        pod_probes_start(s, false);
}

static void slot_start_failed(struct pod_slot *s, const char *text) {
        struct container_observed *c = seen_of(s);
        const struct runtime_container_status failed = {
                .exit_code = 128,
                .has_start_failed = true,
                .started_usec = clock_wall_usec(),
                .finished_usec = clock_wall_usec(),
                .message = text,
        };
        struct runtime_container_status known = { 0 };

        events_pod(s->pod->ctx->events, &s->pod->spec->metadata, s->spec->name, EVENT_WARNING,
                   "Failed", "Error: %s", text);
        if (s->pod->rt && runtime_pod_container(s->pod->rt, s->spec->name, &known) &&
            known.instance == c->restarts && known.has_start_failed)
                pod_slot_exited(s, &known);
        else
                pod_slot_exited(s, &failed);
}

/* -EHOSTDOWN: orch-pod died, which is told in a moment (node_pod_lost()). That isn't the
 * container's fault: it starts again in the next sandbox, without a failure of its own and without
 * back-off. */
static void on_started(void *userdata, int r, const struct err *e) {
        struct pod_slot *s = userdata;
        struct node_pod *p = s->pod;
        struct runtime_container_status status = { 0 };
        bool is_known;

        if (seen_of(s)->life != CONTAINER_STARTING)
                return;
        if (r < 0) {
                if (r == -EHOSTDOWN)
                        return;
                slot_start_failed(s, err_text(e));
                node_pod_run(p);
                return;
        }
        events_pod(p->ctx->events, &p->spec->metadata, s->spec->name, EVENT_NORMAL, "Started",
                   "Started container %s", s->spec->name);
        is_known = p->rt && runtime_pod_container(p->rt, s->spec->name, &status);
        pod_slot_running(s,
                         is_known && status.started_usec ? status.started_usec : clock_wall_usec());
        node_pod_run(p);
}

void pod_start(struct node_pod *p, const struct pod_action *a) {
        struct pod_slot *s = p->slots[a->container];
        AUTO(arena) struct arena *arena = arena_new(0);
        struct pod_facts facts = pod_facts_of(p);
        struct container granted = *s->spec;
        struct container_spec_input input = {
                .ctx = p->ctx, .pod = p->spec, .container = &granted, .facts = &facts, .rt = p->rt
        };
        struct runtime_container_spec spec;
        struct err e = { 0 };
        int r;

        r = pod_slot_find_image(s);
        if (r == 1)
                return; /* on_pulled() looks again */
        granted.resources = *pod_slot_granted(s);
        p->is_dirty = true;
        if (r < 0)
                return;
        if (!arena) {
                pod_slot_fault(s, "CreateContainerError", "out of memory");
                return;
        }
        input.image = s->image;
        r = container_spec_build(arena, &input, &spec, &e);
        if (r < 0) {
                if (r != -EAGAIN)
                        events_pod(p->ctx->events, &p->spec->metadata, s->spec->name, EVENT_WARNING,
                                   "Failed", "Error: %s", err_text(&e));
                pod_slot_fault(s, r == -EAGAIN ? "ContainerCreating" : "CreateContainerConfigError",
                               err_text(&e));
                return;
        }
        spec.instance = a->restarts;
        pod_slot_clear_fault(s);
        slot_begin_life(s, a);
        if (!s->pulled_id)
                events_pod(p->ctx->events, &p->spec->metadata, s->spec->name, EVENT_NORMAL,
                           "Pulled", "Container image \"%s\" already present on machine",
                           s->spec->image);
        pod_text_set(&s->pulled_id, NULL);
        r = runtime_container_start(p->rt, &spec, on_started, s, &e);
        if (r == -EHOSTDOWN)
                return;
        if (r < 0) {
                slot_start_failed(s, err_text(&e));
                return;
        }
        events_pod(p->ctx->events, &p->spec->metadata, s->spec->name, EVENT_NORMAL, "Created",
                   "Created container: %s", s->spec->name);
}
