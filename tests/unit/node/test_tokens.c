/* Tokens of pods' accounts, over a client that answers when the test says so. */
#include "api/client/client.h"
#include "api/client/timer.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/node/tokens.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char POD[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\","
        "\"uid\":\"u1\"},\"spec\":{\"serviceAccountName\":\"robot\",\"containers\":[],\"volumes\":["
        "{\"name\":\"v\",\"projected\":{\"sources\":[{\"serviceAccountToken\":{\"path\":\"token\","
        "\"expirationSeconds\":3607}}]}}]}}";

struct fixture {
        struct client client;
        struct timers timers;
        uint64_t now_usec;
        struct client_call call;
        struct client_handlers handlers;
        void *data;
        bool is_open; /* a call waits for its answer */
        char *path, *body;
        unsigned n_calls;
        struct fake_timer {
                void (*fn)(void *data);
                void *data;
                uint64_t due_usec;
        } timer[4];
        unsigned n_told;
        struct tokens *tokens;
        struct object *pod;
};

static int fake_start(struct client *c, const struct client_request *r,
                      const struct client_handlers *h, void *data, struct client_call **ret_call,
                      struct err *e) {
        struct fixture *f = CONTAINER_OF(c, struct fixture, client);

        assert_false(f->is_open);
        free(f->path);
        free(f->body);
        f->path = strdup(r->path);
        f->body = strdup(r->body);
        f->handlers = *h;
        f->data = data;
        f->is_open = true;
        f->n_calls++;
        f->call.client = c;
        *ret_call = &f->call;
        return 0;
}

static void fake_cancel(struct client_call *call) {
        CONTAINER_OF(call->client, struct fixture, client)->is_open = false;
}

static void fake_free(struct client *c) {
}

static uint64_t fake_now(struct timers *t) {
        return CONTAINER_OF(t, struct fixture, timers)->now_usec;
}

static int fake_add(struct timers *t, uint64_t due_usec, void (*fn)(void *data), void *data,
                    struct timer **ret_timer) {
        struct fixture *f = CONTAINER_OF(t, struct fixture, timers);

        for (size_t i = 0; i < ARRAY_SIZE(f->timer); i++) {
                if (f->timer[i].fn)
                        continue;
                f->timer[i] = (struct fake_timer){ fn, data, due_usec };
                *ret_timer = (struct timer *) &f->timer[i];
                return 0;
        }
        return -ENOMEM;
}

static void fake_forget(struct timers *t, struct timer *timer) {
        ((struct fake_timer *) timer)->fn = NULL;
}

static void told(void *userdata, const char *uid) {
        struct fixture *f = userdata;

        assert_string_equal(uid, "u1");
        f->n_told++;
}

static uint64_t wall_usec;

static uint64_t fake_wall(void) {
        return wall_usec;
}

static size_t n_timers(const struct fixture *f) {
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(f->timer); i++)
                n += f->timer[i].fn ? 1 : 0;
        return n;
}

/* Lets the first timer fire. */
static void tick(struct fixture *f) {
        struct fake_timer *first = NULL, fired;

        for (size_t i = 0; i < ARRAY_SIZE(f->timer); i++)
                if (f->timer[i].fn && (!first || f->timer[i].due_usec < first->due_usec))
                        first = &f->timer[i];
        assert_non_null(first);
        fired = *first;
        first->fn = NULL;
        f->now_usec = fired.due_usec;
        fired.fn(fired.data);
}

/* Lets time pass until something is asked. Returns how much. */
static uint64_t wait(struct fixture *f) {
        uint64_t since_usec = f->now_usec;

        while (!f->is_open)
                tick(f);
        return f->now_usec - since_usec;
}

static void answer(struct fixture *f, int error, unsigned status, const char *body) {
        const struct client_answer a = {
                .error = error,
                .error_text = "nobody is there",
                .status = status,
                .body = body,
                .body_len = strlen(body),
                .fd = -1,
        };

        assert_true(f->is_open);
        f->is_open = false;
        f->handlers.on_done(f->data, &a);
}

static void answer_token_for(struct fixture *f, const char *token, uint64_t seconds) {
        char end[CLOCK_TEXT_MAX];
        AUTO_FREE char *body =
                str_format("{\"status\":{\"token\":\"%s\",\"expirationTimestamp\":\"%s\"}}", token,
                           clock_format(wall_usec + seconds * USEC_PER_SEC, end));

        answer(f, 0, 201, body);
}

static void answer_token(struct fixture *f, const char *token) {
        answer_token_for(f, token, 3607);
}

/* "=TOKEN" or the error's number. */
static const char *get(struct fixture *f) {
        static char text[256];
        const struct pod *pod = OBJECT_AS(pod, f->pod);
        const char *token = NULL;
        struct err e = { 0 };
        int r = tokens_get(
                f->tokens, pod,
                pod->spec.volumes.items[0].projected->sources.items[0].service_account_token,
                &token, &e);

        (void) snprintf(text, sizeof(text), r == 0 ? "=%s" : "%s",
                        r == 0            ? token
                        : r == -EAGAIN    ? "again"
                        : r == -EHOSTDOWN ? "nobody"
                                          : e.text);
        return text;
}

