#include "daemon/pod/setup.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/runtime/kv.h"

#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* A supervisor is small and keeps a pod alive: the kernel is to look elsewhere first. */
#define SETUP_OOM_SCORE "-998"
#define SETUP_BACKLOG 16

static void setup_set(struct pod_config *c, const char *key, const char *value) {
        static const struct {
                const char *key;
                size_t offset;
        } strings[] = {
                { "uid", offsetof(struct pod_config, uid) },
                { "namespace", offsetof(struct pod_config, namespace_) },
                { "name", offsetof(struct pod_config, name) },
                { "hostname", offsetof(struct pod_config, hostname) },
                { "state_dir", offsetof(struct pod_config, state_dir) },
                { "log_dir", offsetof(struct pod_config, log_dir) },
        };

        for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
                if (str_eq(key, strings[i].key))
                        *(const char **) ((char *) c + strings[i].offset) = value;
        if (str_eq(key, "flags"))
                c->flags = (unsigned) kv_number(value);
        else if (str_eq(key, "log_max_bytes"))
                c->log_max_bytes = (uint64_t) kv_number(value);
        else if (str_eq(key, "log_max_files"))
                c->log_max_files = (unsigned) kv_number(value);
        else if (str_eq(key, "memory_bytes"))
                c->limits.memory_bytes = kv_number(value);
        else if (str_eq(key, "memory_low_bytes"))
                c->limits.memory_low_bytes = kv_number(value);
        else if (str_eq(key, "cpu_shares"))
                c->limits.cpu_shares = kv_number(value);
        else if (str_eq(key, "cpu_quota_usec"))
                c->limits.cpu_quota_usec = kv_number(value);
        else if (str_eq(key, "pids"))
                c->limits.pids = kv_number(value);
        else
                cgroup_host_load(&c->cgroups, key, value);
}

int setup_load(struct pod_config *config, struct err *e) {
        char *cursor = config->text, *key, *value;
        int r;

        r = kv_read_file(AT_FDCWD, "pod.conf", config->text, sizeof(config->text));
        if (r < 0)
                return err_errno(e, r, "cannot read pod.conf");
        while (kv_next(&cursor, &key, &value))
                setup_set(config, key, value);
        if (!wire_name_is_valid(config->uid) || str_is_empty(config->namespace_) ||
            str_is_empty(config->name) || str_is_empty(config->state_dir) ||
            str_is_empty(config->log_dir))
                return err_set(e, -EINVAL, "pod.conf lacks uid, namespace, name or a directory");
        (void) snprintf(config->cgroup_name, sizeof(config->cgroup_name), "pod%s", config->uid);
        return 0;
}

/* ---- namespaces ---- */

static int setup_loopback(struct err *e) {
        AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = { .ifr_name = "lo" };

        request.ifr_flags = IFF_UP | IFF_RUNNING;
        if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
                return err_errno(e, -errno, "cannot set the loopback interface up");
        return 0;
}

/* A daemon that was started behind chroot(): entering a container's mount namespace later (exec)
 * would land at the namespace's root, above that tree, and so would a container that breaks out of
 * a chroot of its own. Our mount namespace is new, so the tree we see becomes its root. Where it is
 * already, nothing happens. */
static int setup_take_root(struct err *e) {
        AUTO_CLOSE int here = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        AUTO_CLOSE int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        char link[32], path[PATH_MAX], cwd[PATH_MAX];
        struct stat before, after;
        ssize_t n;

        /* setns() forgets the working directory, too. */
        if (here < 0 || own < 0 || !getcwd(cwd, sizeof(cwd)) || fstat(here, &before) < 0 ||
            setns(own, CLONE_NEWNS) < 0 || stat("/", &after) < 0)
                return err_errno(e, -errno, "cannot look at the root of the mounts");
        if (before.st_dev == after.st_dev && before.st_ino == after.st_ino)
                return chdir(cwd) < 0 ? err_errno(e, -errno, "cannot enter %s", cwd) : 0;
        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", here);
        n = readlink(link, path, sizeof(path) - 1);
        if (n <= 0)
                return err_set(e, -ENOENT,
                               "cannot find the tree that orch was started in; is /proc mounted?");
        path[n] = '\0';
        if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
            mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0 || chdir(path) < 0 ||
            syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir(cwd) < 0)
                return err_errno(e, -errno, "cannot make %s the root of the pod's mounts", path);
        return 0;
}

