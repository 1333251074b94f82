#include "base/str.h"
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

static struct image *image_of_health(const char *run) {
        AUTO_FREE char *text = str_format(
                "{\"id\":\"sha256:" HEX "\",\"layers\":[],\"config\":{\"config\":{%s}}}", run);
        struct image *image = NULL;

        assert_int_equal(image_record_decode(text, strlen(text), "/l", &image, NULL), 0);
        return image;
}

static void a_healthcheck_is_a_command_with_times(void **state) {
        AUTO(image)
        struct image *image = image_of_health(
                "\"Healthcheck\":{\"Test\":[\"CMD\",\"/c\",\"-x\"],\"Interval\":1500000000,"
                "\"Timeout\":2000000000,\"Retries\":4}");
        (void) state;

        assert_int_equal(image->health.test.n, 2);
        assert_string_equal(image->health.test.items[1], "-x");
        assert_int_equal(image->health.interval_usec, 1500000);
        assert_int_equal(image->health.timeout_usec, 2000000);
        assert_int_equal(image->health.retries, 4);
}

static void a_healthcheck_of_a_shell_is_given_to_the_images_own(void **state) {
        AUTO(image)
        struct image *plain =
                image_of_health("\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a || b\"]}");
        AUTO(image)
        struct image *own =
                image_of_health("\"Shell\":[\"/bin/ash\",\"-ec\"],"
                                "\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a || b\"]}");
        (void) state;

        assert_int_equal(plain->health.test.n, 3);
        assert_string_equal(plain->health.test.items[0], "/bin/sh");
        assert_string_equal(plain->health.test.items[2], "a || b");
        assert_int_equal(own->health.test.n, 3);
        assert_string_equal(own->health.test.items[1], "-ec");
}

static void a_healthcheck_that_is_none_or_nonsense_is_none(void **state) {
        static const char *const cases[] = { "[\"NONE\"]", "[]",   "[\"CMD\"]",       "[\"CMD\",1]",
                                             "\"CMD\"",    "null", "[\"WHAT\",\"x\"]" };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO_FREE char *run = str_format("\"Healthcheck\":{\"Test\":%s}", cases[i]);
                AUTO(image) struct image *image = image_of_health(run);

                assert_int_equal(image->health.test.n, 0);
        }
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
                cmocka_unit_test(a_healthcheck_is_a_command_with_times),
                cmocka_unit_test(a_healthcheck_of_a_shell_is_given_to_the_images_own),
                cmocka_unit_test(a_healthcheck_that_is_none_or_nonsense_is_none),
                cmocka_unit_test(a_damaged_record_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
