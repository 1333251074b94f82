#include "daemon/runtime/oci.h"

#include "daemon/runtime/capability.h"
#include "daemon/runtime/cgroup.h"
#include "daemon/runtime/runtime.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define OCI_DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* A privileged container's devices: more than any machine has in /dev, less than would hurt. */
#define OCI_DEVICES_MAX 2048
#define OCI_CPU_PERIOD_USEC 100000

/* ---- JSON ---- */

/* A comma unless something was just opened. */
static void oci_comma(struct strbuf *b) {
        char last = b->len > 0 ? b->s[b->len - 1] : '{';

        if (last != '{' && last != '[' && last != ':')
                strbuf_add_char(b, ',');
}

static void oci_text(struct strbuf *b, const char *s) {
        oci_comma(b);
        strbuf_add_char(b, '"');
        for (; *s; s++) {
                if (*s == '"' || *s == '\\')
                        strbuf_add_char(b, '\\');
                if ((unsigned char) *s < 0x20)
                        strbuf_addf(b, "\\u%04x", (unsigned) (unsigned char) *s);
                else
                        strbuf_add_char(b, *s);
        }
        strbuf_add_char(b, '"');
}

static void oci_key(struct strbuf *b, const char *key) {
        oci_text(b, key);
        strbuf_add_char(b, ':');
}

static void oci_pair(struct strbuf *b, const char *key, const char *value) {
        oci_key(b, key);
        oci_text(b, value);
}

static void oci_number(struct strbuf *b, const char *key, int64_t value) {
        oci_key(b, key);
        strbuf_addf(b, "%lld", (long long) value);
}

static void oci_bool(struct strbuf *b, const char *key, bool value) {
        oci_key(b, key);
        strbuf_add(b, value ? "true" : "false");
}

/* A string of JSON that is known to be well-formed. */
static void oci_raw(struct strbuf *b, const char *key, const char *json) {
        oci_key(b, key);
        strbuf_add(b, json);
}

/* ---- process ---- */

static int oci_apply_caps(const char *const *names, size_t n, bool is_add, uint64_t *mask,
                          struct err *e) {
        for (size_t i = 0; i < n; i++) {
                int bit = capability_from_name(names[i]);
                uint64_t bits = bit >= 0 ? 1ULL << bit : CAPABILITY_ALL;

                if (bit < 0 && !str_eq(names[i], "ALL"))
                        return err_set(e, -EINVAL, "unknown capability \"%s\"", names[i]);
                *mask = is_add ? *mask | bits : *mask & ~bits;
        }
        return 0;
}

int oci_capabilities(const struct runtime_container_spec *spec, uint64_t *ret_mask, struct err *e) {
        uint64_t mask = spec->is_privileged ? CAPABILITY_ALL : capability_default;
        int r = 0;
        bool adds_all = false;

        for (size_t i = 0; i < spec->n_cap_add; i++)
                adds_all |= str_eq(spec->cap_add[i], "ALL");
        /* As kubelet: "ALL" first, then single names win over it. */
        if (adds_all)
                mask = CAPABILITY_ALL;
        for (size_t i = 0; i < spec->n_cap_drop; i++)
                if (str_eq(spec->cap_drop[i], "ALL"))
                        mask = 0;
        if (!adds_all)
                r = oci_apply_caps(spec->cap_add, spec->n_cap_add, true, &mask, e);
        for (size_t i = 0; i < spec->n_cap_drop && r == 0; i++)
                if (!str_eq(spec->cap_drop[i], "ALL"))
                        r = oci_apply_caps(&spec->cap_drop[i], 1, false, &mask, e);
        if (r == 0)
                *ret_mask = mask;
        return r;
}

static void oci_capability_sets(struct strbuf *b, uint64_t mask) {
        static const char *const sets[] = { "bounding", "effective", "permitted" };

        oci_key(b, "capabilities");
        strbuf_add_char(b, '{');
        for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
                oci_key(b, sets[i]);
                strbuf_add_char(b, '[');
                for (unsigned bit = 0; bit < CAPABILITY_COUNT; bit++)
                        if (mask & (1ULL << bit)) {
                                oci_comma(b);
                                strbuf_addf(b, "\"CAP_%s\"", capability_name(bit));
                        }
                strbuf_add_char(b, ']');
        }
        strbuf_add_char(b, '}');
}

