#include "daemon/image/record.h"
#include "tests/unit/test.h"

#include <string.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_record_survives_a_round_trip(void **state) {
        AUTO_DONE(image_words) struct image_words layers = { 0 };
        AUTO(image) struct image *image = NULL;
        AUTO_FREE char *text = NULL;
        json_t *config;
        (void) state;

        config =
                json_pack("{s:s, s:{s:[s,s], s:[s], s:s, s:n}}", "architecture", "arm64", "config",
                          "Cmd", "/bin/web", "-v", "Env", "A=b", "User", "1000:1000", "Entrypoint");
        assert_int_equal(image_words_add(&layers, "sha256:" HEX), 0);
        text = image_record_encode("sha256:" HEX, config, &layers, 42);
        json_decref(config);

        assert_int_equal(image_record_decode(text, strlen(text), "/store/layers", &image, NULL), 0);
        assert_string_equal(image->layers.items[0], "/store/layers/" HEX);
        assert_int_equal(image->cmd.n, 2);
        assert_int_equal(image->entrypoint.n, 0);
        assert_string_equal(image->env.items[0], "A=b");
        assert_string_equal(image->user, "1000:1000");
        assert_null(image->working_dir);
        assert_int_equal(image->size_bytes, 42);
}

static void a_damaged_record_is_refused(void **state) {
        static const char *const cases[] = {
                "",
                "{}",
                "[]",
                "{\"id\":\"sha256:" HEX "\"}",
                "{\"id\":\"sha256:../../x\",\"layers\":[]}",
                "{\"id\":\"sha256:" HEX "\",\"layers\":[\"../../etc\"]}",
                "{\"id\":\"sha256:" HEX "\",\"layers\":[1]}",
                "{\"id\":\"sha256:" HEX "\",\"layers\":[],\"config\":{\"config\":{\"Cmd\":\"x\"}}}",
                "{\"id\":\"sha256:" HEX
                "\",\"layers\":[],\"config\":{\"config\":{\"Env\":[null]}}}",
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct image *image = NULL;

                assert_int_equal(
                        image_record_decode(cases[i], strlen(cases[i]), "/l", &image, NULL),
                        -EINVAL);
                assert_null(image);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_record_survives_a_round_trip),
                cmocka_unit_test(a_damaged_record_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
