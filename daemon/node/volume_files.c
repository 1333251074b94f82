#include "daemon/node/volume_files.h"

#include "base/fd.h"
#include "base/macros.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool volume_file_path_is_valid(const char *path) {
        if (path[0] == '\0' || path[0] == '/' || str_starts_with(path, "..") ||
            strlen(path) >= PATH_MAX / 2)
                return false;
        for (const char *p = path; *p;) {
                size_t len = strcspn(p, "/");

                if (len == 2 && p[0] == '.' && p[1] == '.')
                        return false;
                p += len + (p[len] == '/' ? 1 : 0);
        }
        return true;
}

static uint64_t fnv(uint64_t h, const void *data, size_t len) {
        const unsigned char *p = data;

        while (len-- > 0)
                h = (h ^ *p++) * 0x100000001b3ULL;
        return h;
}

/* Tells versions of the content apart; must be the same in the next process. */
static uint64_t files_hash(const struct volume_file *files, size_t n, gid_t gid) {
        uint64_t h = fnv(0xcbf29ce484222325ULL, &gid, sizeof(gid));

        for (size_t i = 0; i < n; i++) {
                h = fnv(h, files[i].path, strlen(files[i].path) + 1);
                h = fnv(h, &files[i].mode, sizeof(files[i].mode));
                h = fnv(h, &files[i].uid, sizeof(files[i].uid));
                h = fnv(h, &files[i].len, sizeof(files[i].len));
                h = fnv(h, files[i].data, files[i].len);
        }
        return h;
}

static int write_one(const char *dir, const struct volume_file *f, gid_t gid, struct err *e) {
        AUTO_FREE char *path = str_format("%s/%s", dir, f->path);
        AUTO_CLOSE int fd = -1;
        char *slash = path ? strrchr(path, '/') : NULL;
        int r;

        if (!path)
                return -ENOMEM;
        *slash = '\0';
        r = dir_make_all(path, 0755, e);
        *slash = '/';
        if (r < 0)
                return r;
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return err_errno(e, -errno, "cannot create %s", path);
        r = fd_write_all(fd, f->data, f->len);
        if (r < 0)
                return err_errno(e, r, "cannot write %s", path);
        if ((gid != (gid_t) -1 || f->uid != 0) && fchown(fd, f->uid ? f->uid : (uid_t) -1, gid) < 0)
                return err_errno(e, -errno, "cannot give %s to user %u and group %d", path,
                                 (unsigned) f->uid, (int) gid);
        if (fchmod(fd, gid != (gid_t) -1 ? f->mode | 0040 : f->mode) < 0)
                return err_errno(e, -errno, "cannot set the mode of %s", path);
        return 0;
}

static int link_replace(const char *dir, const char *name, const char *target, struct err *e) {
        AUTO_FREE char *path = str_format("%s/%s", dir, name);
        AUTO_FREE char *tmp = str_format("%s/..tmp-link", dir);
        char now[PATH_MAX];
        ssize_t n;

        if (!path || !tmp)
                return -ENOMEM;
        n = readlink(path, now, sizeof(now) - 1);
        if (n >= 0) {
                now[n] = '\0';
                if (str_eq(now, target))
                        return 0;
        }
        (void) unlink(tmp);
        if (symlink(target, tmp) < 0 || rename(tmp, path) < 0)
                return err_errno(e, -errno, "cannot set the link %s", path);
        return 0;
}

/* DIR/key -> ..data/key, for the first part of each path. */
static int link_keys(const char *dir, const struct volume_file *files, size_t n, struct err *e) {
        for (size_t i = 0; i < n; i++) {
                AUTO_FREE char *name = strndup(files[i].path, strcspn(files[i].path, "/"));
                AUTO_FREE char *target = name ? str_format("..data/%s", name) : NULL;
                int r = target ? link_replace(dir, name, target, e) : -ENOMEM;

                if (r < 0)
                        return r;
        }
        return 0;
}

static bool has_key(const struct volume_file *files, size_t n, const char *name) {
        size_t len = strlen(name);

        for (size_t i = 0; i < n; i++)
                if (strncmp(files[i].path, name, len) == 0 &&
                    (files[i].path[len] == '\0' || files[i].path[len] == '/'))
                        return true;
        return false;
}

/* Links of keys that are gone, and directories of older content. */
static void sweep(const char *dir, const char *current, const struct volume_file *files, size_t n) {
        DIR *d = opendir(dir);
        struct dirent *x;

        while (d && (x = readdir(d))) {
                AUTO_FREE char *path = NULL;

                if (str_eq(x->d_name, ".") || str_eq(x->d_name, "..") ||
                    str_eq(x->d_name, "..data") || str_eq(x->d_name, current))
                        continue;
                path = str_format("%s/%s", dir, x->d_name);
                if (path && str_starts_with(x->d_name, ".."))
                        (void) dir_remove_all(AT_FDCWD, path, NULL);
                else if (path && !has_key(files, n, x->d_name))
                        (void) unlink(path);
        }
        if (d)
                (void) closedir(d);
}

int volume_files_write(const char *dir, const struct volume_file *files, size_t n, gid_t gid,
                       struct err *e) {
        AUTO_FREE char *fresh = NULL, *data = str_format("%s/..data", dir);
        char name[32], now[64];
        ssize_t len;
        int r;

        for (size_t i = 0; i < n; i++)
                if (!volume_file_path_is_valid(files[i].path))
                        return err_set(
                                e, -EINVAL,
                                "invalid path %s in a volume: use a relative path without ..",
                                files[i].path);
        (void) snprintf(name, sizeof(name), "..%016" PRIx64, files_hash(files, n, gid));
        fresh = str_format("%s/%s", dir, name);
        if (!data || !fresh)
                return -ENOMEM;
        len = readlink(data, now, sizeof(now) - 1);
        if (len > 0) {
                now[len] = '\0';
                if (str_eq(now, name))
                        return 0;
        }
        (void) dir_remove_all(AT_FDCWD, fresh, NULL); /* what a crash left half done */
        r = dir_make_all(fresh, 0755, e);
        for (size_t i = 0; i < n && r == 0; i++)
                r = write_one(fresh, &files[i], gid, e);
        if (r == 0)
                r = link_replace(dir, "..data", name, e);
        if (r == 0)
                r = link_keys(dir, files, n, e);
        if (r < 0)
                return r;
        sweep(dir, name, files, n);
        return 1;
}
