#include "tests/unit/registry/fixture.h"

#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/rest.h"
#include "daemon/registry/user.h"
#include "daemon/store/store.h"
#include "daemon/store/store_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct timer {
        struct list link;
        uint64_t due_usec;
        void (*fn)(void *data);
        void *data;
};

static uint64_t fake_now(struct timers *t) {
        return CONTAINER_OF(t, struct fake_timers, timers)->now_usec;
}

static int fake_add(struct timers *t, uint64_t due_usec, void (*fn)(void *data), void *data,
                    struct timer **ret_timer) {
        struct fake_timers *f = CONTAINER_OF(t, struct fake_timers, timers);
        struct timer *one = calloc(1, sizeof(*one));

        if (!one)
                return -ENOMEM;
        one->due_usec = due_usec;
        one->fn = fn;
        one->data = data;
        list_append(&f->list, &one->link);
        *ret_timer = one;
        return 0;
}

static void fake_cancel(struct timers *t, struct timer *timer) {
        if (!timer)
                return;
        list_remove(&timer->link);
        free(timer);
}

static const struct timers_vtable FAKE = {
        .now_usec = fake_now,
        .add = fake_add,
        .cancel = fake_cancel,
};

static bool timers_fire_one(struct fake_timers *f) {
        LIST_FOREACH(i, &f->list) {
                struct timer *t = CONTAINER_OF(i, struct timer, link);
                void (*fn)(void *data) = t->fn;
                void *data = t->data;

                if (t->due_usec > f->now_usec)
                        continue;
                fake_cancel(&f->timers, t);
                fn(data);
                return true;
        }
        return false;
}

void fixture_run(struct fixture *f, uint64_t usec) {
        bool is_busy = true;

        f->clock.now_usec += usec;
        while (is_busy) {
                is_busy = store_memory_step(f->store, SIZE_MAX) > 0;
                while (timers_fire_one(&f->clock))
                        is_busy = true;
        }
}

static void ready(void *data, int result, const char *text) {
        struct fixture *f = data;

        f->is_ready = true;
        f->ready_result = result;
}

static uint64_t fake_wall(void) {
        return 1800000000000000ULL;
}

static void registry_start(struct fixture *f) {
        const struct registry_options options = {
                .store = f->store,
                .timers = &f->clock.timers,
                .wall_usec = fake_wall,
                .history_events = 64,
        };

        f->is_ready = false;
        assert_int_equal(registry_new(&options, ready, f, &f->registry, NULL), 0);
        fixture_run(f, 0);
        assert_true(f->is_ready);
        assert_int_equal(f->ready_result, 0);
}

void fixture_init(struct fixture *f) {
        *f = (struct fixture){ .clock.timers.vtable = &FAKE, .clock.now_usec = 1000000 };
        list_init(&f->clock.list);
        assert_int_equal(store_open_memory(NULL, NULL, &f->store, NULL), 0);
        registry_start(f);
}

int fixture_setup(void **state) {
        static struct fixture f;

        fixture_init(&f);
        *state = &f;
        return 0;
}

int fixture_teardown(void **state) {
        fixture_done(*state);
        return 0;
}

void fixture_restart(struct fixture *f) {
        registry_unref(f->registry);
        registry_start(f);
}

void fixture_done(struct fixture *f) {
        registry_unref(f->registry);
        store_unref(f->store);
        assert_true(list_is_empty(&f->clock.list));
}

void answer_done(struct answer *a) {
        free(a->text);
        json_decref(a->tree);
        watch_unref(a->watch);
        *a = (struct answer){ 0 };
}

static void respond(void *data, struct rest_response *take_response) {
        struct answer *a = data;

        assert_false(a->is_there);
        a->is_there = true;
        a->status = take_response->status;
        a->type = take_response->content_type;
        a->text = body_flatten(take_response->body, NULL);
        a->len = body_len(take_response->body);
        a->tree = json_loads(a->text, 0, NULL);
        for (size_t i = 0; i < take_response->n_headers; i++) {
                const struct rest_header *h = &take_response->headers[i];

                if (str_eq(h->name, "ETag"))
                        (void) snprintf(a->etag, sizeof(a->etag), "%s", h->value);
                else if (str_eq(h->name, "Allow"))
                        (void) snprintf(a->allow, sizeof(a->allow), "%s", h->value);
        }
        a->n_warnings = take_response->n_warnings;
        if (a->n_warnings > 0)
                (void) snprintf(a->warning, sizeof(a->warning), "%s", take_response->warnings[0]);
        rest_response_done(take_response);
}

