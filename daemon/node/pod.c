#include "daemon/node/pod.h"

#include "api/client/client.h"
#include "api/kinds/labels.h"
#include "api/kinds/service.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"
#include "daemon/loop/work.h"
#include "daemon/network/ipam.h"
#include "daemon/node/events.h"
#include "daemon/node/image_use.h"
#include "daemon/node/pod_internal.h"
#include "daemon/node/sources.h"
#include "daemon/node/tokens.h"
#include "daemon/node/volumes.h"
#include "daemon/runtime/runtime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A plan that leads to another one at once more often than this is a mistake: sleep over it. */
#define POD_ROUNDS_MAX 32

void pod_text_set(char **text, const char *value) {
        char *fresh = value ? strdup(value) : NULL;

        free(*text);
        *text = fresh;
}

static void on_timer(struct loop_timer *t, void *userdata) {
        (void) t;
        node_pod_run(userdata);
}

/* Whether the containers that there are stay in their places: a pod's spec is immutable but for
 * images, and guests come behind. */
static bool is_same_start(const struct pod_wanted *old, const struct pod_wanted *fresh) {
        if (fresh->n < old->n)
                return false;
        for (size_t i = 0; i < old->n; i++)
                if (!str_eq(old->containers[i].name, fresh->containers[i].name))
                        return false;
        return true;
}

/* Room for n containers. 0 or -ENOMEM; what is there stays. */
static int pod_grow(struct node_pod *p, size_t n_before, size_t n) {
        struct pod_slot **slots = reallocarray(p->slots, n + 1, sizeof(*slots));
        struct container_observed *seen;

        if (!slots)
                return -ENOMEM;
        p->slots = slots;
        memset(&slots[n_before], 0, (n + 1 - n_before) * sizeof(*slots));
        seen = reallocarray(p->seen.containers, n + 1, sizeof(*seen));
        if (!seen)
                return -ENOMEM;
        p->seen.containers = seen;
        memset(&seen[n_before], 0, (n + 1 - n_before) * sizeof(*seen));
        for (size_t i = n_before; i < n; i++) {
                slots[i] = calloc(1, sizeof(**slots));
                if (!slots[i])
                        break;
                *slots[i] = (struct pod_slot){ .pod = p, .index = i };
        }
        if (n == n_before || slots[n - 1])
                return 0;
        for (size_t i = n_before; i < n; i++)
                free(STEAL(slots[i]));
        return -ENOMEM;
}

/* Points everything that borrows from the object at the new one. */
static int pod_take_object(struct node_pod *p, struct object *o) {
        const struct pod *spec = (const struct pod *) o->meta;
        struct container_wanted *containers = NULL;
        bool is_gone = p->wanted.is_gone, is_deleting = p->wanted.is_deleting;
        size_t n_before = p->wanted.n;
        struct pod_wanted wanted;
        int r = pod_wanted_fill(spec, &containers, &wanted);

        if (r < 0)
                return r;
        if (p->object && !is_same_start(&p->wanted, &wanted))
                r = -EINVAL;
        if (r == 0)
                r = pod_grow(p, n_before, wanted.n);
        if (r < 0) {
                free(containers);
                return r;
        }
        free(p->containers_wanted);
        p->containers_wanted = containers;
        p->wanted = wanted;
        p->wanted.is_gone = is_gone;
        p->wanted.is_deleting |= is_deleting;
        object_ref(o);
        object_unref(p->object);
        p->object = o;
        p->spec = spec;
        for (size_t i = 0; i < wanted.n; i++)
                p->slots[i]->spec = pod_wanted_container(&spec->spec, i);
        return 0;
}

static int pod_init(struct node_pod *p, struct object *o, struct err *e) {
        int r = pod_take_object(p, o);

        if (r == 0)
                p->resize.granted = object_ref(o);
        if (r < 0)
                return err_set(e, r, r == -E2BIG ? "more than 256 containers" : "out of memory");
        p->uid = strdup(str_or_empty(p->spec->metadata.uid));
        p->key = client_key(p->spec->metadata.namespace, p->spec->metadata.name);
        p->work = work_owner_new(p->ctx->loop);
        if (!p->uid || !p->key || !p->work)
                return err_set(e, -ENOMEM, "out of memory");
        r = loop_timer_new(p->ctx->loop, 0, on_timer, p, &p->timer, e);
        if (r < 0)
                return r;
        p->status.due_usec = p->delete_due_usec = USEC_NEVER;
        pod_status_seed(p);
        if (p->ctx->tokens)
                tokens_want(p->ctx->tokens, p->spec);
        return sources_want(p->ctx->sources, p->spec, e);
}

