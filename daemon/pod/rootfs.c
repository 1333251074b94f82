#include "daemon/pod/rootfs.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/pod/bundle.h"
#include "daemon/pod/subpath.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

/* mount(2) copies one page of options. */
#define ROOTFS_OPTIONS_MAX 4095
#define ROOTFS_MOUNTS_MAX 1024

/* One entry of "mounts", with its source opened while the machine's tree is still in reach. */
struct rootfs_mount {
        const char *target, *type, *source;
        const char *root, *sub_path; /* NULL, or the volume and the part of it that source names */
        unsigned long flags, propagation;
        bool is_bind, is_recursive;
        bool is_tree; /* source_fd is of open_tree(), else O_PATH */
        bool is_file;
        int source_fd; /* -1: none */
        char data[512];
};

struct rootfs_option {
        const char *name;
        unsigned long set, clear, propagation;
};

static const struct rootfs_option rootfs_options[] = {
        { "ro", MS_RDONLY, 0, 0 },
        { "rw", 0, MS_RDONLY, 0 },
        { "nosuid", MS_NOSUID, 0, 0 },
        { "suid", 0, MS_NOSUID, 0 },
        { "nodev", MS_NODEV, 0, 0 },
        { "dev", 0, MS_NODEV, 0 },
        { "noexec", MS_NOEXEC, 0, 0 },
        { "exec", 0, MS_NOEXEC, 0 },
        { "noatime", MS_NOATIME, 0, 0 },
        { "nodiratime", MS_NODIRATIME, 0, 0 },
        { "relatime", MS_RELATIME, 0, 0 },
        { "strictatime", MS_STRICTATIME, 0, 0 },
        { "sync", MS_SYNCHRONOUS, 0, 0 },
        { "bind", MS_BIND, 0, 0 },
        { "rbind", MS_BIND | MS_REC, 0, 0 },
        { "private", 0, 0, MS_PRIVATE },
        { "rprivate", 0, 0, MS_PRIVATE | MS_REC },
        { "slave", 0, 0, MS_SLAVE },
        { "rslave", 0, 0, MS_SLAVE | MS_REC },
        { "shared", 0, 0, MS_SHARED },
        { "rshared", 0, 0, MS_SHARED | MS_REC },
};

static int rootfs_parse_option(struct rootfs_mount *m, const char *option) {
        size_t len = strlen(m->data);

        for (size_t i = 0; i < ARRAY_SIZE(rootfs_options); i++) {
                const struct rootfs_option *o = &rootfs_options[i];

                if (!str_eq(o->name, option))
                        continue;
                m->flags = (m->flags | o->set) & ~o->clear;
                if (o->propagation)
                        m->propagation = o->propagation;
                return 0;
        }
        if (len + strlen(option) + 2 > sizeof(m->data))
                return -E2BIG;
        (void) snprintf(m->data + len, sizeof(m->data) - len, "%s%s", len > 0 ? "," : "", option);
        return 0;
}

/* The source of a bind mount as a mount of its own (or, on kernels before 5.2, as a place). */
static int rootfs_open_source(struct rootfs_mount *m, struct err *e) {
        AUTO_CLOSE int part = -1;
        struct stat st;

        if (m->sub_path) {
                part = subpath_open(m->root, m->sub_path, e);
                if (part < 0)
                        return part;
        }
        m->source_fd = (int) syscall(
                SYS_open_tree, part >= 0 ? part : AT_FDCWD, part >= 0 ? "" : m->source,
                OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (m->is_recursive ? AT_RECURSIVE : 0U) |
                        (part >= 0 ? AT_EMPTY_PATH : 0U));
        m->is_tree = m->source_fd >= 0;
        if (m->source_fd < 0 && errno == ENOSYS)
                m->source_fd = part >= 0 ? STEAL_FD(part) : open(m->source, O_PATH | O_CLOEXEC);
        if (m->source_fd < 0 || fstat(m->source_fd, &st) < 0)
                return err_errno(e, -errno, "cannot mount %s on %s", m->source, m->target);
        m->is_file = !S_ISDIR(st.st_mode);
        return 0;
}

