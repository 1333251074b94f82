#include "tests/system/runtime_fixture.h"

#include "base/clock.h"
#include "daemon/runtime/cgroup.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Far more than anything takes: only a hang gets there. */
#define FIXTURE_PATIENCE_USEC (120 * USEC_PER_SEC)
#define FIXTURE_SKIPPED 77

const char *const fixture_sleep[3] = { "sh", "-c", "sleep 1000" };

void fixture_assert_has(const char *text, const char *part) {
        if (!strstr(text, part))
                fail_msg("\"%s\" is not in \"%s\"", part, text);
}

const char *fixture_cgroup(char name[FIXTURE_CGROUP_MAX]) {
        struct stat own;

        assert_int_equal(stat("/proc/self/ns/pid", &own), 0);
        (void) snprintf(name, FIXTURE_CGROUP_MAX, "orch-test-%lu", (unsigned long) own.st_ino);
        return name;
}

static void fixture_make_root(void) {
        static const char *const dirs[] = { "bin", "etc", "proc", "dev", "sys", "tmp" };
        static const char *const applets[] = {
                "sh",   "cat",   "echo",  "ls",      "id",    "sleep", "mount", "hostname",
                "env",  "grep",  "seq",   "dd",      "mknod", "pwd",   "stty",  "kill",
                "true", "false", "touch", "unshare", "ps",    "test",  "head",  "tail"
        };
        char path[256];

        assert_int_equal(dir_make_all(FIXTURE_ROOT, 0755, NULL), 0);
        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
                (void) snprintf(path, sizeof(path), FIXTURE_ROOT "/%s", dirs[i]);
                (void) mkdir(path, 0755);
        }
        assert_int_equal(system("cp /bin/busybox " FIXTURE_ROOT "/bin/busybox"), 0);
        for (size_t i = 0; i < ARRAY_SIZE(applets); i++) {
                (void) snprintf(path, sizeof(path), FIXTURE_ROOT "/bin/%s", applets[i]);
                (void) symlink("busybox", path);
        }
        assert_int_equal(file_write_atomic(FIXTURE_ROOT "/etc/passwd",
                                           "root:x:0:0:root:/root:/bin/sh\n"
                                           "app:x:1001:1002:app:/home/app:/bin/sh\n",
                                           strlen("root:x:0:0:root:/root:/bin/sh\n"
                                                  "app:x:1001:1002:app:/home/app:/bin/sh\n"),
                                           0644, false, NULL),
                         0);
        assert_int_equal(file_write_atomic(FIXTURE_ROOT "/etc/group", "extra:x:77:app\n", 15, 0644,
                                           false, NULL),
                         0);
}

void fixture_enter(int argc, char *argv[]) {
        pid_t pid;
        int status;

        if (geteuid() != 0) {
                printf("SKIP: starting containers needs root\n");
                exit(FIXTURE_SKIPPED);
        }
        if (access("/bin/busybox", X_OK) < 0) {
                printf("SKIP: the test's containers need Debian's busybox-static\n");
                exit(FIXTURE_SKIPPED);
        }
        if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS) < 0) {
                printf("SKIP: no namespaces here: %m\n");
                exit(FIXTURE_SKIPPED);
        }
        pid = fork();
        if (pid > 0) {
                while (waitpid(pid, &status, 0) < 0)
                        ;
                _exit(WIFEXITED(status) ? WEXITSTATUS(status)
                                        : 1); /* no leak check: clone() fails here */
        }
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("proc", "/proc", "proc", 0, NULL) < 0 ||
            mount("tmpfs", "/mnt", "tmpfs", 0, "mode=755") < 0) {
                perror("namespaces");
                exit(1);
        }
        fixture_make_root();
}