int node_pod_new(const struct context *ctx, struct object *o, const struct node_pod_events *events,
                 struct node_pod **ret, struct err *e) {
        AUTO(node_pod) struct node_pod *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return err_set(e, -ENOMEM, "out of memory");
        p->ctx = ctx;
        p->events = *events;
        r = pod_init(p, o, e);
        if (r < 0)
                return r;
        *ret = STEAL(p);
        return 0;
}

void node_pod_unref(struct node_pod *p) {
        if (!p)
                return;
        for (size_t i = 0; i < p->wanted.n; i++) {
                if (p->seen.containers)
                        image_use_note(p->ctx, str_or_empty(p->seen.containers[i].image_id));
                pod_slot_done(p->slots[i]);
                free(p->slots[i]);
        }
        pod_status_done(&p->status);
        client_cancel(p->delete_call);
        loop_timer_unref(p->timer);
        work_owner_cancel(p->work);
        if (p->spec && p->ctx->sources)
                sources_unwant(p->ctx->sources, p->spec);
        if (p->spec && p->ctx->tokens)
                tokens_unwant(p->ctx->tokens, p->spec);
        free(p->slots);
        free(p->seen.containers);
        free(p->containers_wanted);
        free(p->sandbox_reason);
        free(p->sandbox_text);
        free(p->checkpoint);
        pod_resize_done(&p->resize);
        free(p->uid);
        free(p->key);
        object_unref(p->object);
        free(p);
}

const char *node_pod_uid(const struct node_pod *p) {
        return p->uid;
}

const char *node_pod_key(const struct node_pod *p) {
        return p->key;
}

struct object *node_pod_object(const struct node_pod *p) {
        return p->object;
}

struct runtime_pod *node_pod_runtime(const struct node_pod *p) {
        return p->rt;
}

const struct ip_addr *node_pod_ip(const struct node_pod *p) {
        return &p->ip;
}

static void pod_room(const struct node_pod *p) {
        if (p->events.on_room)
                p->events.on_room(p->events.userdata);
}

static void pod_over(struct node_pod *p) {
        if (p->is_over)
                return;
        p->is_over = true;
        pod_sandbox_release_ip(p);
        pod_checkpoint_remove(p);
        pod_store_remove(p);
        pod_logs_remove(p);
        p->events.on_over(p->events.userdata, p);
        pod_room(p);
}

static void pod_act(struct node_pod *p, const struct pod_action *a) {
        struct pod_slot *s = p->slots[a->container];

        switch (a->kind) {
        case POD_CREATE_SANDBOX:
                pod_sandbox_create(p);
                break;
        case POD_START:
                pod_start(p, a);
                break;
        case POD_POST_START:
                pod_post_start(s);
                break;
        case POD_PRE_STOP:
                pod_pre_stop(s, a);
                break;
        case POD_TERM:
                pod_term(s, a);
                break;
        case POD_KILL:
                pod_kill(s);
                break;
        case POD_TEAR_DOWN:
                pod_sandbox_tear_down(p);
                break;
        case POD_DELETE_OBJECT:
                pod_delete_object(p);
                break;
        case POD_FORGET:
                pod_over(p);
                break;
        }
}

struct selection {
        const struct pod *pod;
        bool is_selected;
};

static void look_at_service(void *data, const struct service *service) {
        struct selection *s = data;

        s->is_selected |= str_eq(service->metadata.namespace, s->pod->metadata.namespace) &&
                          service->spec.selector.n > 0 &&
                          string_map_is_subset(&service->spec.selector, &s->pod->metadata.labels);
}

static bool pod_is_selected(const struct node_pod *p) {
        const struct pod_sources *sources = &p->ctx->pod_sources;
        struct selection s = { .pod = p->spec };

        if (sources->each_service)
                sources->each_service(sources->data, p->spec->metadata.namespace, look_at_service,
                                      &s);
        return s.is_selected;
}

/* From the moment a pod is deleted until rules are in force that know it, names may lead to it:
 * also when the server's list, or the rules, have not caught up with its becoming ready. */
static void pod_note_deletion(struct node_pod *p, uint64_t now_usec) {
        if (!p->wanted.is_deleting || p->seen.deleting_usec != 0)
                return;
        p->seen.deleting_usec = now_usec;
        p->seen.is_listed = p->status.was_ready && !p->wanted.is_gone && pod_is_selected(p);
}

