/* orch-build: builds an image from a Dockerfile and its context. Run by the node for its users, a
 * process of its own for each build; steps run in sandboxes as pods do (orch-pod).
 *
 *   orch-build --store DIR --run-dir DIR --pod-program FILE [--image-program FILE] [--registries
 * FILE] [--cgroup NAME] [--resolv-conf FILE]
 *              [--address A]... [--bridge NAME --pod-cidr P --cluster-cidr P --service-cidr P]
 *
 * The request comes on standard input, lines about the build go to standard output
 * (api/dockerfile/build_wire.h); a failure is one line on standard error and exit code 1. */
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/build/build.h"
#include "daemon/runtime/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAIN_ADDRESSES_MAX 16
#define MAIN_GROUPS_DEPTH 8

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
                      { '3', &c->service_cidr } };
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
        (void) rmdir(path);
}

/* Where the build's groups will be. Asked before there are namespaces: afterwards /proc is the
 * inner process's. */
static void main_find_groups(const struct builder_config *c, struct cgroup_host *ret) {
        AUTO_DONE(strbuf) struct strbuf warnings = { 0 };

        if (!c->cgroup_name || cgroup_host_prepare(c->cgroup_name, NULL, ret, &warnings, NULL) < 0)
                *ret = (struct cgroup_host){ 0 };
}

static void main_clean(const struct builder_config *c, const struct cgroup_host *groups) {
        (void) dir_remove_all(AT_FDCWD, c->run_dir, NULL);
        for (unsigned t = 0; t < CGROUP_TREES; t++)
                if (groups->dir[t][0])
                        main_remove_groups(groups->dir[t], 0);
}

int main(int argc, char **argv) {
        struct arguments args = { 0 };
        struct cgroup_host groups = { 0 };
        struct err e = { 0 };
        int status = 0;
        pid_t pid;

        (void) setlocale(LC_ALL, "C.UTF-8");
        log_init("orch-build", LOG_LEVEL_NOTICE);
        if (arguments_read(argc, argv, &args, &e) < 0) {
                (void) fprintf(stderr, "%s\n", err_text(&e));
                return 1;
        }
        main_find_groups(&args.config, &groups);
        if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0 || (pid = fork()) < 0) {
                (void) fprintf(stderr, "a build needs namespaces of its own: %s\n",
                               strerror(errno));
                return 1;
        }
        if (pid == 0)
                _exit(main_build(&args));
        main_child = pid;
        (void) signal(SIGTERM, on_term);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        main_clean(&args.config, &groups);
        if (WIFEXITED(status))
                return WEXITSTATUS(status);
        (void) fprintf(stderr, "the build was killed by signal %d\n", WTERMSIG(status));
        return 1;
}
