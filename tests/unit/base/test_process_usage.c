#include "base/clock.h"
#include "base/process_usage.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <unistd.h>

static void tells_what_this_process_uses(void **state) {
        struct process_usage before, after;
        int fd;
        (void) state;

        assert_int_equal(process_usage_read(&before), 0);
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_int_equal(process_usage_read(&after), 0);
        (void) close(fd);

        assert_int_equal(after.n_fds, before.n_fds + 1);
        assert_true(before.resident_bytes > 0 && before.resident_bytes < before.virtual_bytes);
        assert_true(before.max_fds >= before.n_fds);
        assert_true(before.start_wall_usec <= clock_wall_usec());
        assert_true(after.cpu_usec >= before.cpu_usec);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tells_what_this_process_uses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
