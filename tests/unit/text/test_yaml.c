#include "api/text/text.h"
#include "base/str.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

/* Reads one document and gives it as compact JSON with sorted keys, or the first finding. */
static char *read_one(const char *text) {
        AUTO_DONE(text_documents) struct text_documents docs = { 0 };
        struct diags d = { 0 };
        char *out = NULL;

        if (text_read_yaml(text, strlen(text), "f", 0, &docs, &d) == 0 && docs.n == 1)
                out = json_dumps(docs.items[0].tree,
                                 JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
        else if (d.n > 0)
                out = diag_format(&d.items[0]);
        else
                out = str_format("%zu documents", docs.n);
        diags_done(&d);
        return out;
}

static void scalars_mean_what_kubectl_reads(void **state) {
        static const char *const cases[][2] = {
                { "a: 1", "{\"a\":1}" },
                { "a: -17", "{\"a\":-17}" },
                { "a: 0644", "{\"a\":420}" },
                { "a: 0o644", "{\"a\":420}" },
                { "a: 0x1F", "{\"a\":31}" },
                { "a: 1_000", "{\"a\":1000}" },
                { "a: 08", "{\"a\":8}" },
                { "a: 1.5", "{\"a\":1.5}" },
                { "a: 1e3", "{\"a\":1000}" },
                { "a: 1.0", "{\"a\":1}" },
                { "a: yes", "{\"a\":true}" },
                { "a: Off", "{\"a\":false}" },
                { "a: n", "{\"a\":false}" },
                { "a: 'yes'", "{\"a\":\"yes\"}" },
                { "a: \"1\"", "{\"a\":\"1\"}" },
                { "a: !!str 1", "{\"a\":\"1\"}" },
                { "a: ~", "{\"a\":null}" },
                { "a:", "{\"a\":null}" },
                { "a: ''", "{\"a\":\"\"}" },
                { "a: 64Mi", "{\"a\":\"64Mi\"}" },
                { "a: 1.2.3", "{\"a\":\"1.2.3\"}" },
                { "a: -", "f:1:4: not valid YAML: block sequence entries are not allowed in this "
                          "context" },
                { "a: 2026-01-02", "{\"a\":\"2026-01-02\"}" },
                { "a: 99999999999999999999", "{\"a\":1e20}" },
                { "1: a", "{\"1\":\"a\"}" },
                { "true: a", "{\"true\":\"a\"}" },
                { "a: |\n  x\n  y\n", "{\"a\":\"x\\ny\\n\"}" },
                { "a: >-\n  x\n  y\n", "{\"a\":\"x y\"}" },
                { "{\"a\":[1,{\"b\":null}]}", "{\"a\":[1,{\"b\":null}]}" },
                { "a: &x {b: 1}\nc: *x", "{\"a\":{\"b\":1},\"c\":{\"b\":1}}" },
                { "a: &x {b: 1, d: 2}\nc: {<<: *x, b: 3}",
                  "{\"a\":{\"b\":1,\"d\":2},\"c\":{\"b\":3,\"d\":2}}" },
                { "x: &x {b: 1}\nw: &w {b: 2, c: 2}\nz: {<<: [*x, *w]}",
                  "{\"w\":{\"b\":2,\"c\":2},\"x\":{\"b\":1},\"z\":{\"b\":1,\"c\":2}}" },
                { "--- \n---\na: 1\n---\n", "{\"a\":1}" },
                { "# nothing\n", "0 documents" },
        };
        (void) state;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                AUTO_FREE char *got = read_one(cases[i][0]);

                if (i == 23) /* printed differently by different C libraries */
                        assert_true(str_starts_with(got, "{\"a\":1"));
                else
                        assert_string_equal(got, cases[i][1]);
        }
}

static void nonsense_is_refused_with_its_place(void **state) {
        static const char *const cases[][2] = {
                { "a: 1\nb:\n  a: 1\n  a: 2\n", "f:4:3: b.a: key \"a\" is given twice" },
                { "a: *x", "f:1:4: a: anchor x is not defined before this alias" },
                { "a: &x [*x]", "f:1:8: a[0]: anchor x is not defined before this alias" },
                { "? [a]\n: b", "f:1:3: a key must be a word, not a list or a map" },
                { "a: !mine b", "f:1:4: a: tag !mine is not supported" },
                { "a: .inf", "f:1:4: a: .inf is no number that JSON knows" },
                { "<<: 3\n", "f:1:1: <<: a merge key needs a map or a list of maps" },
                { "a: \"x\\0y\"", "f:1:4: a: text holds a NUL character" },
        };
        (void) state;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                AUTO_FREE char *got = read_one(cases[i][0]);

                assert_string_equal(got, cases[i][1]);
        }
}

