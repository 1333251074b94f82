#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/control/controller.h"
#include "daemon/plan/changes.h"
#include "tests/unit/control/fixture.h"

#include <stdio.h>
#include <string.h>

#define STATUS(reason, code)                                                                       \
        "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"made up\",\"reason\":\"" reason \
        "\",\"code\":" #code "}"
#define POD(name)                                                                                  \
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"" name                   \
        "\",\"namespace\":\"default\",\"uid\":\"u-" name "\",\"resourceVersion\":\"5\"}}"

/* A controller that wants n_pods, called p0, p1, … */
struct wish {
        struct controller *driver;
        struct fixture *f;
        int n_pods, n_plans;
        bool wants_look;
        enum live_state seen;
        uint64_t again_usec;
};

static int wish_plan(void *data, struct run *run, const char *key, struct changes *c,
                     struct err *e) {
        struct wish *w = data;

        w->n_plans++;
        if (w->wants_look)
                w->seen = run_look(run, &pod_kind, "default", "x").state;
        for (int i = 0; i < w->n_pods; i++) {
                char name[16];
                struct change *it;

                (void) snprintf(name, sizeof(name), "p%d", i);
                if (caches_find(w->f->core.caches, &pod_kind, "default", name))
                        continue;
                it = changes_create(c, &pod_kind,
                                    json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1",
                                              "kind", "Pod", "metadata", "name", name, "namespace",
                                              "default"));
                it->is_failure_counted = true;
        }
        if (w->again_usec)
                changes_again(c, w->again_usec);
        return 0;
}

static const struct controller_type wish_type = { .name = "wisher", .plan = wish_plan };

static void wish_begin(struct wish *w, struct fixture *f, int n_pods) {
        *w = (struct wish){ .f = f, .n_pods = n_pods };
        assert_int_equal(controller_new(&f->core, &wish_type, w, &w->driver, NULL), 0);
        controller_enqueue(w->driver, "default/w");
}

static void plans_nothing_before_it_begins(void **state) {
        struct fixture *f = *state;
        struct wish w;

        wish_begin(&w, f, 1);
        fixture_run(f, USEC_PER_SEC);
        assert_int_equal(w.n_plans, 0);
        controller_begin(w.driver);
        fixture_run(f, 0);

        assert_int_equal(w.n_plans, 1);
        controller_unref(w.driver);
}

static void knows_its_own_write_before_the_watch_tells(void **state) {
        struct fixture *f = *state;
        struct wish w;

        wish_begin(&w, f, 1);
        controller_begin(w.driver);
        fixture_run(f, 0);
        assert_string_equal(f->fake->calls[0]->path, "/api/v1/namespaces/default/pods");
        fixture_answer(f, 0, 201, POD("p0"));
        controller_enqueue(w.driver, "default/w");
        fixture_run(f, 0);

        assert_int_equal(w.n_plans, 2);
        assert_int_equal(f->fake->n, 1);
        assert_true(controller_is_idle(w.driver));
        controller_unref(w.driver);
}

static void never_plans_while_a_write_is_under_way(void **state) {
        struct fixture *f = *state;
        struct wish w;

        wish_begin(&w, f, 1);
        controller_begin(w.driver);
        fixture_run(f, 0);
        controller_enqueue(w.driver, "default/w");
        fixture_run(f, 3600 * USEC_PER_SEC);

        assert_int_equal(w.n_plans, 1);
        controller_unref(w.driver);
}

static void looks_up_what_was_not_answered_instead_of_repeating_it(void **state) {
        struct fixture *f = *state;
        struct wish w;

        wish_begin(&w, f, 1);
        controller_begin(w.driver);
        fixture_run(f, 0);
        fixture_answer(f, 0, 0, "");
        assert_int_equal(f->fake->calls[1]->method, CLIENT_GET);
        assert_string_equal(f->fake->calls[1]->path, "/api/v1/namespaces/default/pods/p0");
        fixture_answer(f, 1, 503, STATUS("ServiceUnavailable", 503));
        fixture_run(f, USEC_PER_SEC);
        assert_int_equal(f->fake->calls[2]->method, CLIENT_GET);
        fixture_answer(f, 2, 200, POD("p0"));
        fixture_run(f, USEC_PER_SEC);

        assert_int_equal(w.n_plans, 2);
        assert_int_equal(f->fake->n, 3);
        controller_unref(w.driver);
}

static void repeats_what_certainly_did_not_happen(void **state) {
        struct fixture *f = *state;
        struct wish w;

        wish_begin(&w, f, 1);
        controller_begin(w.driver);
        fixture_run(f, 0);
        fixture_answer(f, 0, 0, "");
        fixture_answer(f, 1, 404, STATUS("NotFound", 404));
        fixture_run(f, USEC_PER_SEC);

        assert_int_equal(f->fake->n, 3);
        assert_int_equal(f->fake->calls[2]->method, CLIENT_POST);
        controller_unref(w.driver);
}