static bool oci_has_env(const struct runtime_container_spec *spec, const char *name) {
        size_t len = strlen(name);

        for (size_t i = 0; i < spec->n_env; i++)
                if (strncmp(spec->env[i], name, len) == 0 && spec->env[i][len] == '=')
                        return true;
        return false;
}

static void oci_env(struct strbuf *b, const struct oci_input *in) {
        oci_key(b, "env");
        strbuf_add_char(b, '[');
        if (!oci_has_env(in->spec, "PATH"))
                oci_text(b, OCI_DEFAULT_PATH);
        if (in->hostname[0] && !oci_has_env(in->spec, "HOSTNAME")) {
                AUTO_FREE char *text = str_format("HOSTNAME=%s", in->hostname);

                oci_text(b, str_or_empty(text));
        }
        if (in->spec->has_tty && !oci_has_env(in->spec, "TERM"))
                oci_text(b, "TERM=xterm");
        for (size_t i = 0; i < in->spec->n_env; i++)
                oci_text(b, in->spec->env[i]);
        strbuf_add_char(b, ']');
}

/* What other runtimes use; orch-pod looks the image's user up itself (annotation dev.orch.user). */
static void oci_user(struct strbuf *b, const struct runtime_container_spec *spec) {
        unsigned uid = 0, gid = 0;

        (void) sscanf(str_or_empty(spec->user), "%u:%u", &uid, &gid);
        oci_key(b, "user");
        strbuf_add_char(b, '{');
        oci_number(b, "uid", spec->run_as_user.is_set ? spec->run_as_user.value : uid);
        oci_number(b, "gid", spec->run_as_group.is_set ? spec->run_as_group.value : gid);
        oci_raw(b, "additionalGids", "[");
        for (size_t i = 0; i < spec->n_groups; i++) {
                oci_comma(b);
                strbuf_addf(b, "%u", spec->groups[i]);
        }
        strbuf_add(b, "]}");
}

static int oci_process(struct strbuf *b, const struct oci_input *in, struct err *e) {
        const struct runtime_container_spec *spec = in->spec;
        uint64_t mask;
        int r = oci_capabilities(spec, &mask, e);

        if (r < 0)
                return r;
        oci_raw(b, "process", "{");
        oci_bool(b, "terminal", spec->has_tty);
        oci_user(b, spec);
        oci_raw(b, "args", "[");
        for (size_t i = 0; i < spec->n_args; i++)
                oci_text(b, spec->args[i]);
        strbuf_add_char(b, ']');
        oci_env(b, in);
        oci_pair(b, "cwd", str_is_empty(spec->cwd) ? "/" : spec->cwd);
        oci_capability_sets(b, mask);
        oci_bool(b, "noNewPrivileges", !spec->may_gain_privileges && !spec->is_privileged);
        oci_number(b, "oomScoreAdj", spec->oom_score_adj);
        oci_raw(b, "rlimits", "[");
        for (size_t i = 0; i < spec->n_rlimits; i++) {
                oci_comma(b);
                strbuf_add_char(b, '{');
                oci_pair(b, "type", spec->rlimits[i].name);
                oci_number(b, "soft", (int64_t) spec->rlimits[i].soft);
                oci_number(b, "hard", (int64_t) spec->rlimits[i].hard);
                strbuf_add_char(b, '}');
        }
        strbuf_add(b, "]}");
        return 0;
}

/* ---- mounts ---- */

/* Part of a volume. orch-pod looks it up again beneath its root; other runtimes take the joined
 * path. */
static void oci_mount_part(struct strbuf *b, const struct runtime_mount *m, const char *options) {
        AUTO_FREE char *joined = str_format("%s/%s", m->source, m->sub_path);

        if (!joined) {
                b->has_failed = true;
                return;
        }
        oci_comma(b);
        strbuf_add_char(b, '{');
        oci_pair(b, "destination", m->target);
        oci_pair(b, "type", "bind");
        oci_pair(b, "source", joined);
        oci_pair(b, "dev.orch.root", m->source);
        oci_pair(b, "dev.orch.subPath", m->sub_path);
        oci_raw(b, "options", options);
        strbuf_add_char(b, '}');
}

