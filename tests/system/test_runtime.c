#include "base/clock.h"
#include "daemon/runtime/cgroup.h"
#include "tests/system/runtime_fixture.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const nothing[3] = { "sh", "-c", "sleep 1000" };

static void assert_has(const char *text, const char *part) {
        if (!strstr(text, part))
                fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* ---- starting and ending ---- */

static void a_container_runs_and_its_exit_is_told(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *log = NULL;

        fixture_pod(f, NULL);
        log = fixture_run(f, NULL, "echo hello; echo oops >&2; exit 3");

        assert_string_equal(log, "hello\noops\n");
        assert_int_equal(f->exit.exit_code, 3);
        assert_string_equal(f->exit_container, "c");
        assert_string_equal(f->exit_reason, "Error");
        assert_true(f->exit.finished_usec >= f->exit.started_usec && f->exit.started_usec > 0);
}

static void a_missing_program_is_told_in_words(void **state) {
        struct fixture *f = *state;
        const char *const args[3] = { "no-such-program", "-c", "" };
        struct runtime_container_spec spec = fixture_shell("c", args);
        struct runtime_container_status status;

        fixture_pod(f, NULL);

        assert_int_equal(fixture_start(f, &spec), -ENOENT);
        assert_string_equal(f->err.text,
                            "exec: \"no-such-program\": executable file not found in $PATH");
        assert_true(runtime_pod_container(f->pod, "c", &status));
        assert_true(status.has_start_failed);
        assert_int_equal(status.exit_code, 127);
        assert_string_equal(status.reason, "ContainerCannotRun");
        assert_int_equal(f->n_exits, 0);
}

static void what_cannot_be_executed_or_mounted_is_told_in_words(void **state) {
        struct fixture *f = *state;
        const char *const args[3] = { "/etc/passwd", "-c", "" };
        const struct runtime_mount mount = { .source = "/no/such/place", .target = "/data" };
        struct runtime_container_spec spec = fixture_shell("c", args);

        fixture_pod(f, NULL);
        assert_int_equal(fixture_start(f, &spec), -EACCES);
        assert_string_equal(f->err.text, "exec: \"/etc/passwd\": permission denied");

        spec = fixture_shell("c", nothing);
        spec.mounts = &mount;
        spec.n_mounts = 1;
        assert_int_equal(fixture_start(f, &spec), -ENOENT);
        assert_has(f->err.text, "cannot mount /no/such/place on /data");

        spec = fixture_shell("c", nothing);
        spec.user = "nobody-here";
        assert_int_equal(fixture_start(f, &spec), -ENOENT);
        assert_has(f->err.text, "user \"nobody-here\" is not in the image's /etc/passwd");

        spec.user = NULL;
        spec.is_non_root_required = true;
        assert_int_equal(fixture_start(f, &spec), -EPERM);
        assert_has(f->err.text, "runAsNonRoot");
}

static void signals_reach_the_main_process(void **state) {
        struct fixture *f = *state;
        const char *const args[3] = {
                "sh", "-c", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done"
        };
        struct runtime_container_spec spec = fixture_shell("c", args);
        AUTO_FREE char *log = NULL;

        fixture_pod(f, NULL);
        assert_int_equal(fixture_start(f, &spec), 0);
        while (!log || !strstr(log, "up")) {
                free(log);
                log = fixture_log(f, "c", 0);
        }
        assert_int_equal(runtime_container_signal(f->pod, "c", SIGTERM, NULL), 0);
        fixture_wait_exits(f, 1);

        assert_int_equal(f->exit.exit_code, 0);
        assert_string_equal(f->exit_reason, "Completed");
        assert_int_equal(runtime_container_signal(f->pod, "c", SIGTERM, NULL), -ESRCH);
}

static void a_killed_container_takes_its_children_along(void **state) {
        struct fixture *f = *state;
        const char *const args[3] = { "sh", "-c", "(sleep 1000 &) ; (sleep 1000 &); sleep 1000" };
        struct runtime_container_spec spec = fixture_shell("c", args);

        fixture_pod(f, NULL);
        assert_int_equal(fixture_start(f, &spec), 0);
        assert_int_equal(runtime_container_kill(f->pod, "c", NULL), 0);
        fixture_wait_exits(f, 1);

        assert_int_equal(f->exit.exit_code, 137);
        assert_int_equal(f->exit.signal, SIGKILL);
        assert_false(f->exit.is_oom_killed);
}

static void kill_and_start_again(struct fixture *f, const struct runtime_pod_spec *pod) {
        struct runtime_container_spec spec = fixture_shell("c", nothing);
        AUTO_FREE char *log = NULL;

        fixture_pod(f, pod);
        assert_int_equal(fixture_start(f, &spec), 0);
        assert_int_equal(runtime_container_kill(f->pod, "c", NULL), 0);
        fixture_wait_exits(f, 1);
        spec.instance = 1;
        log = fixture_run(f, &spec, "echo again");

        assert_string_equal(log, "again\n");
        assert_int_equal(f->exit.exit_code, 0);
}

/* The kernel kills at birth who is cloned into a group that cgroup.kill was once written to. */
static void a_killed_container_starts_again(void **state) {
        kill_and_start_again(*state, NULL);
}

static void so_it_does_with_shared_pids(void **state) {
        const struct runtime_pod_spec pod = { .share_process_namespace = true };

        kill_and_start_again(*state, &pod);
}

static void a_shared_pid_namespace_is_shared_and_cleared(void **state) {
        struct fixture *f = *state;
        const struct runtime_pod_spec pod = { .share_process_namespace = true };
        struct runtime_container_spec spec = fixture_shell("a", nothing);
        AUTO_FREE char *log = NULL;

        fixture_pod(f, &pod);
        assert_int_equal(fixture_start(f, &spec), 0);
        spec = fixture_shell("b", nothing);
        /* It leaves a child behind, which holds its output open. */
        log = fixture_run(f, &spec, "(sleep 999 &); ps -o pid,comm,args");

        assert_has(log, "orch-p");
        assert_has(log, "sleep 1000");
        fixture_exec(f, "a", "ps -o args | grep -q '[s]leep 999'", -1);
        assert_int_equal(f->exec.exit_code, 1);
}

static void a_restart_gets_a_fresh_root_and_a_log_of_its_own(void **state) {
        struct fixture *f = *state;
        struct runtime_container_spec spec = fixture_shell("c", nothing);
        AUTO_FREE char *first = NULL;
        AUTO_FREE char *second = NULL;

        fixture_pod(f, NULL);
        first = fixture_run(f, &spec, "touch /new; ls /new");
        spec.instance = 1;
        second = fixture_run(f, &spec, "test -e /new || echo fresh");

        assert_string_equal(first, "/new\n");
        assert_string_equal(second, "fresh\n");
        assert_int_equal(f->exit.instance, 1);
        /* The old layer goes beside the new container. */
        for (int i = 0; i < 3000 && access(FIXTURE_STATE "/pods/u-1/c/0", F_OK) == 0; i++)
                (void) poll(NULL, 0, 10);
        assert_int_equal(access(FIXTURE_STATE "/pods/u-1/c/0", F_OK), -1);
        assert_int_equal(access(FIXTURE_STATE "/pods/u-1/c/1", F_OK), 0);
}

static void the_termination_message_is_told(void **state) {
        struct fixture *f = *state;
        struct runtime_container_spec spec = fixture_shell("c", nothing);
        AUTO_FREE char *a = NULL;
        AUTO_FREE char *b = NULL;

        fixture_pod(f, NULL);
        a = fixture_run(f, &spec, "printf 'no\\nspace' > /dev/termination-log; exit 1");
        assert_string_equal(f->exit_message, "no\nspace");

        spec.instance = 1;
        spec.is_log_fallback = true;
        b = fixture_run(f, &spec, "echo last words; exit 1");
        assert_string_equal(f->exit_message, "last words\n");
}

static void memory_beyond_the_limit_is_an_oom_kill(void **state) {
        struct fixture *f = *state;
        struct runtime_container_spec spec = fixture_shell("c", nothing);
        AUTO_FREE char *log = NULL;

        if (strstr(runtime_warnings(f->runtime), "memory")) {
                print_message("SKIP: %s", runtime_warnings(f->runtime));
                skip();
        }
        fixture_pod(f, NULL);
        spec.limits.memory_limit_bytes = 8 << 20;
        log = fixture_run(f, &spec, "exec dd if=/dev/zero of=/dev/null bs=64M count=1");

        assert_int_equal(f->exit.exit_code, 137);
        assert_true(f->exit.is_oom_killed);
        assert_string_equal(f->exit_reason, "OOMKilled");
}

/* ---- what a container sees ---- */

static void a_container_is_confined_by_default(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *log = NULL;

        fixture_pod(f, NULL);
        log = fixture_run(
                f, NULL,
                "grep -E '^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status; "
                "mount -t tmpfs x /tmp 2>&1; unshare -n true 2>&1; "
                "echo 1 2>/dev/null > /proc/sys/kernel/panic || echo sysctl refused; "
                "head -c 1 /proc/kcore | grep -c . ; "
                "touch /sys/x 2>&1; mknod /tmp/sda b 8 0 && cat /tmp/sda 2>&1; "
                "mknod /tmp/null c 1 3 && echo ok > /tmp/null && echo null works; "
                "ls /proc | grep -c '^[0-9]'; ls -d /proc/1/root/../../etc");

        assert_has(log, "CapPrm:\t00000000a80425fb");
        assert_has(log, "CapEff:\t00000000a80425fb");
        assert_has(log, "CapBnd:\t00000000a80425fb");
        assert_has(log, "CapAmb:\t0000000000000000");
        assert_has(log, "NoNewPrivs:\t1");
        assert_has(log, "Seccomp:\t2");
        assert_has(log, "mount: permission denied (are you root?)");
        assert_has(log, "unshare: unshare(0x40000000): Operation not permitted");
        assert_has(log, "sysctl refused");
        assert_has(log, "touch: /sys/x: Read-only file system");
        assert_has(log, "can't open '/tmp/sda': Operation not permitted");
        assert_has(log, "null works");
}

static void names_files_and_environment_are_the_pods(void **state) {
        struct fixture *f = *state;
        const struct runtime_pod_spec pod = { .hostname = "box",
                                              .hosts = "127.0.0.1 localhost\n",
                                              .resolv_conf = "nameserver 10.0.0.10\n" };
        const char *const env[] = { "A=b c" };
        struct runtime_container_spec spec = fixture_shell("c", nothing);
        AUTO_FREE char *log = NULL;

        fixture_pod(f, &pod);
        spec.env = env;
        spec.n_env = 1;
        spec.cwd = "/made/here";
        log = fixture_run(f, &spec,
                          "hostname; cat /etc/hostname /etc/hosts /etc/resolv.conf; pwd; "
                          "echo $A $HOME $HOSTNAME; echo x > /dev/shm/f; ls /dev/pts /dev/mqueue; "
                          "cat /proc/self/cgroup | grep -c orch-test");

        assert_has(log, "box\nbox\n127.0.0.1 localhost\nnameserver 10.0.0.10\n/made/here\n"
                        "b c /root box\n");
        assert_has(log, "\n0\n");
}

static void users_and_groups_are_looked_up_in_the_image(void **state) {
        struct fixture *f = *state;
        const uint32_t groups[] = { 500 };
        struct runtime_container_spec spec = fixture_shell("c", nothing);
        AUTO_FREE char *a = NULL;
        AUTO_FREE char *b = NULL;

        fixture_pod(f, NULL);
        spec.user = "app";
        spec.groups = groups;
        spec.n_groups = 1;
        a = fixture_run(f, &spec, "id; echo $HOME; grep CapEff /proc/self/status");
        assert_has(a, "uid=1001(app) gid=1002 groups=77(extra),500\n/home/app\n");
        assert_has(a, "CapEff:\t0000000000000000");

        spec.instance = 1;
        spec.run_as_user = (struct runtime_opt_id){ true, 4711 };
        spec.run_as_group = (struct runtime_opt_id){ true, 4712 };
        b = fixture_run(f, &spec, "id");
        assert_has(b, "uid=4711 gid=4712 groups=500\n");
}

static void mounts_are_read_only_where_asked(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *volume = NULL;
        AUTO_FREE char *memory = NULL;
        const struct runtime_tmpfs tmpfs = { .name = "cache", .size_bytes = 1 << 20 };
        const struct runtime_pod_spec pod = { .tmpfs = &tmpfs, .n_tmpfs = 1 };
        struct runtime_mount mounts[4] = { { .target = "/rw" },
                                           { .target = "/ro", .is_read_only = true },
                                           { .target = "/memory" },
                                           { .kind = RUNTIME_MOUNT_TMPFS, .target = "/t" } };
        struct runtime_container_spec spec = fixture_shell("c", nothing);
        AUTO_FREE char *log = NULL;

        fixture_pod(f, &pod);
        assert_int_equal(runtime_pod_volume(f->pod, "v", 0777, &volume, NULL), 1);
        memory = runtime_pod_tmpfs_path(f->pod, "cache");
        mounts[0].source = mounts[1].source = volume;
        mounts[2].source = memory;
        spec.mounts = mounts;
        spec.n_mounts = 4;
        spec.is_root_read_only = true;
        log = fixture_run(f, &spec,
                          "echo 1 > /rw/f && cat /ro/f; touch /ro/g 2>&1; touch /x 2>&1; "
                          "echo 2 > /memory/f && cat /memory/f; echo 3 > /t/f && cat /t/f; "
                          "dd if=/dev/zero of=/memory/big bs=2M count=1 2>&1 | grep -c 'No space'");

        assert_string_equal(log, "1\ntouch: /ro/g: Read-only file system\n"
                                 "touch: /x: Read-only file system\n2\n3\n1\n");
}

static void links_in_an_image_lead_no_mount_out(void **state) {
        struct fixture *f = *state;
        struct runtime_mount mount = { .target = "/link/file" };
        struct runtime_container_spec spec = fixture_shell("c", nothing);
        AUTO_FREE char *volume = NULL;
        AUTO_FREE char *log = NULL;

        /* The same path exists in the container and outside of it. */
        assert_int_equal(symlink("../../../../.." FIXTURE_DIR "/outside", FIXTURE_ROOT "/link"), 0);
        assert_int_equal(dir_make_all(FIXTURE_DIR "/outside", 0755, NULL), 0);
        assert_int_equal(dir_make_all(FIXTURE_ROOT FIXTURE_DIR "/outside", 0755, NULL), 0);
        fixture_pod(f, NULL);
        assert_int_equal(runtime_pod_volume(f->pod, "v", 0777, &volume, NULL), 1);
        mount.source = volume;
        spec.mounts = &mount;
        spec.n_mounts = 1;
        log = fixture_run(f, &spec,
                          "ls -d " FIXTURE_DIR "/outside/file; grep -c outside/file /proc/mounts");

        assert_string_equal(log, FIXTURE_DIR "/outside/file\n1\n");
        assert_int_equal(access(FIXTURE_DIR "/outside/file", F_OK), -1);
        assert_int_equal(unlink(FIXTURE_ROOT "/link"), 0);
        assert_int_equal(rmdir(FIXTURE_DIR "/outside"), 0);
}

static void limits_are_in_the_groups_and_change_in_place(void **state) {
        struct fixture *f = *state;
        struct runtime_limits limits = { .memory_limit_bytes = 64 << 20,
                                         .cpu_limit_milli = 500,
                                         .cpu_request_milli = 250,
                                         .pids_limit = 50 };
        struct runtime_container_spec spec = fixture_shell("c", nothing);
        AUTO_DONE(strbuf) struct strbuf warnings = { 0 };
        struct runtime_stats stats;
        struct cgroup_host host;
        AUTO_FREE char *text = NULL;
        char path[CGROUP_DIR_MAX + 64], dir[CGROUP_DIR_MAX];
        bool is_v2;

        assert_int_equal(cgroup_host_prepare("orch-test", NULL, &host, &warnings, NULL), 0);
        if (warnings.len > 0) {
                print_message("SKIP: %s", warnings.s);
                skip();
        }
        is_v2 = host.v2 & (1u << CGROUP_MEMORY);
        fixture_pod(f, NULL);
        spec.limits = limits;
        assert_int_equal(fixture_start(f, &spec), 0);
        (void) cgroup_dir(&host, is_v2 ? CGROUP_UNIFIED : CGROUP_MEMORY, "podu-1/c", dir);
        (void) snprintf(path, sizeof(path), "%s/%s", dir,
                        is_v2 ? "memory.max" : "memory.limit_in_bytes");
        assert_int_equal(file_read(path, 100, &text, NULL, NULL), 0);
        assert_string_equal(text, "67108864\n");
        assert_int_equal(runtime_container_stats(f->pod, "c", &stats, NULL), 0);
        assert_true(stats.memory_bytes > 0);

        limits.memory_limit_bytes = 96 << 20;
        assert_int_equal(runtime_container_update(f->pod, "c", &limits, NULL), 0);
        free(STEAL(text));
        assert_int_equal(file_read(path, 100, &text, NULL, NULL), 0);
        assert_string_equal(text, "100663296\n");
        (void) cgroup_dir(&host, is_v2 ? CGROUP_UNIFIED : CGROUP_CPU, "podu-1/c", dir);
        (void) snprintf(path, sizeof(path), "%s/%s", dir, is_v2 ? "cpu.max" : "cpu.cfs_quota_us");
        free(STEAL(text));
        assert_int_equal(file_read(path, 100, &text, NULL, NULL), 0);
        assert_true(str_starts_with(text, "50000"));
}

static void the_groups_inside_tell_the_limit(void **state) {
        struct fixture *f = *state;
        struct runtime_container_spec spec = fixture_shell("c", nothing);
        AUTO_FREE char *log = NULL;

        if (strstr(runtime_warnings(f->runtime), "memory")) {
                print_message("SKIP: %s", runtime_warnings(f->runtime));
                skip();
        }
        fixture_pod(f, NULL);
        spec.limits.memory_limit_bytes = 32 << 20;
        log = fixture_run(
                f, &spec,
                "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || "
                "cat /sys/fs/cgroup/memory.max; touch /sys/fs/cgroup/x 2>&1 | grep -c Read-only");

        assert_string_equal(log, "33554432\n1\n");
}

static void only_the_pods_own_sysctls_are_set(void **state) {
        struct fixture *f = *state;
        const struct runtime_pair own[] = { { "net.ipv4.ip_unprivileged_port_start", "80" },
                                            { "kernel.msgmax", "4096" } };
        const struct runtime_pair foreign = { "kernel.panic", "7" };
        struct runtime_pod_spec spec = { .sysctls = own, .n_sysctls = 2 };
        AUTO_FREE char *log = NULL;
        struct err e = { 0 };

        fixture_pod(f, &spec);
        log = fixture_run(
                f, NULL,
                "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax");
        assert_string_equal(log, "80\n4096\n");
        fixture_remove_pod(f);

        spec = (struct runtime_pod_spec){ .uid = "u-1",
                                          .namespace_ = "default",
                                          .name = "web-1",
                                          .sysctls = &foreign,
                                          .n_sysctls = 1 };
        f->is_done = false;
        assert_int_equal(runtime_pod_create(f->runtime, &spec, fixture_on_done, f, &f->pod, &e), 0);
        fixture_wait(f, &f->is_done);
        assert_int_equal(f->result, -EPERM);
        assert_has(f->err.text, "sysctl kernel.panic belongs to the machine");
}

/* ---- exec, attach, terminals ---- */

static char *read_pipe(int fd) {
        char *text = NULL;

        assert_int_equal(fd_read_all(fd, 1 << 20, &text, NULL, NULL), 0);
        return text;
}

static void exec_runs_beside_the_main_process(void **state) {
        struct fixture *f = *state;
        struct runtime_container_spec spec = fixture_shell("c", nothing);
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
        struct runtime_container_spec spec = fixture_shell("c", nothing);

        fixture_pod(f, NULL);
        assert_int_equal(fixture_start(f, &spec), 0);
        fixture_exec_spec(f, &exec);

        assert_int_equal(f->exec.r, -ENOENT);
        assert_int_equal(f->exec.exit_code, 127);
        assert_has(f->err.text, "exec: \"/nope\": no such file or directory");
}

static void exec_past_its_time_is_killed(void **state) {
        struct fixture *f = *state;
        const char *const args[] = { "sleep", "1000" };
        const struct runtime_exec_spec exec = { .container = "c",
                                                .args = args,
                                                .n_args = 2,
                                                .fds = { -1, -1, -1 },
                                                .timeout_usec = 1000 };
        struct runtime_container_spec spec = fixture_shell("c", nothing);

        fixture_pod(f, NULL);
        assert_int_equal(fixture_start(f, &spec), 0);
        fixture_exec_spec(f, &exec);

        assert_true(f->exec.has_timed_out);
        assert_int_equal(f->exec.exit_code, 137);
}

static void exec_with_a_terminal_has_one(void **state) {
        struct fixture *f = *state;
        struct runtime_container_spec spec = fixture_shell("c", nothing);
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
        struct runtime_container_spec spec = fixture_shell("c", nothing);
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
        struct runtime_container_spec spec = fixture_shell("c", nothing);

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

static void no_line_is_lost_when_the_node_is_killed(void **state) {
        struct fixture *f = *state;
        AUTO_DONE(strbuf) struct strbuf expected = { 0 };
        AUTO_FREE char *log = NULL;
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

        for (int round = 0; round < 2; round++)
                for (int i = 1; i <= 100000; i++)
                        strbuf_addf(&expected, "%d\n", i);
        log = fixture_log(f, "c", 0);
        assert_int_equal(strlen(log), expected.len);
        assert_true(str_eq(log, expected.s));
}

static void the_death_of_orch_pod_is_told_and_cleared(void **state) {
        struct fixture *f = *state;
        struct runtime_container_spec spec = fixture_shell("c", nothing);

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
                        "timeout 20 crun --root " FIXTURE_DIR "/crun --cgroup-manager=disabled "
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
        struct runtime_container_spec spec = fixture_shell("c", nothing);
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
        spec = fixture_shell("d", nothing);
        assert_int_equal(fixture_start(f, &spec), 0);
        fixture_exec(f, "d", "exit 9", -1);
        assert_int_equal(f->exec.exit_code, 9);
        assert_int_equal(runtime_container_kill(f->pod, "d", NULL), 0);
        fixture_wait_exits(f, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(int argc, char *argv[]) {
        const struct CMUnitTest tests[] = {
                TEST(a_container_runs_and_its_exit_is_told),
                TEST(a_missing_program_is_told_in_words),
                TEST(what_cannot_be_executed_or_mounted_is_told_in_words),
                TEST(signals_reach_the_main_process),
                TEST(a_killed_container_takes_its_children_along),
                TEST(a_killed_container_starts_again),
                TEST(so_it_does_with_shared_pids),
                TEST(a_shared_pid_namespace_is_shared_and_cleared),
                TEST(a_restart_gets_a_fresh_root_and_a_log_of_its_own),
                TEST(the_termination_message_is_told),
                TEST(memory_beyond_the_limit_is_an_oom_kill),
                TEST(a_container_is_confined_by_default),
                TEST(names_files_and_environment_are_the_pods),
                TEST(users_and_groups_are_looked_up_in_the_image),
                TEST(mounts_are_read_only_where_asked),
                TEST(links_in_an_image_lead_no_mount_out),
                TEST(limits_are_in_the_groups_and_change_in_place),
                TEST(the_groups_inside_tell_the_limit),
                TEST(only_the_pods_own_sysctls_are_set),
                TEST(exec_runs_beside_the_main_process),
                TEST(exec_of_nothing_says_127),
                TEST(exec_past_its_time_is_killed),
                TEST(exec_with_a_terminal_has_one),
                TEST(a_container_with_a_terminal_logs_it),
                TEST(attach_reaches_standard_streams),
                TEST(running_containers_are_found_again),
                TEST(an_exit_while_nobody_looked_is_not_missed),
                TEST(no_line_is_lost_when_the_node_is_killed),
                TEST(the_death_of_orch_pod_is_told_and_cleared),
                TEST(the_bundle_runs_under_crun),
                TEST(an_old_kernel_is_enough),
        };

        fixture_enter(argc, argv);
        return fixture_leave(cmocka_run_group_tests(tests, NULL, NULL));
}
