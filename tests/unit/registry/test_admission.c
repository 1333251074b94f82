/* Priority, default tolerations and limit ranges. */
#include "base/str.h"
#include "tests/unit/registry/fixture.h"

#include <string.h>

#define SHOP "/api/v1/namespaces/shop"
#define PODS SHOP "/pods"
#define CLASSES "/apis/scheduling.k8s.io/v1/priorityclasses"
#define CLASS(name, value, more) "{\"metadata\":{\"name\":\"" name "\"},\"value\":" value more "}"
#define POD(spec)                                                                                  \
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"      \
        "\"i\"}]" spec "}}"
#define POD_WITH(resources)                                                                        \
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"      \
        "\"i\",\"resources\":{" resources "}}]}}"
#define RANGE(limit) "{\"metadata\":{\"name\":\"l\"},\"spec\":{\"limits\":[{" limit "}]}}"

static int setup(void **state) {
        static struct fixture f;

        fixture_init(&f);
        fixture_do(&f, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"shop\"}}", 201);
        *state = &f;
        return 0;
}

static void assert_refused(struct fixture *f, const char *path, const char *body,
                           const char *message) {
        struct answer a = fixture_ask(f, "POST", path, body);

        assert_int_equal(a.status, 403);
        assert_string_equal(tree_at(a.tree, "message"), message);
        answer_done(&a);
}

/* ---- priority ---- */

static void the_systems_classes_are_there(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", CLASSES "/system-node-critical", NULL);

        assert_string_equal(tree_at(a.tree, "value"), "2000001000");
        answer_done(&a);
        a = fixture_ask(f, "GET", CLASSES "/system-cluster-critical", NULL);
        assert_string_equal(tree_at(a.tree, "value"), "2000000000");
        answer_done(&a);
}

static void a_pod_gets_the_priority_of_its_class(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", CLASSES, CLASS("high", "1000", ",\"preemptionPolicy\":\"Never\""),
                   201);

        a = fixture_ask(f, "POST", PODS, POD(",\"priorityClassName\":\"high\""));

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "spec.priority"), "1000");
        assert_string_equal(tree_at(a.tree, "spec.preemptionPolicy"), "Never");
        assert_int_equal(a.n_warnings, 0);
        answer_done(&a);
}

static void without_a_class_it_is_0_or_the_defaults(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "POST", PODS "?dryRun=All", POD(""));

        assert_string_equal(tree_at(a.tree, "spec.priority"), "0");
        assert_string_equal(tree_at(a.tree, "spec.preemptionPolicy"), "PreemptLowerPriority");
        answer_done(&a);
        fixture_do(f, "POST", CLASSES, CLASS("usual", "7", ",\"globalDefault\":true"), 201);
        a = fixture_ask(f, "POST", PODS, POD(""));
        assert_string_equal(tree_at(a.tree, "spec.priority"), "7");
        assert_string_equal(tree_at(a.tree, "spec.priorityClassName"), "usual");
        answer_done(&a);
}

static void an_unknown_class_and_another_number_are_refused(void **state) {
        struct fixture *f = *state;

        assert_refused(f, PODS, POD(",\"priorityClassName\":\"none\""),
                       "pods \"p\" is forbidden: no PriorityClass with name none was found");
        assert_refused(f, PODS, POD(",\"priority\":5"),
                       "pods \"p\" is forbidden: the integer value of priority (5) must not be "
                       "provided in pod spec; priority admission controller computed 0 from the "
                       "given PriorityClass name");
}

static void one_class_is_the_default(void **state) {
        struct fixture *f = *state;
        fixture_do(f, "POST", CLASSES, CLASS("a", "1", ",\"globalDefault\":true"), 201);

        assert_refused(f, CLASSES, CLASS("b", "2", ",\"globalDefault\":true"),
                       "priorityclasses.scheduling.k8s.io \"b\" is forbidden: PriorityClass a is "
                       "already marked as default. Only one default can exist");
}

static void a_pod_put_again_keeps_what_it_got(void **state) {
        struct fixture *f = *state;
        fixture_do(f, "POST", PODS, POD(""), 201);

        fixture_do(f, "PUT", PODS "/p", POD(",\"serviceAccountName\":\"default\""), 200);
}

