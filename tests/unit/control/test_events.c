#include "api/kinds/object.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/plan/changes.h"
#include "tests/unit/control/fixture.h"

#include <stdio.h>
#include <string.h>

#define POD                                                                                        \
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":"      \
        "\"shop\",\"uid\":\"u1\"}}"
#define NODE                                                                                       \
        "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\",\"uid\":\"u2\"}}"

static void record(struct fixture *f, const char *json, const char *message) {
        const struct change_event event = { "Normal", "Scheduled", message };
        AUTO(object) struct object *o = fixture_object(json);

        events_record(f->core.events, "tester", o, &event, NULL);
}

static void writes_what_kubernetes_clients_read(void **state) {
        struct fixture *f = *state;
        const struct fake_call *c;

        record(f, POD, "bound to n");

        assert_int_equal(f->fake->n, 1);
        c = f->fake->calls[0];
        assert_int_equal(c->method, CLIENT_POST);
        assert_string_equal(c->path, "/api/v1/namespaces/shop/events");
        assert_non_null(strstr(
                c->body, "\"involvedObject\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":"
                         "\"p\",\"uid\":\"u1\",\"namespace\":\"shop\"}"));
        assert_non_null(strstr(c->body, "\"reason\":\"Scheduled\",\"message\":\"bound to n\""));
        assert_non_null(strstr(c->body, "\"source\":{\"component\":\"tester\"}"));
        assert_non_null(strstr(c->body, "\"count\":1"));
        assert_non_null(strstr(c->body, "\"eventTime\":null"));
        fixture_answer(f, 0, 201, "{}");
        assert_true(events_are_idle(f->core.events));
}

static void files_events_of_nodes_under_default(void **state) {
        struct fixture *f = *state;

        record(f, NODE, "gone");

        assert_string_equal(f->fake->calls[0]->path, "/api/v1/namespaces/default/events");
        fixture_answer(f, 0, 201, "{}");
}

static void counts_the_same_event_instead_of_writing_it_again(void **state) {
        struct fixture *f = *state;

        record(f, POD, "again");
        fixture_answer(f, 0, 201, "{}");
        record(f, POD, "again");

        assert_int_equal(f->fake->n, 2);
        assert_int_equal(f->fake->calls[1]->method, CLIENT_PATCH);
        assert_non_null(strstr(f->fake->calls[1]->body, "\"count\":2"));
        fixture_answer(f, 1, 200, "{}");
}

static void counts_what_came_while_one_was_under_way_in_one_write(void **state) {
        struct fixture *f = *state;

        for (int i = 0; i < 5; i++)
                record(f, POD, "again");
        assert_int_equal(f->fake->n, 1);
        fixture_answer(f, 0, 201, "{}");

        assert_int_equal(f->fake->n, 2);
        assert_non_null(strstr(f->fake->calls[1]->body, "\"count\":5"));
        fixture_answer(f, 1, 200, "{}");
        assert_true(events_are_idle(f->core.events));
}

static void combines_similar_events_after_ten(void **state) {
        struct fixture *f = *state;
        char message[32];

        for (int i = 0; i < 15; i++) {
                (void) snprintf(message, sizeof(message), "pod %d", i);
                record(f, POD, message);
                fixture_answer(f, f->fake->n - 1, i < 11 ? 201 : 200, "{}");
        }

        assert_int_equal(f->fake->n, 15);
        assert_int_equal(f->fake->calls[9]->method, CLIENT_POST);
        assert_null(strstr(f->fake->calls[9]->body, "combined"));
        assert_non_null(strstr(f->fake->calls[10]->body,
                               "\"message\":\"(combined from similar events): pod 10\""));
        assert_int_equal(f->fake->calls[14]->method, CLIENT_PATCH);
        assert_non_null(strstr(f->fake->calls[14]->body, "\"count\":5"));
}

static void begins_anew_when_the_event_has_expired(void **state) {
        struct fixture *f = *state;

        record(f, POD, "again");
        fixture_answer(f, 0, 201, "{}");
        record(f, POD, "again");
        fixture_answer(f, 1, 404,
                       "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"NotFound\","
                       "\"code\":404}");

        assert_int_equal(f->fake->n, 3);
        assert_int_equal(f->fake->calls[2]->method, CLIENT_POST);
        assert_non_null(strstr(f->fake->calls[2]->body, "\"count\":1"));
        fixture_answer(f, 2, 201, "{}");
}

static void drops_an_event_that_is_refused(void **state) {
        struct fixture *f = *state;

        record(f, POD, "no");
        fixture_answer(f, 0, 403,
                       "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Forbidden\","
                       "\"code\":403}");

        assert_int_equal(f->fake->n, 1);
        assert_true(events_are_idle(f->core.events));
}

static void tries_an_unanswered_event_three_times(void **state) {
        struct fixture *f = *state;

        record(f, POD, "lost");
        for (size_t i = 0; i < 3; i++)
                fixture_answer(f, i, 0, "");

        assert_int_equal(f->fake->n, 3);
        assert_true(events_are_idle(f->core.events));
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
                T(writes_what_kubernetes_clients_read),
                T(files_events_of_nodes_under_default),
                T(counts_the_same_event_instead_of_writing_it_again),
                T(counts_what_came_while_one_was_under_way_in_one_write),
                T(combines_similar_events_after_ten),
                T(begins_anew_when_the_event_has_expired),
                T(drops_an_event_that_is_refused),
                T(tries_an_unanswered_event_three_times),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
