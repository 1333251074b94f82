/* pods/P/resize, the node's half: resize_plan decides, the containers' groups are changed while
 * they run (docs/adr/0158).
 *
 *   asked (p->object) --granted--> p->resize.granted --in force--> slot->sized, p->resize.in_force
 *
 * Each of the three is an object whose containers' resources count; mostly they are one. What is
 * granted is in the checkpoint before anything is done with it, so whoever takes over goes on. */
#include "api/schema/quantity.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/node/container_spec.h"
#include "daemon/node/events.h"
#include "daemon/node/pod_internal.h"
#include "daemon/plan/pod_amount.h"
#include "daemon/plan/resize_plan.h"
#include "daemon/runtime/runtime.h"

#include <errno.h>

#define RETRY_USEC (5 * USEC_PER_SEC)

void pod_resize_done(struct pod_resize *x) {
        object_unref(x->granted);
        free(x->pending_text);
        free(x->error_text);
}

const struct pod *pod_granted(const struct node_pod *p) {
        return (const struct pod *) p->resize.granted->meta;
}

static bool is_guest(const struct pod_slot *s) {
        return s->pod->wanted.containers[s->index].is_guest;
}

static const struct container *container_of(const struct object *o, size_t i) {
        return pod_wanted_container(&((const struct pod *) o->meta)->spec, i);
}

const struct resource_requirements *pod_slot_granted(const struct pod_slot *s) {
        return is_guest(s) ? &s->spec->resources
                           : &container_of(s->pod->resize.granted, s->index)->resources;
}

const struct resource_requirements *pod_slot_sized(const struct pod_slot *s) {
        return !s->sized || is_guest(s) ? NULL : &container_of(s->sized, s->index)->resources;
}

void pod_slot_size(struct pod_slot *s) {
        object_unref(s->sized);
        s->sized = object_ref(s->pod->resize.granted);
}

static struct resize_size size_of(const struct container *c) {
        const struct runtime_limits l = container_spec_limits(c);

        return (struct resize_size){ .cpu_request_milli = l.cpu_request_milli,
                                     .cpu_limit_milli = l.cpu_limit_milli,
                                     .memory_request_bytes = l.memory_request_bytes,
                                     .memory_limit_bytes = l.memory_limit_bytes };
}

/* Whether the containers of both have the same, guests aside: those have none. */
static bool is_same_size(const struct node_pod *p, const struct object *a, const struct object *b) {
        for (size_t i = 0; a != b && i < p->wanted.n && !p->wanted.containers[i].is_guest; i++) {
                const struct resize_size x = size_of(container_of(a, i)),
                                         y = size_of(container_of(b, i));

                if (x.cpu_request_milli != y.cpu_request_milli ||
                    x.cpu_limit_milli != y.cpu_limit_milli ||
                    x.memory_request_bytes != y.memory_request_bytes ||
                    x.memory_limit_bytes != y.memory_limit_bytes)
                        return false;
        }
        return true;
}

/* ---- what is told ---- */

/* The kubelet's: {"containers":[{"name":…,"resources":{…}}],"generation":5,"error":…} */
static char *event_text(const struct node_pod *p, const char *error) {
        json_t *list = json_array(),
               *root = json_pack("{s:o, s:I, s:s*}", "containers", list, "generation",
                                 (json_int_t) p->spec->metadata.generation, "error", error);
        char *text;

        for (size_t i = 0; i < p->spec->spec.containers.n; i++) {
                const struct container *c = &p->spec->spec.containers.items[i];

                (void) json_array_append_new(
                        list,
                        json_pack("{s:s, s:o}", "name", str_or_empty(c->name), "resources",
                                  schema_encode(&resource_requirements_schema, &c->resources)));
        }
        text = root ? json_dumps(root, JSON_COMPACT) : NULL;
        json_decref(root);
        return text;
}

static void resize_event(const struct node_pod *p, enum event_type type, const char *reason,
                         const char *what, const char *error) {
        AUTO_FREE char *text = event_text(p, error);

        events_pod(p->ctx->events, &p->spec->metadata, NULL, type, reason, "Pod resize %s: %s",
                   what, str_or_empty(text));
}

