#include "api/kinds/config.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "tests/unit/test.h"

#include <string.h>

static const char POD[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"labels\":{\"k\":"
        "\"v\",\"n\":null},\"creationTimestamp\":\"2026-01-02T03:04:05Z\",\"managedFields\":[{"
        "\"fieldsV1\":{\"f:a\":{\"}\":\"]\"}}}]},\"spec\":{\"hostNetwork\":true,"
        "\"terminationGracePeriodSeconds\":0,\"containers\":[{\"name\":\"c\\u00e9\\\"\",\"ports\":["
        "{\"containerPort\":80},{\"containerPort\":81}],\"resources\":{\"requests\":{\"cpu\":"
        "\"50m\",\"memory\":1024}},\"livenessProbe\":{\"httpGet\":{\"port\":\"web\"}}},{\"name\":"
        "\"d\",\"readinessProbe\":{\"tcpSocket\":{\"port\":8}}}],\"unknown\":[{},[1,2]]},"
        "\"status\":null}";

static void reads_what_the_tree_would_say(void **state) {
        struct object *direct = NULL, *by_tree = NULL;
        const struct pod *pod;
        (void) state;

        assert_int_equal(object_glance(&pod_kind, POD, strlen(POD), &direct, NULL), 0);
        assert_int_equal(object_new_from_text(&pod_kind, POD, strlen(POD), false, &by_tree, NULL),
                         0);

        pod = OBJECT_AS(pod, direct);
        assert_true(schema_equal(pod_kind.schema, direct->meta, by_tree->meta));
        assert_string_equal(pod->spec.containers.items[0].name, "c\u00e9\"");
        assert_int_equal(pod->spec.containers.items[0].ports.n, 2);
        assert_int_equal(pod->metadata.labels.n, 1);
        object_unref(direct);
        object_unref(by_tree);
}

static void counts_bytes_without_reading_them(void **state) {
        static const char SECRET[] = "{\"metadata\":{\"name\":\"s\"},\"data\":{\"a\":\"YQ==\","
                                     "\"b\":\"Yg==\"}}";
        struct object *o = NULL;
        const struct secret *secret;
        (void) state;

        assert_int_equal(object_glance(&secret_kind, SECRET, strlen(SECRET), &o, NULL), 0);

        secret = OBJECT_AS(secret, o);
        assert_int_equal(secret->data.n, 2);
        assert_string_equal(secret->data.items[1].key, "b");
        assert_null(secret->data.items[1].data);
        object_unref(o);
}

static void refuses_what_is_cut_off_or_of_another_type(void **state) {
        static const char *const WRONG[] = {
                "",
                "[]",
                "{\"metadata\":{\"name\":1}}",
                "{\"metadata\":{\"name\":\"a\\",
                "{\"spec\":{\"containers\":{}}}",
                "{\"spec\":{\"hostNetwork\":\"true\"}}",
                "{\"metadata\":{\"creationTimestamp\":\"yesterday\"}}",
                "{\"spec\":{\"containers\":[{\"name\":\"a\"}",
        };
        struct object *o = NULL;
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(WRONG); i++)
                assert_int_equal(object_glance(&pod_kind, WRONG[i], strlen(WRONG[i]), &o, NULL),
                                 -EINVAL);
}

static void a_nul_ends_nothing(void **state) {
        static const char TEXT[] = "{\"unknown\":[\0],\"spec\":{}}";
        struct object *o = NULL;
        (void) state;

        assert_int_equal(object_glance(&pod_kind, TEXT, sizeof(TEXT) - 1, &o, NULL), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_what_the_tree_would_say),
                cmocka_unit_test(counts_bytes_without_reading_them),
                cmocka_unit_test(a_nul_ends_nothing),
                cmocka_unit_test(refuses_what_is_cut_off_or_of_another_type),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