static int rootfs_parse_mount(const json_t *json, struct rootfs_mount *m, struct err *e) {
        const json_t *options = json_object_get(json, "options");
        struct statfs fs;
        size_t i;
        json_t *option;

        *m = (struct rootfs_mount){
                .target = json_string_value(json_object_get(json, "destination")),
                .type = json_string_value(json_object_get(json, "type")),
                .source = json_string_value(json_object_get(json, "source")),
                .root = json_string_value(json_object_get(json, "dev.orch.root")),
                .sub_path = json_string_value(json_object_get(json, "dev.orch.subPath")),
                .source_fd = -1,
        };
        if (!m->target || m->target[0] != '/')
                return err_set(e, -EINVAL, "mount target \"%s\" is not an absolute path",
                               str_or_empty(m->target));
        json_array_foreach(options, i, option)
                if (rootfs_parse_option(m, str_or_empty(json_string_value(option))) < 0)
                        return err_set(e, -E2BIG, "mount options of %s are too long", m->target);

        m->is_bind = (m->flags & MS_BIND) || str_eq(m->type, "bind");
        m->is_recursive = m->flags & MS_REC;
        m->flags &= ~(unsigned long) (MS_BIND | MS_REC);
        if (str_eq(m->type, "cgroup") && statfs("/sys/fs/cgroup", &fs) == 0 &&
            fs.f_type == CGROUP2_SUPER_MAGIC)
                m->type = "cgroup2";
        if (!m->is_bind && str_is_empty(m->type))
                return err_set(e, -EINVAL, "mount on %s has no type", m->target);
        if (!m->is_bind)
                return 0;
        if (str_is_empty(m->source) || (m->sub_path && !m->root))
                return err_set(e, -EINVAL, "mount on %s has no source", m->target);
        return rootfs_open_source(m, e);
}

static int rootfs_parse_mounts(const json_t *config, struct rootfs_mount **ret_mounts,
                               size_t *ret_n, struct err *e) {
        const json_t *array = json_object_get(config, "mounts");
        size_t n = json_array_size(array);
        struct rootfs_mount *mounts;

        if (n > ROOTFS_MOUNTS_MAX)
                return err_set(e, -E2BIG, "%zu mounts are more than the %d that are possible", n,
                               ROOTFS_MOUNTS_MAX);
        mounts = calloc(n + 1, sizeof(*mounts));
        if (!mounts)
                return err_set(e, -ENOMEM, "out of memory");
        for (size_t i = 0; i < n; i++) {
                int r = rootfs_parse_mount(json_array_get(array, i), &mounts[i], e);

                if (r < 0) {
                        free(mounts); /* descriptors die with this child */
                        return r;
                }
        }
        *ret_mounts = mounts;
        *ret_n = n;
        return 0;
}

/* ---- the root ---- */

