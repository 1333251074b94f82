#include "daemon/pod/init.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/pod/bundle.h"
#include "daemon/pod/creds.h"
#include "daemon/pod/devices.h"
#include "daemon/pod/rootfs.h"
#include "daemon/runtime/kv.h"

#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INIT_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* As containerd reports a container that could not be made. */
#define INIT_SETUP_FAILED 128

static void init_fail(const struct init_request *q, int exit_code, const struct err *e)
        __attribute__((noreturn));

static void init_fail(const struct init_request *q, int exit_code, const struct err *e) {
        struct wire_msg msg = { .version = WIRE_VERSION, .type = WIRE_REPLY };

        msg.result = e->code < 0 ? e->code : -EIO;
        msg.a = (uint32_t) exit_code;
        (void) snprintf(msg.text, sizeof(msg.text), "%s", err_text(e));
        (void) wire_send(q->report, &msg, NULL, 0);
        _exit(exit_code);
}

static void init_check(const struct init_request *q, int r, const struct err *e) {
        if (r < 0)
                init_fail(q, INIT_SETUP_FAILED, e);
}

/* ---- program ---- */

static const char *init_find_env(char *const env[], const char *name) {
        size_t len = strlen(name);

        for (; *env; env++)
                if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
                        return *env + len + 1;
        return NULL;
}

static int init_search_failed(const char *program, int error, struct err *e) {
        char words[128];

        if (error == EACCES) {
                (void) err_set(e, -EACCES, "exec: \"%s\": permission denied", program);
                return 126;
        }
        if (error == ENOENT || error == ENOTDIR) {
                if (strchr(program, '/'))
                        (void) err_set(e, -error, "exec: \"%s\": no such file or directory",
                                       program);
                else
                        (void) err_set(e, -error,
                                       "exec: \"%s\": executable file not found in $PATH", program);
                return 127;
        }
        (void) err_set(e, -error, "exec: \"%s\": %s", program,
                       strerror_r(error, words, sizeof(words)));
        return 126;
}

int init_exec_program(char *const args[], char *const env[], struct err *e) {
        const char *path = init_find_env(env, "PATH");
        char candidate[PATH_MAX];
        int error = ENOENT;

        if (strchr(args[0], '/')) {
                (void) execve(args[0], args, env);
                return init_search_failed(args[0], errno, e);
        }
        if (str_is_empty(args[0]))
                return init_search_failed("", ENOENT, e);
        for (path = path ? path : INIT_DEFAULT_PATH; *path;) {
                size_t len = strcspn(path, ":");

                if (snprintf(candidate, sizeof(candidate), "%.*s/%s", len ? (int) len : 1,
                             len ? path : ".", args[0]) < (int) sizeof(candidate)) {
                        (void) execve(candidate, args, env);
                        if (errno != ENOENT && errno != ENOTDIR && error != EACCES)
                                error = errno;
                }
                path += len + (path[len] == ':');
        }
        return init_search_failed(args[0], error, e);
}

/* ---- process ---- */

