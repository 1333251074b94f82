#include "tests/unit/control/fixture.h"

#include "api/kinds/object.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

static int fake_start(struct client *c, const struct client_request *r,
                      const struct client_handlers *h, void *data, struct client_call **ret_call,
                      struct err *e) {
        struct fake_client *f = (struct fake_client *) c;
        struct fake_call *it = calloc(1, sizeof(*it));

        assert_non_null(it);
        assert_true(f->n < FAKE_CALLS_MAX);
        it->call.client = c;
        it->handlers = *h;
        it->data = data;
        it->method = r->method;
        it->path = strdup(r->path);
        it->body = r->body ? strndup(r->body, r->body_len) : strdup("");
        it->is_open = true;
        f->calls[f->n++] = it;
        *ret_call = &it->call;
        return 0;
}

static void fake_cancel(struct client_call *call) {
        ((struct fake_call *) call)->is_open = false;
}

static void fake_free(struct client *c) {
        struct fake_client *f = (struct fake_client *) c;

        for (size_t i = 0; i < f->n; i++) {
                assert_false(f->calls[i]->is_open);
                free(f->calls[i]->path);
                free(f->calls[i]->body);
                free(f->calls[i]);
        }
        free(f);
}

static uint64_t fixture_wall(void *data) {
        return sim_clock_wall(data);
}

int fixture_setup(void **state) {
        static const struct client_vtable vtable = { fake_start, fake_cancel, fake_free };
        struct fixture *f = calloc(1, sizeof(*f));

        f->fake = calloc(1, sizeof(*f->fake));
        client_init(&f->fake->client, &vtable);
        f->clock = sim_clock_new(1800000000ULL * USEC_PER_SEC);
        f->core = (struct core){ .client = &f->fake->client,
                                 .timers = sim_clock_timers(f->clock),
                                 .wall = fixture_wall,
                                 .wall_data = f->clock,
                                 .random = 1 };
        *state = f;
        return caches_new(&f->core, &f->core.caches, NULL) < 0 ||
               events_new(&f->core, &f->core.events, NULL) < 0;
}

int fixture_teardown(void **state) {
        struct fixture *f = *state;

        events_unref(f->core.events);
        caches_unref(f->core.caches);
        client_unref(&f->fake->client);
        sim_clock_free(f->clock);
        free(f);
        return 0;
}

void fixture_answer(struct fixture *f, size_t n, unsigned status, const char *body) {
        struct client_answer a = {
                .status = status, .body = body, .body_len = strlen(body), .fd = -1
        };
        struct fake_call *it;

        assert_true(n < f->fake->n);
        it = f->fake->calls[n];
        assert_true(it->is_open);
        it->is_open = false;
        if (status == 0) {
                a.error = -ECONNRESET;
                a.error_text = "connection lost";
        }
        it->handlers.on_done(it->data, &a);
}

void fixture_run(struct fixture *f, uint64_t usec) {
        uint64_t until = sim_clock_now(f->clock) + usec;

        while (sim_clock_fire(f->clock) > 0)
                ;
        while (sim_clock_now(f->clock) < until) {
                sim_clock_advance(f->clock, until);
                while (sim_clock_fire(f->clock) > 0)
                        ;
        }
}

struct object *fixture_object(const char *json) {
        struct object *o = NULL;

        assert_int_equal(object_new_from_text(NULL, json, strlen(json), true, &o, NULL), 0);
        return o;
}