static int rootfs_overlay_long(const char *lower, const char *upper, const char *work,
                               const char *target, struct err *e) {
        AUTO_CLOSE int fs = (int) syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
        AUTO_CLOSE int mounted = -1;
        AUTO_FREE char *layers = strdup(lower);
        char *save = NULL;
        int r = 0;

        if (fs < 0 || !layers)
                return err_errno(e, fs < 0 ? -errno : -ENOMEM, "cannot mount %zu bytes of layers",
                                 strlen(lower));
        for (char *l = strtok_r(layers, ":", &save); l && r == 0; l = strtok_r(NULL, ":", &save))
                r = (int) syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "lowerdir+", l, 0);
        if (r < 0)
                return err_errno(e, -errno,
                                 "the image has too many layers for this kernel (needs 6.5)");
        if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "upperdir", upper, 0) < 0 ||
            syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "workdir", work, 0) < 0 ||
            syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0 ||
            syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return err_errno(e, -errno, "cannot make an overlay");
        mounted = (int) syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
        if (mounted < 0 ||
            syscall(SYS_move_mount, mounted, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return err_errno(e, -errno, "cannot mount an overlay on %s", target);
        return 0;
}

static int rootfs_overlay(const char *lower, const char *upper, const char *work,
                          const char *target, struct err *e) {
        AUTO_FREE char *options =
                str_format("lowerdir=%s,upperdir=%s,workdir=%s,volatile", lower, upper, work);

        if (!options)
                return err_set(e, -ENOMEM, "out of memory");
        if (strlen(options) > ROOTFS_OPTIONS_MAX)
                return rootfs_overlay_long(lower, upper, work, target, e);
        /* volatile: no sync of the whole file system at every container's end. Since 5.10. */
        if (mount("overlay", target, "overlay", 0, options) == 0)
                return 0;
        if (errno == EINVAL) {
                *strrchr(options, ',') = '\0';
                if (mount("overlay", target, "overlay", 0, options) == 0)
                        return 0;
        }
        if (errno == ENODEV)
                return err_set(e, -ENODEV,
                               "this kernel has no overlayfs: load the module overlay or use a "
                               "kernel with CONFIG_OVERLAY_FS");
        return err_errno(e, -errno, "cannot mount the overlay with upper directory %s", upper);
}

static int rootfs_mount_root(const json_t *config, const char *bundle, char *root, struct err *e) {
        const char *lower = bundle_annotation(config, "dev.orch.overlay.lower");
        const char *upper = bundle_annotation(config, "dev.orch.overlay.upper");
        const char *work = bundle_annotation(config, "dev.orch.overlay.work");
        const char *path = json_string_value(bundle_get(config, "root", "path", NULL));
        int r;

        if (!path)
                return err_set(e, -EINVAL, "config.json has no root.path");
        if (snprintf(root, PATH_MAX, "%s%s%s", path[0] == '/' ? "" : bundle,
                     path[0] == '/' ? "" : "/", path) >= PATH_MAX)
                return err_set(e, -ENAMETOOLONG, "root.path is too long");
        if (!lower) {
                if (mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0)
                        return err_errno(e, -errno, "cannot use %s as root", root);
                return 0;
        }

        if (!upper || !work)
                return err_set(e, -EINVAL, "overlay without upper and work directory");
        if (mkdir(root, 0755) < 0 && errno != EEXIST)
                return err_errno(e, -errno, "cannot make %s", root);
        /* A start that failed may have left its layer, which a volatile overlay refuses to use
         * again. */
        r = access(upper, F_OK) == 0 ? dir_remove_all(AT_FDCWD, upper, e) : 0;
        if (r >= 0 && access(work, F_OK) == 0)
                r = dir_remove_all(AT_FDCWD, work, e);
        if (r >= 0)
                r = dir_make_all(upper, 0755, e);
        if (r >= 0)
                r = dir_make_all(work, 0755, e);
        return r < 0 ? r : rootfs_overlay(lower, upper, work, root, e);
}

/* ---- mounts ---- */

/* Makes what a mount covers. Runs inside the container's root: links lead nowhere else. */
static int rootfs_make_target(const char *target, bool is_file) {
        char path[PATH_MAX];
        char *slash;
        int fd;

        if (access(target, F_OK) == 0)
                return 0;
        if (!is_file)
                return dir_make_all(target, 0755, NULL);
        if (snprintf(path, sizeof(path), "%s", target) >= (int) sizeof(path))
                return -ENAMETOOLONG;
        slash = strrchr(path, '/');
        if (slash && slash != path) {
                *slash = '\0';
                (void) dir_make_all(path, 0755, NULL);
        }
        fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0)
                return -errno;
        (void) close(fd);
        return 0;
}

/* Flags of a bind mount need a second step, that mustn't lose those the source has. */
static int rootfs_remount(const char *target, unsigned long flags) {
        struct statvfs st;

        if (statvfs(target, &st) < 0)
                return -errno;
        flags |= (st.f_flag & ST_NOSUID ? MS_NOSUID : 0) | (st.f_flag & ST_NODEV ? MS_NODEV : 0) |
                 (st.f_flag & ST_NOEXEC ? MS_NOEXEC : 0) | (st.f_flag & ST_RDONLY ? MS_RDONLY : 0);
        return mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0 ? -errno : 0;
}