static void oci_mount(struct strbuf *b, const char *target, const char *type, const char *source,
                      const char *options) {
        oci_comma(b);
        strbuf_add_char(b, '{');
        oci_pair(b, "destination", target);
        oci_pair(b, "type", type);
        oci_pair(b, "source", source);
        oci_raw(b, "options", options);
        strbuf_add_char(b, '}');
}

static void oci_bind_file(struct strbuf *b, const struct oci_input *in, const char *file,
                          const char *target) {
        AUTO_FREE char *source = str_format("%s/%s", in->pod_dir, file);

        if (!source)
                b->has_failed = true;
        else
                oci_mount(b, target, "bind", source, "[\"rbind\",\"rprivate\"]");
}

static bool oci_is_mounted(const struct runtime_container_spec *spec, const char *target) {
        for (size_t i = 0; i < spec->n_mounts; i++)
                if (str_eq(spec->mounts[i].target, target))
                        return true;
        return false;
}

static void oci_own_mounts(struct strbuf *b, const struct oci_input *in) {
        const struct runtime_container_spec *spec = in->spec;
        const char *message = spec->termination_message_path;
        char file[128];

        oci_mount(b, "/proc", "proc", "proc", "[\"nosuid\",\"noexec\",\"nodev\"]");
        oci_mount(b, "/dev", "tmpfs", "tmpfs",
                  "[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]");
        oci_mount(b, "/dev/pts", "devpts", "devpts",
                  "[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid="
                  "5\"]");
        oci_mount(b, "/dev/mqueue", "mqueue", "mqueue", "[\"nosuid\",\"noexec\",\"nodev\"]");
        oci_mount(b, "/sys", "sysfs", "sysfs",
                  spec->is_privileged ? "[\"nosuid\",\"noexec\",\"nodev\"]"
                                      : "[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]");
        oci_mount(b, "/sys/fs/cgroup", "cgroup", "cgroup",
                  spec->is_privileged ? "[\"nosuid\",\"noexec\",\"nodev\",\"relatime\"]"
                                      : "[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]");
        if (in->has_host_ipc)
                oci_mount(b, "/dev/shm", "bind", "/dev/shm", "[\"rbind\",\"rprivate\"]");
        else if (!oci_is_mounted(spec, "/dev/shm"))
                oci_bind_file(b, in, "tmpfs/dev.shm", "/dev/shm");
        if (in->has_hosts && !oci_is_mounted(spec, "/etc/hosts"))
                oci_bind_file(b, in, "hosts", "/etc/hosts");
        if (in->has_resolv_conf && !oci_is_mounted(spec, "/etc/resolv.conf"))
                oci_bind_file(b, in, "resolv.conf", "/etc/resolv.conf");
        if (in->hostname[0] && !oci_is_mounted(spec, "/etc/hostname"))
                oci_bind_file(b, in, "hostname", "/etc/hostname");
        if (!message || message[0] == '/') {
                (void) snprintf(file, sizeof(file), "%s/termination-log", spec->name);
                oci_bind_file(b, in, file, message ? message : "/dev/termination-log");
        }
}

