#include "api/kinds/labels.h"
#include "tests/unit/kinds/fixture.h"

static void label_selectors_choose(void **state) {
        static struct string_pair pairs[] = {
                { "app", "web" }, { "tier", "a" }, { "x/y", "" }, { "n", "5" }
        };
        static const struct string_map labels = { pairs, 4 };
        static const struct {
                const char *text;
                bool is_match;
        } cases[] = {
                { "n>4", true },
                { "n>5", false },
                { "n<6,app=web", true },
                { "n < -1", false },
                { "app>1", false },
                { "none<9", false },
                { NULL, true },
                { "", true },
                { "app=web", true },
                { "app==web", true },
                { "app=api", false },
                { "app!=api", true },
                { "none!=x", true },
                { "app", true },
                { "!app", false },
                { "!none", true },
                { "none", false },
                { "app in (api, web)", true },
                { "app in (api)", false },
                { "app notin (api)", true },
                { "app notin (web)", false },
                { " app = web , tier in (a,b) ", true },
                { "x/y=", true },
                { "x/y", true },
                { "app=web,tier=b", false },
                { "none notin (a)", true },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO(selector) struct selector *s = NULL;
                json_t *json = fixture_tree("{'app':'web','tier':'a','x/y':'','n':'5'}");
                struct err e = { 0 };

                assert_int_equal(selector_parse(cases[i].text, &s, &e), 0);
                assert_int_equal(selector_matches(s, &labels), cases[i].is_match);
                assert_int_equal(selector_matches_json(s, json), cases[i].is_match);
                json_decref(json);
        }
}

static void nonsense_selectors_are_refused(void **state) {
        static const char *const bad[] = { "=",     "a=b,",      "a in", "a in b", "a in (b",
                                           "n>x",   "n<",        "a b",  ",",      "a!b",
                                           "a=b c", "a in (b))", "-a=b", "a=-b",   "a in (b c)",
                                           "!",     "(a)" };
        struct selector *s = NULL;
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct err e = { 0 };

                if (selector_parse(bad[i], &s, &e) != -EINVAL)
                        fail_msg("accepted: %s", bad[i]);
                assert_true(e.text[0] != '\0');
        }
        assert_null(s);
}

static void field_selectors_compare_values(void **state) {
        json_t *tree =
                fixture_tree("{'metadata':{'name':'web'},'spec':{'unschedulable':true},'n':3}");
        AUTO(selector) struct selector *s = NULL;
        struct err e = { 0 };
        char buf[32];
        (void) state;

        assert_int_equal(
                selector_parse_fields("metadata.name=web,status.phase!=Failed,spec.x=", &s, &e), 0);
        assert_int_equal(s->n, 3);
        assert_string_equal(s->terms[0].key, "metadata.name");
        assert_int_equal(s->terms[1].op, SELECTOR_NOT_IN);
        assert_string_equal(s->terms[2].values[0], "");
        assert_string_equal(field_value(tree, "metadata.name", buf, sizeof(buf)), "web");
        assert_string_equal(field_value(tree, "spec.unschedulable", buf, sizeof(buf)), "true");
        assert_string_equal(field_value(tree, "n", buf, sizeof(buf)), "3");
        assert_string_equal(field_value(tree, "status.phase", buf, sizeof(buf)), "");
        json_decref(tree);
        selector_unref(STEAL(s));
        assert_int_equal(selector_parse_fields("a=x\\=b", &s, &e), 0);
        assert_string_equal(s->terms[0].values[0], "x=b");
        selector_unref(STEAL(s));
        assert_int_equal(selector_parse_fields("a=* 2\\,\\\\,,b!=c d", &s, &e), 0);
        assert_int_equal(s->n, 2);
        assert_string_equal(s->terms[0].values[0], "* 2,\\");
        assert_string_equal(s->terms[1].values[0], "c d");
        selector_unref(STEAL(s));
        assert_int_equal(selector_parse_fields("a=x\\\\=b", &s, &e), -EINVAL);
        assert_int_equal(selector_parse_fields("a=b=c", &s, &e), -EINVAL);
        assert_int_equal(selector_parse_fields("a=b\\c", &s, &e), -EINVAL);
        assert_int_equal(selector_parse_fields("a=b\\", &s, &e), -EINVAL);
        assert_int_equal(selector_parse_fields("metadata.name", &s, &e), -EINVAL);
        assert_int_equal(selector_parse_fields("=x", &s, &e), -EINVAL);
}

static void a_label_selector_is_printed(void **state) {
        static struct string_pair pairs[] = { { "app", "web" } };
        static const char *values[] = { "a", "b" };
        static struct label_selector_requirement terms[] = { { "tier", "In", { values, 2 } },
                                                             { "x", "DoesNotExist", { NULL, 0 } } };
        const struct label_selector s = { .match_labels = { pairs, 1 },
                                          .match_expressions = { terms, 2 } };
        AUTO_FREE char *text = label_selector_format(&s);
        (void) state;

        assert_string_equal(text, "app=web,tier in (a,b),!x");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(label_selectors_choose),
                cmocka_unit_test(nonsense_selectors_are_refused),
                cmocka_unit_test(field_selectors_compare_values),
                cmocka_unit_test(a_label_selector_is_printed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
