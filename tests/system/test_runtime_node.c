#include "base/clock.h"
#include "tests/system/runtime_fixture.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- exec, attach, terminals ---- */

static char *read_pipe(int fd) {
        char *text = NULL;

        assert_int_equal(fd_read_all(fd, 1 << 20, &text, NULL, NULL), 0);
        return text;
}

static void exec_runs_beside_the_main_process(void **state) {
        struct fixture *f = *state;
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);
        AUTO_FREE char *text = NULL;
        int out[2];

        fixture_pod(f, NULL);
        spec.user = "app";
        assert_int_equal(fixture_start(f, &spec), 0);
        assert_int_equal(pipe2(out, O_CLOEXEC), 0);
        fixture_exec(f, "c",
                     "id -u; ls /proc | grep -c '^1$'; grep Seccomp: /proc/self/status; exit 5",
                     out[1]);
        (void) close(out[1]);
        text = read_pipe(out[0]);
        (void) close(out[0]);

        assert_int_equal(f->exec.r, 0);
        assert_int_equal(f->exec.exit_code, 5);
        assert_string_equal(text, "1001\n1\nSeccomp:\t2\n");
}

static void exec_of_nothing_says_127(void **state) {
        struct fixture *f = *state;
        const char *const args[] = { "/nope" };
        const struct runtime_exec_spec exec = {
                .container = "c", .args = args, .n_args = 1, .fds = { -1, -1, -1 }
        };
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);

        fixture_pod(f, NULL);
        assert_int_equal(fixture_start(f, &spec), 0);
        fixture_exec_spec(f, &exec);

        assert_int_equal(f->exec.r, -ENOENT);
        assert_int_equal(f->exec.exit_code, 127);
        fixture_assert_has(f->err.text, "exec: \"/nope\": no such file or directory");
}

static void exec_past_its_time_is_killed(void **state) {
        struct fixture *f = *state;
        const char *const args[] = { "sleep", "1000" };
        const struct runtime_exec_spec exec = { .container = "c",
                                                .args = args,
                                                .n_args = 2,
                                                .fds = { -1, -1, -1 },
                                                .timeout_usec = 1000 };
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);

        fixture_pod(f, NULL);
        assert_int_equal(fixture_start(f, &spec), 0);
        fixture_exec_spec(f, &exec);

        assert_true(f->exec.has_timed_out);
        assert_int_equal(f->exec.exit_code, 137);
}

static void exec_with_a_terminal_has_one(void **state) {
        struct fixture *f = *state;
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);
        char text[256] = "";
        ssize_t n;

        fixture_pod(f, NULL);
        assert_int_equal(fixture_start(f, &spec), 0);
        fixture_exec(f, "c", "test -t 0 && test -t 1 && echo terminal", -2);

        assert_int_equal(f->exec.exit_code, 0);
        assert_true(f->tty >= 0);
        n = read(f->tty, text, sizeof(text) - 1);
        assert_true(n > 0);
        assert_string_equal(text, "terminal\r\n");
}

static void a_container_with_a_terminal_logs_it(void **state) {
        struct fixture *f = *state;
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);
        AUTO_FREE char *log = NULL;

        fixture_pod(f, NULL);
        spec.has_tty = true;
        log = fixture_run(f, &spec, "test -t 1 && test -c /dev/console && echo $TERM");

        assert_string_equal(log, "xterm\r\n");
}

struct attached {
        bool is_open;
        int r, in, out;
};

static void on_attached(void *userdata, int r, int take_in, int take_out, const struct err *e) {
        struct attached *a = userdata;

        *a = (struct attached){ true, r, take_in, take_out };
}

static void attach_reaches_standard_streams(void **state) {
        struct fixture *f = *state;
        const char *const args[3] = { "sh", "-c", "read x; echo got $x" };
        struct runtime_container_spec spec = fixture_shell("c", args);
        struct attached a = { 0 };
        const struct runtime_attach_callbacks callbacks = { .on_open = on_attached,
                                                            .userdata = &a };
        char packet[256];

        fixture_pod(f, NULL);
        spec.has_stdin = true;
        assert_int_equal(fixture_start(f, &spec), 0);
        assert_int_equal(runtime_attach(f->pod, "c", true, &callbacks, NULL, NULL), 0);
        fixture_wait(f, &a.is_open);
        assert_int_equal(a.r, 0);
        assert_int_equal(write(a.in, "it\n", 3), 3);
        fixture_wait_exits(f, 1);

        assert_int_equal(recv(a.out, packet, sizeof(packet), 0), 0);
        (void) close(a.in);
        (void) close(a.out);
}

/* ---- survival ---- */

static void found_pod(void *userdata, struct runtime_pod *pod) {
        struct fixture *f = userdata;

        f->n_found_pods++;
        f->pod = pod;
}

static void found_container(void *userdata, struct runtime_pod *pod,
                            const struct runtime_container_status *status) {
        struct fixture *f = userdata;

        f->n_found_containers++;
        f->found = *status;
}

