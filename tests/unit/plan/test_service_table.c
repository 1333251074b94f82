#include "api/kinds/object.h"
#include "daemon/plan/service_table.h"
#include "tests/unit/test.h"

#include <string.h>

static struct object *object(const char *text) {
        struct object *o = NULL;
        struct err e = { 0 };

        if (object_new_from_text(NULL, text, strlen(text), false, &o, &e) < 0)
                fail_msg("%s", e.text);
        return o;
}

static const char web[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\","
        "\"namespace\":\"shop\"},\"spec\":{\"clusterIP\":\"10.96.0.5\",\"clusterIPs\":"
        "[\"10.96.0.5\",\"fd00::5\"],\"sessionAffinity\":\"ClientIP\",\"ports\":[{\"name\":"
        "\"http\","
        "\"port\":80,\"protocol\":\"TCP\"},{\"name\":\"dns\",\"port\":53,\"protocol\":\"UDP\"}]}}";
static const char slice_a[] =
        "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\",\"metadata\":{\"name\":"
        "\"web-a\",\"namespace\":\"shop\",\"labels\":{\"kubernetes.io/service-name\":\"web\"}},"
        "\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.244.0.9\"],\"conditions\":"
        "{\"ready\":false,\"serving\":true,\"terminating\":true}},{\"addresses\":[\"10.244.0.2\"],"
        "\"hostname\":\"web-0\",\"targetRef\":{\"kind\":\"Pod\",\"name\":\"web-x\"}},{"
        "\"addresses\":"
        "[\"not an "
        "address\"]}],\"ports\":[{\"name\":\"http\",\"port\":8080,\"protocol\":\"TCP\"}]}";
static const char slice_b[] =
        "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\",\"metadata\":{\"name\":"
        "\"web-b\",\"namespace\":\"shop\",\"labels\":{\"kubernetes.io/service-name\":\"web\"}},"
        "\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.244.0.2\"]}],"
        "\"ports\":[{\"name\":\"dns\",\"port\":5353,\"protocol\":\"UDP\"}]}";
static const char other_slice[] =
        "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\",\"metadata\":{\"name\":"
        "\"web-c\",\"namespace\":\"other\",\"labels\":{\"kubernetes.io/service-name\":\"web\"}},"
        "\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.244.0.77\"]}]}";
static const char headless[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"db\",\"namespace\":"
        "\"shop\"},\"spec\":{\"clusterIP\":\"None\",\"publishNotReadyAddresses\":true}}";
static const char external[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"out\",\"namespace\":"
        "\"default\"},\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"example.org\"}}";
static const char namespace[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"empty\"}}";

static void joins_services_with_their_slices(void **state) {
        const char *const texts[] = { slice_b,  web,       external, other_slice,
                                      headless, namespace, slice_a };
        AUTO(service_table) struct service_table *t = NULL;
        struct object *objects[ARRAY_SIZE(texts)];
        const struct service_entry *s;
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                objects[i] = object(texts[i]);

        assert_int_equal(service_table_new(objects, ARRAY_SIZE(texts), &t, NULL), 0);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                object_unref(objects[i]);

        assert_int_equal(t->n, 3);
        assert_int_equal(t->n_namespaces, 3);
        assert_string_equal(t->namespaces[1], "empty");
        s = service_table_find(t, "shop", "web");
        assert_non_null(s);
        assert_int_equal(s->kind, SERVICE_VIRTUAL);
        assert_int_equal(s->n_addrs, 2);
        assert_true(s->has_affinity);
        assert_int_equal(s->n_endpoints, 2);
        assert_string_equal(s->endpoints[0].hostname, "web-0");
        assert_string_equal(s->endpoints[0].pod, "web-x");
        assert_true(s->endpoints[0].is_ready);
        assert_int_equal(s->endpoints[0].ports[0], 8080);
        assert_int_equal(s->endpoints[0].ports[1], 5353);
        assert_false(s->endpoints[1].is_ready);
        assert_true(s->endpoints[1].is_serving && s->endpoints[1].is_terminating);
        assert_int_equal(s->endpoints[1].ports[1], 0);
        s = service_table_find(t, "shop", "db");
        assert_int_equal(s->kind, SERVICE_HEADLESS);
        assert_true(s->is_publishing_unready);
        s = service_table_find(t, "default", "out");
        assert_int_equal(s->kind, SERVICE_EXTERNAL);
        assert_string_equal(s->external_name, "example.org");
        assert_null(service_table_find(t, "default", "web"));
}

static void nothing_makes_an_empty_table(void **state) {
        AUTO(service_table) struct service_table *t = NULL;
        (void) state;

        assert_int_equal(service_table_new(NULL, 0, &t, NULL), 0);

        assert_int_equal(t->n, 0);
        assert_null(service_table_find(t, "a", "b"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(joins_services_with_their_slices),
                cmocka_unit_test(nothing_makes_an_empty_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