static void tell_pending(struct node_pod *p, const char *reason, const char *text) {
        struct pod_resize *x = &p->resize;

        if (reason && (!str_eq(x->pending, reason) || !str_eq(x->pending_text, text)))
                resize_event(p, EVENT_WARNING,
                             str_eq(reason, "Deferred") ? "ResizeDeferred" : "ResizeInfeasible",
                             str_eq(reason, "Deferred") ? "deferred" : "infeasible", text);
        if (!x->pending)
                x->pending_wall_usec = clock_wall_usec();
        x->pending = reason;
        pod_text_set(&x->pending_text, text);
}

static void tell_error(struct node_pod *p, const char *text) {
        struct pod_resize *x = &p->resize;

        if (text && !x->error_text) {
                LOG_WARN(p->key, "resources are not changed yet (%s); tried again", text);
                resize_event(p, EVENT_WARNING, "ResizeError", "error", text);
        }
        pod_text_set(&x->error_text, text);
}

static void begin(struct node_pod *p) {
        p->resize.is_under_way = true;
        p->resize.under_way_wall_usec = clock_wall_usec();
        pod_text_set(&p->resize.error_text, NULL);
        resize_event(p, EVENT_NORMAL, "ResizeStarted", "started", NULL);
}

static void end(struct node_pod *p) {
        if (p->resize.is_under_way)
                resize_event(p, EVENT_NORMAL, "ResizeCompleted", "completed", NULL);
        p->resize.is_under_way = false;
        tell_error(p, NULL);
}

size_t pod_resize_conditions(const struct node_pod *p, struct pod_condition *items) {
        const struct pod_resize *x = &p->resize;
        const int64_t generation = p->spec->metadata.generation;
        size_t n = 0;

        if (x->pending)
                items[n++] = (struct pod_condition){ .type = "PodResizePending",
                                                     .status = "True",
                                                     .last_transition_time = x->pending_wall_usec,
                                                     .reason = x->pending,
                                                     .message = x->pending_text,
                                                     .observed_generation = generation };
        if (x->is_under_way)
                items[n++] = (struct pod_condition){ .type = "PodResizeInProgress",
                                                     .status = "True",
                                                     .last_transition_time = x->under_way_wall_usec,
                                                     .reason = x->error_text ? "Error" : NULL,
                                                     .message = x->error_text,
                                                     .observed_generation = generation };
        return n;
}

/* ---- granting ---- */

void node_pod_held(const struct node_pod *p, int64_t *cpu_milli, int64_t *memory_bytes) {
        const struct pod_spec *spec = &pod_granted(p)->spec;

        if (p->seen.is_finished || p->is_over)
                return;
        *cpu_milli += pod_amount(spec, "cpu", false).milli;
        *memory_bytes += quantity_value(pod_amount(spec, "memory", false));
}

static struct resize_wish wish_of(const struct node_pod *p) {
        struct resize_wish w = { .node_cpu_milli = p->ctx->cpu_milli,
                                 .node_memory_bytes = p->ctx->memory_bytes };

        w.cpu_milli = pod_amount(&p->spec->spec, "cpu", false).milli;
        w.memory_bytes = quantity_value(pod_amount(&p->spec->spec, "memory", false));
        node_pod_held(p, &w.granted_cpu_milli, &w.granted_memory_bytes);
        if (p->events.others)
                p->events.others(p->events.userdata, p, &w.others_cpu_milli,
                                 &w.others_memory_bytes);
        return w;
}

static void grant(struct node_pod *p) {
        object_unref(p->resize.granted);
        p->resize.granted = object_ref(p->object);
        tell_pending(p, NULL, NULL);
        begin(p);
        /* Before a container starts with it: whoever takes over must know it by then. */
        pod_checkpoint_write(p);
        pod_store_write(p);
        if (p->events.on_room)
                p->events.on_room(p->events.userdata);
}

