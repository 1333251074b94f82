#include "daemon/control/run.h"

#include "api/client/client.h"
#include "api/client/timer.h"
#include "api/kinds/object.h"
#include "api/text/text.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/core.h"
#include "daemon/control/events.h"
#include "daemon/control/request.h"

#include <string.h>

/* Changes under way at a time: grows by one with each success, so doubles with each round, and a
 * refusal is met early instead of a hundred times. */
#define RUN_WINDOW_FIRST 8
#define RUN_WINDOW_MAX 256
#define RUN_LOOKS_MAX 1024
#define RUN_ROUNDS_MAX 8
#define SETTLE_FIRST_USEC (20 * USEC_PER_MSEC)
#define SETTLE_MOST_USEC (5 * USEC_PER_SEC)

/* One change under way.
 *
 *   FLYING --answer--> over
 *      | no answer        ^
 *      v                  | 200, 404
 *   SETTLING (GET) -------+
 *      ^    | no answer
 *      |    v
 *      PAUSED (timer)
 */
struct step {
        struct run *run;
        size_t index;             /* of its change */
        struct client_call *call; /* owned */
        struct timer *pause;      /* owned */
        unsigned n_tries;
};

struct look {
        struct run *run;
        const struct kind *kind;
        char *ns, *name;          /* owned; name NULL: any of the namespace */
        struct client_call *call; /* owned */
        struct live live;
        char *uid, *revision; /* owned */
};

struct run {
        struct core *core;
        const struct controller_type *type;
        void *data, *owner;
        void (*on_end)(void *owner, struct run *run, const struct run_end *end);
        char *key; /* owned */
        struct changes changes;
        struct object **about; /* owned: a reference for each change */
        struct step *steps;    /* owned: one for each change */
        size_t next, n_flying, window;
        struct look **looks; /* owned */
        size_t n_looks, cap_looks, n_looking;
        unsigned n_rounds;
        bool has_stopped;
        char *refusal; /* owned */
        int result;
        struct err error;
};

static void run_pump(struct run *run);
static int run_plan(struct run *run, struct err *e);
static void settle_begin(struct step *s);

const char *run_key(const struct run *run) {
        return run->key;
}

static void run_drop_changes(struct run *run) {
        struct timers *t = run->core->timers;

        for (size_t i = 0; run->steps && i < run->changes.n; i++) {
                client_cancel(run->steps[i].call);
                t->vtable->cancel(t, run->steps[i].pause);
        }
        for (size_t i = 0; run->about && i < run->changes.n; i++)
                object_unref(run->about[i]);
        free(STEAL(run->about));
        free(STEAL(run->steps));
        changes_done(&run->changes);
}

void run_unref(struct run *run) {
        if (!run)
                return;
        run_drop_changes(run);
        for (size_t i = 0; i < run->n_looks; i++) {
                client_cancel(run->looks[i]->call);
                free(run->looks[i]->ns);
                free(run->looks[i]->name);
                free(run->looks[i]->uid);
                free(run->looks[i]->revision);
                kind_unref(run->looks[i]->kind);
                free(run->looks[i]);
        }
        free(run->looks);
        free(run->refusal);
        free(run->key);
        free(run);
}

static struct run_end run_end_of(const struct run *run) {
        return (struct run_end){ .result = run->result,
                                 .error = run->error,
                                 .refusal = run->refusal,
                                 .again_usec = run->changes.again_usec };
}

static void run_finish(struct run *run) {
        struct run_end end = run_end_of(run);

        run->on_end(run->owner, run, &end);
        run_unref(run);
}

static void run_fail(struct run *run, int result, const struct err *e) {
        if (run->result < 0)
                return; /* the first one tells the story */
        run->result = result;
        run->error = *e;
}

/* ---- a change's end ---- */

static void step_end(struct step *s, int result, const struct err *e) {
        struct run *run = s->run;
        const struct change *c = &run->changes.items[s->index];

        run->n_flying--;
        if (result < 0) {
                run_fail(run, result, e);
                run->has_stopped |= !run->type->keeps_going;
        } else if (run->window < RUN_WINDOW_MAX) {
                run->window++;
        }
        if (run->type->on_change)
                run->type->on_change(run->data, run->about[s->index], result);
        if (result == 0 && c->done.type)
                events_record(run->core->events, run->type->name, run->about[s->index], &c->done,
                              NULL);
        run_pump(run);
}