/* ---- tolerations ---- */

static void a_pod_stays_five_minutes_on_a_lost_node(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(
                f, "POST", PODS,
                POD(",\"tolerations\":[{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":"
                    "\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":5}]"));

        assert_string_equal(tree_at(a.tree, "spec.tolerations.0.tolerationSeconds"), "5");
        assert_string_equal(tree_at(a.tree, "spec.tolerations.1.key"),
                            "node.kubernetes.io/unreachable");
        assert_string_equal(tree_at(a.tree, "spec.tolerations.1.tolerationSeconds"), "300");
        assert_string_equal(tree_at(a.tree, "spec.tolerations.2.key"), "");
        answer_done(&a);
}

/* ---- limit ranges ---- */

static void defaults_are_filled_and_told(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", SHOP "/limitranges",
                   RANGE("\"type\":\"Container\",\"default\":{\"cpu\":\"500m\",\"memory\":\"1Gi\"},"
                         "\"defaultRequest\":{\"cpu\":\"100m\"}"),
                   201);

        a = fixture_ask(f, "POST", PODS "?dryRun=All", POD_WITH("\"limits\":{\"cpu\":\"2\"}"));

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "spec.containers.0.resources.limits.cpu"), "2");
        assert_string_equal(tree_at(a.tree, "spec.containers.0.resources.requests.cpu"), "2");
        assert_string_equal(tree_at(a.tree, "spec.containers.0.resources.limits.memory"), "1Gi");
        assert_string_equal(tree_at(a.tree, "spec.containers.0.resources.requests.memory"), "1Gi");
        assert_string_equal(
                json_string_value(json_object_get(
                        json_object_get(json_object_get(a.tree, "metadata"), "annotations"),
                        "kubernetes.io/limit-ranger")),
                "LimitRanger plugin set: memory request for container c; memory limit for "
                "container c");
        answer_done(&a);
}

static void what_is_outside_is_refused(void **state) {
        struct fixture *f = *state;
        fixture_do(f, "POST", SHOP "/limitranges",
                   RANGE("\"type\":\"Container\",\"max\":{\"cpu\":\"1\"},\"min\":{\"cpu\":"
                         "\"100m\"}"),
                   201);

        assert_refused(f, PODS, POD_WITH("\"limits\":{\"cpu\":\"2\"}"),
                       "pods \"p\" is forbidden: maximum cpu usage per Container is 1, but limit "
                       "is 2");
        assert_refused(f, PODS,
                       POD_WITH("\"requests\":{\"cpu\":\"10m\"},\"limits\":{\"cpu\":\"2\"}"),
                       "pods \"p\" is forbidden: [minimum cpu usage per Container is 100m, but "
                       "request is 10m, maximum cpu usage per Container is 1, but limit is 2]");
}

static void a_claim_has_a_size(void **state) {
        struct fixture *f = *state;
        fixture_do(f, "POST", SHOP "/limitranges",
                   RANGE("\"type\":\"PersistentVolumeClaim\",\"max\":{\"storage\":\"1Gi\"}"), 201);

        assert_refused(f, SHOP "/persistentvolumeclaims",
                       "{\"metadata\":{\"name\":\"v\"},\"spec\":{\"accessModes\":["
                       "\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":\"2Gi\"}}}}",
                       "persistentvolumeclaims \"v\" is forbidden: maximum storage usage per "
                       "PersistentVolumeClaim is 1Gi, but request is 2Gi");
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, fixture_teardown)
                TEST(the_systems_classes_are_there),
                TEST(a_pod_gets_the_priority_of_its_class),
                TEST(without_a_class_it_is_0_or_the_defaults),
                TEST(an_unknown_class_and_another_number_are_refused),
                TEST(one_class_is_the_default),
                TEST(a_pod_put_again_keeps_what_it_got),
                TEST(a_pod_stays_five_minutes_on_a_lost_node),
                TEST(defaults_are_filled_and_told),
                TEST(what_is_outside_is_refused),
                TEST(a_claim_has_a_size),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
