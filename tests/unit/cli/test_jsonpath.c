#include "cli/jsonpath.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#define OBJECT                                                                                     \
        "{\"metadata\":{\"name\":\"web\",\"labels\":{\"a.b/"                                       \
        "c\":\"dotted\"}},\"spec\":{\"replicas\":3,"                                               \
        "\"paused\":false,\"list\":[{\"n\":\"x\",\"v\":1},{\"n\":\"y\",\"v\":2}]}}"

static void expect(const char *template, const char *want) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        json_t *tree = json_loads(OBJECT, 0, NULL);

        assert_int_equal(jsonpath_print(template, tree, &b, NULL), 0);
        assert_string_equal(b.s ? b.s : "", want);
        json_decref(tree);
}

static void paths_lists_and_text(void **state) {
        (void) state;
        expect("{.metadata.name}", "web");
        expect("{$.metadata.name}", "web");
        expect("{.spec.replicas} of {.spec.paused}", "3 of false");
        expect("{.spec.list[0].n}{.spec.list[-1].n}{.spec.list[7].n}", "xy");
        expect("{.spec.list[*].n}", "x y");
        expect("{.metadata.labels['a.b/c']}", "dotted");
        expect("{.metadata.labels.a\\.b/c}", "dotted");
        expect("{.spec.list[?(@.n==\"y\")].v}", "2");
        expect("{.metadata.*}", "web {\"a.b/c\":\"dotted\"}");
        expect("{.nothing.at.all}", "");
        expect("plain", "plain");
}

static void ranges_repeat_their_body(void **state) {
        (void) state;
        expect("{range .spec.list[*]}{.n}={.v}{\"\\n\"}{end}done", "x=1\ny=2\ndone");
        expect("{range .spec.list[*]}{range .missing[*]}no{end}{.n},{end}", "x,y,");
}

static void mistakes_are_refused(void **state) {
        static const char *const bad[] = { "{.a",        "{range .spec.list[*]}{.n}",
                                           "{.a[}",      "{.a[x]}",
                                           "{.a[?(x)]}", "{.spec.list['n}" };
        json_t *tree = json_loads(OBJECT, 0, NULL);

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                AUTO_DONE(strbuf) struct strbuf b = { 0 };

                assert_int_equal(jsonpath_print(bad[i], tree, &b, NULL), -EINVAL);
        }
        json_decref(tree);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(paths_lists_and_text),
                cmocka_unit_test(ranges_repeat_their_body),
                cmocka_unit_test(mistakes_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