static void stream(void *data, struct watch *take_watch) {
        struct answer *a = data;

        assert_false(a->is_there);
        a->is_there = true;
        a->status = 200;
        a->watch = take_watch;
}

void fixture_send_bytes(struct fixture *f, const char *method, const char *url,
                        const struct fixture_body *body, struct answer *a) {
        static const struct rest_sink SINK = { .respond = respond, .stream = stream };
        static const struct user USER = USER_MASTER("test");
        AUTO_FREE char *path = strdup(url);
        char *query = strchr(path, '?');
        struct rest_request request = {
                .method = method,
                .path = path,
                .content_type = body->type,
                .accept = f->accept,
                .if_none_match = f->if_none_match,
                .user = f->user ? f->user : &USER,
                .body = body->bytes,
                .body_len = body->len,
        };

        if (query)
                *query++ = '\0';
        request.query = query;
        *a = (struct answer){ 0 };
        rest_handle(f->registry, &request, &SINK, a);
}

void fixture_send(struct fixture *f, const char *method, const char *url, const char *type,
                  const char *body, struct answer *a) {
        fixture_send_bytes(f, method, url,
                           &(struct fixture_body){ type, body, body ? strlen(body) : 0 }, a);
}

static struct answer wait_for(struct fixture *f, struct answer *a) {
        fixture_run(f, 0);
        assert_true(a->is_there);
        return *a;
}

struct answer fixture_ask(struct fixture *f, const char *method, const char *url,
                          const char *body) {
        struct answer a;

        fixture_send(f, method, url, "application/json", body, &a);
        return wait_for(f, &a);
}

struct answer fixture_patch(struct fixture *f, const char *url, const char *type,
                            const char *body) {
        struct answer a;

        fixture_send(f, "PATCH", url, type, body, &a);
        return wait_for(f, &a);
}

void fixture_do(struct fixture *f, const char *method, const char *url, const char *body,
                unsigned status) {
        struct answer a = fixture_ask(f, method, url, body);

        if (a.status != status)
                print_error("%s %s: %s\n", method, url, a.text);
        assert_int_equal(a.status, status);
        answer_done(&a);
}

const char *tree_at(const json_t *tree, const char *path) {
        char part[64];

        while (tree && *path) {
                size_t len = strcspn(path, ".");

                (void) snprintf(part, sizeof(part), "%.*s", (int) len, path);
                tree = json_is_array(tree) ? json_array_get(tree, (size_t) atoi(part))
                                           : json_object_get(tree, part);
                path += len + (path[len] == '.');
        }
        if (json_is_integer(tree)) {
                static char number[24];

                (void) snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
                                json_integer_value(tree));
                return number;
        }
        return str_or_empty(json_string_value(tree));
}

const char *watch_word(struct watch *w, char *buf, size_t len) {
        struct watch_event e;
        enum watch_state state = watch_next(w, &e);
        json_t *line;

        if (state != WATCH_EVENT)
                return state == WATCH_IDLE ? "idle" : "end";
        {
                AUTO_FREE char *text = str_format("%.*s%.*s}", (int) e.prefix_len, e.prefix,
                                                  (int) e.object_len, e.object);

                line = json_loads(text, 0, NULL);
                assert_non_null(line);
        }
        if (str_eq(tree_at(line, "type"), "ERROR"))
                (void) snprintf(buf, len, "ERROR %d",
                                (int) json_integer_value(
                                        json_object_get(json_object_get(line, "object"), "code")));
        else if (str_eq(tree_at(line, "type"), "BOOKMARK"))
                (void) snprintf(buf, len, "BOOKMARK%s",
                                strstr(e.object, "initial-events-end") ? " initial" : "");
        else
                (void) snprintf(buf, len, "%s %s", tree_at(line, "type"),
                                tree_at(line, "object.metadata.name"));
        json_decref(line);
        return buf;
}

const char *pod_json(const char *name, const char *labels) {
        static char text[1024];

        (void) snprintf(text, sizeof(text),
                        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\","
                        "\"labels\":{%s}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
                        "\"busybox\"}]}}",
                        name, labels);
        return text;
}
