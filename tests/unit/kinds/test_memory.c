/* Every allocation fails once: nothing leaks, nothing crashes, and the failure is said. */
#include "api/kinds/crd.h"
#include "api/kinds/custom.h"
#include "api/kinds/manifest.h"
#include "api/kinds/protobuf.h"
#include "api/kinds/workload.h"
#include "api/patch/patch.h"
#include "api/text/text.h"
#include "tests/unit/exhaust.h"
#include "tests/unit/kinds/fixture.h"
#include "tests/unit/kinds/kubectl_bodies.h"

static int decode_and_encode(const json_t *tree) {
        AUTO(object) struct object *o = NULL;
        json_t *copy = json_deep_copy(tree), *back = NULL;
        struct diags d = { 0 };
        int r = copy ? 0 : -ENOMEM;

        if (r == 0)
                r = kind_default(&deployment_kind, copy, NULL);
        if (r == 0)
                r = kind_validate(&deployment_kind, copy, 0, &d);
        if (r == 0)
                r = object_new_from_json(NULL, copy, true, &o, NULL);
        if (r == 0) {
                back = schema_encode(o->kind->schema, o->meta);
                r = back ? 0 : -ENOMEM;
        }
        diags_done(&d);
        json_decref(copy);
        json_decref(back);
        return r;
}

static int read_manifest(const json_t *unused) {
        static const char text[] =
                "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: &l {a: b}}\n"
                "spec:\n  containers:\n  - {name: c, image: x, bogus: *l}\n";
        AUTO_DONE(manifests) struct manifests m = { 0 };
        struct diags d = { 0 };
        int r = manifest_read(text, strlen(text), "f", "default", &m, &d);

        if (r == 0 && d.n_errors == 0)
                r = -ENODATA; /* a failure that was swallowed */
        diags_done(&d);
        return r;
}

static int apply(const json_t *tree) {
        json_t *live = json_deep_copy(tree), *diff = NULL, *out = NULL;
        int r = live ? 0 : -ENOMEM;

        if (r == 0)
                r = kind_default(&deployment_kind, live, NULL);
        if (r == 0 &&
            json_object_set_new(json_object_get(live, "spec"), "replicas", json_integer(9)))
                r = -ENOMEM;
        if (r == 0)
                r = patch_three_way(deployment_kind.schema, tree, tree, live, &diff, NULL);
        if (r == 0)
                r = patch_strategic(deployment_kind.schema, live, diff, &out, NULL);
        json_decref(live);
        json_decref(diff);
        json_decref(out);
        return r;
}

/* All of kubectl's bodies, one after another. */
static int decode_protobuf(const json_t *unused) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kubectl_bodies); i++) {
                const char *hex = kubectl_bodies[i].hex;
                struct protobuf_envelope envelope = { 0 };
                struct diags d = { 0 };
                uint8_t data[1024];
                size_t len = strlen(hex) / 2;
                json_t *tree = NULL;
                const struct kind *k;

                for (size_t b = 0; b < len; b++) {
                        char pair[3] = { hex[2 * b], hex[2 * b + 1], '\0' };

                        data[b] = (uint8_t) strtoul(pair, NULL, 16);
                }
                if (protobuf_envelope_read(data, len, &envelope, NULL) < 0)
                        return -EINVAL;
                k = kind_find(envelope.api_version, envelope.kind);
                r = protobuf_decode(k->schema, envelope.raw, envelope.raw_len, &d, &tree, NULL);
                if (r == 0)
                        r = kind_default(k, tree, NULL);
                if (r == 0)
                        r = kind_validate(k, tree, 0, &d);
                diags_done(&d);
                json_decref(tree);
        }
        return r;
}

/* From one version to the other and back. */
static int convert(const json_t *unused) {
        static const char text[] =
                "{\"apiVersion\":\"autoscaling/v2\",\"kind\":\"HorizontalPodAutoscaler\",\"spec\":{"
                "\"behavior\":{\"scaleUp\":{}},\"metrics\":[{\"type\":\"Pods\",\"pods\":{}},{"
                "\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":"
                "\"Utilization\",\"averageUtilization\":70}}}]}}";
        const struct kind *view = kind_find("autoscaling/v1", "HorizontalPodAutoscaler");
        json_t *tree = NULL;
        int r = text_read_json(text, strlen(text), 0, &tree, NULL);

        if (r == 0)
                r = kind_from_stored(view, tree);
        if (r == 0)
                r = kind_to_stored(view, tree);
        if (r == 0 &&
            json_array_size(json_object_get(json_object_get(tree, "spec"), "metrics")) != 2)
                r = -ENODATA; /* a failure that was swallowed */
        json_decref(tree);
        return r;
}

