#include "base/str.h"
#include "daemon/build/run_step.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* The runtime's own mount points. */
static const char *const run_targets[] = { "/proc",      "/dev",          "/sys",
                                           "/etc/hosts", "/etc/hostname", "/etc/resolv.conf" };

struct cleaning {
        int upper_fd, lower_fd;
};

/* A folder that was only copied up to hold a mount point: nothing of it differs. */
static bool is_unchanged_folder(const struct cleaning *c, const char *path, const struct stat *up,
                                const struct stat *low) {
        AUTO_CLOSE int fd =
                openat(c->upper_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd >= 0 && S_ISDIR(low->st_mode) && up->st_mode == low->st_mode &&
               up->st_uid == low->st_uid && up->st_gid == low->st_gid &&
               fgetxattr(fd, "trusted.overlay.opaque", NULL, 0) < 0;
}

/* Takes a mount point out, and what was made above it; stops at whatever is more than that. */
static void clean_path(const struct cleaning *c, char *path) {
        while (*path) {
                AUTO_CLOSE int low_fd = build_open_inside(c->lower_fd, path, O_PATH | O_NOFOLLOW);
                struct stat up, low;
                char *slash = strrchr(path, '/');

                if (fstatat(c->upper_fd, path, &up, AT_SYMLINK_NOFOLLOW) < 0) {
                        /* The mount's, or never copied up: those above may still be there. */
                        if (errno != ENOENT)
                                return;
                } else if (low_fd >= 0) {
                        if (fstat(low_fd, &low) < 0 || !S_ISDIR(up.st_mode) ||
                            !is_unchanged_folder(c, path, &up, &low) ||
                            unlinkat(c->upper_fd, path, AT_REMOVEDIR) < 0)
                                return;
                } else if (S_ISDIR(up.st_mode)) {
                        if (unlinkat(c->upper_fd, path, AT_REMOVEDIR) < 0)
                                return;
                } else if (!S_ISREG(up.st_mode) || up.st_size > 0 ||
                           unlinkat(c->upper_fd, path, 0) < 0)
                        return;
                *(slash ? slash : path) = '\0';
        }
}

static int clean_one(const struct cleaning *c, const char *target, struct err *e) {
        AUTO_FREE char *path = strdup(target + strspn(target, "/"));

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        clean_path(c, path);
        return 0;
}

int run_clean(const struct run_step *run, const char *upper, struct err *e) {
        struct builder *b = run->stage->b;
        AUTO_DONE(build_view) struct build_view view = { 0 };
        AUTO_FREE char *dir = NULL;
        AUTO_CLOSE int upper_fd = open(upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        AUTO_CLOSE int lower_fd = -1;
        struct cleaning c;
        int r = upper_fd < 0 ? err_errno(e, -errno, "cannot open %s", upper)
                             : builder_folder(b, "lower", &dir, e);

        if (r == 0)
                r = build_view_open(b->config->store_dir, &run->stage->diff_ids, dir, false, &view,
                                    e);
        if (r < 0)
                return r;
        lower_fd = open(view.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (lower_fd < 0)
                return err_errno(e, -errno, "cannot open %s", view.path);
        c = (struct cleaning){ upper_fd, lower_fd };
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(run_targets); i++)
                r = clean_one(&c, run_targets[i], e);
        for (size_t i = 0; r == 0 && i < run->n_mounts; i++)
                r = clean_one(&c, run->mounts[i].target, e);
        return r;
}
