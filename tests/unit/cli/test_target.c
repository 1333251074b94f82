#include "api/kinds/object.h"
#include "cli/session.h"
#include "cli/target.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static int parse(const char *line, struct targets *t, struct err *e) {
        static char copy[256];
        const char *words[16];
        char *save = NULL;
        struct session s;
        size_t n = 0;
        int r;

        strcpy(copy, line);
        for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
                words[n++] = word;
        session_init(&s);
        s.global.socket =
                "/nonexistent/orch.sock"; /* without a server the built-in types are known */
        r = target_parse(&s, words, n, t, e);
        assert_int_equal(r < 0, s.exit_code == EXIT_USAGE);
        session_done(&s);
        return r;
}

static void expect(const char *line, const char *want) {
        AUTO_DONE(targets) struct targets t = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        assert_int_equal(parse(line, &t, NULL), 0);
        for (size_t i = 0; i < t.n; i++)
                strbuf_addf(&b, "%s%s%s ", t.items[i].kind->plural, t.items[i].name ? "/" : "",
                            t.items[i].name ? t.items[i].name : "");
        assert_string_equal(b.s, want);
}

static void types_and_names_are_read_as_kubectl_does(void **state) {
        (void) state;
        expect("po", "pods ");
        expect("Pods,svc", "pods services ");
        expect("deployments.apps web", "deployments/web ");
        expect("pod a b", "pods/a pods/b ");
        expect("deploy/web svc/db", "deployments/web services/db ");
}

static void all_means_the_category(void **state) {
        AUTO_DONE(targets) struct targets t = { 0 };
        bool has_pods = false, has_secrets = false;
        size_t n_autoscalers = 0;
        (void) state;

        assert_int_equal(parse("all", &t, NULL), 0);
        for (size_t i = 0; i < t.n; i++) {
                has_pods = has_pods || strcmp(t.items[i].kind->plural, "pods") == 0;
                n_autoscalers += strcmp(t.items[i].kind->singular, "horizontalpodautoscaler") == 0;
                has_secrets = has_secrets || strcmp(t.items[i].kind->plural, "secrets") == 0;
        }
        assert_true(has_pods);
        assert_false(has_secrets);
        assert_int_equal(n_autoscalers, 1); /* not in each of its versions */
}

static void mistakes_are_usage_errors(void **state) {
        static const struct {
                const char *line, *says;
        } cases[] = {
                { "podz", "did you mean \"pods\"?" },  { "deploy/", "no name behind the slash" },
                { "deploy/a b", "must be TYPE/NAME" }, { "pod a deploy/b", "not both" },
                { "", "name a resource type" },        { ",", "name a resource type" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO_DONE(targets) struct targets t = { 0 };
                struct err e = { 0 };

                assert_int_equal(parse(cases[i].line, &t, &e), -EINVAL);
                assert_non_null(strstr(e.text, cases[i].says));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(types_and_names_are_read_as_kubectl_does),
                cmocka_unit_test(all_means_the_category),
                cmocka_unit_test(mistakes_are_usage_errors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