static int oci_user_mounts(struct strbuf *b, const struct runtime_container_spec *spec,
                           struct err *e) {
        for (size_t i = 0; i < spec->n_mounts; i++) {
                const struct runtime_mount *m = &spec->mounts[i];
                char options[160];

                if (str_is_empty(m->target) || m->target[0] != '/')
                        return err_set(e, -EINVAL, "mountPath \"%s\" is not an absolute path",
                                       str_or_empty(m->target));
                if (m->is_bidirectional)
                        return err_set(e, -EINVAL,
                                       "mountPropagation Bidirectional of %s is not possible: use "
                                       "HostToContainer",
                                       m->target);
                if (m->kind == RUNTIME_MOUNT_TMPFS) {
                        (void) snprintf(options, sizeof(options),
                                        "[\"nosuid\",\"nodev\",\"mode=1777\",\"size=%lld\"%s]",
                                        (long long) m->size_bytes,
                                        m->is_read_only ? ",\"ro\"" : "");
                        oci_mount(b, m->target, "tmpfs", "tmpfs", options);
                        continue;
                }
                if (str_is_empty(m->source) || m->source[0] != '/')
                        return err_set(e, -EINVAL, "the volume on %s has no absolute source",
                                       m->target);
                (void) snprintf(options, sizeof(options), "[\"rbind\",\"%s\"%s]",
                                m->has_host_propagation ? "rslave" : "rprivate",
                                m->is_read_only ? ",\"ro\"" : "");
                if (str_is_empty(m->sub_path))
                        oci_mount(b, m->target, "bind", m->source, options);
                else
                        oci_mount_part(b, m, options);
        }
        return 0;
}

/* ---- devices ---- */

static int oci_device(struct strbuf *b, const char *path, const char *target, struct err *e) {
        struct stat st;

        if (stat(path, &st) < 0)
                return err_errno(e, -errno, "device %s", path);
        if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
                return err_set(e, -EINVAL, "%s is not a device", path);
        oci_comma(b);
        strbuf_add_char(b, '{');
        oci_pair(b, "path", target);
        oci_pair(b, "type", S_ISBLK(st.st_mode) ? "b" : "c");
        oci_number(b, "major", major(st.st_rdev));
        oci_number(b, "minor", minor(st.st_rdev));
        oci_number(b, "fileMode", st.st_mode & 0777);
        oci_number(b, "uid", st.st_uid);
        oci_number(b, "gid", st.st_gid);
        strbuf_add_char(b, '}');
        return 0;
}

/* All of /dev for a privileged container, but what it gets anyway or must not share. */
static void oci_all_devices(struct strbuf *b, const char *dir, unsigned *budget) {
        static const char *const skipped[] = { "pts",    "shm",     "mqueue", "fd",
                                               "null",   "zero",    "full",   "tty",
                                               "random", "urandom", "ptmx",   "console",
                                               "stdin",  "stdout",  "stderr", "hugepages" };
        DIR *d = opendir(dir);

        for (struct dirent *i; d && *budget > 0 && (i = readdir(d));) {
                AUTO_FREE char *path = str_format("%s/%s", dir, i->d_name);
                bool is_skipped = i->d_name[0] == '.' || !path;

                for (size_t k = 0; k < ARRAY_SIZE(skipped); k++)
                        is_skipped |= str_eq(i->d_name, skipped[k]);
                if (is_skipped)
                        continue;
                if (i->d_type == DT_DIR)
                        oci_all_devices(b, path, budget);
                else if ((i->d_type == DT_CHR || i->d_type == DT_BLK) &&
                         oci_device(b, path, path, NULL) == 0)
                        (*budget)--;
        }
        if (d)
                (void) closedir(d);
}

static int oci_devices(struct strbuf *b, const struct runtime_container_spec *spec, struct err *e) {
        unsigned budget = OCI_DEVICES_MAX;

        oci_raw(b, "devices", "[");
        if (spec->is_privileged)
                oci_all_devices(b, "/dev", &budget);
        for (size_t i = 0; i < spec->n_devices && !spec->is_privileged; i++) {
                const struct runtime_device *d = &spec->devices[i];
                int r = oci_device(b, d->path, d->target ? d->target : d->path, e);

                if (r < 0)
                        return r;
        }
        strbuf_add_char(b, ']');
        return 0;
}