static int rootfs_set_tree_flags(const struct rootfs_mount *m) {
        struct mount_attr attr = {
                .attr_set = (m->flags & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0U) |
                            (m->flags & MS_NOSUID ? MOUNT_ATTR_NOSUID : 0U) |
                            (m->flags & MS_NODEV ? MOUNT_ATTR_NODEV : 0U) |
                            (m->flags & MS_NOEXEC ? MOUNT_ATTR_NOEXEC : 0U),
        };

        return (int) syscall(SYS_mount_setattr, m->source_fd, "",
                             AT_EMPTY_PATH | (m->is_recursive ? AT_RECURSIVE : 0), &attr,
                             sizeof(attr));
}

static int rootfs_bind(const struct rootfs_mount *m) {
        const unsigned long simple = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
        bool is_done = (m->flags & simple) == 0;
        char place[64];

        if (m->is_tree) {
                if (!is_done)
                        is_done = rootfs_set_tree_flags(m) == 0;
                if (syscall(SYS_move_mount, m->source_fd, "", AT_FDCWD, m->target,
                            MOVE_MOUNT_F_EMPTY_PATH) < 0)
                        return -errno;
        } else {
                (void) snprintf(place, sizeof(place), "/proc/self/fd/%d", m->source_fd);
                if (mount(place, m->target, NULL, MS_BIND | (m->is_recursive ? MS_REC : 0), NULL) <
                    0)
                        return -errno;
        }
        return is_done ? 0 : rootfs_remount(m->target, m->flags & simple);
}

/* Version 1: a directory a controller, with the container's own group as its root. What a program
 * asks there is its memory limit and its CPU quota. */
static int rootfs_cgroup_v1(const struct rootfs_mount *m) {
        static const char *const wanted[][3] = { { "memory", "memory", "memory" },
                                                 { "cpu", "cpu", "cpu,cpuacct" } };
        char path[PATH_MAX];

        if (mount("tmpfs", m->target, "tmpfs", m->flags & ~(unsigned long) MS_RDONLY,
                  "mode=755,size=64k") < 0)
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
                if (snprintf(path, sizeof(path), "%s/%s", m->target, wanted[i][0]) >=
                            (int) sizeof(path) ||
                    mkdir(path, 0755) < 0)
                        continue;
                /* Controllers that are mounted together can only be asked for together. */
                if (mount("cgroup", path, "cgroup", m->flags, wanted[i][1]) < 0 &&
                    mount("cgroup", path, "cgroup", m->flags, wanted[i][2]) < 0)
                        (void) rmdir(path);
        }
        return m->flags & MS_RDONLY ? rootfs_remount(m->target, m->flags) : 0;
}

static int rootfs_mount_one(struct rootfs_mount *m, struct err *e) {
        int r;

        r = rootfs_make_target(m->target, m->is_file);
        if (r < 0)
                return err_errno(e, r, "cannot make the mount point %s", m->target);
        if (m->is_bind)
                r = rootfs_bind(m);
        else if (str_eq(m->type, "cgroup"))
                r = rootfs_cgroup_v1(m);
        else
                r = mount(m->source ? m->source : m->type, m->target, m->type, m->flags, m->data) <
                                    0
                            ? -errno
                            : 0;
        if (r < 0 && str_eq(m->type, "mqueue"))
                return 0; /* a kernel without POSIX queues: whoever needs them will say so */
        if (r < 0)
                return err_errno(e, r, "cannot mount %s on %s", str_or_empty(m->source), m->target);
        if (m->propagation && mount(NULL, m->target, NULL, m->propagation, NULL) < 0)
                return err_errno(e, -errno, "cannot set the propagation of %s", m->target);
        if (m->source_fd >= 0)
                (void) close(STEAL_FD(m->source_fd));
        return 0;
}

/* ---- /dev ---- */

struct rootfs_node {
        const char *path;
        unsigned major, minor;
};