static const struct {
        const char *name;
        int resource;
} init_rlimits[] = {
        { "RLIMIT_AS", RLIMIT_AS },           { "RLIMIT_CORE", RLIMIT_CORE },
        { "RLIMIT_CPU", RLIMIT_CPU },         { "RLIMIT_DATA", RLIMIT_DATA },
        { "RLIMIT_FSIZE", RLIMIT_FSIZE },     { "RLIMIT_LOCKS", RLIMIT_LOCKS },
        { "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK }, { "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
        { "RLIMIT_NICE", RLIMIT_NICE },       { "RLIMIT_NOFILE", RLIMIT_NOFILE },
        { "RLIMIT_NPROC", RLIMIT_NPROC },     { "RLIMIT_RSS", RLIMIT_RSS },
        { "RLIMIT_RTPRIO", RLIMIT_RTPRIO },   { "RLIMIT_RTTIME", RLIMIT_RTTIME },
        { "RLIMIT_STACK", RLIMIT_STACK },     { "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
};

static int init_set_rlimits(const json_t *process, struct err *e) {
        const json_t *array = json_object_get(process, "rlimits");
        size_t i, k;
        json_t *o;

        json_array_foreach(array, i, o) {
                const char *name = str_or_empty(json_string_value(json_object_get(o, "type")));
                struct rlimit limit = {
                        .rlim_cur = (rlim_t) json_integer_value(json_object_get(o, "soft")),
                        .rlim_max = (rlim_t) json_integer_value(json_object_get(o, "hard")),
                };

                for (k = 0; k < ARRAY_SIZE(init_rlimits); k++)
                        if (str_eq(init_rlimits[k].name, name))
                                break;
                if (k == ARRAY_SIZE(init_rlimits))
                        return err_set(e, -EINVAL, "unknown limit \"%s\"", name);
                if (setrlimit((__rlimit_resource_t) init_rlimits[k].resource, &limit) < 0)
                        return err_errno(e, -errno, "cannot set %s to %llu, %llu", name,
                                         (unsigned long long) limit.rlim_cur,
                                         (unsigned long long) limit.rlim_max);
        }
        return 0;
}

/* Lower than the own value needs CAP_SYS_RESOURCE, which a machine may not give us. */
static void init_set_oom_score(const json_t *process) {
        const json_t *score = json_object_get(process, "oomScoreAdj");
        char text[24];

        if (!json_is_integer(score))
                return;
        (void) snprintf(text, sizeof(text), "%d", (int) json_integer_value(score));
        (void) file_write_text("/proc/self/oom_score_adj", text, NULL);
}

static int init_set_cwd(const json_t *process, const struct creds *creds, struct err *e) {
        const char *cwd = json_string_value(json_object_get(process, "cwd"));

        if (str_is_empty(cwd))
                cwd = "/";
        if (chdir(cwd) == 0)
                return 0;
        if (errno == ENOENT && dir_make_all(cwd, 0755, NULL) == 0) {
                (void) chown(cwd, creds->uid, creds->gid);
                if (chdir(cwd) == 0)
                        return 0;
        }
        return err_errno(e, -errno, "cannot use the working directory %s", cwd);
}

static void init_send_tty(const struct init_request *q, int master) {
        struct wire_msg msg = { .version = WIRE_VERSION, .type = WIRE_EXEC_TTY };

        (void) wire_send(q->report, &msg, &master, 1);
}

/* With a terminal: its slave becomes 0, 1, 2 and the controlling terminal. */
static int init_set_stdio(const struct init_request *q, int master, const struct creds *creds,
                          struct err *e) {
        AUTO_CLOSE int slave = -1;
        char path[64];
        unsigned number;

        if (!(q->flags & WIRE_FLAG_TTY)) {
                for (int i = 0; i < 3; i++)
                        if (dup2(q->fds[i], i) < 0)
                                return err_errno(e, -errno, "cannot set standard streams");
                return 0;
        }
        if (master < 0 || ioctl(master, TIOCGPTN, &number) < 0)
                return err_set(e, -ENOTTY, "a terminal needs a devpts on /dev/pts");
        (void) snprintf(path, sizeof(path), "/dev/pts/%u", number);
        slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
                return err_errno(e, -errno, "cannot open the terminal %s", path);
        (void) fchown(slave, creds->uid, (gid_t) -1);
        for (int i = 0; i < 3; i++)
                if (dup2(slave, i) < 0)
                        return err_errno(e, -errno, "cannot set standard streams");
        init_send_tty(q, master);
        return 0;
}

/* env of the process, with HOME where it isn't set. NULL: memory is out. */
static char **init_environment(const json_t *env, const struct creds *creds) {
        char **list = bundle_strings(env);
        char **more;
        size_t n = 0;

        if (!list || init_find_env(list, "HOME"))
                return list;
        while (list[n])
                n++;
        more = reallocarray(list, n + 2, sizeof(*more));
        if (!more)
                return NULL;
        more[n] = str_format("HOME=%s", creds->home);
        more[n + 1] = NULL;
        return more[n] ? more : NULL;
}

/* The common end of both ways in: from a root that is the container's to exec. */
static void init_finish(const struct init_request *q, const json_t *config, const json_t *args,
                        const json_t *env, struct creds_seccomp *program, int master)
        __attribute__((noreturn));

static void init_finish(const struct init_request *q, const json_t *config, const json_t *args,
                        const json_t *env, struct creds_seccomp *program, int master) {
        const json_t *process = json_object_get(config, "process");
        char **argv = bundle_strings(args), **envp;
        struct creds *creds = calloc(1, sizeof(*creds));
        struct err e = { 0 };

        if (!argv || !creds)
                init_check(q, err_set(&e, -ENOMEM, "out of memory"), &e);
        if (!argv[0])
                init_check(q, err_set(&e, -EINVAL, "there is no command to run: set command"), &e);
        init_check(q, creds_load(config, creds, &e), &e);
        envp = init_environment(env, creds);
        if (!envp)
                init_check(q, err_set(&e, -ENOMEM, "out of memory"), &e);
        init_check(q, init_set_stdio(q, master, creds, &e), &e);
        init_check(q, init_set_rlimits(process, &e), &e);
        init_check(q, init_set_cwd(process, creds, &e), &e);
        (void) umask(0022);
        init_check(q, creds_apply(creds, process, program, &e), &e);
        /* After the change of user, which would clear it: no container outlives its orch-pod. */
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* All our descriptors are close-on-exec; this is for those that we don't know of. */
        (void) syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
        init_fail(q, init_exec_program(argv, envp, &e), &e);
}

static void init_reset_signals(void) {
        sigset_t none;

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        (void) setsid();
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void init_load_seccomp(const struct init_request *q, const json_t *config,
                              struct creds_seccomp *ret_program) {
        const char *path = bundle_annotation(config, "dev.orch.seccomp");
        struct err e = { 0 };

        *ret_program = (struct creds_seccomp){ 0 };
        if (path)
                init_check(q, creds_seccomp_load(path, ret_program, &e), &e);
}

static void init_group_name(const struct init_request *q, char buf[CGROUP_NAME_MAX]) {
        (void) snprintf(buf, CGROUP_NAME_MAX, "%s/%s", q->config->cgroup_name, q->container);
}

/* Where the kernel can't say no to a device, the container may not make nodes to open. */
static void init_limit_devices(const struct init_request *q, const json_t *config,
                               const char *group) {
        struct err e = { 0 };
        int r = devices_apply(config, &q->config->cgroups, group, &e);

        if (r == -EOPNOTSUPP)
                (void) prctl(PR_CAPBSET_DROP, CAP_MKNOD);
        else
                init_check(q, r, &e);
}

void init_container(const struct init_request *q) {
        char path[PATH_MAX], group[CGROUP_NAME_MAX];
        struct creds_seccomp program;
        struct cgroup_limits limits;
        struct err e = { 0 };
        json_t *config;
        int master = -1;

        init_reset_signals();
        (void) snprintf(path, sizeof(path), "%s/config.json", q->container);
        init_check(q, bundle_load(-1, path, &config, &e), &e);
        init_load_seccomp(q, config, &program);

        init_group_name(q, group);
        bundle_limits(config, &limits);
        init_check(q, cgroup_apply(&q->config->cgroups, group, &limits, false, &e), &e);
        init_limit_devices(q, config, group);
        init_check(q, cgroup_join(&q->config->cgroups, group, q->is_in_unified, &e), &e);
        /* Now that the groups are the container's, they become the root of what it sees. */
        (void) unshare(CLONE_NEWCGROUP);

        init_set_oom_score(json_object_get(config, "process"));
        init_check(q, rootfs_enter(config, q->container, q->flags & WIRE_FLAG_TTY, &master, &e),
                   &e);
        init_finish(q, config, bundle_get(config, "process", "args", NULL),
                    bundle_get(config, "process", "env", NULL), &program, master);
}

/* ---- exec ---- */

static int init_join_namespace(pid_t target, const char *name, int flag, struct err *e) {
        char path[64];
        AUTO_CLOSE int fd = -1;

        (void) snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int) target, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || setns(fd, flag) < 0)
                return err_errno(e, -errno, "cannot enter the container's %s namespace", name);
        return 0;
}

static int init_exec_tty(const struct init_request *q, struct err *e) {
        unsigned number;
        int lock = 0;
        int master;

        if (!(q->flags & WIRE_FLAG_TTY))
                return -1;
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (master < 0 || ioctl(master, TIOCSPTLCK, &lock) < 0 ||
            ioctl(master, TIOCGPTN, &number) < 0) {
                (void) err_errno(e, -errno, "cannot make a terminal");
                init_fail(q, INIT_SETUP_FAILED, e);
        }
        return master;
}

void init_exec(const struct init_request *q, int process_fd, pid_t target) {
        char path[PATH_MAX], group[CGROUP_NAME_MAX];
        struct creds_seccomp program;
        json_t *config, *process, *env;
        struct err e = { 0 };

        init_reset_signals();
        /* A container's process can see this one from now on: it must not reach into it. */
        (void) prctl(PR_SET_DUMPABLE, 0);
        (void) snprintf(path, sizeof(path), "%s/config.json", q->container);
        init_check(q, bundle_load(-1, path, &config, &e), &e);
        init_check(q, bundle_load(process_fd, "exec request", &process, &e), &e);
        init_load_seccomp(q, config, &program);
        init_set_oom_score(json_object_get(config, "process"));

        init_group_name(q, group);
        init_check(q, cgroup_join(&q->config->cgroups, group, q->is_in_unified, &e), &e);
        init_check(q, init_join_namespace(target, "cgroup", CLONE_NEWCGROUP, &e), &e);
        init_check(q, init_join_namespace(target, "mnt", CLONE_NEWNS, &e), &e);

        env = json_object_get(process, "env");
        init_finish(q, config, json_object_get(process, "args"),
                    env ? env : bundle_get(config, "process", "env", NULL), &program,
                    init_exec_tty(q, &e));
}
