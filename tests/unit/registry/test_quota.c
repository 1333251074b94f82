#include "base/str.h"
#include "tests/unit/registry/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOP "/api/v1/namespaces/shop"
#define QUOTA SHOP "/resourcequotas/q"
#define STATUS_USEC (1000 * 1000)
#define N_RACERS 64

static int setup(void **state) {
        static struct fixture f;

        fixture_init(&f);
        fixture_do(&f, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"shop\"}}", 201);
        *state = &f;
        return 0;
}

/* hard: JSON of amounts; more: further parts of the spec. */
static void quota_make(struct fixture *f, const char *hard, const char *more) {
        AUTO_FREE char *body = str_format(
                "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{%s}%s}}", hard, more);

        fixture_do(f, "POST", SHOP "/resourcequotas", body, 201);
}

/* A pod of one container with these requests (JSON). */
static char *pod_of(const char *name, const char *requests, const char *spec) {
        return str_format("{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"containers\":[{\"name\":"
                          "\"c\",\"image\":\"i\",\"resources\":{\"requests\":{%s}}}]%s}}",
                          name, requests, spec);
}

static void pod_make(struct fixture *f, const char *name, const char *requests, unsigned status) {
        AUTO_FREE char *body = pod_of(name, requests, "");

        fixture_do(f, "POST", SHOP "/pods", body, status);
}

/* What the status says of a resource, once it has been brought up to date. */
static void assert_used(struct fixture *f, const char *resource, const char *amount) {
        struct answer a;

        fixture_run(f, STATUS_USEC);
        a = fixture_ask(f, "GET", QUOTA, NULL);
        assert_string_equal(
                str_or_empty(json_string_value(json_object_get(
                        json_object_get(json_object_get(a.tree, "status"), "used"), resource))),
                amount);
        answer_done(&a);
}

static void assert_refused(struct fixture *f, const char *path, const char *body,
                           const char *message) {
        struct answer a = fixture_ask(f, "POST", path, body);

        assert_int_equal(a.status, 403);
        assert_string_equal(tree_at(a.tree, "reason"), "Forbidden");
        assert_string_equal(tree_at(a.tree, "message"), message);
        answer_done(&a);
}

static void of_many_at_once_only_so_many_are_made(void **state) {
        struct fixture *f = *state;
        static struct answer answers[N_RACERS];
        unsigned n_made = 0;
        quota_make(f, "\"pods\":\"10\"", "");

        memset(answers, 0, sizeof(answers));
        for (int i = 0; i < N_RACERS; i++) {
                char name[16];
                AUTO_FREE char *body = NULL;

                (void) snprintf(name, sizeof(name), "p%d", i);
                body = pod_of(name, "", "");
                fixture_send(f, "POST", SHOP "/pods", "application/json", body, &answers[i]);
        }
        fixture_run(f, STATUS_USEC);

        for (int i = 0; i < N_RACERS; i++) {
                assert_true(answers[i].status == 201 || answers[i].status == 403);
                n_made += answers[i].status == 201;
                answer_done(&answers[i]);
        }
        assert_int_equal(n_made, 10);
        assert_used(f, "pods", "10");
}

static void what_is_too_much_is_refused_in_kubernetes_words(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *body = pod_of("x", "\"cpu\":\"1\"", "");
        quota_make(f, "\"requests.cpu\":\"1\",\"pods\":\"9\"", "");
        pod_make(f, "a", "\"cpu\":\"500m\"", 201);

        assert_refused(f, SHOP "/pods", body,
                       "pods \"x\" is forbidden: exceeded quota: q, requested: requests.cpu=1, "
                       "used: requests.cpu=500m, limited: requests.cpu=1");

        assert_used(f, "requests.cpu", "500m");
        assert_used(f, "pods", "1");
}

static void what_must_be_said_is_asked_for(void **state) {
        struct fixture *f = *state;
        quota_make(f, "\"limits.cpu\":\"1\",\"memory\":\"1Gi\"", "");

        assert_refused(f, SHOP "/pods", pod_json("x", ""),
                       "pods \"x\" is forbidden: failed quota: q: must specify limits.cpu for: "
                       "c; memory for: c");
}

static void a_pod_that_has_gone_or_ended_makes_room(void **state) {
        struct fixture *f = *state;
        struct answer a;
        quota_make(f, "\"pods\":\"2\",\"count/pods\":\"3\"", "");
        pod_make(f, "a", "", 201);
        pod_make(f, "b", "", 201);
        pod_make(f, "c", "", 403);

        fixture_do(f, "DELETE", SHOP "/pods/a", NULL, 200);
        pod_make(f, "c", "", 201);
        a = fixture_patch(f, SHOP "/pods/b/status", "application/merge-patch+json",
                          "{\"status\":{\"phase\":\"Succeeded\"}}");
        answer_done(&a);
        pod_make(f, "d", "", 201);

        pod_make(f, "e", "", 403);
        assert_used(f, "pods", "2");
        assert_used(f, "count/pods", "3");
}