static void resize_ask(struct node_pod *p, uint64_t now_usec) {
        const struct resize_wish w = wish_of(p);
        char why[256];

        switch (resize_judge(&w, why)) {
        case RESIZE_GRANTED:
                grant(p);
                break;
        case RESIZE_DEFERRED:
                tell_pending(p, "Deferred", why);
                p->resize.ask_due_usec = now_usec + RETRY_USEC;
                break;
        case RESIZE_INFEASIBLE:
                tell_pending(p, "Infeasible", why);
                break;
        }
}

void node_pod_room_changed(struct node_pod *p) {
        if (!str_eq(p->resize.pending, "Deferred"))
                return;
        p->resize.ask_due_usec = 0;
        node_pod_run(p);
}

/* ---- bringing into force ---- */

static bool must_restart(const struct pod_slot *s, const char *resource) {
        for (size_t i = 0; i < s->spec->resize_policy.n; i++)
                if (str_eq(s->spec->resize_policy.items[i].resource_name, resource))
                        return str_eq(s->spec->resize_policy.items[i].restart_policy,
                                      "RestartContainer");
        return false;
}

static struct resize_container slot_fact(const struct pod_slot *s) {
        const struct container_observed *c = &s->pod->seen.containers[s->index];
        struct runtime_stats stats = { 0 };
        struct resize_container f = {
                .name = s->spec->name,
                .granted = size_of(container_of(s->pod->resize.granted, s->index)),
                .is_known = s->sized != NULL,
                .is_running = c->life == CONTAINER_RUNNING,
                .cpu_restarts = must_restart(s, "cpu"),
                .memory_restarts = must_restart(s, "memory"),
        };

        if (s->sized)
                f.in_force = size_of(container_of(s->sized, s->index));
        if (f.is_running && (!f.is_known || resize_step(&f) != RESIZE_KEEP) &&
            runtime_container_stats(s->pod->rt, s->spec->name, &stats, NULL) == 0)
                f.used_bytes = stats.memory_working_set_bytes;
        return f;
}

/* The larger of two bounds; 0 is none. */
static int64_t wider(int64_t a, int64_t b) {
        return a == 0 || b == 0 ? 0 : MAX(a, b);
}

/* The pod's own group doesn't stand in the way while those of its containers change. */
static struct runtime_limits pod_between(const struct pod_resize *x,
                                         const struct runtime_limits *now) {
        struct runtime_limits l = *now;

        l.cpu_limit_milli =
                x->is_known ? wider(now->cpu_limit_milli, x->in_force.cpu_limit_milli) : 0;
        l.memory_limit_bytes =
                x->is_known ? wider(now->memory_limit_bytes, x->in_force.memory_limit_bytes) : 0;
        return l;
}

static bool is_same_limits(const struct runtime_limits *a, const struct runtime_limits *b) {
        return a->cpu_limit_milli == b->cpu_limit_milli &&
               a->cpu_request_milli == b->cpu_request_milli &&
               a->memory_limit_bytes == b->memory_limit_bytes &&
               a->memory_request_bytes == b->memory_request_bytes;
}

/* Whether all that runs has what is granted: the usual case, told without a system call. */
static bool is_settled(const struct node_pod *p) {
        if (!p->resize.is_known || p->resize.is_under_way || p->resize.error_text)
                return false;
        for (size_t i = 0; i < p->wanted.n && !p->wanted.containers[i].is_guest; i++)
                if (p->seen.containers[i].life == CONTAINER_RUNNING &&
                    p->slots[i]->sized != p->resize.granted)
                        return false;
        return true;
}

/* What one look has found. */
struct look {
        struct resize_container *facts;
        size_t n;
        bool has_writes, has_restarts;
        bool is_news; /* a container is to be ended that wasn't at the last look */
};

