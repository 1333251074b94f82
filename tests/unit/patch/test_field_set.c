#include "api/patch/field_set.h"
#include "tests/unit/test.h"

#include <string.h>

/* Sets are written with ' for ", so that they can be read. */
static const struct field_set *set_of(struct field_maker *m, const char *quoted) {
        AUTO_FREE char *text = strdup(quoted);
        const struct field_set *s = NULL;
        struct err e = { 0 };

        for (char *at = text; *at; at++)
                if (*at == '\'')
                        *at = '"';
        if (field_set_parse(m, text, strlen(text), &s, &e) < 0)
                fail_msg("%s: %s", text, e.text);
        return s;
}

static void assert_set(const struct field_set *s, const char *quoted) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        field_set_format(s, &b);
        for (char *at = b.s; *at; at++)
                if (*at == '"')
                        *at = '\'';
        assert_string_equal(b.s, quoted);
}

static void assert_refused(struct field_maker *m, const char *text) {
        const struct field_set *s = NULL;
        struct err e = { 0 };

        if (field_set_parse(m, text, strlen(text), &s, &e) >= 0)
                fail_msg("%s is taken", text);
        assert_true(e.text[0] != '\0');
}

static void text_comes_back_in_order(void **state) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct field_maker m = { .arena = a };
        (void) state;

        assert_set(set_of(&m, "{'f:b':{},'f:a':{'f:d':{},'.':{},'f:c':{}}}"),
                   "{'f:a':{'.':{},'f:c':{},'f:d':{}},'f:b':{}}");
        assert_set(set_of(&m, "{}"), "{}");
        assert_set(set_of(&m, " { 'f:a' : { } , 'v:1':{}, 'i:3':{} } "),
                   "{'f:a':{},'i:3':{},'v:1':{}}");
        assert_set(set_of(&m, "{'f:a':{},'f:a':{'f:b':{}}}"), "{'f:a':{'.':{},'f:b':{}}}");
        assert_false(m.has_failed);
}

static void keys_of_elements_have_one_form(void **state) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct field_maker m = { .arena = a };
        const struct field_set *x, *y;
        (void) state;

        x = set_of(&m, "{'k:{\\'protocol\\': \\'TCP\\', \\'port\\': 80}':{}}");
        y = set_of(&m, "{'k:{\\'port\\':80,\\'protocol\\':\\'TCP\\'}':{}}");

        assert_true(field_set_equal(x, y));
}

static void what_is_no_set_is_refused(void **state) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct field_maker m = { .arena = a };
        char deep[2000] = "";
        (void) state;

        assert_refused(&m, "");
        assert_refused(&m, "[]");
        assert_refused(&m, "{");
        assert_refused(&m, "{\"f:a\"}");
        assert_refused(&m, "{\"f:a\":1}");
        assert_refused(&m, "{\"a\":{}}");
        assert_refused(&m, "{\"x:a\":{}}");
        assert_refused(&m, "{\"i:x\":{}}");
        assert_refused(&m, "{\"k:{\":{}}");
        assert_refused(&m, "{\"k:{}\":{}}");
        assert_refused(&m, "{\"v:{}\":{}}");
        assert_refused(&m, "{} {}");
        for (int i = 0; i < 200; i++)
                (void) strcat(deep, "{\"f:a\":");
        assert_refused(&m, deep);
}

struct algebra_case {
        const char *a, *b, *both, *difference, *common, *cut;
};

static void sets_add_and_subtract(void **state) {
        static const struct algebra_case cases[] = {
                { "{}", "{}", "{}", "{}", "{}", "{}" },
                { "{'f:a':{}}", "{}", "{'f:a':{}}", "{'f:a':{}}", "{}", "{'f:a':{}}" },
                { "{}", "{'f:a':{}}", "{'f:a':{}}", "{}", "{}", "{}" },
                { "{'f:a':{},'f:b':{}}", "{'f:b':{},'f:c':{}}", "{'f:a':{},'f:b':{},'f:c':{}}",
                  "{'f:a':{}}", "{'f:b':{}}", "{'f:a':{}}" },
                /* a path is not its prefix */
                { "{'f:a':{'f:b':{}}}", "{'f:a':{}}", "{'f:a':{'.':{},'f:b':{}}}",
                  "{'f:a':{'f:b':{}}}", "{}", "{}" },
                { "{'f:a':{}}", "{'f:a':{'f:b':{}}}", "{'f:a':{'.':{},'f:b':{}}}", "{'f:a':{}}",
                  "{}", "{'f:a':{}}" },
                { "{'f:a':{'.':{},'f:b':{},'f:c':{}}}", "{'f:a':{'.':{},'f:c':{}}}",
                  "{'f:a':{'.':{},'f:b':{},'f:c':{}}}", "{'f:a':{'f:b':{}}}",
                  "{'f:a':{'.':{},'f:c':{}}}", "{}" },
                { "{'f:l':{'v:1':{},'v:2':{}}}", "{'f:l':{'v:2':{}}}",
                  "{'f:l':{'v:1':{},'v:2':{}}}", "{'f:l':{'v:1':{}}}", "{'f:l':{'v:2':{}}}",
                  "{'f:l':{'v:1':{}}}" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO(arena) struct arena *arena = arena_new(0);
                struct field_maker m = { .arena = arena };
                const struct field_set *a = set_of(&m, cases[i].a), *b = set_of(&m, cases[i].b);

                assert_set(field_set_union(&m, a, b), cases[i].both);
                assert_set(field_set_difference(&m, a, b), cases[i].difference);
                assert_set(field_set_intersection(&m, a, b), cases[i].common);
                assert_set(field_set_cut(&m, a, b), cases[i].cut);
                /* the inputs are as they were */
                assert_set(a, cases[i].a);
                assert_set(b, cases[i].b);
                assert_true(field_set_is_subset(field_set_intersection(&m, a, b), a));
                assert_true(field_set_is_subset(a, field_set_union(&m, a, b)));
                assert_true(field_set_equal(field_set_union(&m, field_set_difference(&m, a, b),
                                                            field_set_intersection(&m, a, b)),
                                            a));
                assert_false(m.has_failed);
        }
}

static void keep_path(void *data, const char *text) {
        strbuf_addf(data, "%s ", text);
}

static void paths_read_as_in_kubernetes(void **state) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct field_maker m = { .arena = a };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const struct field_set *s;
        (void) state;

        s = set_of(&m, "{'f:spec':{'f:containers':{'k:{\\'name\\':\\'c\\'}':{'.':{},'f:image':{},"
                       "'f:ports':{'k:{\\'containerPort\\':80,\\'protocol\\':\\'TCP\\'}':{}}}},"
                       "'f:x':{'v:\\'a\\'':{}},'f:y':{'i:3':{}}}}");
        assert_int_equal(field_set_each(s, keep_path, &b), 0);

        assert_string_equal(b.s, ".spec.containers[name=\"c\"] .spec.containers[name=\"c\"].image "
                                 ".spec.containers[name=\"c\"].ports[containerPort=80,protocol="
                                 "\"TCP\"] .spec.x[=\"a\"] .spec.y[3] ");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_comes_back_in_order),
                cmocka_unit_test(keys_of_elements_have_one_form),
                cmocka_unit_test(what_is_no_set_is_refused),
                cmocka_unit_test(sets_add_and_subtract),
                cmocka_unit_test(paths_read_as_in_kubernetes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
