#include "daemon/distribution/registries.h"
#include "tests/unit/test.h"

#include <string.h>

static const char *const text = "defaultRegistry: reg.example\n"
                                "registries:\n"
                                "- host: reg.example\n"
                                "  mirrors: [https://mirror.example:5000/, http://10.0.0.1:5000]\n"
                                "- host: mirror.example:5000\n"
                                "  ca: /etc/ca.pem\n"
                                "- host: plain:5000\n"
                                "  plainHTTP: true\n"
                                "- host: alias.example\n"
                                "  server: https://real.example\n"
                                "- host: \"*\"\n"
                                "  skipVerify: true\n";

static void parse(struct registries *r) {
        struct err e = { 0 };

        if (registries_parse(text, strlen(text), "f", r, &e) < 0)
                fail_msg("%s", err_text(&e));
}

static void mirrors_come_before_the_registry(void **state) {
        struct registry_endpoint found[REGISTRIES_ENDPOINTS_MAX];
        AUTO_DONE(registries) struct registries r = { 0 };
        (void) state;

        parse(&r);

        assert_int_equal(registries_endpoints(&r, "reg.example", found), 3);
        assert_string_equal(found[0].url, "https://mirror.example:5000");
        assert_string_equal(found[0].ca, "/etc/ca.pem");
        assert_true(found[0].is_mirror);
        assert_string_equal(found[1].url, "http://10.0.0.1:5000");
        assert_string_equal(found[2].url, "https://reg.example");
        assert_false(found[2].is_mirror);
}

static void a_host_has_its_own_way_or_that_of_all(void **state) {
        struct registry_endpoint found[REGISTRIES_ENDPOINTS_MAX];
        AUTO_DONE(registries) struct registries r = { 0 };
        (void) state;

        parse(&r);

        assert_int_equal(registries_endpoints(&r, "plain:5000", found), 1);
        assert_string_equal(found[0].url, "http://plain:5000");
        assert_false(found[0].skips_verify);
        assert_int_equal(registries_endpoints(&r, "alias.example", found), 1);
        assert_string_equal(found[0].url, "https://real.example");
        assert_int_equal(registries_endpoints(&r, "other.example", found), 1);
        assert_string_equal(found[0].url, "https://other.example");
        assert_true(found[0].skips_verify);
}

static void names_get_what_they_leave_out(void **state) {
        static const struct {
                const char *text, *is;
        } cases[] = {
                { "nginx", "reg.example/library/nginx:latest" },
                { "team/app:1", "reg.example/team/app:1" },
                { "reg.example/nginx", "reg.example/library/nginx:latest" },
                { "other.example/nginx", "other.example/nginx:latest" },
                { "localhost/x", "localhost/x:latest" },
        };
        AUTO_DONE(registries) struct registries r = { 0 };
        (void) state;

        parse(&r);

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO_DONE(image_reference) struct image_reference ref = { 0 };
                AUTO_FREE char *name = NULL;

                assert_int_equal(registries_name(&r, cases[i].text, &ref, NULL), 0);
                name = image_reference_format(&ref);
                assert_string_equal(name, cases[i].is);
        }
}

static void without_a_default_a_name_needs_a_host(void **state) {
        AUTO_DONE(registries) struct registries r = { 0 };
        struct image_reference ref;
        struct err e = { 0 };
        (void) state;

        assert_int_equal(registries_parse("", 0, "f", &r, NULL), 0);

        assert_int_equal(registries_name(&r, "nginx", &ref, &e), -EDESTADDRREQ);
        assert_non_null(strstr(err_text(&e), "defaultRegistry"));
}

static void mistakes_have_a_place_and_a_remedy(void **state) {
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "registries:\n- host: a\n  miror: [b]\n", "f:3:" },
                { "registries:\n- host: a\n  miror: [b]\n", "did you mean \"mirrors\"" },
                { "registries:\n- mirrors: [\"https://a\"]\n", "needs a host" },
                { "registries:\n- host: a\n  mirrors: [a]\n", "must be a URL" },
                { "registries:\n- host: a\n  server: https://a/path\n", "must be a URL" },
                { "registries:\n- host: a\n  plainHTTP: maybe\n", "true or false" },
                { "registries: {}\n", "must be a list" },
                { "[]\n", "must hold an object" },
                { "a: b: c\n", "f:1" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO_DONE(registries) struct registries r = { 0 };
                struct err e = { 0 };

                assert_int_equal(
                        registries_parse(cases[i].text, strlen(cases[i].text), "f", &r, &e),
                        -EINVAL);
                if (!strstr(err_text(&e), cases[i].words))
                        fail_msg("expected \"%s\" in \"%s\"", cases[i].words, err_text(&e));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(mirrors_come_before_the_registry),
                cmocka_unit_test(a_host_has_its_own_way_or_that_of_all),
                cmocka_unit_test(names_get_what_they_leave_out),
                cmocka_unit_test(without_a_default_a_name_needs_a_host),
                cmocka_unit_test(mistakes_have_a_place_and_a_remedy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