/* A namespace on its way out takes nothing new: that is no failure to speak of. */
static bool is_terminating_namespace(enum client_reason reason, const struct err *e) {
        return reason == CLIENT_REASON_FORBIDDEN &&
               strstr(e->text, "because it is being terminated");
}

/* The server said no. */
static void step_refused(struct step *s, int result, enum client_reason reason,
                         const struct err *e) {
        struct run *run = s->run;
        const struct change *c = &run->changes.items[s->index];

        if (!is_terminating_namespace(reason, e) && reason != CLIENT_REASON_CONFLICT) {
                if (c->failed.type)
                        events_record(run->core->events, run->type->name, run->about[s->index],
                                      &c->failed, e->text);
                if (c->is_failure_counted && !run->refusal)
                        run->refusal = strdup(e->text);
        }
        step_end(s, result, e);
}

/* The answer of a delete: the object on its way out, or a Status when nothing is left. */
static int step_observe_delete(struct step *s, const struct client_answer *a) {
        const struct change *c = &s->run->changes.items[s->index];
        json_t *tree = text_parse_json(a->body, a->body_len);
        const json_t *meta = json_object_get(tree, "metadata");
        bool is_going = json_is_string(json_object_get(meta, "deletionTimestamp")) &&
                        str_eq(json_string_value(json_object_get(tree, "kind")), c->kind->name);
        struct caches *caches = s->run->core->caches;
        int r = 0;

        json_decref(tree);
        if (is_going)
                r = caches_observe(caches, c->kind, a->body, a->body_len);
        return r < 0 || !is_going ? caches_bury(caches, c->uid) : 0;
}

static int step_observe(struct step *s, const struct client_answer *a) {
        const struct change *c = &s->run->changes.items[s->index];

        if (c->verb == CHANGE_POST || !c->name)
                return 0; /* a Status, or a Binding */
        if (c->verb == CHANGE_DELETE)
                return step_observe_delete(s, a);
        return caches_observe(s->run->core->caches, c->kind, a->body, a->body_len);
}

/* Whether nobody can tell from the answer what has become of the request. */
static bool is_outcome_unknown(enum client_reason reason) {
        return reason == CLIENT_REASON_NO_ANSWER || reason == CLIENT_REASON_TIMEOUT ||
               reason == CLIENT_REASON_UNAVAILABLE || reason == CLIENT_REASON_INTERNAL;
}

static void step_on_done(void *data, const struct client_answer *a) {
        struct step *s = data;
        const struct change *c = &s->run->changes.items[s->index];
        enum client_reason reason;
        struct err e = { 0 };
        int r;

        s->call = NULL;
        r = client_answer_check(a, &reason, &e);
        if (r == 0 && step_observe(s, a) == 0) {
                step_end(s, 0, NULL);
                return;
        }
        if (r == 0) {
                run_fail(s->run, err_set(&e, -EBADMSG, "the API's answer makes no sense"), &e);
                settle_begin(s);
                return;
        }
        if (is_outcome_unknown(reason)) {
                run_fail(s->run, r, &e);
                settle_begin(s);
                return;
        }
        if (reason == CLIENT_REASON_NOT_FOUND && c->verb == CHANGE_DELETE && c->name) {
                (void) caches_bury(s->run->core->caches, c->uid);
                step_end(s, 0, NULL);
                return;
        }
        if (reason == CLIENT_REASON_ALREADY_EXISTS || reason == CLIENT_REASON_CONFLICT) {
                run_fail(s->run, r, &e);
                settle_begin(s); /* so that the next plan knows what is in the way */
                return;
        }
        step_refused(s, r, reason, &e);
}

/* ---- finding out what became of it ---- */

static void settle_pause_over(void *data) {
        struct step *s = data;

        s->pause = NULL;
        settle_begin(s);
}

static void settle_pause(struct step *s) {
        struct timers *t = s->run->core->timers;
        uint64_t delay = MIN(SETTLE_FIRST_USEC << MIN(s->n_tries, 10U), SETTLE_MOST_USEC);

        s->n_tries++;
        if (t->vtable->add(t, t->vtable->now_usec(t) + delay, settle_pause_over, s, &s->pause) <
            0) {
                s->pause = NULL;
                step_end(s, -ENOMEM, &s->run->error); /* the run has failed already */
        }
}

