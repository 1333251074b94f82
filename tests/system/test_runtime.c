#include "base/clock.h"
#include "daemon/runtime/cgroup.h"
#include "tests/system/runtime_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

        spec = fixture_shell("c", fixture_sleep);
        spec.mounts = &mount;
        spec.n_mounts = 1;
        assert_int_equal(fixture_start(f, &spec), -ENOENT);
        fixture_assert_has(f->err.text, "cannot mount /no/such/place on /data");

        spec = fixture_shell("c", fixture_sleep);
        spec.user = "nobody-here";
        assert_int_equal(fixture_start(f, &spec), -ENOENT);
        fixture_assert_has(f->err.text, "user \"nobody-here\" is not in the image's /etc/passwd");

        spec.user = NULL;
        spec.is_non_root_required = true;
        assert_int_equal(fixture_start(f, &spec), -EPERM);
        fixture_assert_has(f->err.text, "runAsNonRoot");
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
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);
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
        struct runtime_container_spec spec = fixture_shell("a", fixture_sleep);
        AUTO_FREE char *log = NULL;

        fixture_pod(f, &pod);
        assert_int_equal(fixture_start(f, &spec), 0);
        spec = fixture_shell("b", fixture_sleep);
        /* It leaves a child behind, which holds its output open. */
        log = fixture_run(f, &spec, "(sleep 999 &); ps -o pid,comm,args");

        fixture_assert_has(log, "orch-p");
        fixture_assert_has(log, "sleep 1000");
        fixture_exec(f, "a", "ps -o args | grep -q '[s]leep 999'", -1);
        assert_int_equal(f->exec.exit_code, 1);
}

static void a_restart_gets_a_fresh_root_and_a_log_of_its_own(void **state) {
        struct fixture *f = *state;
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);
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
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);
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
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);
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

        fixture_assert_has(log, "CapPrm:\t00000000a80425fb");
        fixture_assert_has(log, "CapEff:\t00000000a80425fb");
        fixture_assert_has(log, "CapBnd:\t00000000a80425fb");
        fixture_assert_has(log, "CapAmb:\t0000000000000000");
        fixture_assert_has(log, "NoNewPrivs:\t1");
        fixture_assert_has(log, "Seccomp:\t2");
        fixture_assert_has(log, "mount: permission denied (are you root?)");
        fixture_assert_has(log, "unshare: unshare(0x40000000): Operation not permitted");
        fixture_assert_has(log, "sysctl refused");
        fixture_assert_has(log, "touch: /sys/x: Read-only file system");
        fixture_assert_has(log, "can't open '/tmp/sda': Operation not permitted");
        fixture_assert_has(log, "null works");
}

static void names_files_and_environment_are_the_pods(void **state) {
        struct fixture *f = *state;
        const struct runtime_pod_spec pod = { .hostname = "box",
                                              .hosts = "127.0.0.1 localhost\n",
                                              .resolv_conf = "nameserver 10.0.0.10\n" };
        const char *const env[] = { "A=b c" };
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);
        AUTO_FREE char *log = NULL;

        fixture_pod(f, &pod);
        spec.env = env;
        spec.n_env = 1;
        spec.cwd = "/made/here";
        log = fixture_run(f, &spec,
                          "hostname; cat /etc/hostname /etc/hosts /etc/resolv.conf; pwd; "
                          "echo $A $HOME $HOSTNAME; echo x > /dev/shm/f; ls /dev/pts /dev/mqueue; "
                          "cat /proc/self/cgroup | grep -c orch-test");

        fixture_assert_has(log, "box\nbox\n127.0.0.1 localhost\nnameserver 10.0.0.10\n/made/here\n"
                                "b c /root box\n");
        fixture_assert_has(log, "\n0\n");
}

static void users_and_groups_are_looked_up_in_the_image(void **state) {
        struct fixture *f = *state;
        const uint32_t groups[] = { 500 };
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);
        AUTO_FREE char *a = NULL;
        AUTO_FREE char *b = NULL;

        fixture_pod(f, NULL);
        spec.user = "app";
        spec.groups = groups;
        spec.n_groups = 1;
        a = fixture_run(f, &spec, "id; echo $HOME; grep CapEff /proc/self/status");
        fixture_assert_has(a, "uid=1001(app) gid=1002 groups=77(extra),500\n/home/app\n");
        fixture_assert_has(a, "CapEff:\t0000000000000000");

        spec.instance = 1;
        spec.run_as_user = (struct runtime_opt_id){ true, 4711 };
        spec.run_as_group = (struct runtime_opt_id){ true, 4712 };
        b = fixture_run(f, &spec, "id");
        fixture_assert_has(b, "uid=4711 gid=4712 groups=500\n");
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
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);
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
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);
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
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);
        AUTO_DONE(strbuf) struct strbuf warnings = { 0 };
        struct runtime_stats stats;
        struct cgroup_host host;
        AUTO_FREE char *text = NULL;
        char path[CGROUP_DIR_MAX + 64], dir[CGROUP_DIR_MAX], group[FIXTURE_CGROUP_MAX];
        bool is_v2;

        assert_int_equal(cgroup_host_prepare(fixture_cgroup(group), NULL, &host, &warnings, NULL),
                         0);
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
        struct runtime_container_spec spec = fixture_shell("c", fixture_sleep);
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
        fixture_assert_has(f->err.text, "sysctl kernel.panic belongs to the machine");
}

int main(int argc, char *argv[]) {
        const struct CMUnitTest tests[] = {
                FIXTURE_TEST(a_container_runs_and_its_exit_is_told),
                FIXTURE_TEST(a_missing_program_is_told_in_words),
                FIXTURE_TEST(what_cannot_be_executed_or_mounted_is_told_in_words),
                FIXTURE_TEST(signals_reach_the_main_process),
                FIXTURE_TEST(a_killed_container_takes_its_children_along),
                FIXTURE_TEST(a_killed_container_starts_again),
                FIXTURE_TEST(so_it_does_with_shared_pids),
                FIXTURE_TEST(a_shared_pid_namespace_is_shared_and_cleared),
                FIXTURE_TEST(a_restart_gets_a_fresh_root_and_a_log_of_its_own),
                FIXTURE_TEST(the_termination_message_is_told),
                FIXTURE_TEST(memory_beyond_the_limit_is_an_oom_kill),
                FIXTURE_TEST(a_container_is_confined_by_default),
                FIXTURE_TEST(names_files_and_environment_are_the_pods),
                FIXTURE_TEST(users_and_groups_are_looked_up_in_the_image),
                FIXTURE_TEST(mounts_are_read_only_where_asked),
                FIXTURE_TEST(links_in_an_image_lead_no_mount_out),
                FIXTURE_TEST(limits_are_in_the_groups_and_change_in_place),
                FIXTURE_TEST(the_groups_inside_tell_the_limit),
                FIXTURE_TEST(only_the_pods_own_sysctls_are_set),
        };

        fixture_enter(argc, argv);
        return fixture_leave(cmocka_run_group_tests(tests, NULL, NULL));
}