static void remembers_a_refusal_until_it_is_lifted(void **state) {
        struct fixture *f = *state;
        struct wish w;

        wish_begin(&w, f, 1);
        controller_begin(w.driver);
        fixture_run(f, 0);
        fixture_answer(f, 0, 403, STATUS("Forbidden", 403));
        assert_string_equal(controller_failure(w.driver, "default/w"), "made up");
        fixture_run(f, USEC_PER_SEC);
        fixture_answer(f, 1, 201, POD("p0"));

        assert_null(controller_failure(w.driver, "default/w"));
        controller_unref(w.driver);
}

static void backs_off_longer_each_time(void **state) {
        struct fixture *f = *state;
        struct wish w;
        size_t early, late;

        wish_begin(&w, f, 1);
        controller_begin(w.driver);
        fixture_run(f, 0);
        for (size_t i = 0; i < 6; i++) {
                fixture_answer(f, f->fake->n - 1, 403, STATUS("Forbidden", 403));
                fixture_run(f, 10 * USEC_PER_SEC);
        }
        early = f->fake->n;
        fixture_answer(f, f->fake->n - 1, 403, STATUS("Forbidden", 403));
        fixture_run(f, 10 * USEC_PER_MSEC);
        late = f->fake->n;

        assert_int_equal(early, late);
        controller_unref(w.driver);
}

static void opens_a_window_that_each_success_widens(void **state) {
        struct fixture *f = *state;
        struct wish w;

        wish_begin(&w, f, 30);
        controller_begin(w.driver);
        fixture_run(f, 0);
        assert_int_equal(f->fake->n, 8);
        fixture_answer(f, 0, 201, POD("p0"));
        assert_int_equal(f->fake->n, 10);
        fixture_answer(f, 1, 201, POD("p1"));

        assert_int_equal(f->fake->n, 12);
        controller_unref(w.driver);
}

static void starts_nothing_more_after_a_refusal(void **state) {
        struct fixture *f = *state;
        struct wish w;

        wish_begin(&w, f, 30);
        controller_begin(w.driver);
        fixture_run(f, 0);
        fixture_answer(f, 0, 403, STATUS("Forbidden", 403));
        for (size_t i = 1; i < 8; i++)
                fixture_answer(f, i, 201, POD("p1"));

        assert_int_equal(f->fake->n, 8);
        controller_unref(w.driver);
}

static void plans_again_once_a_live_fact_is_there(void **state) {
        struct fixture *f = *state;
        struct wish w;

        wish_begin(&w, f, 1);
        w.wants_look = true;
        controller_begin(w.driver);
        fixture_run(f, 0);
        assert_int_equal(f->fake->n, 1);
        assert_int_equal(f->fake->calls[0]->method, CLIENT_GET);
        assert_int_equal(w.seen, LIVE_ASKED);
        fixture_answer(f, 0, 404, STATUS("NotFound", 404));

        assert_int_equal(w.n_plans, 2);
        assert_int_equal(w.seen, LIVE_ABSENT);
        assert_int_equal(f->fake->calls[1]->method, CLIENT_POST);
        controller_unref(w.driver);
}

static void does_nothing_when_a_live_fact_cannot_be_had(void **state) {
        struct fixture *f = *state;
        struct wish w;

        wish_begin(&w, f, 1);
        w.wants_look = true;
        controller_begin(w.driver);
        fixture_run(f, 0);
        fixture_answer(f, 0, 500, STATUS("InternalError", 500));
        assert_int_equal(w.n_plans, 1);
        fixture_run(f, USEC_PER_SEC);

        assert_int_equal(w.n_plans, 2);
        assert_int_equal(f->fake->calls[1]->method, CLIENT_GET);
        controller_unref(w.driver);
}

static void plans_again_when_the_plan_asked_for_it(void **state) {
        struct fixture *f = *state;
        struct wish w;

        wish_begin(&w, f, 0);
        w.again_usec = core_wall_usec(&f->core) + 5 * USEC_PER_SEC;
        controller_begin(w.driver);
        fixture_run(f, 4 * USEC_PER_SEC);
        assert_int_equal(w.n_plans, 1);
        w.again_usec = 0;
        fixture_run(f, 2 * USEC_PER_SEC);

        assert_int_equal(w.n_plans, 2);
        controller_unref(w.driver);
}

static void does_not_burn_the_cpu_for_a_plan_that_asks_for_the_past(void **state) {
        struct fixture *f = *state;
        struct wish w;

        wish_begin(&w, f, 0);
        w.again_usec = 1;
        controller_begin(w.driver);
        fixture_run(f, USEC_PER_SEC);

        assert_true(w.n_plans > 50 && w.n_plans <= 101);
        controller_unref(w.driver);
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
                T(plans_nothing_before_it_begins),
                T(knows_its_own_write_before_the_watch_tells),
                T(never_plans_while_a_write_is_under_way),
                T(looks_up_what_was_not_answered_instead_of_repeating_it),
                T(repeats_what_certainly_did_not_happen),
                T(remembers_a_refusal_until_it_is_lifted),
                T(backs_off_longer_each_time),
                T(opens_a_window_that_each_success_widens),
                T(starts_nothing_more_after_a_refusal),
                T(plans_again_once_a_live_fact_is_there),
                T(does_nothing_when_a_live_fact_cannot_be_had),
                T(plans_again_when_the_plan_asked_for_it),
                T(does_not_burn_the_cpu_for_a_plan_that_asks_for_the_past),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
