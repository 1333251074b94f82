/* One object in two versions: HorizontalPodAutoscaler and Event; and bodies in protobuf. */
#include "tests/unit/registry/fixture.h"

#include <stdlib.h>
#include <string.h>

#define AUTOSCALERS_V1 "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
#define AUTOSCALERS_V2 "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
#define EVENTS_CORE "/api/v1/namespaces/default/events"
#define EVENTS_GROUP "/apis/events.k8s.io/v1/namespaces/default/events"
#define TARGET "spec.metrics.0.resource.target.averageUtilization"

static const char AUTOSCALER[] =
        "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"scaleTargetRef\":{\"apiVersion\":\"apps/v1\","
        "\"kind\":\"Deployment\",\"name\":\"web\"},\"maxReplicas\":3,"
        "\"targetCPUUtilizationPercentage\":70}}";

static const char EVENT[] =
        "{\"metadata\":{\"name\":\"e\",\"namespace\":\"default\"},\"regarding\":{\"kind\":\"Pod\","
        "\"name\":\"web\",\"namespace\":\"default\"},\"reason\":\"Started\",\"note\":\"it runs\","
        "\"type\":\"Normal\",\"eventTime\":\"2026-01-02T03:04:05.000006Z\","
        "\"reportingController\":\"test\",\"reportingInstance\":\"t1\",\"action\":\"Run\"}";

static void an_old_autoscaler_is_kept_as_a_new_one(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "POST", AUTOSCALERS_V1, AUTOSCALER), b;

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "apiVersion"), "autoscaling/v1");
        assert_string_equal(tree_at(a.tree, "spec.minReplicas"), "1");
        b = fixture_ask(f, "GET", AUTOSCALERS_V2 "/web", NULL);

        assert_string_equal(tree_at(b.tree, "apiVersion"), "autoscaling/v2");
        assert_string_equal(tree_at(b.tree, TARGET), "70");
        assert_string_equal(tree_at(b.tree, "spec.metrics.0.resource.target.type"), "Utilization");
        assert_string_equal(tree_at(b.tree, "spec.targetCPUUtilizationPercentage"), "");
        answer_done(&a);
        answer_done(&b);
}

static void a_patch_of_one_version_shows_in_the_other(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", AUTOSCALERS_V1, AUTOSCALER, 201);

        a = fixture_patch(f, AUTOSCALERS_V1 "/web", "application/merge-patch+json",
                          "{\"spec\":{\"targetCPUUtilizationPercentage\":55}}");

        assert_int_equal(a.status, 200);
        answer_done(&a);
        a = fixture_ask(f, "GET", AUTOSCALERS_V2 "/web", NULL);
        assert_string_equal(tree_at(a.tree, TARGET), "55");
        answer_done(&a);
}

static void what_v1_has_no_field_for_survives_it(void **state) {
        static const char body[] =
                "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"scaleTargetRef\":{\"kind\":"
                "\"Deployment\",\"name\":\"web\"},\"maxReplicas\":3,\"metrics\":[{\"type\":"
                "\"Resource\",\"resource\":{\"name\":\"memory\",\"target\":{\"type\":"
                "\"AverageValue\",\"averageValue\":\"64Mi\"}}}]}}";
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", AUTOSCALERS_V2, body, 201);

        a = fixture_patch(f, AUTOSCALERS_V1 "/web", "application/merge-patch+json",
                          "{\"spec\":{\"maxReplicas\":5}}");

        assert_int_equal(a.status, 200);
        assert_non_null(strstr(a.text, "autoscaling.alpha.kubernetes.io/metrics"));
        answer_done(&a);
        a = fixture_ask(f, "GET", AUTOSCALERS_V2 "/web", NULL);
        assert_string_equal(tree_at(a.tree, "spec.maxReplicas"), "5");
        assert_string_equal(tree_at(a.tree, "spec.metrics.0.resource.name"), "memory");
        assert_string_equal(tree_at(a.tree, "spec.metrics.0.resource.target.averageValue"), "64Mi");
        assert_string_equal(tree_at(a.tree, "spec.metrics.1.type"), "");
        answer_done(&a);
}

static void events_are_one_list_in_both_groups(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "POST", EVENTS_GROUP, EVENT);

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "note"), "it runs");
        answer_done(&a);
        a = fixture_ask(f, "GET", EVENTS_CORE "?fieldSelector=involvedObject.name=web", NULL);
        assert_string_equal(tree_at(a.tree, "items.0.message"), "it runs");
        assert_string_equal(tree_at(a.tree, "items.0.reportingComponent"), "test");
        assert_string_equal(tree_at(a.tree, "items.0.apiVersion"), "v1");
        answer_done(&a);
        a = fixture_ask(f, "GET", EVENTS_GROUP "?fieldSelector=regarding.name=other", NULL);
        assert_int_equal(json_array_size(json_object_get(a.tree, "items")), 0);
        answer_done(&a);
        a = fixture_ask(f, "GET", EVENTS_GROUP "?fieldSelector=regarding.name=web", NULL);
        assert_string_equal(tree_at(a.tree, "apiVersion"), "events.k8s.io/v1");
        assert_string_equal(tree_at(a.tree, "items.0.regarding.name"), "web");
        assert_string_equal(tree_at(a.tree, "items.0.message"), "");
        answer_done(&a);
}

/* As client-go's older recorder and kubectl of that time write them. */
static const char OLD_EVENT[] =
        "{\"metadata\":{\"name\":\"old\",\"namespace\":\"default\"},\"involvedObject\":{\"kind\":"
        "\"Pod\",\"name\":\"web\",\"namespace\":\"default\"},\"reason\":\"Pulled\",\"message\":"
        "\"m\","
        "\"firstTimestamp\":\"2026-01-02T03:04:05Z\",\"eventTime\":null}";