static const struct rootfs_node rootfs_nodes[] = {
        { "/dev/null", 1, 3 },   { "/dev/zero", 1, 5 },    { "/dev/full", 1, 7 },
        { "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

static int rootfs_node(const char *path, mode_t mode, dev_t device, struct err *e) {
        if (mknod(path, mode, device) < 0 && errno != EEXIST)
                return err_errno(e, -errno, "cannot make device %s", path);
        /* The umask has had its say. */
        if (chmod(path, mode & 07777) < 0)
                return err_errno(e, -errno, "cannot set the mode of %s", path);
        return 0;
}

static int rootfs_extra_nodes(const json_t *config, struct err *e) {
        const json_t *devices = bundle_get(config, "linux", "devices", NULL);
        size_t i;
        json_t *d;

        json_array_foreach(devices, i, d) {
                const char *path = json_string_value(json_object_get(d, "path"));
                const char *type = json_string_value(json_object_get(d, "type"));
                const json_t *mode = json_object_get(d, "fileMode");
                unsigned major = (unsigned) json_integer_value(json_object_get(d, "major"));
                unsigned minor = (unsigned) json_integer_value(json_object_get(d, "minor"));
                mode_t kind = str_eq(type, "b") ? S_IFBLK : str_eq(type, "p") ? S_IFIFO : S_IFCHR;
                int r;

                if (!path || path[0] != '/')
                        return err_set(e, -EINVAL, "linux.devices[%zu] has no absolute path", i);
                (void) rootfs_make_target(path, true);
                (void) unlink(path);
                r = rootfs_node(path,
                                kind | (mode ? (mode_t) json_integer_value(mode) & 0777 : 0666),
                                makedev(major, minor), e);
                if (r < 0)
                        return r;
                if (chown(path, (uid_t) json_integer_value(json_object_get(d, "uid")),
                          (gid_t) json_integer_value(json_object_get(d, "gid"))) < 0)
                        return err_errno(e, -errno, "cannot set the owner of %s", path);
        }
        return 0;
}

static int rootfs_dev(const json_t *config, struct err *e) {
        static const char *const links[][2] = {
                { "/proc/self/fd", "/dev/fd" },       { "/proc/self/fd/0", "/dev/stdin" },
                { "/proc/self/fd/1", "/dev/stdout" }, { "/proc/self/fd/2", "/dev/stderr" },
                { "pts/ptmx", "/dev/ptmx" },
        };
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(rootfs_nodes); i++) {
                const struct rootfs_node *n = &rootfs_nodes[i];

                r = rootfs_node(n->path, S_IFCHR | 0666, makedev(n->major, n->minor), e);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < ARRAY_SIZE(links); i++)
                if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
                        return err_errno(e, -errno, "cannot make link %s", links[i][1]);
        return rootfs_extra_nodes(config, e);
}

/* A terminal of the container's own devpts, also as /dev/console. */
static int rootfs_console(int *ret_tty, struct err *e) {
        AUTO_CLOSE int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
        char slave[64];
        unsigned number;
        int lock = 0;

        if (master < 0 || ioctl(master, TIOCSPTLCK, &lock) < 0 ||
            ioctl(master, TIOCGPTN, &number) < 0)
                return err_errno(e, -errno, "cannot make a terminal");
        (void) snprintf(slave, sizeof(slave), "/dev/pts/%u", number);
        if (rootfs_make_target("/dev/console", true) < 0 ||
            mount(slave, "/dev/console", NULL, MS_BIND, NULL) < 0)
                return err_errno(e, -errno, "cannot make /dev/console");
        *ret_tty = STEAL_FD(master);
        return 0;
}

/* ---- what isn't to be seen or changed ---- */

static int rootfs_mask(const json_t *paths, struct err *e) {
        const char *empty = NULL;
        size_t i;
        json_t *p;

        json_array_foreach(paths, i, p) {
                const char *path = str_or_empty(json_string_value(p));
                struct stat st;
                int r;

                if (stat(path, &st) < 0)
                        continue;
                if (!S_ISDIR(st.st_mode))
                        r = mount("/dev/null", path, NULL, MS_BIND, NULL);
                else if (empty) /* one empty file system serves them all */
                        r = mount(empty, path, NULL, MS_BIND, NULL);
                else
                        r = mount("tmpfs", path, "tmpfs", MS_RDONLY, "size=0");
                if (r < 0)
                        return err_errno(e, -errno, "cannot mask %s", path);
                if (S_ISDIR(st.st_mode))
                        empty = path;
        }
        return 0;
}

static int rootfs_protect(const json_t *paths, struct err *e) {
        size_t i;
        json_t *p;

        json_array_foreach(paths, i, p) {
                const char *path = str_or_empty(json_string_value(p));
                int r;

                if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0) {
                        if (errno == ENOENT)
                                continue;
                        return err_errno(e, -errno, "cannot protect %s", path);
                }
                r = rootfs_remount(path, MS_RDONLY);
                if (r < 0)
                        return err_errno(e, r, "cannot protect %s", path);
        }
        return 0;
}

