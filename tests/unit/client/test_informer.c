#include "api/client/client.h"
#include "api/client/informer.h"
#include "api/client/timer.h"
#include "api/kinds/config.h"
#include "api/kinds/object.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_MAX 64
#define TIMERS_MAX 8

/* A transport that answers when the test says so. */
struct fake_call {
        struct client_call base;
        struct client_handlers handlers;
        void *data;
        char *path;
        bool is_open;
};

struct fake_timer {
        void (*fn)(void *data);
        void *data;
        uint64_t due_usec;
};

struct fixture {
        struct client client;
        struct timers timers;
        uint64_t now_usec;
        struct fake_timer timer[TIMERS_MAX];
        struct fake_call calls[CALLS_MAX];
        unsigned n_calls;
        struct informer *informer;
        char log[1024]; /* what handlers saw: "+ns/a " "~ns/a " "-ns/a " "synced " */
};

static struct fixture *of_client(struct client *c) {
        return CONTAINER_OF(c, struct fixture, client);
}

static struct fixture *of_timers(struct timers *t) {
        return CONTAINER_OF(t, struct fixture, timers);
}

static int fake_start(struct client *c, const struct client_request *r,
                      const struct client_handlers *h, void *data, struct client_call **ret_call,
                      struct err *e) {
        struct fixture *f = of_client(c);
        struct fake_call *call = &f->calls[f->n_calls++];

        assert_true(f->n_calls <= CALLS_MAX);
        *call = (struct fake_call){ .base.client = c,
                                    .handlers = *h,
                                    .data = data,
                                    .path = strdup(r->path),
                                    .is_open = true };
        *ret_call = &call->base;
        return 0;
}

static void fake_cancel(struct client_call *call) {
        ((struct fake_call *) call)->is_open = false;
}

static void fake_free(struct client *c) {
}

static const struct client_vtable fake_client = { fake_start, fake_cancel, fake_free };

static uint64_t fake_now(struct timers *t) {
        return of_timers(t)->now_usec;
}

static int fake_add(struct timers *t, uint64_t due_usec, void (*fn)(void *data), void *data,
                    struct timer **ret_timer) {
        struct fixture *f = of_timers(t);

        for (size_t i = 0; i < TIMERS_MAX; i++) {
                if (f->timer[i].fn)
                        continue;
                f->timer[i] = (struct fake_timer){ fn, data, due_usec };
                *ret_timer = (struct timer *) &f->timer[i];
                return 0;
        }
        return -ENOMEM;
}

static void fake_cancel_timer(struct timers *t, struct timer *timer) {
        if (timer)
                ((struct fake_timer *) timer)->fn = NULL;
}

static const struct timers_vtable fake_timers = { fake_now, fake_add, fake_cancel_timer };

/* Lets time pass, firing what is due. */
static void pass(struct fixture *f, uint64_t usec) {
        f->now_usec += usec;
        for (size_t i = 0; i < TIMERS_MAX; i++) {
                struct fake_timer t = f->timer[i];

                if (t.fn && t.due_usec <= f->now_usec) {
                        f->timer[i].fn = NULL;
                        t.fn(t.data);
                }
        }
}

static void on_change(void *data, const char *key, const struct object *before,
                      const struct object *after) {
        struct fixture *f = data;

        strcat(f->log, !before ? "+" : !after ? "-" : "~");
        strcat(f->log, key);
        strcat(f->log, " ");
}

static void on_synced(void *data) {
        strcat(((struct fixture *) data)->log, "synced ");
}

static void index_by_label(const struct object *o, void (*add)(void *add_data, const char *value),
                           void *add_data) {
        const char *app = string_map_get(&o->meta->labels, "app");

        if (app)
                add(add_data, app);
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        const struct informer_options o = {
                .kind = &config_map_kind, .namespace_ = "ns", .seed = 7, .label_selector = "x=y"
        };

        log_init("test", LOG_LEVEL_ERROR);
        client_init(&f->client, &fake_client);
        f->timers.vtable = &fake_timers;
        f->now_usec = 1000 * USEC_PER_SEC;
        *state = f;
        return informer_new(&f->client, &f->timers, &o, &f->informer, NULL) < 0 ||
               informer_add_handler(f->informer, on_change, f) < 0 ||
               informer_on_synced(f->informer, on_synced, f) < 0 ||
               informer_add_index(f->informer, "app", index_by_label) < 0 ||
               informer_start(f->informer, NULL) < 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        informer_unref(f->informer);
        for (size_t i = 0; i < TIMERS_MAX; i++)
                assert_null(f->timer[i].fn);
        for (unsigned i = 0; i < f->n_calls; i++) {
                assert_false(f->calls[i].is_open);
                free(f->calls[i].path);
        }
        free(f);
        return 0;
}