int fixture_leave(int result) {
        char group[FIXTURE_CGROUP_MAX];
        struct cgroup_host host;
        AUTO_DONE(strbuf) struct strbuf warnings = { 0 };

        if (cgroup_host_prepare(fixture_cgroup(group), NULL, &host, &warnings, NULL) == 0)
                for (unsigned t = 0; t < CGROUP_TREES; t++)
                        (void) rmdir(host.dir[t]);
        return result;
}

static void fixture_on_exit(void *userdata, const struct runtime_container_status *s) {
        struct fixture *f = userdata;

        f->n_exits++;
        f->exit = *s;
        (void) snprintf(f->exit_container, sizeof(f->exit_container), "%s", s->container);
        (void) snprintf(f->exit_message, sizeof(f->exit_message), "%s", s->message);
        (void) snprintf(f->exit_reason, sizeof(f->exit_reason), "%s", s->reason);
}

static void fixture_on_lost(void *userdata, const char *uid) {
        struct fixture *f = userdata;

        f->n_lost++;
}

void fixture_open(struct fixture *f) {
        char group[FIXTURE_CGROUP_MAX];
        const char *build = getenv("ORCH_BUILD");
        AUTO_FREE char *binary = str_format("%s/daemon/pod/orch-pod", build ? build : "build");
        const struct runtime_config config = {
                .event = f->event,
                .run_dir = FIXTURE_RUN,
                .log_dir = FIXTURE_LOGS,
                .state_dir = FIXTURE_STATE,
                .pod_binary = binary,
                .cgroup_name = fixture_cgroup(group),
                .log_max_bytes = 256 << 10,
                .log_max_files = 64,
                .events = { .on_exit = fixture_on_exit, .on_pod_lost = fixture_on_lost },
                .userdata = f,
        };
        struct err e = { 0 };

        if (runtime_new(&config, &f->runtime, &e) < 0)
                fail_msg("runtime_new: %s", e.text);
}

int fixture_setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        sigset_t child;

        (void) sigemptyset(&child);
        (void) sigaddset(&child, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &child, NULL);
        if (!f || sd_event_new(&f->event) < 0)
                return -1;
        f->tty = -1;
        fixture_open(f);
        *state = f;
        return 0;
}

int fixture_teardown(void **state) {
        struct fixture *f = *state;

        if (f->pod)
                fixture_remove_pod(f);
        runtime_unref(f->runtime);
        sd_event_unref(f->event);
        if (f->tty >= 0)
                (void) close(f->tty);
        free(f);
        return 0;
}

void fixture_wait(struct fixture *f, const bool *flag) {
        uint64_t until = clock_now_usec() + FIXTURE_PATIENCE_USEC;

        while (!*flag) {
                if (clock_now_usec() > until)
                        fail_msg("nothing happened for two minutes");
                (void) sd_event_run(f->event, 100000);
        }
}

void fixture_wait_exits(struct fixture *f, unsigned n) {
        uint64_t until = clock_now_usec() + FIXTURE_PATIENCE_USEC;

        while (f->n_exits < n) {
                if (clock_now_usec() > until)
                        fail_msg("no exit for two minutes");
                (void) sd_event_run(f->event, 100000);
        }
}

void fixture_on_done(void *userdata, int r, const struct err *e) {
        struct fixture *f = userdata;

        f->is_done = true;
        f->result = r;
        f->err = *e;
}

void fixture_pod(struct fixture *f, const struct runtime_pod_spec *spec) {
        struct runtime_pod_spec all = spec ? *spec : (struct runtime_pod_spec){ 0 };
        struct err e = { 0 };

        all.uid = "u-1";
        all.namespace_ = "default";
        all.name = "web-1";
        f->is_done = false;
        if (runtime_pod_create(f->runtime, &all, fixture_on_done, f, &f->pod, &e) < 0)
                fail_msg("runtime_pod_create: %s", e.text);
        fixture_wait(f, &f->is_done);
        if (f->result < 0)
                fail_msg("pod: %s", f->err.text);
}

