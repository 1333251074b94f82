#include "tests/system/runtime_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_container_runs_and_its_exit_is_told(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *log = NULL;

        fixture_pod(f, NULL);
        log = fixture_run(f, NULL, "echo hello; echo oops >&2; exit 3");

        assert_string_equal(log, "hello\noops\n");
        assert_int_equal(f->exit.exit_code, 3);
        assert_string_equal(f->exit_container, "c");
        assert_string_equal(f->exit_reason, "Error");
}

int main(int argc, char *argv[]) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_container_runs_and_its_exit_is_told, fixture_setup,
                                                fixture_teardown),
        };

        fixture_enter(argc, argv);
        return fixture_leave(cmocka_run_group_tests(tests, NULL, NULL));
}