/* The newest call, which must be open and of that sort. */
static struct fake_call *open_call(struct fixture *f, bool is_watch) {
        struct fake_call *call = &f->calls[f->n_calls - 1];

        assert_true(call->is_open);
        assert_int_equal(strstr(call->path, "watch=1") != NULL, is_watch);
        return call;
}

static void finish(struct fixture *f, bool is_watch, int error, unsigned status, const char *body) {
        struct fake_call *call = open_call(f, is_watch);
        const struct client_answer a = { .error = error,
                                         .error_text = "broken",
                                         .status = status,
                                         .body = body,
                                         .body_len = strlen(body),
                                         .fd = -1 };

        call->is_open = false;
        call->handlers.on_done(call->data, &a);
}

static void item_json(struct strbuf *b, const char *name, unsigned revision, const char *app) {
        strbuf_addf(
                b,
                "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\","
                "\"namespace\":"
                "\"ns\",\"uid\":\"u-%s\",\"resourceVersion\":\"%u\",\"labels\":{\"app\":\"%s\"}}}",
                name, name, revision, app);
}

/* items: "a:5:web b:6:db" */
static void answer_list(struct fixture *f, unsigned revision, const char *items, const char *more) {
        struct strbuf b = { 0 };
        AUTO_FREE char *text = strdup(items);
        char *save = NULL, name[32], app[32];
        unsigned item_revision;
        bool is_first = true;

        strbuf_addf(&b,
                    "{\"kind\":\"ConfigMapList\",\"metadata\":{\"resourceVersion\":\"%u\","
                    "\"continue\":\"%s\"},\"items\":[",
                    revision, more);
        for (char *item = strtok_r(text, " ", &save); item; item = strtok_r(NULL, " ", &save)) {
                assert_int_equal(sscanf(item, "%31[^:]:%u:%31s", name, &item_revision, app), 3);
                if (!is_first)
                        strbuf_add_char(&b, ',');
                is_first = false;
                item_json(&b, name, item_revision, app);
        }
        strbuf_add(&b, "]}");
        finish(f, false, 0, 200, b.s);
        strbuf_done(&b);
}

static void send_event(struct fixture *f, const char *type, const char *name, unsigned revision,
                       const char *app) {
        struct fake_call *call = open_call(f, true);
        struct strbuf b = { 0 };

        strbuf_addf(&b, "{\"type\":\"%s\",\"object\":", type);
        item_json(&b, name, revision, app);
        strbuf_add_char(&b, '}');
        call->handlers.on_line(call->data, b.s, b.len);
        strbuf_done(&b);
}

static void send_line(struct fixture *f, const char *line) {
        struct fake_call *call = open_call(f, true);

        call->handlers.on_line(call->data, line, strlen(line));
}

static void expect_log(struct fixture *f, const char *want) {
        assert_string_equal(f->log, want);
        f->log[0] = '\0';
}

/* ---- tests ---- */

static void list_then_watch_from_its_revision(void **state) {
        struct fixture *f = *state;

        assert_non_null(strstr(open_call(f, false)->path,
                               "/api/v1/namespaces/ns/configmaps?labelSelector=x%3Dy"));
        answer_list(f, 10, "a:5:web", "");

        expect_log(f, "+ns/a synced ");
        assert_true(informer_has_synced(f->informer));
        assert_non_null(strstr(open_call(f, true)->path, "resourceVersion=10"));
        send_event(f, "ADDED", "b", 11, "web");
        send_event(f, "MODIFIED", "a", 12, "web");
        send_event(f, "DELETED", "b", 13, "web");
        expect_log(f, "+ns/b ~ns/a -ns/b ");
        assert_int_equal(informer_count(f->informer), 1);
        assert_int_equal(informer_revision(f->informer), 13);
}

static void doubled_events_are_seen_once(void **state) {
        struct fixture *f = *state;

        answer_list(f, 10, "a:5:web", "");
        f->log[0] = '\0';
        send_event(f, "ADDED", "a", 5, "web");
        send_event(f, "MODIFIED", "a", 11, "web");
        send_event(f, "MODIFIED", "a", 11, "web");
        expect_log(f, "~ns/a ");
}

