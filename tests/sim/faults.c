#include "tests/sim/faults.h"

#include "api/client/timer.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/list.h"

#include <stdlib.h>
#include <string.h>

#define DELAY_MOST_USEC (300 * USEC_PER_MSEC)
#define CONFLICT_BODY                                                                              \
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","       \
        "\"message\":\"conflict made up by the simulation\",\"reason\":\"Conflict\",\"code\":409}"
#define ERROR_BODY                                                                                 \
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","       \
        "\"message\":\"error made up by the "                                                      \
        "simulation\",\"reason\":\"InternalError\",\"code\":500}"

struct faulty_client {
        struct client client;
        struct client *inner;
        struct timers *timers;
        const struct sim_faults *faults;
        uint64_t *random;
};

/* Something that the user of the call hears later, in this order. */
struct saying {
        struct list link;
        char *line; /* owned; NULL: the end */
        unsigned status;
        int error;
        char *body; /* owned */
};

struct faulty_call {
        struct client_call call;
        struct faulty_client *f;
        struct client_handlers handlers;
        void *data;
        struct client_call *inner; /* owned */
        struct list sayings;
        struct timer *timer;
        char *held; /* a line that lets the next one pass */
        bool is_watch;
};

static bool happens(struct faulty_client *f, unsigned of_1000) {
        return of_1000 > 0 && backoff_random(f->random) % 1000 < of_1000;
}

static void saying_free(struct saying *s) {
        list_remove(&s->link);
        free(s->line);
        free(s->body);
        free(s);
}

static void call_free(struct faulty_call *c) {
        client_cancel(c->inner);
        c->f->timers->vtable->cancel(c->f->timers, c->timer);
        LIST_FOREACH(pos, &c->sayings)
                saying_free(CONTAINER_OF(pos, struct saying, link));
        free(c->held);
        free(c);
}

static void call_say_next(void *data);

static void call_arm(struct faulty_call *c) {
        struct timers *t = c->f->timers;
        uint64_t due = t->vtable->now_usec(t);

        if (c->timer || list_is_empty(&c->sayings))
                return;
        if (happens(c->f, c->f->faults->delay))
                due += backoff_random(c->f->random) % DELAY_MOST_USEC;
        if (t->vtable->add(t, due, call_say_next, c, &c->timer) < 0)
                abort();
}

static void call_say_next(void *data) {
        struct faulty_call *c = data;
        struct saying *s = CONTAINER_OF(c->sayings.next, struct saying, link);

        c->timer = NULL;
        list_remove(&s->link);
        if (s->line) {
                char *line = STEAL(s->line);

                saying_free(s);
                call_arm(c); /* before: the handler may cancel the call */
                c->handlers.on_line(c->data, line, strlen(line));
                free(line);
                return;
        } else {
                struct client_answer a = { .error = s->error,
                                           .error_text = "lost by the simulation",
                                           .status = s->status,
                                           .body = s->body ? s->body : "",
                                           .body_len = s->body ? strlen(s->body) : 0,
                                           .fd = -1 };
                struct client_handlers handlers = c->handlers;
                void *owner = c->data;
                char *body = STEAL(s->body);

                saying_free(s);
                call_free(c);
                handlers.on_done(owner, &a);
                free(body);
        }
}

static void call_say(struct faulty_call *c, const char *line, unsigned status, int error,
                     const char *body) {
        struct saying *s = calloc(1, sizeof(*s));

        if (!s)
                abort();
        s->line = line ? strdup(line) : NULL;
        s->status = status;
        s->error = error;
        s->body = body ? strdup(body) : NULL;
        list_append(&c->sayings, &s->link);
        call_arm(c);
}

static void inner_on_done(void *data, const struct client_answer *a) {
        struct faulty_call *c = data;

        c->inner = NULL;
        if (!c->is_watch && happens(c->f, c->f->faults->lose))
                call_say(c, NULL, 0, -ECONNRESET, NULL);
        else
                call_say(c, NULL, a->status, a->error, a->body);
}

static void inner_on_line(void *data, const char *line, size_t len) {
        struct faulty_call *c = data;
        const struct sim_faults *p = c->f->faults;

        if (happens(c->f, p->cut)) {
                client_cancel(STEAL(c->inner));
                call_say(c, NULL, 0, -ECONNRESET, NULL);
                return;
        }
        if (happens(c->f, p->drop))
                return;
        if (!c->held && happens(c->f, p->swap)) {
                c->held = strdup(line);
                return;
        }
        call_say(c, line, 0, 0, NULL);
        if (happens(c->f, p->twice))
                call_say(c, line, 0, 0, NULL);
        if (c->held) {
                call_say(c, c->held, 0, 0, NULL);
                free(STEAL(c->held));
        }
}

/* Answers that are made up instead of asking; true when one was. */
static bool call_make_up(struct faulty_call *c, const struct client_request *r) {
        const struct sim_faults *p = c->f->faults;
        bool is_write = r->method != CLIENT_GET;

        if (happens(c->f, p->refuse))
                call_say(c, NULL, 0, -ECONNREFUSED, NULL);
        else if (is_write && happens(c->f, p->conflict))
                call_say(c, NULL, 409, 0, CONFLICT_BODY);
        else if (is_write && happens(c->f, p->error))
                call_say(c, NULL, 500, 0, ERROR_BODY);
        else
                return false;
        return true;
}

static int faulty_start(struct client *client, const struct client_request *r,
                        const struct client_handlers *h, void *data, struct client_call **ret_call,
                        struct err *e) {
        struct faulty_client *f = (struct faulty_client *) client;
        const struct client_handlers inner = { .on_done = inner_on_done,
                                               .on_line = h->on_line ? inner_on_line : NULL };
        struct faulty_call *c = calloc(1, sizeof(*c));
        int result;

        if (!c)
                return -ENOMEM;
        c->call.client = client;
        c->f = f;
        c->handlers = *h;
        c->data = data;
        c->is_watch = h->on_line;
        list_init(&c->sayings);
        if (!call_make_up(c, r)) {
                result = client_start(f->inner, r, &inner, c, &c->inner, e);
                if (result < 0) {
                        call_free(c);
                        return result;
                }
        }
        *ret_call = &c->call;
        return 0;
}

static void faulty_cancel(struct client_call *call) {
        call_free((struct faulty_call *) call);
}

static void faulty_free(struct client *client) {
        struct faulty_client *f = (struct faulty_client *) client;

        client_unref(f->inner);
        free(f);
}

int sim_faults_client_new(struct client *inner, struct timers *timers,
                          const struct sim_faults *faults, uint64_t *random, struct client **ret) {
        static const struct client_vtable vtable = { faulty_start, faulty_cancel, faulty_free };
        struct faulty_client *f = calloc(1, sizeof(*f));

        if (!f)
                return -ENOMEM;
        client_init(&f->client, &vtable);
        f->inner = client_ref(inner);
        f->timers = timers;
        f->faults = faults;
        f->random = random;
        *ret = &f->client;
        return 0;
}