static int setup_namespaces(const struct pod_config *c, struct err *e) {
        int flags = CLONE_NEWNS | (c->flags & POD_HOST_NETWORK ? 0 : CLONE_NEWNET | CLONE_NEWUTS) |
                    (c->flags & POD_HOST_IPC ? 0 : CLONE_NEWIPC);

        if (unshare(flags) < 0)
                return err_errno(e, -errno, "cannot make the pod's namespaces");
        if (setup_take_root(e) < 0)
                return e->code;
        /* Mounts that the machine makes later are seen (a disk for a hostPath); ours stay here. */
        if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return err_errno(e, -errno, "cannot separate the pod's mounts");
        if (c->flags & POD_HOST_NETWORK)
                return 0;
        if (!str_is_empty(c->hostname) && sethostname(c->hostname, strlen(c->hostname)) < 0)
                return err_errno(e, -errno, "cannot set the host name to %s", c->hostname);
        return setup_loopback(e);
}

/* Those that a namespace of the pod's own keeps; any other would change the whole machine. */
static bool setup_is_own_sysctl(unsigned flags, const char *name) {
        static const char *const ipc[] = { "kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue." };

        if (str_starts_with(name, "net."))
                return !(flags & POD_HOST_NETWORK);
        for (size_t i = 0; i < ARRAY_SIZE(ipc); i++)
                if (str_starts_with(name, ipc[i]))
                        return !(flags & POD_HOST_IPC);
        return false;
}

static int setup_sysctl(unsigned flags, const char *name, const char *value, struct err *e) {
        char path[256];
        int r;

        if (!setup_is_own_sysctl(flags, name))
                return err_set(e, -EPERM,
                               "sysctl %s belongs to the machine, not to a pod: set it there",
                               name);

        if ((size_t) snprintf(path, sizeof(path), "/proc/sys/%s", name) >= sizeof(path) ||
            strstr(name, ".."))
                return err_set(e, -EINVAL, "bad sysctl %s", name);
        for (char *p = path + strlen("/proc/sys/"); *p; p++)
                if (*p == '.')
                        *p = '/';
        r = file_write_text(path, value, e);
        return r < 0 ? err_wrap(e, r, "sysctl %s", name) : 0;
}

static int setup_tmpfs_path(const char *name, char path[WIRE_NAME_MAX + 16], struct err *e) {
        if (!wire_name_is_valid(name))
                return err_set(e, -EINVAL, "bad volume name %s", name);
        (void) snprintf(path, WIRE_NAME_MAX + 16, "tmpfs/%s", name);
        return 0;
}

/* After the volume's own line. */
static int setup_tmpfs_group(const char *name, const char *gid, struct err *e) {
        char path[WIRE_NAME_MAX + 16];
        int r = setup_tmpfs_path(name, path, e);

        if (r < 0)
                return r;
        if (chown(path, (uid_t) -1, (gid_t) kv_number(gid)) < 0 || chmod(path, 02777) < 0)
                return err_errno(e, -errno, "cannot give volume %s to group %s", name, gid);
        return 0;
}

static int setup_tmpfs(const char *name, const char *size, struct err *e) {
        char path[WIRE_NAME_MAX + 16], options[64];
        int r;

        r = setup_tmpfs_path(name, path, e);
        if (r < 0)
                return r;
        (void) snprintf(options, sizeof(options), "mode=1777%s%s",
                        str_eq(size, "0") ? "" : ",size=", str_eq(size, "0") ? "" : size);
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
                return err_errno(e, -errno, "cannot make the volume %s", name);
        if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
                return err_errno(e, -errno, "cannot mount the volume %s", name);
        return 0;
}

/* What may occur several times in pod.conf: "sysctl.NAME=value", "tmpfs.NAME=bytes",
 * "gid.NAME=number". */