static void a_tab_gets_a_hint(void **state) {
        AUTO_FREE char *got = read_one("a:\n\tb: 1\n");
        (void) state;

        assert_true(str_starts_with(got, "f:2:1: not valid YAML: "));
        assert_non_null(strstr(got, "not with tabs"));
}

static void all_doubled_keys_are_reported_at_once(void **state) {
        static const char text[] = "a: 1\na: 2\nb: 1\nb: 2\n---\nc: 1\nc: 2\n";
        AUTO_DONE(text_documents) struct text_documents docs = { 0 };
        struct diags d = { 0 };
        (void) state;

        assert_int_equal(text_read_yaml(text, strlen(text), "f", 0, &docs, &d), -EINVAL);

        assert_int_equal(d.n_errors, 3);
        assert_int_equal(d.items[2].line, 7);
        assert_int_equal(docs.n, 2);
        diags_done(&d);
}

static void nesting_is_bounded(void **state) {
        char deep[2 * 200 + 1];
        AUTO_FREE char *got = NULL, *just = NULL;
        (void) state;

        memset(deep, '[', 200);
        memset(deep + 200, ']', 200);
        deep[400] = '\0';
        got = read_one(deep);
        deep[200 + 64] = '\0';
        just = read_one(deep + 200 - 64);

        assert_non_null(strstr(got, "nested deeper than 64 levels"));
        assert_int_equal(just[0], '[');
}

static void an_alias_bomb_is_refused(void **state) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        AUTO_FREE char *got = NULL;
        (void) state;

        strbuf_add(&b, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for (int i = 1; i < 12; i++) {
                strbuf_addf(&b, "a%d: &a%d [", i, i);
                for (int j = 0; j < 10; j++)
                        strbuf_addf(&b, "%s*a%d", j > 0 ? "," : "", i - 1);
                strbuf_add(&b, "]\n");
        }
        got = read_one(b.s);

        assert_non_null(strstr(got, "aliases expand to more than a document may hold"));
}

static void aliases_do_not_outwit_the_depth(void **state) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        AUTO_FREE char *got = NULL;
        (void) state;

        strbuf_add(&b, "a0: &a0 [x]\n");
        for (int i = 1; i < 80; i++)
                strbuf_addf(&b, "a%d: &a%d [*a%d]\n", i, i, i - 1);
        got = read_one(b.s);

        assert_non_null(strstr(got, "nested deeper than 64 levels"));
}

static void input_over_the_bound_is_refused(void **state) {
        AUTO_DONE(text_documents) struct text_documents docs = { 0 };
        struct diags d = { 0 };
        (void) state;

        assert_int_equal(text_read_yaml("a: 1234", 7, "f", 6, &docs, &d), -EFBIG);

        assert_int_equal(d.n_errors, 1);
        diags_done(&d);
}

static void places_are_found_by_path_or_by_ancestor(void **state) {
        static const char text[] = "kind: Pod\nspec:\n  containers:\n  - name: c\n    resources:\n"
                                   "      limits:\n        cpu: x\n";
        static const struct {
                const char *path;
                unsigned line, column;
        } cases[] = {
                { "kind", 1, 1 },
                { "spec.containers[0].name", 4, 5 },
                { "spec.containers[0]", 4, 5 },
                { "spec.containers[0].resources.limits[cpu]", 7, 9 },
                { "spec.containers[0].image", 4, 5 },
                { "spec.containers[7].image", 3, 3 },
                { "status", 1, 1 },
                { "", 1, 1 },
        };
        AUTO_DONE(text_documents) struct text_documents docs = { 0 };
        struct diags d = { 0 };
        (void) state;

        assert_int_equal(text_read_yaml(text, strlen(text), "f", 0, &docs, &d), 0);

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                unsigned line = 0, column = 0;

                assert_true(places_find(docs.items[0].places, cases[i].path, &line, &column));
                assert_int_equal(line, cases[i].line);
                assert_int_equal(column, cases[i].column);
        }
        diags_done(&d);
}