static void late_events_do_not_bring_back_the_dead_or_the_old(void **state) {
        struct fixture *f = *state;

        answer_list(f, 10, "a:5:web", "");
        f->log[0] = '\0';
        send_event(f, "MODIFIED", "a", 15, "web");
        send_event(f, "MODIFIED", "a", 12, "old");
        expect_log(f, "~ns/a ");
        assert_string_equal(string_map_get(&informer_get(f->informer, "ns/a")->meta->labels, "app"),
                            "web");
        send_event(f, "DELETED", "a", 20, "web");
        send_event(f, "MODIFIED", "a", 18, "web");
        expect_log(f, "-ns/a ");
        assert_null(informer_get(f->informer, "ns/a"));
        send_event(f, "ADDED", "a", 21, "web");
        send_event(f, "DELETED", "a", 20, "web");
        expect_log(f, "+ns/a ");
}

static void dropped_watch_resumes_after_the_last_event(void **state) {
        struct fixture *f = *state;

        answer_list(f, 10, "a:5:web", "");
        send_event(f, "ADDED", "b", 17, "web");
        finish(f, true, -ECONNRESET, 200, "");
        assert_int_equal(f->n_calls, 2);
        pass(f, USEC_PER_SEC);

        assert_non_null(strstr(open_call(f, true)->path, "resourceVersion=17"));
        assert_int_equal(informer_count(f->informer), 2);
}

static void bookmark_moves_the_revision_on(void **state) {
        struct fixture *f = *state;

        answer_list(f, 10, "", "");
        send_line(f, "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"ConfigMap\",\"apiVersion\":"
                     "\"v1\",\"metadata\":{\"resourceVersion\":\"99\"}}}");
        finish(f, true, 0, 200, "");
        pass(f, USEC_PER_SEC);

        assert_non_null(strstr(open_call(f, true)->path, "resourceVersion=99"));
}

static void expired_watch_lists_anew_and_repairs(void **state) {
        struct fixture *f = *state;

        answer_list(f, 10, "a:5:web b:6:web", "");
        f->log[0] = '\0';
        send_line(f, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"status\":\"Failure\","
                     "\"reason\":\"Expired\",\"code\":410}}");
        assert_int_equal(informer_count(f->informer), 2);
        pass(f, USEC_PER_SEC);
        answer_list(f, 50, "b:40:web c:41:web", "");

        assert_int_equal(informer_count(f->informer), 2);
        assert_non_null(strstr(f->log, "-ns/a "));
        assert_non_null(strstr(f->log, "~ns/b "));
        assert_non_null(strstr(f->log, "+ns/c "));
        assert_null(strstr(f->log, "synced"));
        assert_non_null(strstr(open_call(f, true)->path, "resourceVersion=50"));
}

static void expired_as_http_status_lists_anew_too(void **state) {
        struct fixture *f = *state;

        answer_list(f, 10, "", "");
        finish(f, true, 0, 410,
               "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Expired\",\"code\":410}");
        pass(f, USEC_PER_SEC);
        (void) open_call(f, false);
}

static void unfinished_list_deletes_nothing(void **state) {
        struct fixture *f = *state;

        answer_list(f, 10, "a:5:web b:6:web", "");
        f->log[0] = '\0';
        finish(f, true, 0, 410,
               "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Expired\",\"code\":410}");
        pass(f, USEC_PER_SEC);
        answer_list(f, 50, "c:41:web", "token/1");
        assert_non_null(strstr(open_call(f, false)->path, "continue=token%2F1"));
        finish(f, false, -ECONNRESET, 0, "");

        assert_int_equal(informer_count(f->informer), 2);
        expect_log(f, "");
        pass(f, USEC_PER_SEC);
        assert_null(strstr(open_call(f, false)->path, "continue"));
        answer_list(f, 60, "c:41:web", "token/2");
        answer_list(f, 62, "d:42:web", "");
        assert_int_equal(informer_count(f->informer), 2);
        assert_non_null(informer_get(f->informer, "ns/d"));
        /* What changed between the pages comes again. */
        assert_non_null(strstr(open_call(f, true)->path, "resourceVersion=60"));
}

static void garbage_from_the_watch_lists_anew(void **state) {
        struct fixture *f = *state;
        static const char *const lines[] = {
                "not json", "{}", "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":5}}}"
        };

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                answer_list(f, 10, "a:5:web", "");
                send_line(f, lines[i]);
                assert_int_equal(informer_count(f->informer), 1);
                pass(f, 60 * USEC_PER_SEC);
        }
        (void) open_call(f, false);
}