static void recover(struct fixture *f) {
        const struct runtime_found found = { found_pod, found_container };
        struct err e = { 0 };

        fixture_open(f);
        if (runtime_recover(f->runtime, &found, &e) < 0)
                fail_msg("recover: %s", e.text);
}

static void forget(struct fixture *f) {
        runtime_unref(f->runtime);
        f->runtime = NULL;
        f->pod = NULL;
}

static void running_containers_are_found_again(void **state) {
        struct fixture *f = *state;
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);

        fixture_pod(f, NULL);
        spec.instance = 7;
        assert_int_equal(fixture_start(f, &spec), 0);
        forget(f);
        recover(f);

        assert_int_equal(f->n_found_pods, 1);
        assert_true(runtime_pod_is_alive(f->pod));
        assert_string_equal(runtime_pod_name(f->pod), "web-1");
        assert_int_equal(f->n_found_containers, 1);
        assert_int_equal(f->found.state, RUNTIME_STATE_RUNNING);
        assert_int_equal(f->found.instance, 7);
        assert_int_equal(runtime_container_kill(f->pod, "c", NULL), 0);
        fixture_wait_exits(f, 1);
        assert_int_equal(f->exit.instance, 7);
}

static void an_exit_while_nobody_looked_is_not_missed(void **state) {
        struct fixture *f = *state;
        const char *const args[3] = { "sh", "-c", "read x; exit 42" };
        struct runtime_container_spec spec = fixture_shell("c", args);
        struct attached a = { 0 };
        const struct runtime_attach_callbacks callbacks = { .on_open = on_attached,
                                                            .userdata = &a };
        char byte;

        fixture_pod(f, NULL);
        spec.has_stdin = true;
        assert_int_equal(fixture_start(f, &spec), 0);
        assert_int_equal(runtime_attach(f->pod, "c", true, &callbacks, NULL, NULL), 0);
        fixture_wait(f, &a.is_open);
        forget(f);
        assert_int_equal(write(a.in, "\n", 1), 1);
        assert_int_equal(recv(a.out, &byte, 1, 0), 0); /* closed after the status is written... */
        (void) close(a.in);
        (void) close(a.out);
        for (int i = 0; i < 3000 && f->found.state != RUNTIME_STATE_EXITED; i++) {
                if (f->runtime)
                        forget(f); /* ...or an instant before */
                recover(f);
        }

        assert_int_equal(f->found.state, RUNTIME_STATE_EXITED);
        assert_int_equal(f->found.exit_code, 42);
}

/* The test's own node: makes pod and container, then is killed while the container writes. */
static void node_that_dies(struct fixture *f, int ready) {
        const char *const args[3] = { "sh", "-c", "seq 1 100000; seq 1 100000 >&2" };
        struct runtime_container_spec spec = fixture_shell("c", args);

        assert_int_equal(sd_event_new(&f->event), 0);
        fixture_open(f);
        fixture_pod(f, NULL);
        assert_int_equal(fixture_start(f, &spec), 0);
        (void) !write(ready, "x", 1);
        for (;;)
                (void) sd_event_run(f->event, UINT64_MAX);
}

/* What one of the outputs said: in which order two pipes are read is nobody's promise. */
static char *log_of_stream(int wanted) {
        const struct log_reader_options options = { .tail_lines = -1 };
        AUTO_FREE char *path = log_path(FIXTURE_LOGS, "default", "web-1", "u-1", "c", 0);
        AUTO(log_reader) struct log_reader *reader = NULL;
        AUTO_DONE(strbuf) struct strbuf text = { 0 };
        char chunk[8192];
        int stream = 0;
        ssize_t n;

        assert_int_equal(log_reader_new(path, &options, &reader, NULL), 0);
        while ((n = log_reader_read(reader, chunk, sizeof(chunk), &stream, NULL)) > 0)
                if (stream == wanted)
                        strbuf_add_len(&text, chunk, (size_t) n);
        return strbuf_steal(&text);
}

static void no_line_is_lost_when_the_node_is_killed(void **state) {
        struct fixture *f = *state;
        AUTO_DONE(strbuf) struct strbuf expected = { 0 };
        int ready[2], status;
        char byte;
        pid_t pid;

        forget(f);
        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0)
                node_that_dies(f, ready[1]);
        (void) close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        (void) close(ready[0]);
        recover(f);
        if (f->found.state == RUNTIME_STATE_RUNNING)
                fixture_wait_exits(f, 1);

        for (int i = 1; i <= 100000; i++)
                strbuf_addf(&expected, "%d\n", i);
        for (int stream = 1; stream <= 2; stream++) {
                AUTO_FREE char *log = log_of_stream(stream);

                assert_non_null(log);
                assert_int_equal(strlen(log), expected.len);
                assert_true(str_eq(log, expected.s));
        }
}

static void the_death_of_orch_pod_is_told_and_cleared(void **state) {
        struct fixture *f = *state;
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);

        fixture_pod(f, NULL);
        assert_int_equal(fixture_start(f, &spec), 0);
        assert_int_equal(kill(runtime_pod_pid(f->pod), SIGKILL), 0);
        fixture_wait_exits(f, 1);

        assert_int_equal(f->n_lost, 1);
        assert_int_equal(f->exit.exit_code, 137);
        assert_false(runtime_pod_is_alive(f->pod));
}

