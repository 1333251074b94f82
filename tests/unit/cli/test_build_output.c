#include "cli/build_output.h"
#include "tests/unit/test.h"

static void an_output_has_a_type_and_a_place(void **state) {
        AUTO_DONE(build_output) struct build_output o = { 0 };
        (void) state;

        assert_int_equal(build_output_parse("type=oci,dest=/tmp/a=b.tar", &o, NULL), 0);

        assert_string_equal(o.format, "oci-archive");
        assert_string_equal(o.dest, "/tmp/a=b.tar");
}

static void what_is_not_there_is_refused_by_name(void **state) {
        static const char *const wrong[] = {
                "folder", "type=local,dest=d", "type=tar,dest=f",        "type=oci",
                "dest=f", "type=oci,dest=",    "type=oci,dest=a,dest=b", "type=oci,dest=a,x=1",
                ""
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                struct build_output o = { 0 };

                assert_int_equal(build_output_parse(wrong[i], &o, NULL), -EINVAL);
                assert_null(o.dest);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_output_has_a_type_and_a_place),
                cmocka_unit_test(what_is_not_there_is_refused_by_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
