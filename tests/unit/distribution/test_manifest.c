#include "base/str.h"
#include "daemon/distribution/manifest.h"
#include "tests/unit/test.h"

#define DIGEST(c) "sha256:" c c c c c c c c
#define A DIGEST("aaaaaaaa")
#define B DIGEST("bbbbbbbb")
#define C DIGEST("cccccccc")
#define LAYER "application/vnd.oci.image.layer.v1.tar+gzip"
#define CONFIG                                                                                     \
        "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"" A   \
        "\",\"size\":10}"

static json_t *tree(const char *text) {
        json_t *root = json_loads(text, 0, NULL);

        assert_non_null(root);
        return root;
}

static json_t *manifest_with_layer(const char *type, const char *size) {
        AUTO_FREE char *text =
                str_format("{\"schemaVersion\":2," CONFIG
                           ",\"layers\":[{\"mediaType\":\"%s\",\"digest\":\"" B "\",\"size\":%s}]}",
                           type, size);

        return tree(text);
}

static int read_layer(const char *type, const char *size, struct err *e) {
        AUTO_DONE(manifest) struct manifest m = { 0 };
        json_t *root = manifest_with_layer(type, size);
        int r = manifest_read(root, &m, e);

        json_decref(root);
        return r;
}

static void knows_what_a_text_is(void **state) {
        static const struct {
                const char *text, *type;
                int r;
                enum manifest_kind kind;
        } cases[] = {
                { "{\"schemaVersion\":2,\"manifests\":[]}", NULL, 0, MANIFEST_INDEX },
                { "{\"schemaVersion\":2,\"layers\":[]}", NULL, 0, MANIFEST_IMAGE },
                { "{\"schemaVersion\":2,\"layers\":[]}",
                  "application/vnd.docker.distribution.manifest.v2+json; charset=utf-8", 0,
                  MANIFEST_IMAGE },
                { "{\"schemaVersion\":2,\"layers\":[]}", "application/vnd.oci.image.index.v1+json",
                  -EBADMSG, 0 },
                { "{\"schemaVersion\":2,\"layers\":[],\"manifests\":[]}", NULL, -EBADMSG, 0 },
                { "{\"schemaVersion\":1,\"fsLayers\":[]}", NULL, -EOPNOTSUPP, 0 },
                { "{}", "application/vnd.docker.distribution.manifest.v1+prettyjws", -EOPNOTSUPP,
                  0 },
                { "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.artifact.manifest.v1+"
                  "json\"}",
                  NULL, -EOPNOTSUPP, 0 },
                { "{\"schemaVersion\":2,\"layers\":[]", NULL, -EBADMSG, 0 },
                { "", NULL, -EBADMSG, 0 },
                { "[]", NULL, -EBADMSG, 0 },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                enum manifest_kind kind = MANIFEST_IMAGE;
                json_t *root = NULL;

                assert_int_equal(manifest_classify(cases[i].text, strlen(cases[i].text),
                                                   cases[i].type, &kind, &root, NULL),
                                 cases[i].r);
                if (cases[i].r == 0)
                        assert_int_equal(kind, cases[i].kind);
                json_decref(root);
        }
}