/* Each wait is told once, not at every look. */
static void slot_tell_back_off(struct pod_slot *s, const struct container_view *v) {
        const struct container_observed *c = &s->pod->seen.containers[s->index];
        const struct object_meta *meta = &s->pod->spec->metadata;
        struct events *events = s->pod->ctx->events;

        if (v->is_back_off && s->told_restarts != c->restarts + 1) {
                s->told_restarts = c->restarts + 1;
                events_pod(events, meta, s->spec->name, EVENT_WARNING, "BackOff",
                           "Back-off restarting failed container %s in pod %s_%s(%s)",
                           s->spec->name, meta->name, meta->namespace, meta->uid);
        } else if (str_eq(v->reason, "ImagePullBackOff") && s->told_faults != c->n_faults) {
                s->told_faults = c->n_faults;
                events_pod(events, meta, s->spec->name, EVENT_NORMAL, "BackOff",
                           "Back-off pulling image \"%.200s\"", s->spec->image);
        }
}

/* One look: decide, tell, do. Returns when to look again. */
static uint64_t pod_round(struct node_pod *p) {
        AUTO(arena) struct arena *a = arena_new(4096);
        struct pod_plan *plan = NULL;
        uint64_t now_usec = clock_now_usec();
        bool has_just_ended = false;

        pod_note_deletion(p, now_usec);
        pod_resize_run(p, now_usec);
        if (!a || pod_plan(a, &p->wanted, &p->seen, now_usec, &plan) < 0) {
                LOG_WARN(p->key, "out of memory; next try in 1 s");
                return now_usec + USEC_PER_SEC;
        }
        if (!p->seen.is_finished && !p->wanted.is_deleting &&
            (plan->phase == POD_SUCCEEDED || plan->phase == POD_FAILED)) {
                p->seen.is_finished = true;
                p->seen.is_failed = plan->phase == POD_FAILED;
                has_just_ended = true;
        }
        pod_status_plan(p, plan);
        for (size_t i = 0; i < p->wanted.n; i++)
                slot_tell_back_off(p->slots[i], &plan->containers[i]);
        if (has_just_ended) {
                pod_store_write(p);
                pod_room(p);
        }
        for (size_t i = 0; i < plan->n && !p->is_over; i++)
                pod_act(p, &plan->actions[i]);
        return plan->wake_usec;
}

void node_pod_run(struct node_pod *p) {
        uint64_t wake_usec = USEC_NEVER;

        p->is_dirty = true;
        if (p->is_running_plan)
                return;
        p->is_running_plan = true;
        for (unsigned i = 0; p->is_dirty && !p->is_over; i++) {
                p->is_dirty = false;
                wake_usec = pod_round(p);
                if (p->is_dirty && i >= POD_ROUNDS_MAX) {
                        wake_usec = clock_now_usec() + USEC_PER_SEC;
                        break;
                }
        }
        p->is_running_plan = false;
        if (p->is_over)
                return;
        pod_checkpoint_write(p);
        pod_status_send_due(p, clock_now_usec());
        if (!p->status.call)
                wake_usec = MIN(wake_usec, p->status.due_usec);
        wake_usec = MIN(wake_usec, pod_resize_wake(p));
        loop_timer_set(p->timer, MIN(wake_usec, p->delete_due_usec));
}

static bool is_same_map(const struct string_map *a, const struct string_map *b) {
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!str_eq(string_map_get(b, a->items[i].key), a->items[i].value))
                        return false;
        return true;
}

/* Our own writes of status come back through the watch; only the rest concerns us. */
static bool is_news(const struct pod *before, const struct pod *after) {
        const struct object_meta *a = &before->metadata, *b = &after->metadata;

        return a->deletion_timestamp != b->deletion_timestamp ||
               a->deletion_grace_period_seconds.value != b->deletion_grace_period_seconds.value ||
               !is_same_map(&a->labels, &b->labels) ||
               !is_same_map(&a->annotations, &b->annotations) ||
               !schema_equal(&pod_spec_schema, &before->spec, &after->spec);
}

static void pod_refresh_volumes(struct node_pod *p) {
        const struct pod_facts facts = pod_facts_of(p);
        struct err e = { 0 };

        if (p->seen.sandbox == SANDBOX_READY && volumes_write(p->ctx, p->spec, &facts, &e) < 0)
                LOG_DEBUG(p->key, "volumes keep their content: %s", err_text(&e));
}

