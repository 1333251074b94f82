#include "base/fd.h"

#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define FD_READ_CHUNK 16384

int fd_read_all(int fd, size_t max_bytes, char **ret_text, size_t *ret_len, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        size_t len;

        for (;;) {
                ssize_t n;

                if (!strbuf_reserve(&b, FD_READ_CHUNK))
                        return err_set(e, -ENOMEM, "out of memory");
                n = read(fd, b.s + b.len, FD_READ_CHUNK);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_errno(e, -errno, "cannot read");
                if (n == 0)
                        break;
                b.len += (size_t) n;
                if (b.len > max_bytes)
                        return err_set(e, -EFBIG, "larger than %zu bytes", max_bytes);
        }
        b.s[b.len] = '\0';
        len = b.len;
        *ret_text = strbuf_steal(&b);
        if (ret_len)
                *ret_len = len;
        return 0;
}

int fd_write_all(int fd, const void *data, size_t len) {
        const char *p = data;

        while (len > 0) {
                ssize_t n = write(fd, p, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                len -= (size_t) n;
        }
        return 0;
}

int fd_set_nonblock(int fd, bool on) {
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0)
                return -errno;
        flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
        return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int file_read(const char *path, size_t max_bytes, char **ret_text, size_t *ret_len, struct err *e) {
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        int r;

        if (fd < 0)
                return err_errno(e, -errno, "cannot open %s", path);
        r = fd_read_all(fd, max_bytes, ret_text, ret_len, e);
        return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

static int dir_sync_parent(const char *path) {
        AUTO_CLOSE int fd = -1;
        char parent[PATH_MAX];
        const char *slash = strrchr(path, '/');
        int n;

        n = snprintf(parent, sizeof(parent), "%.*s", slash ? (int) (slash - path) : 1,
                     slash ? path : ".");
        if (n < 0 || (size_t) n >= sizeof(parent))
                return -ENAMETOOLONG;
        fd = open(n == 0 ? "/" : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) < 0)
                return -errno;
        return 0;
}

int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, bool is_durable,
                      struct err *e) {
        AUTO_FREE char *tmp = str_format("%s.tmp-%d", path, (int) getpid());
        AUTO_CLOSE int fd = -1;
        int r;

        if (!tmp)
                return err_set(e, -ENOMEM, "out of memory");
        fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return err_errno(e, -errno, "cannot create %s", tmp);
        r = fd_write_all(fd, data, len);
        if (r == 0 && is_durable && fsync(fd) < 0)
                r = -errno;
        if (r == 0 && rename(tmp, path) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlink(tmp);
                return err_errno(e, r, "cannot write %s", path);
        }
        if (is_durable) {
                r = dir_sync_parent(path);
                if (r < 0)
                        return err_errno(e, r, "cannot sync the directory of %s", path);
        }
        return 0;
}

int file_write_text(const char *path, const char *text, struct err *e) {
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return err_errno(e, -errno, "cannot open %s", path);
        n = write(fd, text, strlen(text));
        if (n < 0)
                return err_errno(e, -errno, "cannot write \"%s\" to %s", text, path);
        return 0;
}

int dir_make_all(const char *path, mode_t mode, struct err *e) {
        char part[PATH_MAX];
        size_t len = strlen(path);

        if (len >= sizeof(part))
                return err_set(e, -ENAMETOOLONG, "path is longer than %d bytes", PATH_MAX - 1);
        for (size_t i = 1; i <= len; i++) {
                if (i < len && path[i] != '/')
                        continue;
                memcpy(part, path, i);
                part[i] = '\0';
                if (mkdir(part, mode) < 0 && errno != EEXIST)
                        return err_errno(e, -errno, "cannot create directory %s", part);
        }
        return 0;
}

int dir_lock(const char *path, const char *user, const char *option, int *ret_fd, struct err *e) {
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return err_errno(e, -errno, "cannot open directory %s", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? err_set(e, -EBUSY,
                                                      "another %s uses %s; stop it or choose "
                                                      "another directory with %s",
                                                      user, path, option)
                                            : err_errno(e, -errno, "cannot lock %s", path);
        *ret_fd = STEAL_FD(fd);
        return 0;
}

/* Deeper folders are moved up first, so that neither the stack nor the descriptors decide how deep
 * a tree may be that goes away. */
#define DIR_REMOVE_DEPTH 64

struct removal {
        int top_fd; /* -1: name is the top */
        dev_t dev;
        unsigned depth;
        unsigned n_moved;
};

static int dir_remove_children(DIR *dir, struct removal *removal, struct err *e);

static int dir_move_up(int dirfd, const char *name, struct removal *removal, struct err *e) {
        char to[48];

        (void) snprintf(to, sizeof(to), ".deep-%d-%u", (int) getpid(), removal->n_moved++);
        if (renameat(dirfd, name, removal->top_fd, to) < 0)
                return err_errno(e, -errno, "cannot move %s", name);
        return 0;
}

static int dir_remove_top(DIR *dir, struct removal *removal, struct err *e) {
        unsigned n_moved;
        int r;

        /* What was moved up may not be seen by the reading that goes on. */
        do {
                n_moved = removal->n_moved;
                rewinddir(dir);
                r = dir_remove_children(dir, removal, e);
        } while (r == 0 && removal->n_moved > n_moved);
        return r;
}

static int dir_remove_at(int at_fd, const char *name, struct removal *removal, struct err *e) {
        bool is_top = removal->top_fd < 0;
        AUTO_CLOSE int fd = -1;
        struct stat st;
        DIR *dir;
        int r;

        if (unlinkat(at_fd, name, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return err_errno(e, -errno, "cannot remove %s", name);
        fd = openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return err_errno(e, -errno, "cannot open directory %s", name);
        if (!is_top && st.st_dev != removal->dev)
                return err_set(e, -EXDEV, "%s is a mount point", name);
        if (removal->depth >= DIR_REMOVE_DEPTH)
                return dir_move_up(at_fd, name, removal, e);
        dir = fdopendir(fd);
        if (!dir)
                return err_errno(e, -errno, "cannot read directory %s", name);
        if (is_top)
                *removal = (struct removal){ .top_fd = fd, .dev = st.st_dev };
        fd = -1;
        removal->depth++;
        r = is_top ? dir_remove_top(dir, removal, e) : dir_remove_children(dir, removal, e);
        removal->depth--;
        (void) closedir(dir);
        if (r < 0)
                return err_wrap(e, r, "%s", name);
        if (unlinkat(at_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return err_errno(e, -errno, "cannot remove directory %s", name);
        return 0;
}

static int dir_remove_children(DIR *dir, struct removal *removal, struct err *e) {
        struct dirent *d;

        while ((d = readdir(dir))) {
                int r;

                if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
                        continue;
                r = dir_remove_at(dirfd(dir), d->d_name, removal, e);
                if (r < 0)
                        return r;
        }
        return 0;
}

int dir_remove_all(int dirfd, const char *path, struct err *e) {
        struct removal removal = { .top_fd = -1 };

        return dir_remove_at(dirfd, path, &removal, e);
}
