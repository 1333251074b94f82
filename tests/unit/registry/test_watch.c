#include "base/clock.h"
#include "base/str.h"
#include "daemon/store/store.h"
#include "tests/unit/registry/fixture.h"

#include <inttypes.h>
#include <stdio.h>

#define PODS "/api/v1/namespaces/default/pods"
#define LEASES "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"

static void expect(struct answer *a, const char *word) {
        char buf[128];

        assert_non_null(a->watch);
        assert_string_equal(watch_word(a->watch, buf, sizeof(buf)), word);
}

static void label(struct fixture *f, const char *name, const char *patch) {
        AUTO_FREE char *path = str_format(PODS "/%s", name);
        struct answer a = fixture_patch(f, path, "application/merge-patch+json", patch);

        assert_int_equal(a.status, 200);
        answer_done(&a);
}

static void begins_with_what_is_there(void **state) {
        struct fixture *f = *state;
        struct answer w;
        fixture_do(f, "POST", PODS, pod_json("a", ""), 201);

        w = fixture_ask(f, "GET", "/api/v1/pods?watch=1", NULL);

        expect(&w, "ADDED a");
        expect(&w, "idle");
        fixture_do(f, "POST", PODS, pod_json("b", ""), 201);
        expect(&w, "ADDED b");
        fixture_do(f, "DELETE", PODS "/a", NULL, 200);
        expect(&w, "DELETED a");
        expect(&w, "idle");
        answer_done(&w);
}

static void old_clients_say_watch_in_the_path(void **state) {
        struct fixture *f = *state;
        struct answer all, one;
        fixture_do(f, "POST", PODS, pod_json("a", ""), 201);
        fixture_do(f, "POST", PODS, pod_json("b", ""), 201);

        all = fixture_ask(f, "GET", "/api/v1/watch/namespaces/default/pods", NULL);
        one = fixture_ask(f, "GET", "/api/v1/watch/namespaces/default/pods/b", NULL);

        expect(&all, "ADDED a");
        expect(&all, "ADDED b");
        expect(&one, "ADDED b");
        expect(&one, "idle");
        answer_done(&all);
        answer_done(&one);
}

static void goes_on_from_a_revision(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *url = NULL;
        struct answer w;
        fixture_do(f, "POST", PODS, pod_json("a", ""), 201);
        url = str_format("/api/v1/pods?watch=true&resourceVersion=%" PRIu64,
                         registry_revision(f->registry));
        fixture_do(f, "POST", PODS, pod_json("b", ""), 201);

        w = fixture_ask(f, "GET", url, NULL);

        expect(&w, "ADDED b");
        expect(&w, "idle");
        answer_done(&w);
}

static void selectors_turn_changes_into_comings_and_goings(void **state) {
        struct fixture *f = *state;
        struct answer w = fixture_ask(f, "GET", "/api/v1/pods?watch=1&labelSelector=app%3Dx", NULL);
        fixture_do(f, "POST", PODS, pod_json("a", ""), 201);
        expect(&w, "idle");

        label(f, "a", "{\"metadata\":{\"labels\":{\"app\":\"x\"}}}");
        expect(&w, "ADDED a");
        label(f, "a", "{\"metadata\":{\"labels\":{\"b\":\"c\"}}}");
        expect(&w, "MODIFIED a");
        label(f, "a", "{\"metadata\":{\"labels\":{\"app\":null}}}");
        expect(&w, "DELETED a");
        fixture_do(f, "DELETE", PODS "/a", NULL, 200);
        expect(&w, "idle");
        answer_done(&w);
}

static void fields_select_too(void **state) {
        struct fixture *f = *state;
        struct answer w = fixture_ask(
                f, "GET", "/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dn1", NULL);
        fixture_do(f, "POST", PODS, pod_json("a", ""), 201);
        expect(&w, "idle");

        fixture_do(f, "POST", PODS "/a/binding", "{\"target\":{\"name\":\"n1\"}}", 201);

        expect(&w, "ADDED a");
        answer_done(&w);
        fixture_do(f, "GET", "/api/v1/pods?watch=1&fieldSelector=spec.bogus%3D1", NULL, 400);
}