static void failures_back_off_and_then_succeed(void **state) {
        struct fixture *f = *state;
        uint64_t last_usec = 0;

        for (int i = 0; i < 12; i++) {
                uint64_t waited_usec = 0;
                unsigned n_before = f->n_calls;

                finish(f, false, -ECONNREFUSED, 0, "");
                while (f->n_calls == n_before && waited_usec < 60 * USEC_PER_SEC) {
                        pass(f, 10 * USEC_PER_MSEC);
                        waited_usec += 10 * USEC_PER_MSEC;
                }
                assert_true(waited_usec <= 13 * USEC_PER_SEC);
                if (i > 0 && i < 7)
                        assert_true(waited_usec > last_usec);
                last_usec = waited_usec;
        }
        assert_false(informer_has_synced(f->informer));
        answer_list(f, 10, "a:5:web", "");
        assert_true(informer_has_synced(f->informer));
}

static void relist_repairs_what_events_lost(void **state) {
        struct fixture *f = *state;

        answer_list(f, 10, "a:5:web b:6:web", "");
        f->log[0] = '\0';
        pass(f, 3600 * USEC_PER_SEC);
        answer_list(f, 30, "a:5:web c:20:web", "");

        assert_non_null(strstr(f->log, "-ns/b "));
        assert_non_null(strstr(f->log, "+ns/c "));
        assert_null(strstr(f->log, "ns/a"));
}

static void own_write_is_seen_before_its_event(void **state) {
        struct fixture *f = *state;
        struct strbuf b = { 0 };
        struct object *o = NULL;

        answer_list(f, 10, "", "");
        f->log[0] = '\0';
        item_json(&b, "a", 11, "web");
        assert_int_equal(object_new_from_text(&config_map_kind, b.s, b.len, false, &o, NULL), 0);
        informer_observe(f->informer, o);
        expect_log(f, "+ns/a ");
        send_event(f, "ADDED", "a", 11, "web");
        expect_log(f, "");
        object_unref(o);
        strbuf_done(&b);
}

static void list_begun_before_an_own_write_does_not_undo_it(void **state) {
        struct fixture *f = *state;
        struct strbuf b = { 0 };
        struct object *o = NULL;

        answer_list(f, 10, "", "");
        f->log[0] = '\0';
        finish(f, true, 0, 410,
               "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Expired\",\"code\":410}");
        pass(f, USEC_PER_SEC);
        item_json(&b, "a", 31, "web");
        assert_int_equal(object_new_from_text(&config_map_kind, b.s, b.len, false, &o, NULL), 0);
        informer_observe(f->informer, o);
        answer_list(f, 30, "", "");

        expect_log(f, "+ns/a ");
        object_unref(o);
        strbuf_done(&b);
}

static void revisions_that_went_back_are_another_database(void **state) {
        struct fixture *f = *state;

        answer_list(f, 1000, "a:900:web b:950:web", "");
        f->log[0] = '\0';
        finish(f, true, 0, 410,
               "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Expired\",\"code\":410}");
        pass(f, USEC_PER_SEC);
        answer_list(f, 5, "a:3:db", "");

        assert_non_null(strstr(f->log, "-ns/b "));
        assert_non_null(strstr(f->log, "~ns/a "));
        assert_int_equal(informer_revision(f->informer), 5);
}

static int count(void *data, const char *key, struct object *o) {
        ++*(int *) data;
        return 0;
}

static int count_in(struct fixture *f, const char *value) {
        int n = 0;

        assert_int_equal(informer_each_in(f->informer, "app", value, count, &n), 0);
        return n;
}

static void index_follows_changes(void **state) {
        struct fixture *f = *state;
        int n = 0;

        answer_list(f, 10, "a:5:web b:6:web c:7:db", "");
        assert_int_equal(count_in(f, "web"), 2);
        assert_int_equal(count_in(f, "db"), 1);
        assert_int_equal(count_in(f, "none"), 0);
        send_event(f, "MODIFIED", "a", 11, "db");
        send_event(f, "DELETED", "b", 12, "web");
        assert_int_equal(count_in(f, "web"), 0);
        assert_int_equal(count_in(f, "db"), 2);
        assert_int_equal(informer_each(f->informer, count, &n), 0);
        assert_int_equal(n, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(list_then_watch_from_its_revision),
                TEST(doubled_events_are_seen_once),
                TEST(late_events_do_not_bring_back_the_dead_or_the_old),
                TEST(dropped_watch_resumes_after_the_last_event),
                TEST(bookmark_moves_the_revision_on),
                TEST(expired_watch_lists_anew_and_repairs),
                TEST(expired_as_http_status_lists_anew_too),
                TEST(unfinished_list_deletes_nothing),
                TEST(garbage_from_the_watch_lists_anew),
                TEST(failures_back_off_and_then_succeed),
                TEST(relist_repairs_what_events_lost),
                TEST(own_write_is_seen_before_its_event),
                TEST(list_begun_before_an_own_write_does_not_undo_it),
                TEST(revisions_that_went_back_are_another_database),
                TEST(index_follows_changes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