void fixture_remove_pod(struct fixture *f) {
        struct err e = { 0 };

        f->is_done = false;
        if (runtime_pod_remove(f->pod, fixture_on_done, f, &e) < 0)
                fail_msg("runtime_pod_remove: %s", e.text);
        f->pod = NULL;
        fixture_wait(f, &f->is_done);
        if (f->result < 0)
                fail_msg("removal: %s", f->err.text);
        assert_int_equal(access(FIXTURE_RUN "/pods/u-1", F_OK), -1);
        assert_int_equal(access(FIXTURE_STATE "/pods/u-1", F_OK), -1);
        assert_int_equal(runtime_pod_remove_logs(FIXTURE_LOGS, "default", "web-1", "u-1", &e), 0);
}

static const char *const fixture_layers[] = { FIXTURE_ROOT };

struct runtime_container_spec fixture_shell(const char *name, const char *const args[3]) {
        return (struct runtime_container_spec){
                .name = name,
                .layers = fixture_layers,
                .n_layers = 1,
                .args = args,
                .n_args = 3,
                .oom_score_adj = 1000,
        };
}

int fixture_start(struct fixture *f, const struct runtime_container_spec *spec) {
        struct err e = { 0 };

        f->is_done = false;
        if (runtime_container_start(f->pod, spec, fixture_on_done, f, &e) < 0)
                fail_msg("runtime_container_start: %s", e.text);
        fixture_wait(f, &f->is_done);
        return f->result;
}

char *fixture_log(struct fixture *f, const char *container, uint64_t instance) {
        const struct log_reader_options options = { .tail_lines = -1 };
        AUTO_FREE char *path =
                log_path(FIXTURE_LOGS, "default", "web-1", "u-1", container, instance);
        AUTO(log_reader) struct log_reader *reader = NULL;
        AUTO_DONE(strbuf) struct strbuf text = { 0 };
        char chunk[8192];
        ssize_t n;

        assert_int_equal(log_reader_new(path, &options, &reader, NULL), 0);
        while ((n = log_reader_read(reader, chunk, sizeof(chunk), NULL, NULL)) > 0)
                strbuf_add_len(&text, chunk, (size_t) n);
        strbuf_add(&text, "");
        return strbuf_steal(&text);
}

char *fixture_run(struct fixture *f, const struct runtime_container_spec *base,
                  const char *script) {
        const char *args[3] = { "sh", "-c", script };
        struct runtime_container_spec spec =
                base ? *base : fixture_shell("c", (const char *const[]){ "sh", "-c", "" });
        unsigned n = f->n_exits;

        spec.args = args;
        if (fixture_start(f, &spec) < 0)
                fail_msg("start: %s", f->err.text);
        fixture_wait_exits(f, n + 1);
        return fixture_log(f, spec.name, spec.instance);
}

static void fixture_on_exec(void *userdata, const struct runtime_exec_result *result,
                            const struct err *e) {
        struct fixture *f = userdata;

        f->exec = *result;
        f->err = *e;
        f->is_done = true;
}

static void fixture_on_tty(void *userdata, int take_fd) {
        struct fixture *f = userdata;

        f->tty = take_fd;
}

void fixture_exec_spec(struct fixture *f, const struct runtime_exec_spec *spec) {
        const struct runtime_exec_callbacks callbacks = { .done = fixture_on_exec,
                                                          .on_tty = fixture_on_tty,
                                                          .userdata = f };
        struct err e = { 0 };

        f->is_done = false;
        if (runtime_exec(f->pod, spec, &callbacks, NULL, &e) < 0)
                fail_msg("runtime_exec: %s", e.text);
        fixture_wait(f, &f->is_done);
}

void fixture_exec(struct fixture *f, const char *container, const char *script, int out) {
        const char *const args[] = { "sh", "-c", script };
        const struct runtime_exec_spec spec = {
                .container = container,
                .args = args,
                .n_args = 3,
                .fds = { -1, out, out },
                .has_tty = out == -2,
        };

        fixture_exec_spec(f, &spec);
}
