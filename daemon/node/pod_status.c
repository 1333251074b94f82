#include "api/client/client.h"
#include "api/schema/schema.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/node/pod_internal.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

/* What changes within this time is told with one write; Ready and ends don't wait. An end that is
 * followed by a start at once waits for its outcome, so that a restart of a few milliseconds is
 * told as such. */
#define STATUS_DELAY_USEC (200 * USEC_PER_MSEC)
#define STATUS_RESTART_USEC (20 * USEC_PER_MSEC)
#define STATUS_RETRY_FIRST_USEC (250 * USEC_PER_MSEC)
#define STATUS_RETRY_MOST_USEC (30 * USEC_PER_SEC)

static const char *const condition_names[] = { "PodScheduled", "Initialized", "ContainersReady",
                                               "Ready" };

void pod_status_done(struct pod_status_sender *s) {
        client_cancel(s->call);
        free(s->sent);
        free(s->wanted);
        free(s->in_flight);
        free(s->last_words);
}

/* The status inside an object, as text; NULL when memory is out. */
static char *status_of_object(const struct object *o) {
        json_t *tree = object_json(o);
        char *text = tree ? json_dumps(json_object_get(tree, "status"), JSON_COMPACT) : NULL;

        json_decref(tree);
        return text;
}

/* What the server knows already: transition times must not jump when the node is restarted. */
/* A guest lives once: of one that ran before the machine's reboot nothing is left. What the runtime
 * still has of it is told later. */
static void guest_seed(struct node_pod *p, size_t i) {
        const struct container_statuses *list = &p->spec->status.ephemeral_container_statuses;

        for (size_t j = 0; j < list->n; j++) {
                const struct container_status *st = &list->items[j];
                const struct container_state_terminated *t = st->state.terminated;

                if (!str_eq(st->name, p->wanted.containers[i].name) ||
                    str_is_empty(st->container_id))
                        continue;
                p->seen.containers[i].life = CONTAINER_EXITED;
                p->seen.containers[i].exit = (struct container_exit){
                        .code = t ? (int) t->exit_code : 137,
                        .started_wall_usec = t                   ? t->started_at
                                             : st->state.running ? st->state.running->started_at
                                                                 : 0,
                        .finished_wall_usec = t ? t->finished_at : 0,
                };
        }
}

void pod_status_seed(struct node_pod *p) {
        const struct pod_status *st = &p->spec->status;
        struct pod_status_sender *s = &p->status;

        s->start_wall_usec = st->start_time;
        for (size_t i = 0; i < COND_MAX_; i++) {
                const struct pod_condition *c = pod_condition_find(st, condition_names[i]);

                if (c)
                        s->conditions[i] =
                                (struct pod_condition_time){ .is_known = true,
                                                             .is_true = str_eq(c->status, "True"),
                                                             .since_usec =
                                                                     c->last_transition_time };
        }
        s->was_ready = s->conditions[COND_READY].is_true;
        if (str_eq(st->phase, "Succeeded") || str_eq(st->phase, "Failed")) {
                p->seen.is_finished = true;
                p->seen.is_failed = str_eq(st->phase, "Failed");
                s->last_words = status_of_object(p->object);
        }
        for (size_t i = 0; i < p->wanted.n; i++) {
                const struct container_statuses *list = p->wanted.containers[i].is_init
                                                                ? &st->init_container_statuses
                                                                : &st->container_statuses;

                if (p->wanted.containers[i].is_guest) {
                        guest_seed(p, i);
                        continue;
                }
                for (size_t j = 0; j < list->n; j++)
                        if (str_eq(list->items[j].name, p->wanted.containers[i].name) &&
                            !str_is_empty(list->items[j].container_id))
                                /* It ran before: the next life is a restart, unless the runtime
                                 * still has it. */
                                p->seen.containers[i].restarts =
                                        (unsigned) MAX(MIN(list->items[j].restart_count,
                                                           INT64_C(1000000000)),
                                                       0) +
                                        1;
        }
}

struct status_builder {
        struct arena *a;
        struct node_pod *p;
        const struct pod_plan *plan;
        struct pod_status *out;
        uint64_t wall_usec;
};

static int add_condition(struct status_builder *b, enum pod_condition_kind kind,
                         const struct pod_condition_view *v) {
        struct pod_condition_time *t = &b->p->status.conditions[kind];

        if (!t->is_known || t->is_true != v->is_true) {
                *t = (struct pod_condition_time){ .is_known = true,
                                                  .is_true = v->is_true,
                                                  .since_usec = b->wall_usec };
        }
        b->out->conditions.items[b->out->conditions.n++] = (struct pod_condition){
                .type = condition_names[kind],
                .status = v->is_true ? "True" : "False",
                .last_transition_time = t->since_usec,
                .reason = v->reason,
                .message = v->message,
        };
        return 0;
}