static int setup(void **state) {
        static const struct client_vtable CLIENT = { fake_start, fake_cancel, fake_free };
        static const struct timers_vtable TIMERS = { fake_now, fake_add, fake_forget };
        static struct fixture f;

        f = (struct fixture){ .timers.vtable = &TIMERS, .now_usec = 1000 };
        client_init(&f.client, &CLIENT);
        wall_usec = 1800000000 * USEC_PER_SEC;
        assert_int_equal(tokens_new(&(struct tokens_options){ .client = &f.client,
                                                              .timers = &f.timers,
                                                              .wall_usec = fake_wall,
                                                              .on_change = told,
                                                              .userdata = &f },
                                    &f.tokens),
                         0);
        assert_int_equal(object_new_from_text(NULL, POD, strlen(POD), false, &f.pod, NULL), 0);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        tokens_unref(f->tokens);
        assert_false(f->is_open);
        assert_int_equal(n_timers(f), 0);
        object_unref(f->pod);
        free(f->path);
        free(f->body);
        return 0;
}

static void asks_for_a_token_that_dies_with_the_pod(void **state) {
        struct fixture *f = *state;

        tokens_want(f->tokens, OBJECT_AS(pod, f->pod));
        assert_string_equal(get(f), "again");

        assert_int_equal(f->n_calls, 1);
        assert_string_equal(f->path, "/api/v1/namespaces/n/serviceaccounts/robot/token");
        assert_non_null(strstr(f->body, "\"expirationSeconds\":3607"));
        assert_non_null(strstr(f->body,
                               "\"boundObjectRef\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
                               "\"name\":\"p\",\"uid\":\"u1\"}"));
        answer_token(f, "one");
        assert_int_equal(f->n_told, 1);
        assert_string_equal(get(f), "=one");
}

static void asks_anew_before_the_token_ends(void **state) {
        struct fixture *f = *state;
        uint64_t waited_usec;

        tokens_want(f->tokens, OBJECT_AS(pod, f->pod));
        answer_token(f, "one");

        waited_usec = wait(f);
        assert_true(waited_usec > 3607 * USEC_PER_SEC * 74 / 100);
        assert_true(waited_usec <= 3607 * USEC_PER_SEC * 80 / 100);
        assert_string_equal(get(f), "=one");
        answer(f, -ECONNREFUSED, 0, "");
        assert_string_equal(get(f), "=one");
        assert_int_equal(f->n_told, 1);
        (void) wait(f);
        answer_token(f, "two");
        assert_string_equal(get(f), "=two");
        assert_int_equal(f->n_told, 2);
}

static void says_when_nobody_answers_for_long(void **state) {
        struct fixture *f = *state;

        tokens_want(f->tokens, OBJECT_AS(pod, f->pod));
        while (f->now_usec < TOKENS_PATIENCE_USEC) {
                answer(f, -ECONNREFUSED, 0, "");
                assert_string_equal(get(f), "again");
                (void) wait(f);
        }
        assert_int_equal(f->n_told, 0);
        answer(f, -ECONNREFUSED, 0, "");

        assert_string_equal(get(f), "nobody");
        assert_int_equal(f->n_told, 1);
        (void) wait(f);
        answer_token(f, "late");
        assert_string_equal(get(f), "=late");
        assert_int_equal(f->n_told, 2);
}

static void a_refusal_is_told_and_tried_again(void **state) {
        struct fixture *f = *state;

        tokens_want(f->tokens, OBJECT_AS(pod, f->pod));
        answer(f, 0, 404, "{\"message\":\"serviceaccounts \\\"robot\\\" not found\"}");
        assert_string_equal(get(f), "failed to fetch token: serviceaccounts \"robot\" not found");
        assert_int_equal(f->n_told, 1);
        (void) wait(f);
        answer(f, 0, 404, "{}");
        assert_string_equal(get(f), "failed to fetch token: HTTP status 404");
        assert_int_equal(f->n_told, 1);
        (void) wait(f);
        answer_token(f, "one");
        assert_string_equal(get(f), "=one");
}

static void a_clock_that_is_set_ends_tokens(void **state) {
        struct fixture *f = *state;

        tokens_want(f->tokens, OBJECT_AS(pod, f->pod));
        answer_token(f, "one");
        wall_usec += 40 * 365 * 86400ULL * USEC_PER_SEC;

        assert_true(wait(f) <= 60 * USEC_PER_SEC);
        answer_token(f, "two");
        assert_string_equal(get(f), "=two");
        assert_true(wait(f) > 2000 * USEC_PER_SEC);
        answer_token(f, "three");
}

static void a_pod_that_goes_takes_its_tokens_along(void **state) {
        struct fixture *f = *state;

        tokens_want(f->tokens, OBJECT_AS(pod, f->pod));
        answer_token(f, "one");
        assert_int_equal(n_timers(f), 2);

        tokens_unwant(f->tokens, OBJECT_AS(pod, f->pod));
        assert_int_equal(n_timers(f), 1);
        tick(f);
        assert_int_equal(n_timers(f), 0);
        tokens_unwant(f->tokens, OBJECT_AS(pod, f->pod));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(asks_for_a_token_that_dies_with_the_pod, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(asks_anew_before_the_token_ends, setup, teardown),
                cmocka_unit_test_setup_teardown(says_when_nobody_answers_for_long, setup, teardown),
                cmocka_unit_test_setup_teardown(a_refusal_is_told_and_tried_again, setup, teardown),
                cmocka_unit_test_setup_teardown(a_clock_that_is_set_ends_tokens, setup, teardown),
                cmocka_unit_test_setup_teardown(a_pod_that_goes_takes_its_tokens_along, setup,
                                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
