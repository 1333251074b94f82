#include "daemon/runtime/cgroup.h"

#include "base/fd.h"
#include "daemon/runtime/kv.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define CGROUP_PERIOD_USEC 100000
#define CGROUP_PROCS_MAX 65536
#define CGROUP_KILL_ROUNDS 64

static const char *const cgroup_keys[CGROUP_TREES] = {
        "cgroup.unified", "cgroup.memory",  "cgroup.cpu",     "cgroup.pids",
        "cgroup.devices", "cgroup.freezer", "cgroup.cpuacct",
};

/* ---- pure ---- */

int64_t cgroup_shares_from_milli(int64_t milli) {
        if (milli <= 0)
                return 0;
        return milli >= 256000 ? 262144 : MAX(2, milli * 1024 / 1000);
}

int64_t cgroup_quota_from_milli(int64_t milli, int64_t period_usec) {
        if (milli <= 0)
                return 0;
        /* The kernel refuses less than a millisecond. */
        return MAX(1000, MIN(milli, (int64_t) 1000000000) * period_usec / 1000);
}

int64_t cgroup_weight_from_shares(int64_t shares) {
        if (shares <= 0)
                return 0;
        return 1 + (MIN(MAX(shares, 2), 262144) - 2) * 9999 / 262142;
}

char *cgroup_dir(const struct cgroup_host *host, enum cgroup_tree tree, const char *name,
                 char *buf) {
        char *end;

        if (host->dir[tree][0] == '\0')
                return NULL;
        end = stpcpy(stpcpy(buf, host->dir[tree]), "/");
        (void) snprintf(end, CGROUP_NAME_MAX - 1, "%s", name);
        return buf;
}

uint64_t cgroup_field(const char *text, const char *key) {
        size_t len = strlen(key);

        for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
                if (strncmp(p, key, len) == 0 && p[len] == ' ')
                        return strtoull(p + len + 1, NULL, 10);
        return 0;
}

static void cgroup_plan_add(struct cgroup_setting *settings, size_t *n, enum cgroup_tree tree,
                            const char *file, const char *value, bool is_optional) {
        struct cgroup_setting *s = &settings[(*n)++];

        s->tree = tree;
        s->file = file;
        s->is_optional = is_optional;
        (void) snprintf(s->value, sizeof(s->value), "%s", value);
}

static void cgroup_plan_memory(const struct cgroup_host *host, const struct cgroup_limits *l,
                               bool is_update, struct cgroup_setting *settings, size_t *n) {
        bool is_v2 = host->v2 & (1u << CGROUP_MEMORY);
        enum cgroup_tree tree = is_v2 ? CGROUP_UNIFIED : CGROUP_MEMORY;
        char value[48];

        if (!is_v2 && host->dir[CGROUP_MEMORY][0] == '\0')
                return;
        if (l->memory_bytes > 0)
                (void) snprintf(value, sizeof(value), "%lld", (long long) l->memory_bytes);
        else
                (void) snprintf(value, sizeof(value), is_v2 ? "max" : "-1");

        if ((l->memory_bytes > 0 || is_update) && is_v2) {
                cgroup_plan_add(settings, n, tree, "memory.max", value, false);
                cgroup_plan_add(settings, n, tree, "memory.swap.max",
                                l->memory_bytes > 0 ? "0" : "max", true);
        } else if (l->memory_bytes > 0 || is_update) {
                /* The kernel holds limit <= memsw at every instant, so a rise goes through memsw
                 * first and a cut through limit first: one of the outer two does nothing. */
                cgroup_plan_add(settings, n, tree, "memory.memsw.limit_in_bytes", value, true);
                cgroup_plan_add(settings, n, tree, "memory.limit_in_bytes", value, false);
                cgroup_plan_add(settings, n, tree, "memory.memsw.limit_in_bytes", value, true);
        }
        if (is_v2 && l->memory_bytes > 0)
                cgroup_plan_add(settings, n, tree, "memory.oom.group", "1", true);
        if (l->memory_low_bytes > 0 || is_update) {
                (void) snprintf(value, sizeof(value), "%lld", (long long) l->memory_low_bytes);
                cgroup_plan_add(settings, n, tree,
                                is_v2 ? "memory.low" : "memory.soft_limit_in_bytes",
                                !is_v2 && l->memory_low_bytes == 0 ? "-1" : value, true);
        }
}