static struct container_state_terminated *
terminated(struct status_builder *b, const struct container_exit *x, const char *reason) {
        struct container_state_terminated *t = arena_alloc(b->a, sizeof(*t));

        if (t)
                *t = (struct container_state_terminated){ .exit_code = x->code,
                                                          .signal = x->signal,
                                                          .reason = reason,
                                                          .message = x->message,
                                                          .started_at = x->started_wall_usec,
                                                          .finished_at = x->finished_wall_usec,
                                                          .container_id = x->id };
        return t;
}

static int fill_state(struct status_builder *b, size_t i, struct container_state *out) {
        const struct container_observed *c = &b->p->seen.containers[i];
        const struct container_view *v = &b->plan->containers[i];

        switch (v->state) {
        case SIGHT_WAITING:
                out->waiting = arena_alloc(b->a, sizeof(*out->waiting));
                if (!out->waiting)
                        return -ENOMEM;
                out->waiting->reason = v->reason;
                out->waiting->message = v->message;
                return 0;
        case SIGHT_RUNNING:
                out->running = arena_alloc(b->a, sizeof(*out->running));
                if (!out->running)
                        return -ENOMEM;
                out->running->started_at = c->started_wall_usec;
                return 0;
        case SIGHT_TERMINATED:
                out->terminated = terminated(b, &c->exit, v->reason);
                return out->terminated ? 0 : -ENOMEM;
        }
        return 0;
}

/* Borrowed from the objects that the slot holds. */
static void fill_resources(const struct pod_slot *s, bool is_running,
                           struct container_status *out) {
        const struct resource_requirements *granted = pod_slot_granted(s), *sized = NULL;

        if (granted->limits.n == 0 && granted->requests.n == 0)
                return;
        if (is_running)
                sized = pod_slot_sized(s);
        out->allocated_resources = granted->requests;
        out->resources = (struct resource_requirements *) (sized ? sized : granted);
}

static int fill_container(struct status_builder *b, size_t i, struct container_status *out) {
        const struct container_observed *c = &b->p->seen.containers[i];
        const struct container_view *v = &b->plan->containers[i];
        bool is_waiting_again = v->state == SIGHT_WAITING && c->life == CONTAINER_EXITED;
        int r;

        *out = (struct container_status){
                .name = b->p->wanted.containers[i].name,
                .ready = v->is_ready,
                /* A life that has not begun isn't a restart yet. */
                .restart_count =
                        c->life == CONTAINER_NEW && c->restarts > 0 ? c->restarts - 1 : c->restarts,
                .image = b->p->slots[i]->spec->image,
                .image_id = str_or_empty(c->image_id),
                .container_id = c->id,
                .started = { .is_set = true, .value = v->is_started },
        };
        fill_resources(b->p->slots[i], c->life == CONTAINER_RUNNING, out);
        r = fill_state(b, i, &out->state);
        if (r < 0)
                return r;
        if (is_waiting_again)
                out->last_state.terminated = terminated(b, &c->exit, pod_exit_reason(&c->exit));
        else if (c->has_last)
                out->last_state.terminated = terminated(b, &c->last, pod_exit_reason(&c->last));
        return (is_waiting_again || c->has_last) && !out->last_state.terminated ? -ENOMEM : 0;
}

static int fill_containers(struct status_builder *b) {
        const size_t n_init = b->p->spec->spec.init_containers.n,
                     n_own = b->p->spec->spec.containers.n, n = b->p->wanted.n;
        struct container_status *items = arena_alloc_n(b->a, n, sizeof(*items));

        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                int r = fill_container(b, i, &items[i]);

                if (r < 0)
                        return r;
        }
        b->out->init_container_statuses =
                (struct container_statuses){ .items = items, .n = n_init };
        b->out->container_statuses =
                (struct container_statuses){ .items = items + n_init, .n = n_own };
        b->out->ephemeral_container_statuses =
                (struct container_statuses){ .items = items + n_init + n_own,
                                             .n = n - n_init - n_own };
        return 0;
}

/* Guaranteed: every container has equal limits and requests of both; BestEffort: none has any. */
static const char *qos_class(const struct pod_spec *spec) {
        bool is_guaranteed = true, is_best_effort = true;

        for (size_t i = 0; i < spec->init_containers.n + spec->containers.n; i++) {
                const struct resource_requirements *q = &pod_wanted_container(spec, i)->resources;
                static const char *const names[] = { "cpu", "memory" };

                for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
                        struct quantity limit = quantity_map_get(&q->limits, names[j]);
                        struct quantity request = quantity_map_get(&q->requests, names[j]);

                        if (limit.milli > 0 || request.milli > 0)
                                is_best_effort = false;
                        if (limit.milli <= 0 || (request.is_set && request.milli != limit.milli))
                                is_guaranteed = false;
                }
        }
        return is_best_effort ? "BestEffort" : is_guaranteed ? "Guaranteed" : "Burstable";
}

