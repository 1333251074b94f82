#include "daemon/runtime/runtime.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/runtime/runtime_internal.h"
#include "daemon/runtime/scope.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RUNTIME_LOG_BYTES (10u << 20)
#define RUNTIME_LOG_FILES 5

/* orch-pod through a read-only mount of its own: a container that gets hold of /proc/PID/exe of an
 * orch-pod that is about to exec in it can't write the program then (CVE-2019-5736). Needs
 * Linux 5.12; before that the binary's owner and mode have to do. */
static int runtime_open_binary(const char *path) {
        struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
        AUTO_CLOSE int fd =
                (int) syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

        if (fd < 0 || syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
                return -1;
        return STEAL_FD(fd);
}

static int runtime_make_dirs(const struct runtime *r, struct err *e) {
        AUTO_FREE char *pods = str_format("%s/pods", r->run_dir);
        AUTO_FREE char *seccomp = str_format("%s/seccomp", r->run_dir);
        AUTO_FREE char *state = str_format("%s/pods", r->state_dir);
        int k;

        if (!pods || !state || !seccomp)
                return err_set(e, -ENOMEM, "out of memory");
        k = dir_make_all(pods, 0755, e);
        if (k == 0)
                k = dir_make_all(seccomp, 0700, e);
        if (k == 0)
                k = dir_make_all(state, 0755, e);
        if (k == 0)
                k = dir_make_all(r->log_dir, 0755, e);
        return k;
}

static int runtime_copy_config(struct runtime *r, const struct runtime_config *config,
                               struct err *e) {
        r->run_dir = strdup(config->run_dir);
        r->log_dir = strdup(config->log_dir);
        r->state_dir = strdup(config->state_dir);
        r->pod_binary = strdup(config->pod_binary);
        if (!r->run_dir || !r->log_dir || !r->state_dir || !r->pod_binary)
                return err_set(e, -ENOMEM, "out of memory");
        r->log_max_bytes = config->log_max_bytes ? config->log_max_bytes : RUNTIME_LOG_BYTES;
        r->log_max_files = config->log_max_files ? config->log_max_files : RUNTIME_LOG_FILES;
        r->events = config->events;
        r->userdata = config->userdata;
        r->event = sd_event_ref(config->event);
        return 0;
}

/* Without systemd's help pods live in the daemon's own group: they run as well, but its unit can't
 * be restarted while they do. */
static int runtime_find_groups(struct runtime *r, const char *base, struct err *e) {
        AUTO_FREE char *group = NULL;
        struct err why = { 0 };

        if (scope_open(r->pod_binary, &group, &why) < 0)
                strbuf_addf(
                        &r->warnings,
                        "pods get no unit of their own (%s); is the D-Bus system bus running?\n",
                        err_text(&why));
        return cgroup_host_prepare(base, group, &r->cgroups, &r->warnings, e);
}

int runtime_new(const struct runtime_config *config, struct runtime **ret_runtime, struct err *e) {
        AUTO(runtime) struct runtime *r = calloc(1, sizeof(*r));
        int k;

        if (!r)
                return err_set(e, -ENOMEM, "out of memory");
        r->binary_fd = -1;
        r->next_serial = 1;
        if (geteuid() != 0)
                return err_set(e, -EPERM, "running pods needs root: start orchd node as root");
        if (access(config->pod_binary, X_OK) < 0)
                return err_errno(e, -errno, "cannot execute %s", config->pod_binary);
        k = runtime_copy_config(r, config, e);
        if (k == 0)
                k = runtime_make_dirs(r, e);
        if (k == 0)
                k = runtime_find_groups(r, config->cgroup_name ? config->cgroup_name : "orch", e);
        if (k < 0)
                return k;
        r->has_seccomp = prctl(PR_GET_SECCOMP) >= 0;
        if (!r->has_seccomp)
                strbuf_add(&r->warnings, "containers run without seccomp: this kernel lacks "
                                         "CONFIG_SECCOMP_FILTER\n");
        r->binary_fd = runtime_open_binary(r->pod_binary);
        *ret_runtime = STEAL(r);
        return 0;
}

static void runtime_free_pod(void *pod) {
        pod_free(pod);
}

void runtime_unref(struct runtime *r) {
        if (!r)
                return;
        map_done(&r->pods, runtime_free_pod);
        if (r->binary_fd >= 0)
                (void) close(r->binary_fd);
        strbuf_done(&r->warnings);
        sd_event_unref(r->event);
        free(r->run_dir);
        free(r->log_dir);
        free(r->state_dir);
        free(r->pod_binary);
        free(r);
}

const char *runtime_warnings(const struct runtime *r) {
        return str_or_empty(r->warnings.s);
}

struct runtime_pod *runtime_pod_find(const struct runtime *r, const char *uid) {
        return map_get(&r->pods, uid);
}

/* ---- recovery ---- */

static void runtime_recover_containers(struct runtime_pod *pod, const struct runtime_found *found) {
        DIR *d = opendir(pod->dir);

        for (struct dirent *i; d && (i = readdir(d));) {
                struct runtime_container_status status;
                struct runtime_container *c;

                if (i->d_type != DT_DIR || !wire_name_is_valid(i->d_name))
                        continue;
                if (!container_status(pod, i->d_name, &status))
                        continue;
                c = container_get(pod, i->d_name);
                if (!c)
                        continue;
                c->instance = status.instance;
                c->state = status.state;
                found->on_container(pod->runtime->userdata, pod, &status);
        }
        if (d)
                (void) closedir(d);
}

static int runtime_recover_pod(struct runtime *r, const char *uid,
                               const struct runtime_found *found, struct err *e) {
        struct runtime_pod *pod;
        int k;

        if (map_has(&r->pods, uid))
                return 0;
        pod = pod_new(r, uid, e);
        if (!pod)
                return -ENOMEM;
        k = map_put(&r->pods, uid, pod, NULL);
        if (k < 0) {
                pod_free(pod);
                return err_set(e, k, "out of memory");
        }
        /* A directory without a readable pod.conf is a pod that died while it was made. */
        pod->is_ready = pod_load_conf(pod, NULL, NULL) == 0 && pod_connect(pod, NULL) == 0;
        pod->is_lost = !pod->is_ready;
        found->on_pod(r->userdata, pod);
        runtime_recover_containers(pod, found);
        return 1;
}

int runtime_recover(struct runtime *r, const struct runtime_found *found, struct err *e) {
        AUTO_FREE char *path = str_format("%s/pods", r->run_dir);
        DIR *d = path ? opendir(path) : NULL;
        int n = 0, k = 0;

        if (!d)
                return err_errno(e, path ? -errno : -ENOMEM, "cannot read %s", str_or_empty(path));
        for (struct dirent *i; k >= 0 && (i = readdir(d));) {
                if (!wire_name_is_valid(i->d_name))
                        continue;
                k = runtime_recover_pod(r, i->d_name, found, e);
                n += k > 0;
        }
        (void) closedir(d);
        if (k >= 0)
                runtime_end_strays(r);
        return k < 0 ? k : n;
}