void node_pod_update(struct node_pod *p, struct object *o) {
        struct object *before;
        const struct pod *old = p->spec;
        int r;

        if (!is_news(old, (const struct pod *) o->meta))
                return;
        before = object_ref(p->object);
        r = pod_take_object(p, o);
        if (r < 0) {
                LOG_WARN(p->key, "a change of the pod is left aside (%s)",
                         r == -EINVAL ? "its containers can't be added or removed" : strerror(-r));
        } else {
                (void) sources_want(p->ctx->sources, p->spec, NULL);
                sources_unwant(p->ctx->sources, old);
                p->resize.ask_due_usec = p->resize.due_usec = 0;
                pod_store_write(p);
                pod_refresh_volumes(p); /* the downward API shows labels */
        }
        object_unref(before);
        node_pod_run(p);
}

void node_pod_gone(struct node_pod *p) {
        p->wanted.is_gone = true;
        p->wanted.is_deleting = true;
        node_pod_run(p);
}

void node_pod_source_changed(struct node_pod *p) {
        /* Waiting for it: don't wait for the back-off as well. */
        p->seen.sandbox_fault_usec = 0;
        for (size_t i = 0; i < p->wanted.n; i++)
                p->seen.containers[i].fault_usec = 0;
        pod_refresh_volumes(p);
        node_pod_run(p);
}

void node_pod_image_changed(struct node_pod *p) {
        for (size_t i = 0; i < p->wanted.n; i++)
                p->seen.containers[i].fault_usec = 0;
        node_pod_run(p);
}

void node_pod_rules_changed(struct node_pod *p, bool is_terminating) {
        if (!p->seen.is_listed || !(is_terminating || !pod_is_selected(p)))
                return;
        p->seen.is_listed = false;
        p->seen.unlisted_usec = clock_now_usec();
        node_pod_run(p);
}

static struct pod_slot *pod_find_slot(struct node_pod *p, const char *name) {
        for (size_t i = 0; i < p->wanted.n; i++)
                if (str_eq(p->containers_wanted[i].name, name))
                        return p->slots[i];
        return NULL;
}

void node_pod_exited(struct node_pod *p, const struct runtime_container_status *status) {
        struct pod_slot *s = pod_find_slot(p, status->container);
        struct container_observed *c = s ? &p->seen.containers[s->index] : NULL;

        /* Recovery may have told of this exit already. */
        if (!c || c->life == CONTAINER_EXITED || c->life == CONTAINER_NEW ||
            status->instance != c->restarts)
                return;
        pod_slot_exited(s, status);
        node_pod_run(p);
}

void node_pod_lost(struct node_pod *p) {
        if (pod_sandbox_lost(p))
                node_pod_run(p);
}

void node_pod_adopt(struct node_pod *p, struct runtime_pod *rt) {
        p->rt = rt;
        p->seen.sandbox = runtime_pod_is_alive(rt) ? SANDBOX_READY : SANDBOX_LOST;
        pod_checkpoint_read(p);
}

void node_pod_seed_granted(struct node_pod *p, const json_t *granted) {
        pod_resize_unpack_granted(p, granted);
}

void node_pod_remember(struct node_pod *p) {
        pod_store_write(p);
}

/* A life that the checkpoint doesn't know began with what was granted, and nothing has been done to
 * it yet: stops, hooks and probes of the checkpoint are the last one's. */
static void adopt_younger(struct pod_slot *s) {
        struct container_observed *c = &s->pod->seen.containers[s->index];

        c->stop = STOP_NONE;
        c->post_start = c->pre_stop = HOOK_IDLE;
        c->is_unhealthy = c->is_resizing = c->is_started = c->is_probe_ready = false;
        pod_slot_size(s);
}

void node_pod_adopt_container(struct node_pod *p, const struct runtime_container_status *status) {
        struct pod_slot *s = pod_find_slot(p, status->container);
        struct container_observed *c = s ? &p->seen.containers[s->index] : NULL;

        if (!c)
                return;
        if (status->instance > c->restarts)
                adopt_younger(s);
        c->restarts = (unsigned) MIN(status->instance, (uint64_t) UINT32_MAX);
        pod_slot_set_id(s, status->instance);
        if (status->state == RUNTIME_STATE_RUNNING) {
                c->life = CONTAINER_RUNNING;
                /* The checkpoint may be of before it ran. */
                c->is_started |= !s->pod->wanted.containers[s->index].has_startup;
                c->is_probe_ready |= !pod_probes_has_readiness(s);
                c->started_wall_usec = status->started_usec;
                c->started_usec =
                        clock_now_usec() -
                        MIN(clock_wall_usec() - MIN(status->started_usec, clock_wall_usec()),
                            clock_now_usec());
                pod_probes_start(s, true);
        } else if (status->state == RUNTIME_STATE_EXITED) {
                c->started_wall_usec = status->started_usec;
                pod_slot_exited(s, status);
        }
}