static void look_around(struct node_pod *p, struct look *l) {
        for (; l->n < p->wanted.n && !p->wanted.containers[l->n].is_guest; l->n++) {
                struct container_observed *c = &p->seen.containers[l->n];
                struct pod_slot *s = p->slots[l->n];

                l->facts[l->n] = slot_fact(s);
                switch (resize_step(&l->facts[l->n])) {
                case RESIZE_RESTART:
                        l->is_news |= !c->is_resizing;
                        c->is_resizing = true;
                        break;
                case RESIZE_WRITE:
                case RESIZE_TOO_FULL:
                        l->has_writes = true;
                        break;
                case RESIZE_KEEP:
                        if (l->facts[l->n].is_running)
                                pod_slot_size(s);
                        break;
                }
                l->has_restarts |= c->is_resizing;
        }
}

/* Writes what may be written; the pod's own bounds last, and only when none of its containers has
 * to end for its size. Returns 0, or what the kernel says. */
static int resize_write(struct node_pod *p, const struct look *l, const struct runtime_limits *all,
                        struct err *e) {
        const struct runtime_limits between = pod_between(&p->resize, all);
        int r = l->has_writes || l->has_restarts ? runtime_pod_update(p->rt, &between, e) : 0;

        for (size_t i = 0; i < l->n && r == 0; i++) {
                struct runtime_limits own;

                if (resize_step(&l->facts[i]) != RESIZE_WRITE)
                        continue;
                own = container_spec_limits(container_of(p->resize.granted, i));
                r = runtime_container_update(p->rt, l->facts[i].name, &own, e);
                if (r == 0)
                        pod_slot_size(p->slots[i]);
        }
        if (r < 0 || l->has_restarts)
                return r;
        r = runtime_pod_update(p->rt, all, e);
        if (r == 0) {
                p->resize.in_force = *all;
                p->resize.is_known = true;
        }
        return r;
}

/* Returns 1: the rest is done when containers have ended; 0: all is in force; or an errno that is
 * explained. */
static int resize_act(struct node_pod *p, struct err *e) {
        AUTO(arena) struct arena *a = arena_new(0);
        const struct runtime_limits all = container_spec_pod_limits(pod_granted(p));
        struct look l = { 0 };
        const char *obstacle = NULL;
        int r = 0;

        l.facts = a ? arena_alloc_n(a, p->wanted.n + 1, sizeof(*l.facts)) : NULL;
        if (!l.facts)
                return err_set(e, -ENOMEM, "out of memory");
        look_around(p, &l);
        /* Before it is told to end: who takes over must know why it did. */
        if (l.is_news)
                pod_checkpoint_write(p);
        if (resize_obstacle(a, l.facts, l.n, all.memory_limit_bytes, &obstacle) < 0)
                return err_set(e, -ENOMEM, "out of memory");
        if (obstacle)
                return err_set(e, -EBUSY, "%s", obstacle);
        if (l.has_writes || l.has_restarts || !p->resize.is_known ||
            !is_same_limits(&all, &p->resize.in_force))
                r = resize_write(p, &l, &all, e);
        return r < 0 ? r : l.has_restarts;
}

static bool is_starting(const struct node_pod *p) {
        for (size_t i = 0; i < p->wanted.n; i++)
                if (p->seen.containers[i].life == CONTAINER_STARTING)
                        return true;
        return false;
}

static void resize_enforce(struct node_pod *p, uint64_t now_usec) {
        struct err e = { 0 };
        int r;

        if (is_settled(p))
                return;
        r = resize_act(p, &e);
        if (r == 0) {
                if (!is_starting(p))
                        end(p);
                return;
        }
        if (!p->resize.is_under_way)
                p->resize.under_way_wall_usec = clock_wall_usec();
        p->resize.is_under_way = true;
        tell_error(p, r < 0 ? err_text(&e) : NULL);
        if (r < 0)
                p->resize.due_usec = now_usec + RETRY_USEC;
}

static bool is_due(uint64_t *due_usec, uint64_t now_usec) {
        if (now_usec >= *due_usec)
                *due_usec = 0;
        return *due_usec == 0;
}