/* Which devices may be used: making nodes is harmless, opening them is not. As containerd does. */
static void oci_device_rules(struct strbuf *b, const struct runtime_container_spec *spec) {
        if (spec->is_privileged) {
                oci_raw(b, "devices", "[{\"allow\":true,\"access\":\"rwm\"}]");
                return;
        }
        oci_raw(b, "devices",
                "[{\"allow\":false,\"access\":\"rwm\"},"
                "{\"allow\":true,\"type\":\"c\",\"access\":\"m\"},"
                "{\"allow\":true,\"type\":\"b\",\"access\":\"m\"}");
        static const int known[][2] = { { 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 8 },   { 1, 9 },
                                        { 5, 0 }, { 5, 1 }, { 5, 2 }, { 136, -1 } };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
                strbuf_addf(b, ",{\"allow\":true,\"type\":\"c\",\"major\":%d,", known[i][0]);
                if (known[i][1] >= 0)
                        strbuf_addf(b, "\"minor\":%d,", known[i][1]);
                strbuf_add(b, "\"access\":\"rwm\"}");
        }
        for (size_t i = 0; i < spec->n_devices; i++) {
                const struct runtime_device *d = &spec->devices[i];
                struct stat st;

                if (stat(d->path, &st) == 0)
                        strbuf_addf(b,
                                    ",{\"allow\":true,\"type\":\"%c\",\"major\":%u,\"minor\":%u,"
                                    "\"access\":\"%s\"}",
                                    S_ISBLK(st.st_mode) ? 'b' : 'c', major(st.st_rdev),
                                    minor(st.st_rdev),
                                    d->access && strspn(d->access, "rwm") == strlen(d->access)
                                            ? d->access
                                            : "rwm");
        }
        strbuf_add_char(b, ']');
}

/* ---- linux ---- */

static void oci_limits(struct strbuf *b, const struct runtime_limits *l) {
        if (l->memory_limit_bytes > 0 || l->memory_request_bytes > 0) {
                oci_raw(b, "memory", "{");
                if (l->memory_limit_bytes > 0) {
                        oci_number(b, "limit", l->memory_limit_bytes);
                        oci_number(b, "swap", l->memory_limit_bytes);
                }
                if (l->memory_request_bytes > 0)
                        oci_number(b, "reservation", l->memory_request_bytes);
                strbuf_add_char(b, '}');
        }
        if (l->cpu_limit_milli > 0 || l->cpu_request_milli > 0) {
                oci_raw(b, "cpu", "{");
                if (l->cpu_request_milli > 0)
                        oci_number(b, "shares", cgroup_shares_from_milli(l->cpu_request_milli));
                if (l->cpu_limit_milli > 0) {
                        oci_number(
                                b, "quota",
                                cgroup_quota_from_milli(l->cpu_limit_milli, OCI_CPU_PERIOD_USEC));
                        oci_number(b, "period", OCI_CPU_PERIOD_USEC);
                }
                strbuf_add_char(b, '}');
        }
        if (l->pids_limit > 0) {
                oci_raw(b, "pids", "{");
                oci_number(b, "limit", l->pids_limit);
                strbuf_add_char(b, '}');
        }
}

static void oci_namespace(struct strbuf *b, const char *type, const char *ns, pid_t pid) {
        oci_comma(b);
        if (pid > 0)
                strbuf_addf(b, "{\"type\":\"%s\",\"path\":\"/proc/%d/ns/%s\"}", type, (int) pid,
                            ns);
        else
                strbuf_addf(b, "{\"type\":\"%s\"}", type);
}

static void oci_namespaces(struct strbuf *b, const struct oci_input *in) {
        oci_raw(b, "namespaces", "[");
        oci_namespace(b, "mount", "mnt", 0);
        oci_namespace(b, "cgroup", "cgroup", 0);
        if (!in->has_host_pid)
                oci_namespace(b, "pid", in->has_shared_pid ? "pid_for_children" : "pid",
                              in->has_shared_pid ? in->pod_pid : 0);
        if (!in->has_host_ipc)
                oci_namespace(b, "ipc", "ipc", in->pod_pid);
        if (!in->has_host_network) {
                oci_namespace(b, "network", "net", in->pod_pid);
                oci_namespace(b, "uts", "uts", in->pod_pid);
        }
        strbuf_add_char(b, ']');
}