static void takes_every_kind_of_layer_of_an_image(void **state) {
        static const char *const types[] = {
                LAYER,
                "application/vnd.oci.image.layer.v1.tar",
                "application/vnd.oci.image.layer.v1.tar+zstd",
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                assert_int_equal(read_layer(types[i], "5", NULL), 0);
}

static void refuses_other_layers_by_name(void **state) {
        static const struct {
                const char *type, *words;
        } cases[] = {
                { "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "foreign layer" },
                { "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "foreign layer" },
                { "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "encrypted" },
                { "application/x-unknown", "media type application/x-unknown" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct err e = { 0 };

                assert_int_equal(read_layer(cases[i].type, "5", &e), -EOPNOTSUPP);
                assert_non_null(strstr(err_text(&e), cases[i].words));
                assert_non_null(strstr(err_text(&e), "layer 1 of 1"));
        }
}

static void sizes_have_bounds(void **state) {
        (void) state;

        assert_int_equal(read_layer(LAYER, "-1", NULL), -EBADMSG);
        assert_int_equal(read_layer(LAYER, "\"5\"", NULL), -EBADMSG);
        assert_int_equal(read_layer(LAYER, "9000000000000000000", NULL), -E2BIG);
}

static void refuses_too_many_layers(void **state) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        AUTO_DONE(manifest) struct manifest m = { 0 };
        struct err e = { 0 };
        json_t *root;
        (void) state;

        strbuf_add(&b, "{\"schemaVersion\":2," CONFIG ",\"layers\":[");
        for (int i = 0; i < 20000; i++)
                strbuf_addf(&b, "%s{\"mediaType\":\"" LAYER "\",\"digest\":\"" B "\",\"size\":1}",
                            i ? "," : "");
        strbuf_add(&b, "]}");
        root = tree(b.s);

        assert_int_equal(manifest_read(root, &m, &e), -E2BIG);
        assert_non_null(strstr(err_text(&e), "20000 layers"));
        json_decref(root);
}

static void names_artifacts(void **state) {
        AUTO_DONE(manifest) struct manifest m = { 0 };
        struct err e = { 0 };
        json_t *root = tree("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/"
                            "vnd.cncf.helm.config.v1+json\",\"digest\":\"" A
                            "\",\"size\":1},\"layers\":[]}");
        (void) state;

        assert_int_equal(manifest_read(root, &m, &e), -EOPNOTSUPP);
        assert_non_null(strstr(err_text(&e), "artifact (application/vnd.cncf.helm.config"));
        json_decref(root);
}

#define CHOICE(digest, arch, variant)                                                              \
        "{\"digest\":\"" digest                                                                    \
        "\",\"size\":7,\"platform\":{\"os\":\"linux\",\"architecture\":\"" arch                    \
        "\",\"variant\":\"" variant "\"}}"

static int choose(const char *platform, char digest[DIGEST_TEXT_MAX], struct err *e) {
        json_t *root =
                tree("{\"schemaVersion\":2,\"manifests\":[" CHOICE(A, "unknown", "") "," CHOICE(
                        A, "arm", "v6") "," CHOICE(B, "arm", "v7") "," CHOICE(C, "amd64", "") "]}");
        AUTO_DONE(descriptor) struct descriptor chosen = { 0 };
        struct platform want;
        int r;

        assert_int_equal(platform_parse(platform, &want, NULL), 0);
        r = manifest_choose(root, &want, &chosen, e);
        memcpy(digest, chosen.digest, DIGEST_TEXT_MAX);
        json_decref(root);
        return r;
}

static void chooses_the_nearest_platform(void **state) {
        char digest[DIGEST_TEXT_MAX];
        struct err e = { 0 };
        (void) state;

        assert_int_equal(choose("linux/arm64", digest, NULL), 0);
        assert_string_equal(digest, B);
        assert_int_equal(choose("linux/arm/v6", digest, NULL), 0);
        assert_string_equal(digest, A);
        assert_int_equal(choose("linux/amd64", digest, NULL), 0);
        assert_string_equal(digest, C);
        assert_int_equal(choose("linux/riscv64", digest, &e), -ENOTUNIQ);
        assert_non_null(strstr(err_text(&e),
                               "linux/riscv64; there is linux/arm/v6, linux/arm/v7, linux/amd64"));
}

static int config(const char *text, size_t n_layers, const char *platform, struct err *e) {
        AUTO_DONE(manifest_config) struct manifest_config c = { 0 };
        struct platform want;

        assert_int_equal(platform_parse(platform, &want, NULL), 0);
        return manifest_read_config(text, strlen(text), n_layers, &want, &c, e);
}

static void configuration_and_manifest_must_agree(void **state) {
        static const char *const text = "{\"os\":\"linux\",\"architecture\":\"arm64\",\"rootfs\":{"
                                        "\"type\":\"layers\",\"diff_ids\":[\"" A "\"]}}";
        struct err e = { 0 };
        (void) state;

        assert_int_equal(config(text, 1, "linux/arm64", NULL), 0);
        assert_int_equal(config(text, 2, "linux/arm64", NULL), -EBADMSG);
        assert_int_equal(config(text, 1, "linux/amd64", &e), -ENOTUNIQ);
        assert_non_null(strstr(err_text(&e), "there is linux/arm64"));
        assert_int_equal(
                config("{\"rootfs\":{\"diff_ids\":[\"sha256:1\"]}}", 1, "linux/arm64", NULL),
                -EBADMSG);
        assert_int_equal(config("{}", 0, "linux/arm64", NULL), 0);
        assert_int_equal(config("nonsense", 0, "linux/arm64", NULL), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(knows_what_a_text_is),
                cmocka_unit_test(takes_every_kind_of_layer_of_an_image),
                cmocka_unit_test(refuses_other_layers_by_name),
                cmocka_unit_test(sizes_have_bounds),
                cmocka_unit_test(refuses_too_many_layers),
                cmocka_unit_test(names_artifacts),
                cmocka_unit_test(chooses_the_nearest_platform),
                cmocka_unit_test(configuration_and_manifest_must_agree),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
