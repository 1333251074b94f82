#include "api/dockerfile/dockerfile.h"
#include "api/dockerfile/pattern.h"
#include "tests/unit/exhaust.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static const char text[] = "# escape=\\\n"
                           "ARG A=1\n"
                           "FROM a$A AS b\n"
                           "ENV X=\"y z\" V=${A%x*}\n"
                           "RUN --mount=type=cache,target=/c <<E\nx\nE\n"
                           "FROM scratch\n"
                           "COPY --from=b --exclude=*.o /a /b /c/\n"
                           "CMD [\"/a\"]\nONBUILD RUN x\n";

static void survives_without_memory(void **state) {
        bool has_failed = true;
        (void) state;

        for (long n = 0; has_failed && n < 10000; n++) {
                AUTO_DONE(ignore) struct ignore ignore = { 0 };
                struct dockerfile *f = NULL;
                struct diags d = { 0 };
                int r, s;

                exhaust_begin(n, 1);
                r = dockerfile_parse(text, strlen(text), "Dockerfile", &f, &d);
                s = ignore_parse("*\n!a/b\n", 7, NULL, &ignore, &d);
                has_failed = exhaust_end();
                if (r == 0)
                        dockerfile_unref(f);
                if (!has_failed) {
                        assert_int_equal(r, 0);
                        assert_int_equal(s, 0);
                }
                diags_done(&d);
        }
        assert_false(has_failed);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(survives_without_memory) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
