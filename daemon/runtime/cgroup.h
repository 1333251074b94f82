#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Control groups of version 2, version 1 and both at once (hybrid) behind a few functions. On a
 * hybrid machine the version 1 controllers limit, and the unified tree kills and tells who is
 * alive. Groups are named "podUID" and "podUID/CONTAINER" below one base directory for each
 * hierarchy. Used by the node (detection, changes, figures) and by orch-pod (all else); nothing
 * here allocates but where a strbuf says so. */
#define CGROUP_PATH_MAX 256
#define CGROUP_NAME_MAX 160

enum cgroup_tree {
        CGROUP_UNIFIED, /* version 2 */
        CGROUP_MEMORY,  /* the others: a hierarchy of version 1 */
        CGROUP_CPU,
        CGROUP_PIDS,
        CGROUP_DEVICES,
        CGROUP_FREEZER,
        CGROUP_CPUACCT,
        CGROUP_TREES,
};

struct cgroup_host {
        char dir[CGROUP_TREES][CGROUP_PATH_MAX]; /* base directories; "": not on this machine */
        unsigned v2; /* bit (1 << CGROUP_MEMORY) ...: the unified tree limits this */
};

struct cgroup_limits {
        int64_t memory_bytes; /* 0 everywhere: no limit */
        int64_t memory_low_bytes;
        int64_t cpu_shares; /* 2 to 262144 */
        int64_t cpu_quota_usec, cpu_period_usec;
        int64_t pids;
};

/* One file to write. */
struct cgroup_setting {
        enum cgroup_tree tree;
        const char *file;
        char value[48];
        bool is_optional; /* failure is taken in stride */
};
#define CGROUP_SETTINGS_MAX 16

/* ---- pure ---- */

/* What to write for these limits. is_update: absent limits are lifted, otherwise they are left out.
 * Returns the number of settings. */
size_t cgroup_plan(const struct cgroup_host *host, const struct cgroup_limits *limits,
                   bool is_update, struct cgroup_setting settings[CGROUP_SETTINGS_MAX]);

/* Kubernetes' millicores in the kernel's units. 0 stays 0 (absent). */
int64_t cgroup_shares_from_milli(int64_t milli);
int64_t cgroup_quota_from_milli(int64_t milli, int64_t period_usec);
int64_t cgroup_weight_from_shares(int64_t shares);

/* The directory of a group. buf: CGROUP_PATH_MAX + CGROUP_NAME_MAX. NULL when there is no such
 * tree. */
char *cgroup_dir(const struct cgroup_host *host, enum cgroup_tree tree, const char *name,
                 char *buf);
#define CGROUP_DIR_MAX (CGROUP_PATH_MAX + CGROUP_NAME_MAX)

/* The number behind "key " in a flat keyed file's text, 0 when it isn't there. */
uint64_t cgroup_field(const char *text, const char *key);

/* ---- detection, for the node ---- */

/* Finds the hierarchies from the texts of /proc/self/mountinfo and /proc/self/cgroup, base group
 * name appended. is_delegated: the own version 2 group is ours to divide. Pure. */
void cgroup_find(const char *mountinfo, const char *self, const char *base, bool is_delegated,
                 struct cgroup_host *ret_host);

/* The same for this machine: makes the base groups, hands controllers down. Sentences about what is
 * missing, with the remedy, are added to warnings, a line each.
 * own_group: the version 2 group that is ours to divide (scope.h); NULL: the process's own.
 * Returns 0 or an errno; a machine without any group is no error (every dir is "" then). */
int cgroup_host_prepare(const char *base, const char *own_group, struct cgroup_host *ret_host,
                        struct strbuf *warnings, struct err *e);

/* ---- groups ---- */

/* Makes the pod's groups and lets containers have limits in them. */
int cgroup_pod_create(const struct cgroup_host *host, const char *name,
                      const struct cgroup_limits *limits, struct err *e);
/* Makes the unified group and opens its directory for CLONE_INTO_CGROUP. Returns a descriptor or a
 * negative errno; -ENOENT: no unified tree. */
int cgroup_open_unified(const struct cgroup_host *host, const char *name);
/* Makes what groups the limits need and writes them. */
int cgroup_apply(const struct cgroup_host *host, const char *name,
                 const struct cgroup_limits *limits, bool is_update, struct err *e);
/* Moves the calling process in. Hierarchies in which the container has no group are left out.
 * is_in_unified: CLONE_INTO_CGROUP has done that part. */
int cgroup_join(const struct cgroup_host *host, const char *name, bool is_in_unified,
                struct err *e);

/* SIGKILL to every process, children born meanwhile included. Doesn't wait for their end, but for
 * v1 where it freezes for an instant. Returns 0, or -ENOENT when no group can tell who belongs to
 * it. */
int cgroup_kill(const struct cgroup_host *host, const char *name);
/* Whether a process is left. False when no group can tell. */
bool cgroup_is_populated(const struct cgroup_host *host, const char *name);
/* How often the kernel killed for want of memory here. */
uint64_t cgroup_oom_kills(const struct cgroup_host *host, const char *name);
/* Removes the group and those below it, in all hierarchies; waits up to a second for the dying. */
void cgroup_remove(const struct cgroup_host *host, const char *name);

struct cgroup_stats {
        uint64_t cpu_usec, memory_bytes, inactive_file_bytes, pids, oom_kills;
};
void cgroup_stats(const struct cgroup_host *host, const char *name, struct cgroup_stats *ret_stats);

/* As "cgroup.unified=/sys/..." lines for pod.conf, and back. */
struct kv_writer;
void cgroup_host_save(const struct cgroup_host *host, struct kv_writer *w);
void cgroup_host_load(struct cgroup_host *host, const char *key, const char *value);