void pod_resize_run(struct node_pod *p, uint64_t now_usec) {
        struct pod_resize *x = &p->resize;

        if (p->wanted.is_deleting || p->seen.is_finished)
                return;
        if (is_same_size(p, p->object, x->granted)) {
                if (x->granted != p->object) {
                        object_unref(x->granted);
                        x->granted = object_ref(p->object);
                }
                x->ask_due_usec = 0;
                tell_pending(p, NULL, NULL);
        } else if (is_due(&x->ask_due_usec, now_usec)) {
                resize_ask(p, now_usec);
        }
        if (is_due(&x->due_usec, now_usec) && p->seen.sandbox == SANDBOX_READY && p->rt)
                resize_enforce(p, now_usec);
}

uint64_t pod_resize_wake(const struct node_pod *p) {
        const uint64_t ask = p->resize.ask_due_usec, act = p->resize.due_usec;

        return MIN(ask ? ask : USEC_NEVER, act ? act : USEC_NEVER);
}

/* ---- checkpoints ---- */

static json_t *resources_pack(const struct resource_requirements *r) {
        return schema_encode(&resource_requirements_schema, r);
}

static bool is_bounded(const struct node_pod *p) {
        return pod_amount_has_compute(&p->spec->spec);
}

json_t *pod_resize_pack_granted(const struct node_pod *p) {
        json_t *map = is_bounded(p) ? json_object() : NULL;

        for (size_t i = 0; map && i < p->wanted.n && !p->wanted.containers[i].is_guest; i++)
                (void) json_object_set_new(map, p->wanted.containers[i].name,
                                           resources_pack(pod_slot_granted(p->slots[i])));
        return map;
}

json_t *pod_resize_pack_sized(const struct node_pod *p) {
        json_t *map = is_bounded(p) ? json_object() : NULL;

        for (size_t i = 0; map && i < p->wanted.n && !p->wanted.containers[i].is_guest; i++)
                if (p->slots[i]->sized)
                        (void) json_object_set_new(map, p->wanted.containers[i].name,
                                                   resources_pack(pod_slot_sized(p->slots[i])));
        return map;
}

bool pod_resize_is_whole(const struct node_pod *p) {
        const struct runtime_limits all = container_spec_pod_limits(pod_granted(p));

        return p->resize.is_known && is_same_limits(&all, &p->resize.in_force);
}

static void sizes_put(json_t *list, const json_t *sizes) {
        json_t *one;
        size_t i;

        json_array_foreach(list, i, one) {
                json_t *size = json_object_get(
                        sizes, str_or_empty(json_string_value(json_object_get(one, "name"))));

                if (json_is_object(size))
                        (void) json_object_set(one, "resources", size);
        }
}

/* The pod's object with other resources; the same one where they are the same. A reference. */
static struct object *object_with_sizes(const struct node_pod *p, const json_t *sizes) {
        json_t *tree = object_json(p->object), *spec = json_object_get(tree, "spec");
        struct object *o = NULL;

        sizes_put(json_object_get(spec, "containers"), sizes);
        sizes_put(json_object_get(spec, "initContainers"), sizes);
        if (!tree || object_new_from_json(&pod_kind, tree, false, &o, NULL) < 0)
                o = NULL;
        json_decref(tree);
        if (o && !is_same_size(p, o, p->object))
                return o;
        object_unref(o);
        return object_ref(p->object);
}

void pod_resize_unpack_granted(struct node_pod *p, const json_t *granted) {
        if (!json_is_object(granted))
                return;
        object_unref(STEAL(p->resize.granted));
        p->resize.granted = object_with_sizes(p, granted);
}

void pod_resize_unpack_sized(struct node_pod *p, const json_t *sized, bool is_whole) {
        AUTO(object)
        struct object *o = is_bounded(p) ? object_with_sizes(p, sized) : object_ref(p->object);

        for (size_t i = 0; i < p->wanted.n && !p->wanted.containers[i].is_guest; i++)
                if (!is_bounded(p) || json_object_get(sized, p->wanted.containers[i].name))
                        p->slots[i]->sized = object_ref(o);
        p->resize.in_force = container_spec_pod_limits(pod_granted(p));
        p->resize.is_known = is_whole || !is_bounded(p);
}
