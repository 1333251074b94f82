#include "base/fd.h"
#include "base/str.h"
#include "daemon/runtime/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CGROUP_TEXT_MAX (1 << 20)
/* Processes may start while others are moved out of the way. */
#define CGROUP_MOVE_ROUNDS 8

static const struct {
        enum cgroup_tree tree;
        const char *name;
        const char *loss; /* what a user misses without it; NULL: nothing to tell */
        const char *remedy;
} cgroup_controllers[] = {
        { CGROUP_MEMORY, "memory", "memory limits are not enforced",
          "add cgroup_enable=memory cgroup_memory=1 to the kernel command line" },
        { CGROUP_CPU, "cpu", "CPU requests and limits are not enforced",
          "use a kernel with CONFIG_CGROUP_SCHED and CONFIG_CFS_BANDWIDTH" },
        { CGROUP_PIDS, "pids", "limits on the number of processes are not enforced",
          "use a kernel with CONFIG_CGROUP_PIDS" },
        { CGROUP_DEVICES, "devices", NULL, NULL },
        { CGROUP_FREEZER, "freezer", NULL, NULL },
        { CGROUP_CPUACCT, "cpuacct", NULL, NULL },
};

/* ---- pure ---- */

/* Whether word is one of the comma-separated list of len bytes. */
static bool cgroup_list_has(const char *list, size_t len, const char *word) {
        size_t n = strlen(word);

        for (size_t i = 0; i + n <= len; i++)
                if ((i == 0 || list[i - 1] == ',') && strncmp(list + i, word, n) == 0 &&
                    (i + n == len || list[i + n] == ','))
                        return true;
        return false;
}

/* Our path in the hierarchy that has this controller ("": version 2), from /proc/self/cgroup. */
static bool cgroup_own_path(const char *self, const char *controller, char *buf, size_t cap) {
        for (const char *line = self; line && *line;) {
                const char *end = strchrnul(line, '\n');
                const char *list = memchr(line, ':', (size_t) (end - line));
                const char *path = list ? memchr(list + 1, ':', (size_t) (end - list - 1)) : NULL;

                if (path) {
                        size_t len = (size_t) (path - list - 1);
                        bool is_it = controller[0] ? cgroup_list_has(list + 1, len, controller)
                                                   : len == 0;

                        if (is_it && (size_t) (end - path - 1) < cap) {
                                memcpy(buf, path + 1, (size_t) (end - path - 1));
                                buf[end - path - 1] = '\0';
                                return true;
                        }
                }
                line = *end ? end + 1 : NULL;
        }
        return false;
}

struct cgroup_mount {
        char root[CGROUP_PATH_MAX], point[CGROUP_PATH_MAX], type[16], options[256];
};

/* "36 35 98:0 /root /point opts shared:1 - cgroup cgroup rw,memory" */
static bool cgroup_parse_mount(const char *line, struct cgroup_mount *m) {
        const char *dash = strstr(line, " - ");
        const char *end = strchrnul(line, '\n');

        return dash && dash < end &&
               sscanf(line, "%*d %*d %*s %255s %255s", m->root, m->point) == 2 &&
               sscanf(dash, " - %15s %*s %255s", m->type, m->options) == 2;
}

/* Where our own group is under a mount: the mount may show a part of the hierarchy only. */
static void cgroup_join_paths(const struct cgroup_mount *m, const char *own, const char *base,
                              char *dir) {
        size_t root = str_eq(m->root, "/") ? 0 : strlen(m->root);
        const char *below = strncmp(own, m->root, root) == 0 ? own + root : "";

        if (str_eq(below, "/"))
                below = "";
        if (snprintf(dir, CGROUP_PATH_MAX, "%s%s/%s", m->point, below, base) >= CGROUP_PATH_MAX)
                dir[0] = '\0';
}

void cgroup_find(const char *mountinfo, const char *self, const char *base, bool is_delegated,
                 struct cgroup_host *ret_host) {
        char own[CGROUP_PATH_MAX];
        struct cgroup_mount m;

        memset(ret_host, 0, sizeof(*ret_host));
        for (const char *line = mountinfo; line && *line;
             line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
                if (!cgroup_parse_mount(line, &m))
                        continue;
                if (str_eq(m.type, "cgroup2") && ret_host->dir[CGROUP_UNIFIED][0] == '\0') {
                        /* Dividing a group that isn't ours would break its manager's rules. */
                        if (!is_delegated || !cgroup_own_path(self, "", own, sizeof(own)))
                                (void) stpcpy(own, m.root);
                        cgroup_join_paths(&m, own, base, ret_host->dir[CGROUP_UNIFIED]);
                }
                for (size_t i = 0; i < ARRAY_SIZE(cgroup_controllers); i++) {
                        enum cgroup_tree t = cgroup_controllers[i].tree;
                        const char *name = cgroup_controllers[i].name;

                        if (str_eq(m.type, "cgroup") && ret_host->dir[t][0] == '\0' &&
                            cgroup_list_has(m.options, strlen(m.options), name) &&
                            cgroup_own_path(self, name, own, sizeof(own)))
                                cgroup_join_paths(&m, own, base, ret_host->dir[t]);
                }
        }
}

/* ---- this machine ---- */