static int oci_linux(struct strbuf *b, const struct oci_input *in, struct err *e) {
        const struct runtime_container_spec *spec = in->spec;
        int r;

        oci_raw(b, "linux", "{");
        oci_pair(b, "cgroupsPath", in->cgroup_path);
        oci_namespaces(b, in);
        oci_raw(b, "resources", "{");
        oci_limits(b, &spec->limits);
        oci_device_rules(b, spec);
        strbuf_add_char(b, '}');
        r = oci_devices(b, spec, e);
        if (r < 0)
                return r;
        if (!spec->is_privileged && !spec->is_proc_unmasked) {
                oci_raw(b, "maskedPaths",
                        "[\"/proc/acpi\",\"/proc/asound\",\"/proc/kcore\",\"/proc/keys\","
                        "\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\","
                        "\"/proc/sched_debug\",\"/proc/scsi\",\"/sys/firmware\","
                        "\"/sys/devices/virtual/powercap\"]");
                oci_raw(b, "readonlyPaths",
                        "[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\","
                        "\"/proc/sysrq-trigger\"]");
        }
        strbuf_add_char(b, '}');
        return 0;
}

/* ---- annotations ---- */

/* overlayfs reads ':' as a separator and '\\' as its escape. */
static void oci_layers(struct strbuf *b, const struct runtime_container_spec *spec) {
        AUTO_DONE(strbuf) struct strbuf text = { 0 };

        for (size_t i = 0; i < spec->n_layers; i++) {
                if (i > 0)
                        strbuf_add_char(&text, ':');
                for (const char *p = spec->layers[i]; *p; p++) {
                        if (*p == ':' || *p == '\\' || *p == ',')
                                strbuf_add_char(&text, '\\');
                        strbuf_add_char(&text, *p);
                }
        }
        b->has_failed |= text.has_failed;
        oci_pair(b, "dev.orch.overlay.lower", str_or_empty(text.s));
}

static void oci_annotations(struct strbuf *b, const struct oci_input *in) {
        const struct runtime_container_spec *spec = in->spec;
        AUTO_FREE char *writable = str_format("%s/%s/%llu", in->state_dir, spec->name,
                                              (unsigned long long) spec->instance);
        AUTO_FREE char *upper = str_format("%s/upper", str_or_empty(writable));
        AUTO_FREE char *work = str_format("%s/work", str_or_empty(writable));
        AUTO_DONE(strbuf) struct strbuf user = { 0 };

        if (!writable || !upper || !work)
                b->has_failed = true;
        oci_raw(b, "annotations", "{");
        oci_layers(b, spec);
        oci_pair(b, "dev.orch.overlay.upper", str_or_empty(upper));
        oci_pair(b, "dev.orch.overlay.work", str_or_empty(work));
        if (in->seccomp_path)
                oci_pair(b, "dev.orch.seccomp", in->seccomp_path);
        if (spec->run_as_user.is_set)
                strbuf_addf(&user, "%u", spec->run_as_user.value);
        else
                strbuf_add(&user, str_is_empty(spec->user) ? "0" : spec->user);
        if (spec->run_as_group.is_set) {
                if (user.s && strchr(user.s, ':'))
                        user.len = (size_t) (strchr(user.s, ':') - user.s);
                strbuf_addf(&user, ":%u", spec->run_as_group.value);
        }
        b->has_failed |= user.has_failed;
        oci_pair(b, "dev.orch.user", str_or_empty(user.s));
        if (spec->is_non_root_required)
                oci_pair(b, "dev.orch.non-root", "true");
        strbuf_add_char(b, '}');
}

int oci_build(const struct oci_input *in, struct strbuf *out, struct err *e) {
        const struct runtime_container_spec *spec = in->spec;
        int r;

        strbuf_add_char(out, '{');
        oci_pair(out, "ociVersion", "1.0.2");
        oci_raw(out, "root", "{");
        oci_pair(out, "path", "rootfs");
        oci_bool(out, "readonly", spec->is_root_read_only);
        strbuf_add_char(out, '}');
        r = oci_process(out, in, e);
        if (r < 0)
                return r;
        oci_raw(out, "mounts", "[");
        oci_own_mounts(out, in);
        r = oci_user_mounts(out, spec, e);
        if (r < 0)
                return r;
        strbuf_add_char(out, ']');
        r = oci_linux(out, in, e);
        if (r < 0)
                return r;
        oci_annotations(out, in);
        strbuf_add_char(out, '}');
        return out->has_failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}
