/* orch-build: builds an image from a Dockerfile and its context. Run by the node for its users, a
 * process of its own for each build; steps run in sandboxes as pods do (orch-pod).
 *
 *   orch-build --store DIR --run-dir DIR --pod-program FILE [--image-program FILE] [--registries
 * FILE] [--webhook URL] [--node-name NAME] [--cgroup NAME] [--resolv-conf FILE]
 *              [--address A]... [--bridge NAME --pod-cidr P --cluster-cidr P --service-cidr P]
 *
 * The request comes on standard input, lines about the build go to standard output
 * (api/dockerfile/build_wire.h); a failure is one line on standard error and exit code 1. */
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/build/build.h"
#include "daemon/image/store.h"
#include "daemon/runtime/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAIN_ADDRESSES_MAX 16
#define MAIN_GROUPS_DEPTH 8
#define MAIN_LOCK_TRIES 10
#define MAIN_GROUP_TRIES 100
#define MAIN_GROUP_WAIT_USEC 10000

struct arguments {
        struct builder_config config;
        const char *addresses[MAIN_ADDRESSES_MAX];
        char store[PATH_MAX];
};

static int arguments_read(int argc, char **argv, struct arguments *ret, struct err *e) {
        static const struct option options[] = {
                { "store", required_argument, NULL, 's' },
                { "run-dir", required_argument, NULL, 'r' },
                { "pod-program", required_argument, NULL, 'p' },
                { "image-program", required_argument, NULL, 'i' },
                { "registries", required_argument, NULL, 'R' },
                { "webhook", required_argument, NULL, 'w' },
                { "node-name", required_argument, NULL, 'n' },
                { "cgroup", required_argument, NULL, 'g' },
                { "resolv-conf", required_argument, NULL, 'c' },
                { "address", required_argument, NULL, 'a' },
                { "bridge", required_argument, NULL, 'b' },
                { "pod-cidr", required_argument, NULL, '1' },
                { "cluster-cidr", required_argument, NULL, '2' },
                { "service-cidr", required_argument, NULL, '3' },
                { 0 },
        };
        struct builder_config *c = &ret->config;
        const struct {
                int option;
                const char **to;
        } texts[] = { { 'R', &c->registries_file }, { 'i', &c->image_program },
                      { 's', &c->store_dir },       { 'r', &c->run_dir },
                      { 'p', &c->pod_program },     { 'g', &c->cgroup_name },
                      { 'c', &c->resolv_conf },     { 'b', &c->bridge },
                      { '1', &c->pod_cidr },        { '2', &c->cluster_cidr },
                      { '3', &c->service_cidr },    { 'w', &c->webhook },
                      { 'n', &c->node_name } };
        int option;

        c->addresses = ret->addresses;
        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                if (option == '?')
                        return err_set(e, -EINVAL, "unknown option of orch-build");
                if (option == 'a' && c->n_addresses < MAIN_ADDRESSES_MAX)
                        ret->addresses[c->n_addresses++] = optarg;
                for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                        if (texts[i].option == option)
                                *texts[i].to = optarg;
        }
        if (!c->store_dir || !c->run_dir || !c->pod_program || optind != argc)
                return err_set(e, -EINVAL,
                               "usage: orch-build --store DIR --run-dir DIR "
                               "--pod-program FILE <REQUEST.tar");
        /* Layers are mounted from their own folder, so the path must hold everywhere. */
        if (mkdir(c->store_dir, 0711) < 0 && errno != EEXIST)
                return err_errno(e, -errno, "cannot create %s", c->store_dir);
        if (!realpath(c->store_dir, ret->store))
                return err_errno(e, -errno, "cannot open %s", c->store_dir);
        c->store_dir = ret->store;
        return 0;
}

/* Everything that the build mounts and starts belongs to namespaces of its own, and ends with
 * them, however this program ends. */
static int main_enter(struct err *e) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
                return err_errno(e, -errno, "cannot set up the build's namespaces");
        return 0;
}

