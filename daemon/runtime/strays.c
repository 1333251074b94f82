/* Supervisors that nobody can speak to any more: their directory was emptied or removed under them.
 */
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/runtime/cgroup.h"
#include "daemon/runtime/runtime_internal.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>

#define STRAY_CMDLINE_MAX 8192

/* The pod of an "orch-pod RUN-DIR/pods/UID" process, or NULL. A cleaner has a second argument. */
static const char *stray_uid(const struct runtime *r, const char *pid, char **ret_text) {
        AUTO_FREE char *path = str_format("/proc/%s/cmdline", pid);
        AUTO_FREE char *prefix = str_format("%s/pods/", r->run_dir);
        const char *dir;
        size_t len = 0;

        if (!path || !prefix || file_read(path, STRAY_CMDLINE_MAX, ret_text, &len, NULL) < 0)
                return NULL;
        dir = *ret_text + strlen(*ret_text) + 1;
        if (dir >= *ret_text + len || !str_eq(*ret_text, "orch-pod") ||
            !str_starts_with(dir, prefix) || dir + strlen(dir) + 1 < *ret_text + len)
                return NULL;
        return dir + strlen(prefix);
}

static void stray_end(struct runtime *r, const char *pid_text) {
        AUTO_FREE char *text = NULL;
        AUTO_FREE char *group = NULL;
        const char *uid = stray_uid(r, pid_text, &text);
        struct runtime_pod *pod = uid ? runtime_pod_find(r, uid) : NULL;
        int64_t pid;

        if (!uid || (pod && pod->is_ready) || str_to_int64(pid_text, 2, INT32_MAX, &pid) < 0)
                return;
        LOG_WARN(uid, "its orch-pod can't be reached any more (was the run directory emptied?); it "
                      "is killed, the "
                      "pod is made anew");
        (void) kill((pid_t) pid, SIGKILL);
        group = str_format("pod%s", uid);
        if (!group)
                return;
        (void) cgroup_kill(&r->cgroups, group);
        cgroup_remove(&r->cgroups, group);
}

void runtime_end_strays(struct runtime *r) {
        DIR *d = opendir("/proc");

        for (struct dirent *i; d && (i = readdir(d));) {
                AUTO_FREE char *path = NULL;
                AUTO_FREE char *comm = NULL;

                if (i->d_name[0] < '1' || i->d_name[0] > '9')
                        continue;
                path = str_format("/proc/%s/comm", i->d_name);
                if (path && file_read(path, 64, &comm, NULL, NULL) == 0 &&
                    str_eq(comm, "orch-pod\n"))
                        stray_end(r, i->d_name);
        }
        if (d)
                (void) closedir(d);
}