/* ---- the same elsewhere ---- */

static void the_bundle_runs_under_crun(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *ours = NULL;
        AUTO_FREE char *theirs = NULL;
        int status;

        if (access("/usr/bin/crun", X_OK) < 0) {
                print_message("SKIP: crun isn't installed\n");
                skip();
        }
        fixture_pod(f, &(struct runtime_pod_spec){ .hostname = "box",
                                                   .hosts = "127.0.0.1 localhost\n" });
        ours = fixture_run(f, NULL,
                           "hostname; cat /etc/hosts; pwd; id -u; ls /; cat /proc/self/mountinfo | "
                           "grep -c ' /dev/shm '; grep -E '^(Cap|NoNew)' /proc/self/status");

        /* crun 1.8 refuses hybrid groups: the unified ones are hidden from it. */
        status = system("exec unshare -m sh -c 'umount -l /sys/fs/cgroup/unified 2>/dev/null; "
                        "cd " FIXTURE_RUN "/pods/u-1/c && mkdir -p rootfs " FIXTURE_DIR
                        "/up " FIXTURE_DIR
                        "/wk && mount -t overlay overlay -o lowerdir=" FIXTURE_ROOT
                        ",upperdir=" FIXTURE_DIR "/up,workdir=" FIXTURE_DIR "/wk rootfs && "
                        "timeout 120 crun --root " FIXTURE_DIR "/crun --cgroup-manager=disabled "
                        "run beside </dev/null >" FIXTURE_DIR "/crun.out 2>&1'");
        assert_int_equal(file_read(FIXTURE_DIR "/crun.out", 1 << 16, &theirs, NULL, NULL), 0);
        if (status != 0)
                fail_msg("crun: %d %s", status, theirs);
        assert_string_equal(theirs, ours);
}

/* As on a kernel of 2019: no clone3, no new mount API, no pidfd, no close_range. */
static int forget_new_calls(void) {
        static const int calls[] = { SYS_clone3,     SYS_open_tree,     SYS_move_mount, SYS_fsopen,
                                     SYS_fsconfig,   SYS_mount_setattr, SYS_pidfd_open, SYS_openat2,
                                     SYS_faccessat2, SYS_close_range };
        struct sock_filter filter[2 * ARRAY_SIZE(calls) + 2];
        struct sock_fprog program = { .filter = filter };
        unsigned short n = 0;

        filter[n++] = (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                    offsetof(struct seccomp_data, nr));
        for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
                filter[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                            (unsigned) calls[i], 0, 1);
                filter[n++] =
                        (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
        }
        filter[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        program.len = n;
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Last: the filter stays. */
static void an_old_kernel_is_enough(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *volume = NULL;
        struct runtime_mount mount = { .target = "/ro", .is_read_only = true };
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);
        AUTO_FREE char *log = NULL;

        assert_int_equal(forget_new_calls(), 0);
        forget(f);
        fixture_open(f);
        fixture_pod(f, &(struct runtime_pod_spec){ .hosts = "127.0.0.1 localhost\n" });
        assert_int_equal(runtime_pod_volume(f->pod, "v", 0777, &volume, NULL), 1);
        mount.source = volume;
        spec.mounts = &mount;
        spec.n_mounts = 1;
        log = fixture_run(f, &spec,
                          "cat /etc/hosts; touch /ro/x 2>&1; grep Seccomp: /proc/self/status");

        assert_string_equal(
                log, "127.0.0.1 localhost\ntouch: /ro/x: Read-only file system\nSeccomp:\t2\n");
        spec = fixture_shell("d", fixture_sleep);
        assert_int_equal(fixture_start(f, &spec), 0);
        fixture_exec(f, "d", "exit 9", -1);
        assert_int_equal(f->exec.exit_code, 9);
        assert_int_equal(runtime_container_kill(f->pod, "d", NULL), 0);
        fixture_wait_exits(f, 2);
}

int main(int argc, char *argv[]) {
        const struct CMUnitTest tests[] = {
                FIXTURE_TEST(exec_runs_beside_the_main_process),
                FIXTURE_TEST(exec_of_nothing_says_127),
                FIXTURE_TEST(exec_past_its_time_is_killed),
                FIXTURE_TEST(exec_with_a_terminal_has_one),
                FIXTURE_TEST(a_container_with_a_terminal_logs_it),
                FIXTURE_TEST(attach_reaches_standard_streams),
                FIXTURE_TEST(running_containers_are_found_again),
                FIXTURE_TEST(an_exit_while_nobody_looked_is_not_missed),
                FIXTURE_TEST(no_line_is_lost_when_the_node_is_killed),
                FIXTURE_TEST(the_death_of_orch_pod_is_told_and_cleared),
                FIXTURE_TEST(the_bundle_runs_under_crun),
                FIXTURE_TEST(an_old_kernel_is_enough),
        };

        fixture_enter(argc, argv);
        return fixture_leave(cmocka_run_group_tests(tests, NULL, NULL));
}