static void assert_survives(int (*run)(const json_t *tree)) {
        json_t *tree = fixture_tree(FIXTURE_DEPLOYMENT);
        long n = 0;

        for (;; n++) {
                int r;

                exhaust_begin(n, 1);
                r = run(tree);
                if (!exhaust_end()) { /* it got by without failing */
                        assert_int_equal(r, 0);
                        break;
                }
                if (r != -ENOMEM)
                        fail_msg("allocation %ld failed, and nobody said so: %d", n, r);
        }
        assert_true(n > 20);
        json_decref(tree);
}

static void decoding_survives_without_memory(void **state) {
        (void) state;
        assert_survives(decode_and_encode);
}

static void reading_survives_without_memory(void **state) {
        (void) state;
        assert_survives(read_manifest);
}

static void applying_survives_without_memory(void **state) {
        (void) state;
        assert_survives(apply);
}

/* A definition becomes a kind, an object goes its way through it. */
static int use_custom_kind(const json_t *unused) {
        static const char DEFINITION[] =
                "{\"metadata\":{\"name\":\"tabs.example.com\"},\"spec\":{\"group\":\"example.com\","
                "\"scope\":\"Cluster\",\"names\":{\"plural\":\"tabs\",\"kind\":\"Tab\"},"
                "\"versions\":[{"
                "\"name\":\"v1\",\"served\":true,\"storage\":true,\"additionalPrinterColumns\":[{"
                "\"name\":\"A\",\"type\":\"string\",\"jsonPath\":\".spec.a['b']\"}],\"schema\":{"
                "\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":"
                "\"object\","
                "\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"^a\",\"default\":\"a\"},"
                "\"l\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"set\",\"items\":{\"type\":"
                "\"integer\"}},\"o\":{\"type\":\"integer\",\"oneOf\":[{\"minimum\":5},{\"maximum\":"
                "1}]"
                "}}}}}}}]}}";
        static const char OBJECT[] =
                "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"l\":[1,2],\"o\":3,\"z\":1}}";
        json_t *definition = text_parse_json(DEFINITION, strlen(DEFINITION));
        json_t *object = text_parse_json(OBJECT, strlen(OBJECT)), *cells = json_array();
        const struct custom_version v = { .definition = definition, .name = "v1" };
        const struct kind *k = NULL;
        struct diags d = { 0 };
        int r = definition && object && cells ? 0 : -ENOMEM;

        if (r == 0)
                r = kind_default(&crd_kind, definition, NULL);
        if (r == 0)
                r = kind_validate(&crd_kind, definition, 0, &d);
        if (r == 0)
                r = custom_kind_new(&v, &k, NULL);
        if (r == 0)
                r = kind_default(k, object, NULL);
        if (r == 0)
                r = kind_validate(k, object, 0, &d);
        if (r == 0 && d.n_errors != 2)
                r = -ENODATA; /* a failure that was swallowed */
        if (r == 0)
                r = kind_prune(k, object);
        if (r == 0)
                r = custom_add_cells(k, object, 0, cells);
        diags_done(&d);
        kind_unref(k);
        json_decref(definition);
        json_decref(object);
        json_decref(cells);
        return r;
}

static void custom_kinds_survive_without_memory(void **state) {
        (void) state;
        assert_survives(use_custom_kind);
}

static void protobuf_survives_without_memory(void **state) {
        (void) state;
        assert_survives(decode_protobuf);
}

static void converting_survives_without_memory(void **state) {
        (void) state;
        assert_survives(convert);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(decoding_survives_without_memory),
                cmocka_unit_test(reading_survives_without_memory),
                cmocka_unit_test(applying_survives_without_memory),
                cmocka_unit_test(custom_kinds_survive_without_memory),
                cmocka_unit_test(protobuf_survives_without_memory),
                cmocka_unit_test(converting_survives_without_memory),
        };

        json_set_alloc_funcs(__wrap_malloc, free);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