static bool cgroup_is_delegated(const char *mountinfo, const char *self) {
        struct cgroup_host own;
        char value[4] = "";

        cgroup_find(mountinfo, self, ".", true, &own);
        if (own.dir[CGROUP_UNIFIED][0] == '\0')
                return false;
        return (getxattr(own.dir[CGROUP_UNIFIED], "user.delegate", value, sizeof(value)) == 1 ||
                getxattr(own.dir[CGROUP_UNIFIED], "trusted.delegate", value, sizeof(value)) == 1) &&
               value[0] == '1';
}

/* A version 2 group that hands controllers down may hold no process: ours go to a leaf. */
static void cgroup_move_out(const char *parent) {
        AUTO_FREE char *list = str_format("%s/cgroup.procs", parent);
        AUTO_FREE char *leaf = str_format("%s/orchd", parent);
        AUTO_FREE char *target = str_format("%s/orchd/cgroup.procs", parent);

        if (!list || !leaf || !target || (mkdir(leaf, 0755) < 0 && errno != EEXIST))
                return;
        for (int i = 0; i < CGROUP_MOVE_ROUNDS; i++) {
                AUTO_FREE char *text = NULL;
                char *save = NULL;

                if (file_read(list, CGROUP_TEXT_MAX, &text, NULL, NULL) < 0 || text[0] == '\0')
                        return;
                for (char *pid = strtok_r(text, "\n", &save); pid;
                     pid = strtok_r(NULL, "\n", &save))
                        (void) file_write_text(target, pid, NULL);
        }
}

static void cgroup_hand_down(const char *dir, const char *controller) {
        AUTO_FREE char *path = str_format("%s/cgroup.subtree_control", dir);
        AUTO_FREE char *text = str_format("+%s", controller);

        if (path && text)
                (void) file_write_text(path, text, NULL);
}

/* Which controllers the base group of version 2 has got for its children. */
static unsigned cgroup_prepare_unified(const char *dir, bool is_delegated) {
        AUTO_FREE char *parent = strdup(dir);
        AUTO_FREE char *path = str_format("%s/cgroup.subtree_control", dir);
        AUTO_FREE char *text = NULL;
        unsigned v2 = 0;

        if (!parent || !path)
                return 0;
        *strrchr(parent, '/') = '\0';
        if (is_delegated)
                cgroup_move_out(parent);
        for (size_t i = 0; i < 3; i++) {
                cgroup_hand_down(parent, cgroup_controllers[i].name);
                cgroup_hand_down(dir, cgroup_controllers[i].name);
        }
        if (file_read(path, 4096, &text, NULL, NULL) < 0)
                return 0;
        for (char *p = text; *p; p++)
                if (*p == ' ' || *p == '\n')
                        *p = ',';
        for (size_t i = 0; i < 3; i++)
                if (cgroup_list_has(text, strlen(text), cgroup_controllers[i].name))
                        v2 |= 1u << cgroup_controllers[i].tree;
        return v2;
}

static void cgroup_warn(const struct cgroup_host *host, struct strbuf *warnings) {
        bool has_any = false;

        for (unsigned t = 0; t < CGROUP_TREES; t++)
                has_any |= host->dir[t][0] != '\0';
        if (!has_any) {
                strbuf_add(warnings, "no limits are enforced: no control groups are mounted or "
                                     "writable; mount cgroup2 on /sys/fs/cgroup\n");
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(cgroup_controllers); i++)
                if (cgroup_controllers[i].loss &&
                    !(host->v2 & (1u << cgroup_controllers[i].tree)) &&
                    host->dir[cgroup_controllers[i].tree][0] == '\0')
                        strbuf_addf(warnings, "%s: there is no %s cgroup controller; %s\n",
                                    cgroup_controllers[i].loss, cgroup_controllers[i].name,
                                    cgroup_controllers[i].remedy);
}

int cgroup_host_prepare(const char *base, const char *own_group, struct cgroup_host *ret_host,
                        struct strbuf *warnings, struct err *e) {
        AUTO_FREE char *mountinfo = NULL;
        AUTO_FREE char *self = NULL;
        bool is_delegated;
        int r;

        r = file_read("/proc/self/mountinfo", CGROUP_TEXT_MAX, &mountinfo, NULL, e);
        if (r < 0)
                return err_wrap(e, r, "/proc/self/mountinfo");
        if (own_group)
                self = str_format("0::%s\n", own_group);
        else
                r = file_read("/proc/self/cgroup", CGROUP_TEXT_MAX, &self, NULL, e);
        if (r < 0)
                return err_wrap(e, r, "/proc/self/cgroup");
        if (!self)
                return err_set(e, -ENOMEM, "out of memory");
        is_delegated = own_group || cgroup_is_delegated(mountinfo, self);
        cgroup_find(mountinfo, self, base, is_delegated, ret_host);

        for (unsigned t = 0; t < CGROUP_TREES; t++)
                if (ret_host->dir[t][0] != '\0' && mkdir(ret_host->dir[t], 0755) < 0 &&
                    errno != EEXIST)
                        ret_host->dir[t][0] = '\0'; /* read-only: as if it weren't there */
        if (ret_host->dir[CGROUP_UNIFIED][0] != '\0')
                ret_host->v2 = cgroup_prepare_unified(ret_host->dir[CGROUP_UNIFIED], is_delegated);
        cgroup_warn(ret_host, warnings);
        return warnings->has_failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}
