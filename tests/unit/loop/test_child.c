#include "base/fd.h"
#include "daemon/loop/child.h"
#include "daemon/loop/loop.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

struct seen {
        struct loop *loop;
        unsigned n;
        int code, status;
        bool is_unref_wanted;
};

static void on_exit_seen(struct child *c, const siginfo_t *info, void *userdata) {
        struct seen *s = userdata;

        assert_false(child_is_running(c));
        assert_int_equal(child_kill(c, SIGTERM), -ESRCH);
        s->n++;
        s->code = info->si_code;
        s->status = info->si_status;
        if (s->is_unref_wanted)
                child_unref(c);
        loop_exit(s->loop, 0);
}

static void an_exit_code_is_reported_and_the_child_reaped(void **state) {
        static const char *const argv[] = { "sh", "-c", "exit 7", NULL };
        AUTO(loop) struct loop *l = NULL;
        struct seen s = { .is_unref_wanted = true };
        struct child *c = NULL;
        pid_t pid;
        (void) state;

        assert_int_equal(loop_new(&l, NULL), 0);
        s.loop = l;
        assert_int_equal(
                child_spawn(l, &(struct child_spec){ .argv = argv }, on_exit_seen, &s, &c, NULL),
                0);
        pid = child_pid(c);
        assert_int_equal(loop_run(l), 0);

        assert_int_equal(s.code, CLD_EXITED);
        assert_int_equal(s.status, 7);
        assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

static void a_signal_reaches_the_child_although_we_block_it(void **state) {
        static const char *const argv[] = { "sleep", "1000", NULL };
        AUTO(loop) struct loop *l = NULL;
        struct seen s = { 0 };
        struct child *c = NULL;
        (void) state;

        assert_int_equal(loop_new(&l, NULL), 0);
        assert_int_equal(loop_exit_on_signals(l, NULL), 0);
        s.loop = l;
        assert_int_equal(
                child_spawn(l, &(struct child_spec){ .argv = argv }, on_exit_seen, &s, &c, NULL),
                0);
        assert_true(child_is_running(c));
        assert_int_equal(child_kill(c, SIGTERM), 0);
        assert_int_equal(loop_run(l), 0);

        assert_int_equal(s.code, CLD_KILLED);
        assert_int_equal(s.status, SIGTERM);
        child_unref(c);
}

static void descriptors_arrive_where_asked_even_when_swapped(void **state) {
        static const char *const argv[] = { "sh", "-c", "echo one >&3; echo two >&4", NULL };
        AUTO(loop) struct loop *l = NULL;
        AUTO_FREE char *one = NULL, *two = NULL;
        int a[2], b[2];
        struct child_fd fds[2];
        struct seen s = { 0 };
        struct child *c = NULL;
        (void) state;

        assert_int_equal(loop_new(&l, NULL), 0);
        s.loop = l;
        assert_int_equal(pipe2(a, O_CLOEXEC), 0);
        assert_int_equal(pipe2(b, O_CLOEXEC), 0);
        assert_int_equal(dup3(b[1], 103, O_CLOEXEC), 103);
        fds[0] = (struct child_fd){ .from = a[1], .to = 3 };
        fds[1] = (struct child_fd){ .from = 103, .to = 4 };

        assert_int_equal(child_spawn(l,
                                     &(struct child_spec){ .argv = argv, .fds = fds, .n_fds = 2 },
                                     on_exit_seen, &s, &c, NULL),
                         0);
        (void) close(a[1]);
        (void) close(b[1]);
        (void) close(103);
        assert_int_equal(loop_run(l), 0);

        assert_int_equal(fd_read_all(a[0], 100, &one, NULL, NULL), 0);
        assert_int_equal(fd_read_all(b[0], 100, &two, NULL, NULL), 0);
        assert_string_equal(one, "one\n");
        assert_string_equal(two, "two\n");
        child_unref(c);
        (void) close(a[0]);
        (void) close(b[0]);
}

static void a_missing_program_is_told_at_once(void **state) {
        static const char *const argv[] = { "/nonexistent/program", NULL };
        AUTO(loop) struct loop *l = NULL;
        struct child *c = NULL;
        struct err e = { 0 };
        (void) state;

        assert_int_equal(loop_new(&l, NULL), 0);
        assert_int_equal(
                child_spawn(l, &(struct child_spec){ .argv = argv }, on_exit_seen, NULL, &c, &e),
                -ENOENT);
        assert_non_null(strstr(e.text, "/nonexistent/program"));
        assert_null(c);
}

static void forgetting_a_child_kills_it_unless_it_outlives_us(void **state) {
        static const char *const argv[] = { "sleep", "1000", NULL };
        AUTO(loop) struct loop *l = NULL;
        struct child *c = NULL;
        pid_t pid;
        (void) state;

        assert_int_equal(loop_new(&l, NULL), 0);
        assert_int_equal(
                child_spawn(l, &(struct child_spec){ .argv = argv }, on_exit_seen, NULL, &c, NULL),
                0);
        pid = child_pid(c);
        child_unref(c);
        assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);

        assert_int_equal(child_spawn(l, &(struct child_spec){ .argv = argv, .outlives_us = true },
                                     on_exit_seen, NULL, &c, NULL),
                         0);
        pid = child_pid(c);
        child_unref(c);
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_exit_code_is_reported_and_the_child_reaped),
                cmocka_unit_test(a_signal_reaches_the_child_although_we_block_it),
                cmocka_unit_test(descriptors_arrive_where_asked_even_when_swapped),
                cmocka_unit_test(a_missing_program_is_told_at_once),
                cmocka_unit_test(forgetting_a_child_kills_it_unless_it_outlives_us),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
