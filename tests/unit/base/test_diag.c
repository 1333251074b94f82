#include "base/diag.h"
#include "tests/unit/test.h"

#include <string.h>

static void a_finding_reads_as_one_line(void **state) {
        struct diags d = { 0 };
        AUTO_FREE char *line = NULL;
        struct diag *one;
        (void) state;

        one = diag_add(&d, DIAG_ERROR, DIAG_UNKNOWN, "spec.continers", "unknown field");
        diag_set_place(one, "web.yaml", 12, 9);
        diag_set_hint(one, "did you mean \"%s\"?", "containers");
        line = diag_format(one);

        assert_string_equal(
                line, "web.yaml:12:9: spec.continers: unknown field; did you mean \"containers\"?");
        assert_int_equal(d.n_errors, 1);
        diags_done(&d);
}

static void findings_are_bounded_but_counted(void **state) {
        struct diags d = { 0 };
        (void) state;

        for (int i = 0; i < 5000; i++)
                (void) diag_add(&d, DIAG_ERROR, DIAG_INVALID, NULL, "no");

        assert_int_equal(d.n, 1000);
        assert_int_equal(d.n_errors, 5000);
        diags_done(&d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_finding_reads_as_one_line),
                cmocka_unit_test(findings_are_bounded_but_counted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