static int fill_addresses(struct status_builder *b) {
        const struct pod_facts facts = pod_facts_of(b->p);
        struct host_ip *host = arena_alloc(b->a, sizeof(*host));
        struct pod_ip *ip = arena_alloc(b->a, sizeof(*ip));

        if (!host || !ip)
                return -ENOMEM;
        if (facts.host_ip) {
                host->ip = b->out->host_ip = facts.host_ip;
                b->out->host_ips.items = host;
                b->out->host_ips.n = 1;
        }
        if (facts.pod_ip) {
                ip->ip = b->out->pod_ip = facts.pod_ip;
                b->out->pod_ips.items = ip;
                b->out->pod_ips.n = 1;
        }
        return 0;
}

static int status_fill(struct status_builder *b) {
        static const struct pod_condition_view scheduled = { .is_true = true };
        struct pod_status_sender *s = &b->p->status;
        int r;

        if (s->start_wall_usec == 0)
                s->start_wall_usec = b->wall_usec;
        b->out->phase = pod_phase_name(b->plan->phase);
        b->out->start_time = s->start_wall_usec;
        b->out->qos_class = qos_class(&b->p->spec->spec);
        b->out->observed_generation = b->p->spec->metadata.generation;
        b->out->conditions.items = arena_alloc_n(b->a, COND_MAX_ + 2, sizeof(struct pod_condition));
        if (!b->out->conditions.items)
                return -ENOMEM;
        (void) add_condition(b, COND_SCHEDULED, &scheduled);
        (void) add_condition(b, COND_INITIALIZED, &b->plan->initialized);
        (void) add_condition(b, COND_CONTAINERS_READY, &b->plan->containers_ready);
        (void) add_condition(b, COND_READY, &b->plan->ready);
        b->out->conditions.n +=
                pod_resize_conditions(b->p, &b->out->conditions.items[b->out->conditions.n]);
        r = fill_addresses(b);
        return r < 0 ? r : fill_containers(b);
}

static char *status_text(struct node_pod *p, const struct pod_plan *plan) {
        AUTO(arena) struct arena *a = arena_new(4096);
        struct pod_status out = { 0 };
        struct status_builder b = {
                .a = a, .p = p, .plan = plan, .out = &out, .wall_usec = clock_wall_usec()
        };
        json_t *tree;
        char *text;

        if (!a || status_fill(&b) < 0)
                return NULL;
        tree = schema_encode(&pod_status_schema, &out);
        text = tree ? json_dumps(tree, JSON_COMPACT) : NULL;
        json_decref(tree);
        return text;
}

static bool plan_starts(const struct pod_plan *plan) {
        for (size_t i = 0; i < plan->n; i++)
                if (plan->actions[i].kind == POD_START)
                        return true;
        return false;
}

void pod_status_plan(struct node_pod *p, const struct pod_plan *plan) {
        struct pod_status_sender *s = &p->status;
        bool is_end = plan->phase == POD_SUCCEEDED || plan->phase == POD_FAILED;
        bool is_urgent = s->was_ready != plan->ready.is_true || is_end;
        AUTO_FREE char *text = NULL;
        uint64_t now_usec = clock_now_usec();

        /* Nobody reads the status of what is deleted and has ended, or is gone. */
        if (p->wanted.is_gone)
                return;
        text = s->last_words ? strdup(s->last_words) : status_text(p, plan);
        if (!text)
                return;
        if (p->seen.is_finished && !s->last_words)
                s->last_words = strdup(text);
        s->was_ready = plan->ready.is_true;
        if (str_eq(text, s->in_flight ? s->in_flight : s->sent)) {
                free(STEAL(s->wanted));
                if (!s->in_flight)
                        s->due_usec = USEC_NEVER;
                return;
        }
        if (str_eq(text, s->wanted) && !is_urgent)
                return;
        free(s->wanted);
        s->wanted = STEAL(text);
        if (is_urgent && s->n_failures == 0)
                s->due_usec = plan_starts(plan) ? now_usec + STATUS_RESTART_USEC : now_usec;
        else if (s->due_usec == USEC_NEVER)
                s->due_usec = now_usec + STATUS_DELAY_USEC;
}

static void status_retry(struct node_pod *p) {
        struct pod_status_sender *s = &p->status;
        uint64_t wait_usec = STATUS_RETRY_FIRST_USEC << MIN(s->n_failures, 10U);

        s->n_failures++;
        s->due_usec = clock_now_usec() + MIN(wait_usec, STATUS_RETRY_MOST_USEC);
        if (!s->wanted)
                s->wanted = STEAL(s->in_flight);
}