static void settle_on_done(void *data, const struct client_answer *a) {
        struct step *s = data;
        struct run *run = s->run;
        const struct change *c = &run->changes.items[s->index];
        enum client_reason reason;
        struct err e = { 0 };
        int r;

        s->call = NULL;
        r = client_answer_check(a, &reason, &e);
        if (r == 0)
                r = caches_observe(run->core->caches, c->kind, a->body, a->body_len);
        else if (reason == CLIENT_REASON_NOT_FOUND)
                r = c->verb == CHANGE_DELETE ? caches_bury(run->core->caches, c->uid) : 0;
        else if (!is_outcome_unknown(reason))
                r = 0; /* not for us to see: the watch won't tell either */
        if (r < 0)
                settle_pause(s);
        else
                step_end(s, run->result < 0 ? run->result : -EAGAIN, &run->error);
}

static void settle_begin(struct step *s) {
        static const struct client_handlers handlers = { .on_done = settle_on_done };
        const struct change *c = &s->run->changes.items[s->index];
        struct request request;
        int r;

        if (!c->name) { /* a whole collection: the next plan looks at what is left */
                step_end(s, s->run->result, &s->run->error);
                return;
        }
        r = request_get(c->kind, c->namespace, c->name, &request);
        if (r == 0)
                r = client_start(s->run->core->client, &request.r, &handlers, s, &s->call, NULL);
        request_done(&request);
        if (r < 0)
                settle_pause(s);
}

/* ---- carrying out ---- */

/* 0, or a negative errno when the change couldn't even be sent. */
static int step_send(struct step *s, struct err *e) {
        static const struct client_handlers handlers = { .on_done = step_on_done };
        const struct change *c = &s->run->changes.items[s->index];
        struct request request = { 0 };
        int r;

        r = request_from_change(c, &request);
        if (r < 0)
                return err_set(e, r, "out of memory for a request");
        s->run->core->n_writes++;
        r = client_start(s->run->core->client, &request.r, &handlers, s, &s->call, e);
        request_done(&request);
        return r;
}

/* Starts what the window lets; ends the run when all is over. The last thing that a callback does:
 * the run may be gone afterwards. */
static void run_pump(struct run *run) {
        struct err e = { 0 };

        while (!run->has_stopped && run->next < run->changes.n && run->n_flying < run->window) {
                struct step *s = &run->steps[run->next];
                const struct change *c = &run->changes.items[run->next];
                int r = 0;

                s->run = run;
                s->index = run->next++;
                if (c->verb == CHANGE_EVENT) {
                        events_record(run->core->events, run->type->name, run->about[s->index],
                                      &c->done, NULL);
                        continue;
                }
                r = step_send(s, &e);
                if (r == 0) {
                        run->n_flying++;
                        continue;
                }
                run_fail(run, r, &e);
                run->has_stopped |= !run->type->keeps_going;
                if (run->type->on_change)
                        run->type->on_change(run->data, run->about[s->index], r);
        }
        if (run->n_flying == 0)
                run_finish(run);
}

static bool run_is_over(const struct run *run) {
        return run->changes.n == 0 && run->n_looking == 0;
}

/* Takes a reference to each object that events will speak of: the caches may let go of it. */
static int run_hold(struct run *run) {
        size_t n = run->changes.n;

        run->about = calloc(n ? n : 1, sizeof(*run->about));
        run->steps = calloc(n ? n : 1, sizeof(*run->steps));
        if (!run->about || !run->steps)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (run->changes.items[i].about)
                        run->about[i] = object_ref((struct object *) run->changes.items[i].about);
        return 0;
}

/* ---- live facts ---- */

static void look_read(struct look *l, const struct client_answer *a) {
        json_t *tree = text_parse_json(a->body, a->body_len), *v;
        const json_t *meta = json_object_get(tree, "metadata");
        size_t i;

        l->live.state = LIVE_PRESENT;
        if (!l->name && json_array_size(json_object_get(tree, "items")) == 0)
                l->live.state = LIVE_ABSENT;
        if (json_is_string(json_object_get(meta, "uid")))
                l->uid = strdup(json_string_value(json_object_get(meta, "uid")));
        if (json_is_string(json_object_get(meta, "resourceVersion")))
                l->revision = strdup(json_string_value(json_object_get(meta, "resourceVersion")));
        l->live.uid = str_or_empty(l->uid);
        l->live.revision = str_or_empty(l->revision);
        l->live.is_deleting = json_is_string(json_object_get(meta, "deletionTimestamp"));
        json_array_foreach(json_object_get(meta, "finalizers"), i, v)
                l->live.has_foreground |= str_eq(json_string_value(v), "foregroundDeletion");
        json_decref(tree);
}