static bool rootfs_has_target(const struct rootfs_mount *mounts, size_t n, const char *target) {
        for (size_t i = 0; i < n; i++)
                if (str_eq(mounts[i].target, target))
                        return true;
        return false;
}

/* Everything that happens inside the container's root. */
static int rootfs_furnish(const json_t *config, struct rootfs_mount *mounts, size_t n, bool has_tty,
                          int *ret_tty, struct err *e) {
        int r;

        for (size_t i = 0; i < n; i++) {
                r = rootfs_mount_one(&mounts[i], e);
                if (r < 0)
                        return r;
                /* Later mounts may lie below /dev. */
                if (str_eq(mounts[i].target, "/dev") && !mounts[i].is_bind) {
                        r = rootfs_dev(config, e);
                        if (r < 0)
                                return r;
                }
        }
        if (has_tty && rootfs_has_target(mounts, n, "/dev/pts")) {
                r = rootfs_console(ret_tty, e);
                if (r < 0)
                        return r;
        }
        r = rootfs_mask(bundle_get(config, "linux", "maskedPaths", NULL), e);
        if (r < 0)
                return r;
        r = rootfs_protect(bundle_get(config, "linux", "readonlyPaths", NULL), e);
        if (r < 0)
                return r;
        if (json_is_true(bundle_get(config, "root", "readonly", NULL))) {
                r = rootfs_remount("/", MS_RDONLY);
                if (r < 0)
                        return err_errno(e, r, "cannot make the root read-only");
        }
        return 0;
}

int rootfs_enter(const json_t *config, const char *bundle, bool has_tty, int *ret_tty,
                 struct err *e) {
        AUTO_FREE struct rootfs_mount *mounts = NULL;
        AUTO_CLOSE int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        AUTO_CLOSE int root_fd = -1;
        char root[PATH_MAX];
        size_t n = 0;
        int r;

        *ret_tty = -1;
        r = rootfs_mount_root(config, bundle, root, e);
        if (r < 0)
                return r;
        r = rootfs_parse_mounts(config, &mounts, &n, e);
        if (r < 0)
                return r;

        /* Not pivot_root() yet: with the machine's tree stacked on "/", the kernel resolves "/.."
         * to it, and an image's links would lead mounts out. Behind chroot() ".." stays. */
        root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (host < 0 || root_fd < 0 || fchdir(root_fd) < 0 || chroot(".") < 0)
                return err_errno(e, -errno, "cannot enter %s", root);
        r = rootfs_furnish(config, mounts, n, has_tty, ret_tty, e);
        if (r < 0)
                return r;
        if (fchdir(host) < 0 || chroot(".") < 0 || fchdir(root_fd) < 0 ||
            syscall(SYS_pivot_root, ".", ".") < 0)
                return err_errno(e, -errno, "cannot make %s the root", root);
        /* The machine's tree lies on top of ".": without this it would stay in reach. */
        if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return err_errno(e, -errno, "cannot leave the machine's file tree");
        return 0;
}