static void a_dry_run_takes_nothing(void **state) {
        struct fixture *f = *state;
        quota_make(f, "\"pods\":\"1\"", "");

        fixture_do(f, "POST", SHOP "/pods?dryRun=All", pod_json("a", ""), 201);
        pod_make(f, "b", "", 201);

        fixture_do(f, "POST", SHOP "/pods?dryRun=All", pod_json("a", ""), 403);
}

static void a_failed_write_gives_back_what_it_held(void **state) {
        struct fixture *f = *state;
        quota_make(f, "\"pods\":\"2\"", "");
        pod_make(f, "a", "", 201);

        pod_make(f, "a", "", 409);
        pod_make(f, "b", "", 201);

        assert_used(f, "pods", "2");
}

static void services_count_by_what_they_are(void **state) {
        struct fixture *f = *state;
        struct answer a;
        quota_make(f, "\"services\":\"2\",\"services.nodeports\":\"1\"", "");
        fixture_do(f, "POST", SHOP "/services",
                   "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"ports\":[{\"name\":\"x\",\"port\":1}"
                   ",{\"name\":\"y\",\"port\":2}]}}",
                   201);

        a = fixture_patch(f, SHOP "/services/a", "application/merge-patch+json",
                          "{\"spec\":{\"type\":\"NodePort\"}}");

        assert_int_equal(a.status, 403);
        assert_string_equal(tree_at(a.tree, "message"),
                            "services \"a\" is forbidden: exceeded quota: q, requested: "
                            "services.nodeports=2, used: services.nodeports=0, limited: "
                            "services.nodeports=1");
        answer_done(&a);
        a = fixture_patch(f, SHOP "/services/a", "application/merge-patch+json",
                          "{\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\":1}]}}");
        assert_int_equal(a.status, 200);
        answer_done(&a);
        assert_used(f, "services.nodeports", "1");
}

static void claims_count_by_class_and_size(void **state) {
        struct fixture *f = *state;
        static const char CLAIM[] =
                "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],"
                "\"storageClassName\":\"%s\",\"resources\":{\"requests\":{\"storage\":\"%s\"}}}}";
        AUTO_FREE char *gold = str_format(CLAIM, "a", "gold", "1Gi");
        AUTO_FREE char *more = str_format(CLAIM, "b", "gold", "1Gi");
        AUTO_FREE char *tin = str_format(CLAIM, "c", "tin", "3Gi");
        quota_make(f,
                   "\"gold.storageclass.storage.k8s.io/requests.storage\":\"1536Mi\","
                   "\"requests.storage\":\"5Gi\"",
                   "");
        fixture_do(f, "POST", SHOP "/persistentvolumeclaims", gold, 201);

        assert_refused(f, SHOP "/persistentvolumeclaims", more,
                       "persistentvolumeclaims \"b\" is forbidden: exceeded quota: q, requested: "
                       "gold.storageclass.storage.k8s.io/requests.storage=1Gi, used: "
                       "gold.storageclass.storage.k8s.io/requests.storage=1Gi, limited: "
                       "gold.storageclass.storage.k8s.io/requests.storage=1536Mi");

        fixture_do(f, "POST", SHOP "/persistentvolumeclaims", tin, 201);
        assert_used(f, "requests.storage", "4Gi");
}

static void scopes_choose_pods(void **state) {
        struct fixture *f = *state;
        quota_make(f, "\"pods\":\"1\"", ",\"scopes\":[\"BestEffort\"]");

        pod_make(f, "a", "", 201);
        pod_make(f, "b", "\"cpu\":\"1m\"", 201);

        pod_make(f, "c", "", 403);
        assert_used(f, "pods", "1");
}

static void other_kinds_are_counted_by_name(void **state) {
        struct fixture *f = *state;
        quota_make(f, "\"configmaps\":\"1\",\"count/deployments.apps\":\"0\"", "");

        fixture_do(f, "POST", SHOP "/configmaps", "{\"metadata\":{\"name\":\"a\"}}", 201);

        fixture_do(f, "POST", SHOP "/configmaps", "{\"metadata\":{\"name\":\"b\"}}", 403);
        assert_refused(f, "/apis/apps/v1/namespaces/shop/deployments",
                       "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{"
                       "\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},"
                       "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}",
                       "deployments.apps \"d\" is forbidden: exceeded quota: q, requested: "
                       "count/deployments.apps=1, used: count/deployments.apps=0, limited: "
                       "count/deployments.apps=0");
}

static void what_was_there_before_counts(void **state) {
        struct fixture *f = *state;
        pod_make(f, "a", "", 201);
        pod_make(f, "b", "", 201);

        quota_make(f, "\"pods\":\"2\"", "");

        pod_make(f, "c", "", 403);
        assert_used(f, "pods", "2");
}