static void cgroup_plan_cpu(const struct cgroup_host *host, const struct cgroup_limits *l,
                            bool is_update, struct cgroup_setting *settings, size_t *n) {
        bool is_v2 = host->v2 & (1u << CGROUP_CPU);
        enum cgroup_tree tree = is_v2 ? CGROUP_UNIFIED : CGROUP_CPU;
        int64_t period = l->cpu_period_usec > 0 ? l->cpu_period_usec : CGROUP_PERIOD_USEC;
        int64_t shares = l->cpu_shares > 0 ? l->cpu_shares : is_update ? 1024 : 0;
        char value[48];

        if (!is_v2 && host->dir[CGROUP_CPU][0] == '\0')
                return;
        if (shares > 0) {
                (void) snprintf(value, sizeof(value), "%lld",
                                (long long) (is_v2 ? cgroup_weight_from_shares(shares) : shares));
                cgroup_plan_add(settings, n, tree, is_v2 ? "cpu.weight" : "cpu.shares", value,
                                false);
        }
        if (l->cpu_quota_usec <= 0 && !is_update)
                return;
        if (is_v2) {
                if (l->cpu_quota_usec > 0)
                        (void) snprintf(value, sizeof(value), "%lld %lld",
                                        (long long) l->cpu_quota_usec, (long long) period);
                else
                        (void) snprintf(value, sizeof(value), "max %lld", (long long) period);
                cgroup_plan_add(settings, n, tree, "cpu.max", value, false);
                return;
        }
        if (l->cpu_quota_usec > 0 && period != CGROUP_PERIOD_USEC) {
                (void) snprintf(value, sizeof(value), "%lld", (long long) period);
                cgroup_plan_add(settings, n, tree, "cpu.cfs_period_us", value, false);
        }
        (void) snprintf(value, sizeof(value), "%lld",
                        (long long) (l->cpu_quota_usec > 0 ? l->cpu_quota_usec : -1));
        cgroup_plan_add(settings, n, tree, "cpu.cfs_quota_us", value, false);
}

size_t cgroup_plan(const struct cgroup_host *host, const struct cgroup_limits *limits,
                   bool is_update, struct cgroup_setting settings[CGROUP_SETTINGS_MAX]) {
        bool is_v2 = host->v2 & (1u << CGROUP_PIDS);
        char value[48] = "max";
        size_t n = 0;

        cgroup_plan_memory(host, limits, is_update, settings, &n);
        cgroup_plan_cpu(host, limits, is_update, settings, &n);
        if ((limits->pids > 0 || is_update) && (is_v2 || host->dir[CGROUP_PIDS][0] != '\0')) {
                if (limits->pids > 0)
                        (void) snprintf(value, sizeof(value), "%lld", (long long) limits->pids);
                cgroup_plan_add(settings, &n, is_v2 ? CGROUP_UNIFIED : CGROUP_PIDS, "pids.max",
                                value, false);
        }
        return n;
}

/* ---- groups ---- */