static int main_build(const struct arguments *args) {
        struct err e = { 0 };
        int r = main_enter(&e);

        if (r == 0)
                r = build_run(&args->config, STDIN_FILENO, &e);
        if (r == 0)
                return 0;
        (void) fprintf(stderr, "%s\n", err_text(&e));
        return 1;
}

/* ---- the outer process: sees to it that nothing is left ---- */

static volatile sig_atomic_t main_child;

/* Whoever waits for the build has left. */
static void on_term(int signo) {
        (void) signo;
        if (main_child > 0)
                (void) kill(main_child, SIGKILL);
}

/* The node's program may end at any moment: then this one is told to end, too. One that ended
 * before that was asked for has closed the other end of standard output. */
static bool main_has_reader(void) {
        struct pollfd out = { .fd = STDOUT_FILENO };

        return poll(&out, 1, 0) <= 0 || !(out.revents & (POLLERR | POLLHUP));
}

/* Groups can't be removed but one by one, from the innermost on. */
static void main_remove_groups(const char *path, unsigned depth) {
        DIR *dir = depth < MAIN_GROUPS_DEPTH ? opendir(path) : NULL;

        for (struct dirent *d; dir && (d = readdir(dir));) {
                AUTO_FREE char *below = NULL;

                if (d->d_type != DT_DIR || d->d_name[0] == '.')
                        continue;
                below = str_format("%s/%s", path, d->d_name);
                if (below)
                        main_remove_groups(below, depth + 1);
        }
        if (dir)
                (void) closedir(dir);
        /* Those who were killed may need a moment to be gone. */
        for (unsigned i = 0; rmdir(path) < 0 && errno == EBUSY && i < MAIN_GROUP_TRIES; i++)
                (void) usleep(MAIN_GROUP_WAIT_USEC);
}

/* Where the build's groups will be. Asked before there are namespaces: afterwards /proc is the
 * inner process's. */
static void main_find_groups(const char *name, struct cgroup_host *ret) {
        AUTO_DONE(strbuf) struct strbuf warnings = { 0 };

        if (!name || cgroup_host_prepare(name, NULL, ret, &warnings, NULL) < 0)
                *ret = (struct cgroup_host){ 0 };
}

static void main_clean(const char *run_dir, const struct cgroup_host *groups) {
        /* What was mounted there by those who were killed may need a moment, too. */
        for (unsigned i = 0; dir_remove_all(AT_FDCWD, run_dir, NULL) < 0 && i < MAIN_GROUP_TRIES;
             i++)
                (void) usleep(MAIN_GROUP_WAIT_USEC);
        for (unsigned t = 0; t < CGROUP_TREES; t++)
                if (groups->dir[t][0])
                        main_remove_groups(groups->dir[t], 0);
}

/* An inner process that was killed leaves its folder in the store. Never from among its mounts:
 * caches are bound into that folder. */
static void main_sweep_store(const struct builder_config *c) {
        AUTO(image_store) struct image_store *store = NULL;
        AUTO_CLOSE int place = -1;

        if (image_store_open(c->store_dir, &store, NULL) == 0)
                (void) image_store_enter(store, &place, NULL);
}

/* The folder of a build is locked while its outer process lives. One that is swept in between is
 * made again. ret_fd: the caller's; keeps the lock. */
static int main_lock(const char *run_dir, int *ret_fd, struct err *e) {
        for (int i = 0; i < MAIN_LOCK_TRIES; i++) {
                AUTO_CLOSE int fd = -1;
                struct stat locked, there;
                int r = dir_make_all(run_dir, 0711, e);

                if (r < 0)
                        return r;
                fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0 && errno == ENOENT)
                        continue;
                if (fd < 0 || flock(fd, LOCK_EX) < 0 || fstat(fd, &locked) < 0)
                        return err_errno(e, -errno, "cannot lock %s", run_dir);
                if (stat(run_dir, &there) < 0 || there.st_ino != locked.st_ino)
                        continue;
                *ret_fd = fd;
                fd = -1;
                return 0;
        }
        return err_set(e, -EBUSY, "cannot lock %s; try again", run_dir);
}