static void other_amounts_count_at_once(void **state) {
        struct fixture *f = *state;
        struct answer a;
        quota_make(f, "\"pods\":\"1\"", "");
        pod_make(f, "a", "", 201);
        pod_make(f, "b", "", 403);

        a = fixture_patch(f, QUOTA, "application/merge-patch+json",
                          "{\"spec\":{\"hard\":{\"pods\":\"2\",\"configmaps\":\"3\"}}}");
        answer_done(&a);

        pod_make(f, "b", "", 201);
        assert_used(f, "pods", "2");
        assert_used(f, "configmaps", "0");
        fixture_do(f, "DELETE", QUOTA, NULL, 200);
        pod_make(f, "c", "", 201);
}

static void scopes_that_exclude_each_other_are_refused(void **state) {
        struct fixture *f = *state;

        fixture_do(f, "POST", SHOP "/resourcequotas",
                   "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{\"pods\":\"1\"},"
                   "\"scopes\":[\"BestEffort\",\"NotBestEffort\"]}}",
                   422);
        fixture_do(f, "POST", SHOP "/resourcequotas",
                   "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{\"pods\":\"1\"},"
                   "\"scopeSelector\":{\"matchExpressions\":[{\"scopeName\":\"PriorityClass\","
                   "\"operator\":\"In\"}]}}}",
                   422);
}

static void a_restart_counts_anew(void **state) {
        struct fixture *f = *state;
        quota_make(f, "\"pods\":\"2\"", "");
        pod_make(f, "a", "", 201);
        pod_make(f, "b", "", 201);

        fixture_restart(f);

        pod_make(f, "c", "", 403);
        assert_used(f, "pods", "2");
}

/* The status of a quota that follows changes, against one that counts anew. */
static void assert_recount_agrees(struct fixture *f, unsigned seed) {
        struct answer followed, fresh;

        fixture_run(f, STATUS_USEC);
        followed = fixture_ask(f, "GET", QUOTA, NULL);
        fixture_restart(f);
        fixture_run(f, STATUS_USEC);
        fresh = fixture_ask(f, "GET", QUOTA, NULL);
        if (!json_equal(json_object_get(followed.tree, "status"),
                        json_object_get(fresh.tree, "status")))
                fail_msg("seed %u: %s is not %s", seed, followed.text, fresh.text);
        answer_done(&followed);
        answer_done(&fresh);
}

static void random_step(struct fixture *f, unsigned *seed) {
        char path[64], name[8];
        AUTO_FREE char *body = NULL;
        struct answer a;

        (void) snprintf(name, sizeof(name), "p%d", rand_r(seed) % 8);
        (void) snprintf(path, sizeof(path), SHOP "/pods/%s", name);
        switch (rand_r(seed) % 4) {
        case 0:
        case 1:
                body = pod_of(name,
                              rand_r(seed) % 2 ? "\"cpu\":\"300m\",\"ephemeral-storage\":\"300m\""
                                               : "\"memory\":\"1Mi\"",
                              "");
                a = fixture_ask(f, "POST", SHOP "/pods", body);
                break;
        case 2:
                a = fixture_ask(f, "DELETE", path, NULL);
                break;
        default:
                (void) strcat(path, "/status");
                a = fixture_patch(f, path, "application/merge-patch+json",
                                  rand_r(seed) % 2 ? "{\"status\":{\"phase\":\"Failed\"}}"
                                                   : "{\"status\":{\"phase\":\"Running\"}}");
                break;
        }
        answer_done(&a);
}

static void following_equals_counting_anew(void **state) {
        struct fixture *f = *state;
        unsigned seed = 20261121;
        quota_make(f, "\"pods\":\"5\",\"requests.ephemeral-storage\":\"1\",\"count/pods\":\"7\"",
                   ",\"scopes\":[\"NotBestEffort\"]");

        for (int round = 0; round < 10; round++) {
                unsigned began = seed;

                for (int i = 0; i < 40; i++)
                        random_step(f, &seed);
                assert_recount_agrees(f, began);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, fixture_teardown)
                TEST(of_many_at_once_only_so_many_are_made),
                TEST(what_is_too_much_is_refused_in_kubernetes_words),
                TEST(what_must_be_said_is_asked_for),
                TEST(a_pod_that_has_gone_or_ended_makes_room),
                TEST(a_dry_run_takes_nothing),
                TEST(a_failed_write_gives_back_what_it_held),
                TEST(services_count_by_what_they_are),
                TEST(claims_count_by_class_and_size),
                TEST(scopes_choose_pods),
                TEST(other_kinds_are_counted_by_name),
                TEST(what_was_there_before_counts),
                TEST(other_amounts_count_at_once),
                TEST(scopes_that_exclude_each_other_are_refused),
                TEST(a_restart_counts_anew),
                TEST(following_equals_counting_anew),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