static int cgroup_make(const char *dir) {
        return mkdir(dir, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int cgroup_write(const char *dir, const char *file, const char *text) {
        char path[CGROUP_DIR_MAX + 48];
        ssize_t n;
        int fd;
        int r;

        (void) snprintf(path, sizeof(path), "%s/%s", dir, file);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = write(fd, text, strlen(text));
        r = n < 0 ? -errno : 0;
        (void) close(fd);
        return r;
}

static int cgroup_read(const char *dir, const char *file, char *buf, size_t cap) {
        char path[CGROUP_DIR_MAX + 48];

        (void) snprintf(path, sizeof(path), "%s/%s", dir, file);
        buf[0] = '\0';
        return kv_read_file(AT_FDCWD, path, buf, cap);
}

static uint64_t cgroup_read_number(const char *dir, const char *file) {
        char text[32];

        return cgroup_read(dir, file, text, sizeof(text)) < 0 ? 0 : strtoull(text, NULL, 10);
}

/* The groups that a container must have whatever its limits: memory to see an OOM kill, and one
 * tree that can tell who is alive. Every further one costs a start 50 to 100 microseconds. */
static bool cgroup_is_always_made(const struct cgroup_host *host, enum cgroup_tree tree) {
        switch (tree) {
        case CGROUP_UNIFIED:
        case CGROUP_MEMORY:
                return true;
        case CGROUP_FREEZER:
        case CGROUP_DEVICES:
        case CGROUP_CPUACCT: /* what it has used; cgroup 2 always counts that */
                return host->dir[CGROUP_UNIFIED][0] == '\0';
        default:
                return false;
        }
}

static int cgroup_make_chain(const struct cgroup_host *host, enum cgroup_tree tree,
                             const char *name, char *dir, struct err *e) {
        char *slash;
        int r;

        if (!cgroup_dir(host, tree, name, dir))
                return 0;
        r = cgroup_make(dir);
        if (r == -ENOENT && (slash = strrchr(dir, '/'))) {
                *slash = '\0';
                r = cgroup_make(dir);
                *slash = '/';
                if (r == 0)
                        r = cgroup_make(dir);
        }
        return r < 0 ? err_errno(e, r, "cannot make cgroup %s", dir) : 0;
}

int cgroup_pod_create(const struct cgroup_host *host, const char *name,
                      const struct cgroup_limits *limits, struct err *e) {
        char dir[CGROUP_DIR_MAX];
        int r;

        r = cgroup_apply(host, name, limits, false, e);
        if (r < 0 || !cgroup_dir(host, CGROUP_UNIFIED, name, dir))
                return r;
        if (host->v2 & (1u << CGROUP_MEMORY))
                (void) cgroup_write(dir, "cgroup.subtree_control", "+memory");
        if (host->v2 & (1u << CGROUP_CPU))
                (void) cgroup_write(dir, "cgroup.subtree_control", "+cpu");
        if (host->v2 & (1u << CGROUP_PIDS))
                (void) cgroup_write(dir, "cgroup.subtree_control", "+pids");
        return 0;
}

int cgroup_open_unified(const struct cgroup_host *host, const char *name) {
        char dir[CGROUP_DIR_MAX];
        int fd;
        int r;

        if (!cgroup_dir(host, CGROUP_UNIFIED, name, dir))
                return -ENOENT;
        r = cgroup_make_chain(host, CGROUP_UNIFIED, name, dir, NULL);
        if (r < 0)
                return r;
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* The first hierarchy in which the group exists. */
static bool cgroup_any_dir(const struct cgroup_host *host, const char *name, char *dir) {
        for (unsigned t = 0; t < CGROUP_TREES; t++)
                if (cgroup_dir(host, t, name, dir) && access(dir, F_OK) == 0)
                        return true;
        return false;
}

/* "podUID/CONTAINER" */
static bool is_container(const char *name) {
        return strchr(name, '/');
}

/* Moves whom from lists. Returns how many. */
static int cgroup_move_listed(const char *from, const char *to) {
        char text[CGROUP_PROCS_MAX], pid[32];
        int n = 0;

        (void) cgroup_read(from, "cgroup.procs", text, sizeof(text));
        text[sizeof(text) - 1] = '\0';
        for (char *p = text; *p;) {
                long number = strtol(p, &p, 10);

                if (*p++ != '\n')
                        break; /* the list was cut here */
                (void) snprintf(pid, sizeof(pid), "%ld", number);
                n += cgroup_write(to, "cgroup.procs", pid) == 0; /* it may have ended */
        }
        return n;
}

/* Makes a group in a tree of version 1 where none was needed before, and brings the processes in,
 * which are all in another tree's group of that name. Who forks meanwhile leaves a child behind:
 * rounds go on until one finds as many as the one before. */
static int cgroup_move_in(const struct cgroup_host *host, enum cgroup_tree tree, const char *name) {
        char from[CGROUP_DIR_MAX], to[CGROUP_DIR_MAX];
        int n_before = -1, n = 0, r;

        if (!cgroup_any_dir(host, name, from))
                return -ENOENT;
        r = cgroup_make_chain(host, tree, name, to, NULL);
        for (int i = 0; r == 0 && n != n_before && i < CGROUP_KILL_ROUNDS; i++) {
                n_before = n;
                n = cgroup_move_listed(from, to);
        }
        return r;
}

int cgroup_apply(const struct cgroup_host *host, const char *name,
                 const struct cgroup_limits *limits, bool is_update, struct err *e) {
        struct cgroup_setting settings[CGROUP_SETTINGS_MAX];
        size_t n = cgroup_plan(host, limits, is_update, settings);
        char dir[CGROUP_DIR_MAX];
        unsigned made = 0;
        int r;

        for (unsigned t = 0; t < CGROUP_TREES; t++)
                if (cgroup_is_always_made(host, t) && !is_update) {
                        r = cgroup_make_chain(host, t, name, dir, e);
                        if (r < 0)
                                return r;
                        made |= 1u << t;
                }

        for (size_t i = 0; i < n; i++) {
                enum cgroup_tree t = settings[i].tree;

                if (is_update && cgroup_dir(host, t, name, dir) && access(dir, F_OK) < 0 &&
                    (!is_container(name) || cgroup_move_in(host, t, name) < 0))
                        continue; /* no limit was ever set there, and the processes are elsewhere */
                if (!is_update && !(made & (1u << t))) {
                        r = cgroup_make_chain(host, t, name, dir, e);
                        if (r < 0)
                                return r;
                        made |= 1u << t;
                }
                (void) cgroup_dir(host, t, name, dir);
                r = cgroup_write(dir, settings[i].file, settings[i].value);
                if (r < 0 && !settings[i].is_optional)
                        return err_errno(e, r, "cannot set %s to %s in cgroup %s", settings[i].file,
                                         settings[i].value, dir);
        }
        return 0;
}

int cgroup_join(const struct cgroup_host *host, const char *name, bool is_in_unified,
                struct err *e) {
        char dir[CGROUP_DIR_MAX];

        for (unsigned t = is_in_unified ? CGROUP_MEMORY : CGROUP_UNIFIED; t < CGROUP_TREES; t++) {
                int r = -ENOENT;

                if (!cgroup_dir(host, t, name, dir))
                        continue;
                /* A thread that moves itself alone needs no global lock, behind which an RCU grace
                 * period of many milliseconds may wait; and we are one thread. Version 1 only. */
                if (t != CGROUP_UNIFIED)
                        r = cgroup_write(dir, "tasks", "0");
                if (r < 0)
                        r = cgroup_write(dir, "cgroup.procs", "0");
                if (r < 0 && r != -ENOENT)
                        return err_errno(e, r, "cannot join cgroup %s", dir);
        }
        return 0;
}

/* ---- who is in it ---- */

/* Kills whom cgroup.procs lists. Returns how many. */
static int cgroup_kill_listed(const char *dir) {
        char text[4096];
        int n = 0;

        /* A list that is too long fills text: the next round has the rest. */
        (void) cgroup_read(dir, "cgroup.procs", text, sizeof(text));
        text[sizeof(text) - 1] = '\0';
        for (char *p = text; *p;) {
                long pid = strtol(p, &p, 10);

                if (*p++ != '\n')
                        break; /* the list was cut here: no number to kill by */
                if (pid > 1 && kill((pid_t) pid, SIGKILL) == 0)
                        n++;
        }
        return n;
}

int cgroup_kill(const struct cgroup_host *host, const char *name) {
        char dir[CGROUP_DIR_MAX], freezer[CGROUP_DIR_MAX];
        bool is_frozen = false;

        if (cgroup_dir(host, CGROUP_UNIFIED, name, dir) &&
            cgroup_write(dir, "cgroup.kill", "1") == 0)
                return 0;
        if (!cgroup_any_dir(host, name, dir))
                return -ENOENT;

        /* Frozen processes don't fork; the signal acts when they thaw. */
        if (cgroup_dir(host, CGROUP_FREEZER, name, freezer))
                is_frozen = cgroup_write(freezer, "freezer.state", "FROZEN") == 0;
        for (int i = 0; i < CGROUP_KILL_ROUNDS; i++) {
                if (cgroup_kill_listed(dir) == 0)
                        break;
                if (is_frozen) {
                        (void) cgroup_write(freezer, "freezer.state", "THAWED");
                        is_frozen = false;
                }
        }
        if (is_frozen)
                (void) cgroup_write(freezer, "freezer.state", "THAWED");
        return 0;
}

bool cgroup_is_populated(const struct cgroup_host *host, const char *name) {
        char dir[CGROUP_DIR_MAX], text[256];

        if (cgroup_dir(host, CGROUP_UNIFIED, name, dir) &&
            cgroup_read(dir, "cgroup.events", text, sizeof(text)) >= 0)
                return cgroup_field(text, "populated") != 0;
        if (!cgroup_any_dir(host, name, dir))
                return false;
        return cgroup_read(dir, "cgroup.procs", text, sizeof(text)) != 0;
}

uint64_t cgroup_oom_kills(const struct cgroup_host *host, const char *name) {
        char dir[CGROUP_DIR_MAX], text[512];

        if (host->v2 & (1u << CGROUP_MEMORY)) {
                if (cgroup_dir(host, CGROUP_UNIFIED, name, dir) &&
                    cgroup_read(dir, "memory.events", text, sizeof(text)) > 0)
                        return cgroup_field(text, "oom_kill");
        } else if (cgroup_dir(host, CGROUP_MEMORY, name, dir) &&
                   cgroup_read(dir, "memory.oom_control", text, sizeof(text)) > 0) {
                return cgroup_field(text, "oom_kill");
        }
        return 0;
}

static void cgroup_remove_below(const char *dir) {
        AUTO_FREE char *child = NULL;
        DIR *d = opendir(dir);

        for (struct dirent *i; d && (i = readdir(d));) {
                if (i->d_type != DT_DIR || i->d_name[0] == '.')
                        continue;
                free(child);
                child = str_format("%s/%s", dir, i->d_name);
                if (child)
                        cgroup_remove_below(child);
        }
        if (d)
                (void) closedir(d);

        /* The last process may be dying still. */
        for (int i = 0; i < 1000; i++) {
                const struct timespec pause = { .tv_nsec = 1000000 };

                if (rmdir(dir) == 0 || errno != EBUSY)
                        return;
                (void) nanosleep(&pause, NULL);
        }
}

void cgroup_remove(const struct cgroup_host *host, const char *name) {
        char dir[CGROUP_DIR_MAX];

        for (unsigned t = 0; t < CGROUP_TREES; t++)
                if (cgroup_dir(host, t, name, dir))
                        cgroup_remove_below(dir);
}

static void cgroup_stats_memory(const struct cgroup_host *host, const char *name,
                                struct cgroup_stats *s) {
        bool is_v2 = host->v2 & (1u << CGROUP_MEMORY);
        char dir[CGROUP_DIR_MAX], text[8192];

        if (!cgroup_dir(host, is_v2 ? CGROUP_UNIFIED : CGROUP_MEMORY, name, dir))
                return;
        s->memory_bytes =
                cgroup_read_number(dir, is_v2 ? "memory.current" : "memory.usage_in_bytes");
        if (cgroup_read(dir, "memory.stat", text, sizeof(text)) > 0)
                s->inactive_file_bytes =
                        cgroup_field(text, is_v2 ? "inactive_file" : "total_inactive_file");
}

void cgroup_stats(const struct cgroup_host *host, const char *name,
                  struct cgroup_stats *ret_stats) {
        char dir[CGROUP_DIR_MAX], text[1024];

        *ret_stats = (struct cgroup_stats){ 0 };
        cgroup_stats_memory(host, name, ret_stats);
        ret_stats->oom_kills = cgroup_oom_kills(host, name);

        /* cpu.stat of version 2 counts usage even where the controller is off. */
        if (cgroup_dir(host, CGROUP_UNIFIED, name, dir) &&
            cgroup_read(dir, "cpu.stat", text, sizeof(text)) > 0)
                ret_stats->cpu_usec = cgroup_field(text, "usage_usec");
        else if (cgroup_dir(host, CGROUP_CPUACCT, name, dir))
                ret_stats->cpu_usec = cgroup_read_number(dir, "cpuacct.usage") / 1000;

        if ((host->v2 & (1u << CGROUP_PIDS)) && cgroup_dir(host, CGROUP_UNIFIED, name, dir))
                ret_stats->pids = cgroup_read_number(dir, "pids.current");
        else if (cgroup_dir(host, CGROUP_PIDS, name, dir))
                ret_stats->pids = cgroup_read_number(dir, "pids.current");
}

void cgroup_host_save(const struct cgroup_host *host, struct kv_writer *w) {
        for (unsigned t = 0; t < CGROUP_TREES; t++)
                if (host->dir[t][0] != '\0')
                        kv_add(w, cgroup_keys[t], host->dir[t]);
        kv_add_number(w, "cgroup.v2", host->v2);
}

void cgroup_host_load(struct cgroup_host *host, const char *key, const char *value) {
        if (str_eq(key, "cgroup.v2"))
                host->v2 = (unsigned) kv_number(value);
        for (unsigned t = 0; t < CGROUP_TREES; t++)
                if (str_eq(key, cgroup_keys[t]) && strlen(value) < CGROUP_PATH_MAX)
                        (void) stpcpy(host->dir[t], value);
}