static void an_event_without_moments_says_null_as_in_kubernetes(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "POST", EVENTS_CORE, OLD_EVENT);

        assert_int_equal(a.status, 201);
        assert_non_null(strstr(a.text, "\"eventTime\":null"));
        assert_non_null(strstr(a.text, "\"lastTimestamp\":null"));
        assert_non_null(strstr(a.text, "\"source\":{}"));
        assert_non_null(strstr(a.text, "\"reportingComponent\":\"\""));
        assert_non_null(strstr(a.text, "\"reportingInstance\":\"\""));
        answer_done(&a);
        a = fixture_patch(f, EVENTS_CORE "/old", "application/merge-patch+json", "{\"count\":2}");
        assert_int_equal(a.status, 200);
        assert_non_null(strstr(a.text, "\"eventTime\":null"));
        answer_done(&a);
}

static void an_event_always_has_its_time_in_the_newer_version(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", EVENTS_CORE, OLD_EVENT, 201);

        a = fixture_ask(f, "GET", EVENTS_GROUP "/old", NULL);

        assert_string_equal(tree_at(a.tree, "eventTime"), "2026-01-02T03:04:05.000000Z");
        assert_string_equal(tree_at(a.tree, "deprecatedFirstTimestamp"), "2026-01-02T03:04:05Z");
        assert_non_null(strstr(a.text, "\"deprecatedLastTimestamp\":null"));
        assert_null(strstr(a.text, "reportingController"));
        answer_done(&a);
}

static void a_watch_of_one_version_tells_of_writes_in_the_other(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", AUTOSCALERS_V2 "?watch=1", NULL);
        char word[256];

        assert_int_equal(a.status, 200);
        fixture_do(f, "POST", AUTOSCALERS_V1, AUTOSCALER, 201);

        assert_string_equal(watch_word(a.watch, word, sizeof(word)), "ADDED web");
        answer_done(&a);
}

static void jobs_choose_their_pods_by_their_uid(void **state) {
        struct fixture *f = *state;
        struct answer a =
                fixture_ask(f, "POST", "/apis/batch/v1/namespaces/default/jobs",
                            "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"template\":{\"spec\":{"
                            "\"restartPolicy\":"
                            "\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}");
        const char *const label = "batch.kubernetes.io/controller-uid";
        const json_t *spec = json_object_get(a.tree, "spec");
        const json_t *chosen = json_object_get(
                json_object_get(json_object_get(spec, "selector"), "matchLabels"), label);

        assert_int_equal(a.status, 201);
        assert_string_equal(json_string_value(chosen), tree_at(a.tree, "metadata.uid"));
        assert_string_equal(tree_at(a.tree, "spec.template.metadata.labels.job-name"), "j");
        assert_string_equal(tree_at(a.tree, "spec.backoffLimit"), "6");
        assert_non_null(strstr(a.warning, "Job objects are only kept"));
        answer_done(&a);
        a = fixture_patch(f, "/apis/batch/v1/namespaces/default/jobs/j",
                          "application/merge-patch+json",
                          "{\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"OnFailure\"}}}}");
        assert_int_equal(a.status, 422);
        answer_done(&a);
}

static void replication_controllers_are_an_empty_list(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", "/api/v1/replicationcontrollers", NULL);

        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "kind"), "ReplicationControllerList");
        answer_done(&a);
        a = fixture_ask(f, "POST", "/api/v1/namespaces/default/replicationcontrollers",
                        "{\"metadata\":{\"name\":\"r\"},\"spec\":{}}");
        assert_int_equal(a.status, 422);
        assert_non_null(strstr(tree_at(a.tree, "message"), "use a Deployment"));
        answer_done(&a);
}

/* What kubectl create configmap sends, as a body of len bytes. */
static void protobuf_bodies_are_objects(void **state) {
        static const char hex[] =
                "6b3873000a0f0a0276311209436f6e6669674d6170121b0a110a016312001a0022002a003200"
                "3800420012060a01611201621a002200";
        struct fixture *f = *state;
        struct answer a = { 0 };
        char body[sizeof(hex) / 2 + 1] = "";

        for (size_t i = 0; i + 1 < sizeof(hex); i += 2) {
                char pair[3] = { hex[i], hex[i + 1], '\0' };

                body[i / 2] = (char) strtoul(pair, NULL, 16);
        }
        fixture_send_bytes(f, "POST", "/api/v1/namespaces/default/configmaps",
                           &(struct fixture_body){ "application/vnd.kubernetes.protobuf", body,
                                                   sizeof(hex) / 2 },
                           &a);
        fixture_run(f, 0);

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "data.a"), "b");
        answer_done(&a);
        fixture_send_bytes(
                f, "POST", "/api/v1/namespaces/default/configmaps",
                &(struct fixture_body){ "application/vnd.kubernetes.protobuf", body, 20 }, &a);
        assert_int_equal(a.status, 400);
        answer_done(&a);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(an_old_autoscaler_is_kept_as_a_new_one),
                TEST(a_patch_of_one_version_shows_in_the_other),
                TEST(what_v1_has_no_field_for_survives_it),
                TEST(events_are_one_list_in_both_groups),
                TEST(an_event_without_moments_says_null_as_in_kubernetes),
                TEST(an_event_always_has_its_time_in_the_newer_version),
                TEST(a_watch_of_one_version_tells_of_writes_in_the_other),
                TEST(jobs_choose_their_pods_by_their_uid),
                TEST(replication_controllers_are_an_empty_list),
                TEST(protobuf_bodies_are_objects),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
