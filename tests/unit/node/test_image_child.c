#include "api/kinds/config.h"
#include "daemon/node/image_child.h"
#include "daemon/node/pull_secrets.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static void the_name_of_an_error_is_taken_off(void **state) {
        const char *rest;
        (void) state;

        assert_int_equal(image_child_code("ENOENT cannot pull x: not found", &rest), -ENOENT);
        assert_string_equal(rest, "cannot pull x: not found");
        assert_int_equal(image_child_code("EHOSTUNREACH x", &rest), -EHOSTUNREACH);
        assert_int_equal(image_child_code("cannot pull", &rest), -EIO);
        assert_string_equal(rest, "cannot pull");
        assert_int_equal(image_child_code("ENOENT", &rest), -EIO);
        assert_int_equal(image_child_code("", &rest), -EIO);
}

static json_t *file_of(const char *key, const char *text) {
        struct bytes_pair pair = { .key = key,
                                   .data = (const uint8_t *) text,
                                   .len = strlen(text) };
        struct secret secret = { .data = { .items = &pair, .n = 1 } };

        return pull_secrets_file(&secret);
}

static void a_secret_of_either_type_holds_a_file(void **state) {
        json_t *json = file_of(".dockerconfigjson", "{\"auths\":{}}"),
               *cfg = file_of(".dockercfg", "{\"h\":{}}");
        (void) state;

        assert_non_null(json_object_get(json, "auths"));
        assert_non_null(json_object_get(cfg, "h"));
        assert_null(file_of("password", "{}"));
        assert_null(file_of(".dockerconfigjson", "no json"));
        assert_null(file_of(".dockerconfigjson", "[]"));
        json_decref(json);
        json_decref(cfg);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_name_of_an_error_is_taken_off),
                cmocka_unit_test(a_secret_of_either_type_holds_a_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