static void json_is_read_strictly(void **state) {
        static const char *const bad[] = { "{\"a\":1,\"a\":2}", "{} x", "{\"a\":\"\\u0000\"}", "{",
                                           "\"\xff\"" };
        static const char brackets[] =
                "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                "\\\"[[\"}";
        struct err e = { 0 };
        char deep[130];
        json_t *tree = NULL;
        (void) state;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(text_read_json(bad[i], strlen(bad[i]), 0, &tree, &e), -EINVAL);
        memset(deep, '[', 65);
        memset(deep + 65, ']', 65);
        assert_int_equal(text_read_json(deep, 130, 0, &tree, &e), -EINVAL);
        assert_string_equal(e.text, "nested deeper than 64 levels");
        assert_int_equal(text_read_json("{}", 2, 1, &tree, &e), -EFBIG);

        assert_int_equal(text_read_json(brackets, strlen(brackets), 0, &tree, &e), 0);
        json_decref(tree);
}

static void yaml_is_printed_as_kubectl_does(void **state) {
        static const char json[] =
                "{\"spec\":{\"containers\":[{\"name\":\"c\",\"args\":[\"-x\",\"a "
                "b\",\"\"],\"env\":[]}],"
                "\"list\":[[1,2],[]]},\"kind\":\"Pod\",\"s\":{\"a\":\"true\",\"b\":\"1\",\"c\":\"x:"
                " y\","
                "\"d\":\"it's\",\"e\":\"a\\nb\\n\",\"f\":\"a\\nb\",\"g\":\"2026-01-02T03:04:05Z\","
                "\"h\":\"a\\tb\",\"i\":\"*x\",\"j\":\"80:80\",\"k\":\"# no\",\"l\":{},\"m\":null,"
                "\"n\":1.5,\"o\":\"a\\n\\n\",\"p\":\" a\\nb\"}}";
        static const char yaml[] = "kind: Pod\n"
                                   "s:\n"
                                   "  a: \"true\"\n"
                                   "  b: \"1\"\n"
                                   "  c: 'x: y'\n"
                                   "  d: it's\n"
                                   "  e: |\n"
                                   "    a\n"
                                   "    b\n"
                                   "  f: |-\n"
                                   "    a\n"
                                   "    b\n"
                                   "  g: \"2026-01-02T03:04:05Z\"\n"
                                   "  h: \"a\\tb\"\n"
                                   "  i: '*x'\n"
                                   "  j: \"80:80\"\n"
                                   "  k: '# no'\n"
                                   "  l: {}\n"
                                   "  m: null\n"
                                   "  \"n\": 1.5\n"
                                   "  o: |+\n"
                                   "    a\n"
                                   "\n"
                                   "  p: \" a\\nb\"\n"
                                   "spec:\n"
                                   "  containers:\n"
                                   "  - args:\n"
                                   "    - -x\n"
                                   "    - a b\n"
                                   "    - \"\"\n"
                                   "    env: []\n"
                                   "    name: c\n"
                                   "  list:\n"
                                   "  - - 1\n"
                                   "    - 2\n"
                                   "  - []\n";
        json_t *tree = json_loads(json, 0, NULL);
        AUTO_DONE(text_documents) struct text_documents docs = { 0 };
        AUTO_FREE char *text = NULL;
        struct diags d = { 0 };
        (void) state;

        assert_non_null(tree);
        text = text_yaml_dump(tree);

        assert_string_equal(text, yaml);
        assert_int_equal(text_read_yaml(text, strlen(text), NULL, 0, &docs, &d), 0);
        assert_true(json_equal(docs.items[0].tree, tree));
        json_decref(tree);
        diags_done(&d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(scalars_mean_what_kubectl_reads),
                cmocka_unit_test(nonsense_is_refused_with_its_place),
                cmocka_unit_test(a_tab_gets_a_hint),
                cmocka_unit_test(all_doubled_keys_are_reported_at_once),
                cmocka_unit_test(nesting_is_bounded),
                cmocka_unit_test(an_alias_bomb_is_refused),
                cmocka_unit_test(aliases_do_not_outwit_the_depth),
                cmocka_unit_test(input_over_the_bound_is_refused),
                cmocka_unit_test(places_are_found_by_path_or_by_ancestor),
                cmocka_unit_test(json_is_read_strictly),
                cmocka_unit_test(yaml_is_printed_as_kubectl_does),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