static int setup_repeated(unsigned flags, struct err *e) {
        char text[POD_CONF_MAX], *cursor = text, *key, *value;
        int r = kv_read_file(AT_FDCWD, "pod.conf", text, sizeof(text));

        if (r < 0)
                return err_errno(e, r, "cannot read pod.conf");
        while (r >= 0 && kv_next(&cursor, &key, &value)) {
                if (str_starts_with(key, "sysctl."))
                        r = setup_sysctl(flags, key + strlen("sysctl."), value, e);
                else if (str_starts_with(key, "gid."))
                        r = setup_tmpfs_group(key + strlen("gid."), value, e);
                else if (str_starts_with(key, "tmpfs."))
                        r = mkdir("tmpfs", 0755) < 0 && errno != EEXIST
                                    ? err_errno(e, -errno, "cannot make a directory")
                                    : setup_tmpfs(key + strlen("tmpfs."), value, e);
        }
        return r < 0 ? r : 0;
}

/* ---- the pause process ---- */

static void setup_pause(void) __attribute__((noreturn));

static void setup_pause(void) {
        sigset_t none;

        (void) prctl(PR_SET_NAME, "orch-pause");
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) signal(SIGCHLD, SIG_IGN); /* orphans are reaped by the kernel then */
        (void) sigemptyset(&none);
        for (;;)
                (void) sigsuspend(&none);
}

static int setup_shared_pid(struct err *e) {
        AUTO_CLOSE int fd = -1;
        char path[48];
        bool unused;
        pid_t pid = supervisor_clone(CLONE_NEWPID, -1, &unused);

        if (pid == 0)
                setup_pause();
        (void) snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int) pid);
        if (pid > 0)
                fd = open(path, O_RDONLY | O_CLOEXEC);
        if (pid < 0 || fd < 0 || setns(fd, CLONE_NEWPID) < 0)
                return err_errno(e, pid < 0 ? pid : -errno,
                                 "cannot make the pod's process namespace");
        return 0;
}

/* ---- the rest ---- */

static int setup_listen(struct supervisor *s, struct err *e) {
        const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "sock" };
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        (void) unlink("sock");
        if (fd < 0 || bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0 ||
            listen(fd, SETUP_BACKLOG) < 0)
                return err_errno(e, -errno, "cannot listen on the pod's socket");
        s->listener = STEAL_FD(fd);
        return 0;
}

static int setup_signals(struct supervisor *s, struct err *e) {
        sigset_t all, child;

        /* SIGTERM at shutdown is for the containers, and the node sends them theirs. */
        (void) sigfillset(&all);
        (void) sigemptyset(&child);
        (void) sigaddset(&child, SIGCHLD);
        if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
                return err_errno(e, -errno, "cannot block signals");
        s->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
        return s->signals < 0 ? err_errno(e, -errno, "cannot wait for signals") : 0;
}

int setup_pod(struct supervisor *s, struct err *e) {
        int r;

        (void) setsid();
        (void) prctl(PR_SET_CHILD_SUBREAPER, 1);
        (void) file_write_text("/proc/self/oom_score_adj", SETUP_OOM_SCORE, NULL);
        r = setup_signals(s, e);
        if (r == 0)
                r = setup_namespaces(&s->config, e);
        if (r == 0)
                r = setup_repeated(s->config.flags, e);
        if (r == 0)
                r = cgroup_pod_create(&s->config.cgroups, s->config.cgroup_name, &s->config.limits,
                                      e);
        if (r < 0)
                return r;
        s->own_pidns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
        if (s->config.flags & POD_SHARED_PID)
                r = setup_shared_pid(e);
        return r < 0 ? r : setup_listen(s, e);
}

void setup_remove(struct supervisor *s, const char *dir) {
        char path[WIRE_NAME_MAX + 16];
        char text[POD_CONF_MAX], *cursor = text, *key, *value;

        for (size_t i = 0; i < POD_CONTAINERS_MAX; i++)
                if (s->containers[i].mounts)
                        (void) close(s->containers[i].mounts);
        if (s->config.cgroup_name[0])
                cgroup_remove(&s->config.cgroups, s->config.cgroup_name);
        if (kv_read_file(AT_FDCWD, "pod.conf", text, sizeof(text)) > 0)
                while (kv_next(&cursor, &key, &value))
                        if (str_starts_with(key, "tmpfs.") && wire_name_is_valid(key + 6)) {
                                (void) snprintf(path, sizeof(path), "tmpfs/%s", key + 6);
                                (void) umount2(path, MNT_DETACH);
                        }
        if (s->config.state_dir)
                (void) dir_remove_all(AT_FDCWD, s->config.state_dir, NULL);
        (void) dir_remove_all(AT_FDCWD, dir, NULL);
}