/* All that was asked for is known: plan anew. */
static void looks_done(struct run *run) {
        struct err e = { 0 };
        int r = run->result < 0 ? run->result : run_plan(run, &e);

        if (r < 0) {
                run_fail(run, r, &e);
                run_drop_changes(run);
                run_finish(run);
                return;
        }
        if (run->n_looking == 0)
                run_pump(run);
}

static void look_on_done(void *data, const struct client_answer *a) {
        struct look *l = data;
        struct run *run = l->run;
        enum client_reason reason;
        struct err e = { 0 };
        int r;

        l->call = NULL;
        run->n_looking--;
        r = client_answer_check(a, &reason, &e);
        if (r == 0)
                look_read(l, a);
        else if (reason == CLIENT_REASON_NOT_FOUND)
                l->live.state = LIVE_ABSENT;
        else
                run_fail(run, r, &e);
        if (run->n_looking == 0)
                looks_done(run);
}

static int look_send(struct look *l, struct err *e) {
        static const struct client_handlers handlers = { .on_done = look_on_done };
        struct request request = { 0 };
        int r;

        r = request_get(l->kind, l->ns, l->name, &request);
        if (r < 0)
                return err_set(e, r, "out of memory for a request");
        r = client_start(l->run->core->client, &request.r, &handlers, l, &l->call, e);
        request_done(&request);
        return r;
}

struct live run_look(struct run *run, const struct kind *k, const char *ns, const char *name) {
        const struct live asked = { .state = LIVE_ASKED, .uid = "", .revision = "" };
        struct look *l;

        for (size_t i = 0; i < run->n_looks; i++) {
                l = run->looks[i];
                if (l->kind == k && str_eq(l->ns, str_or_empty(ns)) && str_eq(l->name, name))
                        return l->live;
        }
        if (run->n_looks == RUN_LOOKS_MAX ||
            array_reserve(&run->looks, &run->cap_looks, run->n_looks, sizeof(*run->looks)) < 0)
                return asked;
        l = calloc(1, sizeof(*l));
        if (!l)
                return asked;
        *l = (struct look){ .run = run, .kind = kind_ref(k), .live = asked };
        l->ns = strdup(str_or_empty(ns));
        l->name = name ? strdup(name) : NULL;
        run->looks[run->n_looks++] = l;
        return asked;
}

/* Sends what plan() has asked for since. */
static int looks_begin(struct run *run, struct err *e) {
        for (size_t i = 0; i < run->n_looks; i++) {
                struct look *l = run->looks[i];
                int r;

                if (l->live.state != LIVE_ASKED || l->call)
                        continue;
                r = look_send(l, e);
                if (r < 0)
                        return r;
                run->n_looking++;
        }
        return 0;
}

/* ---- planning ---- */

static bool looks_are_open(const struct run *run) {
        for (size_t i = 0; i < run->n_looks; i++)
                if (run->looks[i]->live.state == LIVE_ASKED)
                        return true;
        return false;
}

static int run_plan(struct run *run, struct err *e) {
        int r;

        run_drop_changes(run);
        if (++run->n_rounds > RUN_ROUNDS_MAX)
                return err_set(e, -ELOOP, "the plan keeps asking for more");
        r = run->type->plan(run->data, run, run->key, &run->changes, e);
        if (r == 0)
                r = changes_check(&run->changes, e);
        if (r < 0)
                return r;
        if (looks_are_open(run)) {
                run_drop_changes(run);
                return looks_begin(run, e);
        }
        return run_hold(run);
}

int run_new(const struct run_config *config, struct run **ret, struct run_end *ret_end,
            struct err *e) {
        struct run *run = calloc(1, sizeof(*run));
        int r;

        if (!run)
                return err_set(e, -ENOMEM, "out of memory for a run");
        run->core = config->core;
        run->type = config->type;
        run->data = config->data;
        run->on_end = config->on_end;
        run->owner = config->owner;
        run->window = RUN_WINDOW_FIRST;
        run->key = strdup(config->key);
        if (!run->key) {
                run_unref(run);
                return err_set(e, -ENOMEM, "out of memory for a run");
        }
        r = run_plan(run, &run->error);
        if (r < 0 || run_is_over(run)) {
                *ret_end = (struct run_end){ .result = r,
                                             .error = run->error,
                                             .again_usec = run->changes.again_usec };
                run_unref(run);
                *ret = NULL;
                return 0;
        }
        *ret = run;
        return 0;
}

void run_start(struct run *run) {
        if (run->n_looking == 0)
                run_pump(run);
}