static void initial_events_end_with_a_bookmark(void **state) {
        struct fixture *f = *state;
        struct answer w;
        fixture_do(f, "POST", PODS, pod_json("a", ""), 201);

        w = fixture_ask(f, "GET",
                        "/api/v1/pods?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&"
                        "resourceVersionMatch=NotOlderThan",
                        NULL);

        expect(&w, "ADDED a");
        expect(&w, "BOOKMARK initial");
        expect(&w, "idle");
        answer_done(&w);
}

static void bookmarks_follow_changes_elsewhere(void **state) {
        struct fixture *f = *state;
        struct answer w =
                fixture_ask(f, "GET", "/api/v1/pods?watch=1&allowWatchBookmarks=true", NULL);
        expect(&w, "idle");

        fixture_do(f, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"n\"}}", 201);
        fixture_run(f, 61 * USEC_PER_SEC);

        expect(&w, "BOOKMARK");
        expect(&w, "idle");
        fixture_run(f, 61 * USEC_PER_SEC);
        expect(&w, "idle");
        answer_done(&w);
}

/* The fixture's ring holds 64 events. */
static void a_slow_reader_is_told_and_dropped(void **state) {
        struct fixture *f = *state;
        struct answer w = fixture_ask(f, "GET", "/api/v1/pods?watch=1", NULL);
        char name[16];
        expect(&w, "idle");

        for (unsigned i = 0; i < 70; i++) {
                (void) snprintf(name, sizeof(name), "p%u", i);
                fixture_do(f, "POST", PODS, pod_json(name, ""), 201);
        }

        expect(&w, "ERROR 410");
        expect(&w, "end");
        answer_done(&w);
}

static void noise_of_other_kinds_expires_nothing(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *url = NULL;
        struct answer w;
        char body[64];
        fixture_do(f, "POST", PODS, pod_json("a", ""), 201);
        url = str_format("/api/v1/pods?watch=1&resourceVersion=%" PRIu64,
                         registry_revision(f->registry));

        for (unsigned i = 0; i < 70; i++) {
                (void) snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"n%u\"}}", i);
                fixture_do(f, "POST", "/api/v1/namespaces", body, 201);
        }
        w = fixture_ask(f, "GET", url, NULL);

        expect(&w, "idle");
        answer_done(&w);
}

static void old_and_future_revisions_are_expired(void **state) {
        struct fixture *f = *state;
        struct answer w;
        fixture_restart(f); /* memory begins anew at the present revision */

        w = fixture_ask(f, "GET", "/api/v1/pods?watch=1&resourceVersion=1", NULL);

        expect(&w, "ERROR 410");
        expect(&w, "end");
        answer_done(&w);
        w = fixture_ask(f, "GET", "/api/v1/pods?watch=1&resourceVersion=999999999", NULL);
        expect(&w, "ERROR 410");
        answer_done(&w);
}

static void ends_in_time(void **state) {
        struct fixture *f = *state;
        struct answer w = fixture_ask(f, "GET", "/api/v1/pods?watch=1&timeoutSeconds=3", NULL);
        expect(&w, "idle");

        fixture_run(f, 4 * USEC_PER_SEC);

        expect(&w, "end");
        answer_done(&w);
}