/* What builds left whose outer process was killed: beside this one's folder, with groups that are
 * called like this one's but for the folder's name. */
static void main_sweep(const struct builder_config *c) {
        const char *slash = strrchr(c->run_dir, '/'), *own = slash ? slash + 1 : "";
        size_t group_len = c->cgroup_name ? strlen(c->cgroup_name) : 0, own_len = strlen(own);
        AUTO_FREE char *beside = slash ? strndup(c->run_dir, (size_t) (slash - c->run_dir)) : NULL;
        DIR *dir;

        if (!beside || own_len == 0 || group_len < own_len ||
            !str_eq(c->cgroup_name + group_len - own_len, own))
                return;
        dir = opendir(beside);
        for (struct dirent *d; dir && (d = readdir(dir));) {
                AUTO_FREE char *path = str_format("%s/%s", beside, d->d_name);
                AUTO_FREE char *group = str_format("%.*s%s", (int) (group_len - own_len),
                                                   c->cgroup_name, d->d_name);
                AUTO_CLOSE int fd = -1;
                struct cgroup_host groups;

                if (d->d_name[0] == '.' || str_eq(d->d_name, own) || !path || !group)
                        continue;
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
                        continue;
                main_find_groups(group, &groups);
                main_clean(path, &groups);
        }
        if (dir)
                (void) closedir(dir);
}

/* Ends with the inner process. Returns its pid, 0 in itself, or a negative errno. A signal that
 * came in between finds its child. */
static pid_t main_fork(struct err *e) {
        sigset_t term, before;
        pid_t pid;

        (void) sigemptyset(&term);
        (void) sigaddset(&term, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &term, &before);
        (void) signal(SIGTERM, on_term);
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (!main_has_reader())
                return err_set(e, -EPIPE, "nobody waits for this build");
        if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0 || (pid = fork()) < 0)
                return err_errno(e, -errno, "a build needs namespaces of its own");
        if (pid == 0)
                (void) signal(SIGTERM, SIG_DFL);
        else
                main_child = pid;
        /* Whoever read this program's words may be gone: that mustn't end the cleaning. */
        if (pid > 0)
                (void) signal(SIGPIPE, SIG_IGN);
        (void) sigprocmask(SIG_SETMASK, &before, NULL);
        return pid;
}

/* Out of the inner process's mounts, which would keep folders busy. Entering mounts takes their own
 * root as root: where the daemons run in a chroot that is another one. */
static bool main_leave_mounts(int mounts, int root) {
        return setns(mounts, CLONE_NEWNS) == 0 && fchdir(root) == 0 && chroot(".") == 0;
}

int main(int argc, char **argv) {
        struct arguments args = { 0 };
        struct cgroup_host groups = { 0 };
        struct err e = { 0 };
        AUTO_CLOSE int lock = -1, mounts = -1, root = -1;
        int status = 0;
        pid_t pid = -1;

        (void) setlocale(LC_ALL, "C.UTF-8");
        log_init("orch-build", LOG_LEVEL_NOTICE);
        if (arguments_read(argc, argv, &args, &e) < 0) {
                (void) fprintf(stderr, "%s\n", err_text(&e));
                return 1;
        }
        mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (main_lock(args.config.run_dir, &lock, &e) == 0) {
                main_sweep(&args.config);
                main_find_groups(args.config.cgroup_name, &groups);
                pid = main_fork(&e);
        }
        if (pid == 0)
                _exit(main_build(&args));
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (main_leave_mounts(mounts, root) && pid > 0 && status != 0)
                main_sweep_store(&args.config);
        main_clean(args.config.run_dir, &groups);
        if (pid > 0 && WIFEXITED(status))
                return WEXITSTATUS(status);
        if (pid > 0)
                (void) err_set(&e, -EIO, "the build was killed by signal %d", WTERMSIG(status));
        (void) fprintf(stderr, "%s\n", err_text(&e));
        return 1;
}
