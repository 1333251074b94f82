#include "base/macros.h"
#include "daemon/distribution/image_reference.h"
#include "tests/unit/test.h"

#include <string.h>

static void references_come_apart(void **state) {
        static const struct {
                const char *text, *host, *path, *tag;
        } cases[] = {
                { "busybox", NULL, "busybox", "latest" },
                { "web:1.2", NULL, "web", "1.2" },
                { "team/app:1.2", NULL, "team/app", "1.2" },
                { "localhost/app", "localhost", "app", "latest" },
                { "host:5000/team/app:1.2", "host:5000", "team/app", "1.2" },
                { "a.example/x/y_z__w", "a.example", "x/y_z__w", "latest" },
                { "127.0.0.1:5000/x", "127.0.0.1:5000", "x", "latest" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO_DONE(image_reference) struct image_reference ref = { 0 };

                assert_int_equal(image_reference_parse(cases[i].text, &ref, NULL), 0);
                if (cases[i].host)
                        assert_string_equal(ref.host, cases[i].host);
                else
                        assert_null(ref.host);
                assert_string_equal(ref.path, cases[i].path);
                assert_string_equal(ref.tag, cases[i].tag);
        }
}

static void a_digest_stands_instead_of_the_default_tag(void **state) {
        static const char text[] =
                "app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        AUTO_DONE(image_reference) struct image_reference ref = { 0 };
        AUTO_FREE char *again = NULL;
        (void) state;

        assert_int_equal(image_reference_parse(text, &ref, NULL), 0);
        again = image_reference_format(&ref);

        assert_null(ref.tag);
        assert_string_equal(again, text);
}

static void nonsense_is_refused(void **state) {
        static const char *const cases[] = {
                "",     ":1",         "/x",          "x/",     "a//b",   "Upper", "x:",
                "x:-1", "x y",        "x@sha256:12", "../etc", "x/../y", "a/.b",  "-x",
                "x-",   "host:5000/", "x@",          "x:1:2/", "%2F",
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO_DONE(image_reference) struct image_reference ref = { 0 };
                struct err e = { 0 };

                if (image_reference_parse(cases[i], &ref, &e) != -EINVAL)
                        fail_msg("accepted: \"%s\"", cases[i]);
                assert_non_null(strstr(e.text, "write it like"));
        }
}

static int match(const char *asked, const char *stored) {
        AUTO_DONE(image_reference) struct image_reference a = { 0 }, s = { 0 };

        assert_int_equal(image_reference_parse(asked, &a, NULL), 0);
        assert_int_equal(image_reference_parse(stored, &s, NULL), 0);
        return image_reference_match(&a, &s);
}

static void a_short_name_finds_what_a_user_means(void **state) {
        (void) state;

        assert_int_equal(match("web:1", "web:1"), 3);
        assert_int_equal(match("web:1", "localhost/web:1"), 2);
        assert_int_equal(match("busybox", "registry.example/library/busybox:latest"), 1);
        assert_int_equal(match("team/app", "registry.example/team/app:latest"), 1);
        assert_int_equal(match("web:1", "web:2"), 0);
        assert_int_equal(match("web", "other/web"), 0);
        assert_int_equal(match("a.example/web", "b.example/web"), 0);
        assert_int_equal(match("a.example/web", "web"), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(references_come_apart),
                cmocka_unit_test(a_digest_stands_instead_of_the_default_tag),
                cmocka_unit_test(nonsense_is_refused),
                cmocka_unit_test(a_short_name_finds_what_a_user_means),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