static void heartbeats_stay_off_the_disk(void **state) {
        struct fixture *f = *state;
        const char *path = LEASES "/n1";
        struct answer w, a;
        int64_t stored;
        uint64_t revision;
        fixture_do(
                f, "POST", LEASES,
                "{\"metadata\":{\"name\":\"n1\"},\"spec\":{\"holderIdentity\":\"n1\",\"renewTime\":"
                "\"2027-01-15T08:00:00.000000Z\"}}",
                201);
        w = fixture_ask(f, "GET", "/apis/coordination.k8s.io/v1/leases?watch=1", NULL);
        expect(&w, "ADDED n1");
        a = fixture_patch(f, path, "application/merge-patch+json",
                          "{\"spec\":{\"renewTime\":\"2027-01-15T08:00:10.000000Z\"}}");
        assert_int_equal(a.status, 200);
        answer_done(&a);
        stored = store_revision(f->store); /* the first one keeps the offset */

        a = fixture_patch(f, path, "application/merge-patch+json",
                          "{\"spec\":{\"renewTime\":\"2027-01-15T08:00:20.000000Z\"}}");

        assert_int_equal(a.status, 200);
        answer_done(&a);
        assert_int_equal(store_revision(f->store), stored);
        expect(&w, "MODIFIED n1");
        expect(&w, "MODIFIED n1");
        answer_done(&w);
        revision = registry_revision(f->registry);
        fixture_restart(f);
        assert_true(registry_revision(f->registry) >= revision);
        /* A change of anything else is durable again. */
        a = fixture_patch(f, path, "application/merge-patch+json",
                          "{\"spec\":{\"holderIdentity\":\"n2\"}}");
        assert_int_equal(a.status, 200);
        assert_true(store_revision(f->store) > stored);
        answer_done(&a);
}

static void events_are_forgotten_after_a_while(void **state) {
        struct fixture *f = *state;
        int64_t stored;
        struct answer a;
        fixture_do(f, "POST", "/api/v1/namespaces/default/events",
                   "{\"metadata\":{\"name\":\"e1\"},\"involvedObject\":{\"kind\":\"Pod\","
                   "\"namespace\":"
                   "\"default\",\"name\":\"a\"},\"reason\":\"Started\",\"type\":\"Normal\"}",
                   201);
        stored = store_revision(f->store);
        a = fixture_ask(f, "GET",
                        "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Da",
                        NULL);
        assert_string_equal(tree_at(a.tree, "items.0.metadata.name"), "e1");
        answer_done(&a);

        fixture_run(f, 3601 * USEC_PER_SEC);

        fixture_do(f, "GET", "/api/v1/namespaces/default/events/e1", NULL, 404);
        assert_int_equal(store_revision(f->store), stored);
}

static void pages_a_list(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *url = NULL;
        struct answer a;
        fixture_do(f, "POST", PODS, pod_json("a", ""), 201);
        fixture_do(f, "POST", PODS, pod_json("b", ""), 201);
        fixture_do(f, "POST", PODS, pod_json("c", ""), 201);

        a = fixture_ask(f, "GET", PODS "?limit=2", NULL);
        assert_string_equal(tree_at(a.tree, "kind"), "PodList");
        assert_string_equal(tree_at(a.tree, "items.0.metadata.name"), "a");
        assert_int_equal(json_array_size(json_object_get(a.tree, "items")), 2);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(a.tree, "metadata"),
                                                            "remainingItemCount")),
                         1);
        url = str_format(PODS "?limit=2&continue=%s", tree_at(a.tree, "metadata.continue"));
        answer_done(&a);
        fixture_do(f, "DELETE", PODS "/b", NULL, 200);
        a = fixture_ask(f, "GET", url, NULL);
        assert_string_equal(tree_at(a.tree, "items.0.metadata.name"), "c");
        assert_string_equal(tree_at(a.tree, "metadata.continue"), "");
        answer_done(&a);
        a = fixture_ask(f, "GET", "/api/v1/namespaces/kube-system/pods", NULL);
        assert_true(json_is_array(json_object_get(a.tree, "items")));
        answer_done(&a);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(begins_with_what_is_there),
                TEST(old_clients_say_watch_in_the_path),
                TEST(goes_on_from_a_revision),
                TEST(selectors_turn_changes_into_comings_and_goings),
                TEST(fields_select_too),
                TEST(initial_events_end_with_a_bookmark),
                TEST(bookmarks_follow_changes_elsewhere),
                TEST(a_slow_reader_is_told_and_dropped),
                TEST(noise_of_other_kinds_expires_nothing),
                TEST(old_and_future_revisions_are_expired),
                TEST(ends_in_time),
                TEST(heartbeats_stay_off_the_disk),
                TEST(events_are_forgotten_after_a_while),
                TEST(pages_a_list),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