static void on_sent(void *data, const struct client_answer *a) {
        struct node_pod *p = data;
        struct pod_status_sender *s = &p->status;
        enum client_reason reason;
        struct err e = { 0 };
        int r;

        s->call = NULL;
        r = client_answer_check(a, &reason, &e);
        if (r == 0) {
                free(s->sent);
                s->sent = STEAL(s->in_flight);
                s->n_failures = 0;
                s->due_usec = s->wanted ? clock_now_usec() : USEC_NEVER;
        } else if (reason == CLIENT_REASON_NOT_FOUND) {
                /* The watch will say so, too; until then there is nobody to tell. */
                free(STEAL(s->in_flight));
                free(STEAL(s->wanted));
                s->due_usec = USEC_NEVER;
        } else {
                if (s->n_failures == 0)
                        LOG_DEBUG(p->key, "status is not written (%s); tried again", err_text(&e));
                status_retry(p);
        }
        free(STEAL(s->in_flight));
        node_pod_run(p);
}

static char *status_path(const struct node_pod *p, const char *subresource) {
        const struct client_target t = { .version = "v1",
                                         .resource = "pods",
                                         .namespace_ = p->spec->metadata.namespace,
                                         .name = p->spec->metadata.name,
                                         .subresource = subresource };

        return client_path(&t);
}

static int status_send(struct node_pod *p, struct err *e) {
        struct pod_status_sender *s = &p->status;
        AUTO_FREE char *path = status_path(p, "status");
        AUTO_FREE char *body =
                str_format("{\"metadata\":{\"uid\":\"%s\"},\"status\":%s}", p->uid, s->wanted);
        const struct client_handlers h = { .on_done = on_sent };
        struct client_request q = { .method = CLIENT_PATCH,
                                    .path = path,
                                    .content_type = CLIENT_TYPE_MERGE_PATCH };

        if (!path || !body)
                return err_set(e, -ENOMEM, "out of memory");
        q.body = body;
        q.body_len = strlen(body);
        return client_start(p->ctx->client, &q, &h, p, &s->call, e);
}

void pod_status_send_due(struct node_pod *p, uint64_t now_usec) {
        struct pod_status_sender *s = &p->status;
        struct err e = { 0 };

        if (s->call || !s->wanted || now_usec < s->due_usec || p->wanted.is_gone)
                return;
        s->due_usec = USEC_NEVER;
        if (status_send(p, &e) < 0) {
                LOG_WARN(p->key, "status is not written (%s); tried again", err_text(&e));
                status_retry(p);
                return;
        }
        s->in_flight = STEAL(s->wanted);
}

static void on_deleted(void *data, const struct client_answer *a) {
        struct node_pod *p = data;
        enum client_reason reason;
        struct err e = { 0 };
        int r;

        p->delete_call = NULL;
        r = client_answer_check(a, &reason, &e);
        /* A conflict says that the name belongs to another pod by now. */
        if (r == 0 || reason == CLIENT_REASON_NOT_FOUND || reason == CLIENT_REASON_CONFLICT) {
                p->wanted.is_gone = true;
        } else {
                LOG_DEBUG(p->key, "the pod is not taken off the list (%s); tried again",
                          err_text(&e));
                p->delete_due_usec = clock_now_usec() + USEC_PER_SEC;
        }
        node_pod_run(p);
}

void pod_delete_object(struct node_pod *p) {
        AUTO_FREE char *path = status_path(p, NULL);
        AUTO_FREE char *body = str_format(
                "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"gracePeriodSeconds\":0,"
                "\"preconditions\":{\"uid\":\"%s\"}}",
                p->uid);
        const struct client_handlers h = { .on_done = on_deleted };
        struct client_request q = { .method = CLIENT_DELETE, .path = path };
        struct err e = { 0 };

        if (p->delete_call ||
            (p->delete_due_usec != USEC_NEVER && clock_now_usec() < p->delete_due_usec))
                return;
        p->delete_due_usec = USEC_NEVER;
        /* What is deleted needs no status any more. */
        client_cancel(STEAL(p->status.call));
        free(STEAL(p->status.in_flight));
        if (path && body) {
                q.body = body;
                q.body_len = strlen(body);
        }
        if (!path || !body || client_start(p->ctx->client, &q, &h, p, &p->delete_call, &e) < 0) {
                LOG_WARN(p->key, "the pod is not taken off the list (%s); tried again",
                         err_text(&e));
                p->delete_due_usec = clock_now_usec() + USEC_PER_SEC;
        }
}
