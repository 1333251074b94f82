#include "daemon/pod/subpath.h"

#include "base/fd.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int subpath_step(int root, const char *path) {
        const struct open_how how = { .flags = O_PATH | O_CLOEXEC,
                                      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
        int fd = (int) syscall(SYS_openat2, root, path, &how, sizeof(how));

        return fd < 0 ? -errno : fd;
}

static int subpath_failed(int r, const char *sub_path, struct err *e) {
        if (r == -EXDEV || r == -ELOOP)
                return err_set(e, r, "subPath %s leads out of its volume: remove the link in it",
                               sub_path);
        if (r == -ENOSYS)
                return err_set(e, r, "subPath needs Linux 5.6 or later: mount the whole volume");
        return err_errno(e, r, "cannot open subPath %s", sub_path);
}

/* Makes the last folder of path, whose parents are there. */
static int subpath_make(int root, char *path, mode_t mode) {
        char *slash = strrchr(path, '/');
        AUTO_CLOSE int parent = -1;
        mode_t mask;
        int r;

        if (slash)
                *slash = '\0';
        parent = subpath_step(root, slash ? path : ".");
        if (slash)
                *slash = '/';
        if (parent < 0)
                return parent;
        mask = umask(0);
        r = mkdirat(parent, slash ? slash + 1 : path, mode) < 0 && errno != EEXIST ? -errno : 0;
        (void) umask(mask);
        return r;
}

static int subpath_make_all(int root, const char *sub_path, mode_t mode) {
        char path[PATH_MAX];

        for (const char *p = sub_path; *p; p += strspn(p, "/")) {
                AUTO_CLOSE int fd = -1;
                int r;

                p += strcspn(p, "/");
                if (snprintf(path, sizeof(path), "%.*s", (int) (p - sub_path), sub_path) >=
                    (int) sizeof(path))
                        return -ENAMETOOLONG;
                fd = subpath_step(root, path);
                if (fd >= 0)
                        continue;
                r = fd == -ENOENT ? subpath_make(root, path, mode) : fd;
                if (r < 0)
                        return r;
        }
        return 0;
}

int subpath_open(const char *root, const char *sub_path, struct err *e) {
        AUTO_CLOSE int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct stat st;
        int r;

        if (dir < 0 || fstat(dir, &st) < 0)
                return err_errno(e, -errno, "cannot open volume %s", root);
        r = subpath_step(dir, sub_path);
        if (r == -ENOENT) {
                r = subpath_make_all(dir, sub_path, st.st_mode & 07777);
                if (r == 0)
                        r = subpath_step(dir, sub_path);
        }
        return r < 0 ? subpath_failed(r, sub_path, e) : r;
}
