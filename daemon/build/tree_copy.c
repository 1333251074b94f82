#include "api/dockerfile/pattern.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/build/tree.h"
#include "daemon/build/view.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define TREE_COPY_BYTES (1 << 30)
#define TREE_XATTRS_MAX 65536

/* ---- attributes ---- */

static int set_owner(const struct tree_copy *copy, int fd, const struct stat *st) {
        uid_t uid = copy->has_owner ? copy->uid : copy->keeps_owner ? st->st_uid : 0;
        gid_t gid = copy->has_owner ? copy->gid : copy->keeps_owner ? st->st_gid : 0;

        return fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
}

/* Capabilities and what users noted; the overlay's own aren't the file's. */
static void copy_xattrs(int from, int to) {
        AUTO_FREE char *names = malloc(TREE_XATTRS_MAX), *value = malloc(TREE_XATTRS_MAX);
        ssize_t n = names && value ? flistxattr(from, names, TREE_XATTRS_MAX) : 0;

        for (char *name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
                ssize_t len;

                if (!str_starts_with(name, "user.") && strcmp(name, "security.capability") != 0)
                        continue;
                len = fgetxattr(from, name, value, TREE_XATTRS_MAX);
                if (len >= 0)
                        (void) fsetxattr(to, name, value, (size_t) len, 0);
        }
}

/* Owner first: changing it takes set-user-ID bits and capabilities away. */
static int set_attributes(const struct tree_copy *copy, int from, int to, const struct stat *st) {
        const struct timespec times[2] = { st->st_mtim, st->st_mtim };
        mode_t mode = st->st_mode & 07777;

        if (copy->has_mode)
                mode = copy->mode;
        if (set_owner(copy, to, st) < 0 || fchmod(to, mode) < 0)
                return -errno;
        copy_xattrs(from, to);
        return futimens(to, times) < 0 ? -errno : 0;
}

/* ---- one file ---- */

static int copy_bytes(int from, int to) {
        ssize_t n;

        while ((n = copy_file_range(from, NULL, to, NULL, TREE_COPY_BYTES, 0)) > 0)
                ;
        if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP)) {
                char chunk[65536];

                while ((n = read(from, chunk, sizeof(chunk))) > 0) {
                        int r = fd_write_all(to, chunk, (size_t) n);

                        if (r < 0)
                                return r;
                }
        }
        return n < 0 ? -errno : 0;
}

static int make_room(int dirfd, const char *name, const char *path, struct err *e) {
        struct stat st;

        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        if (S_ISDIR(st.st_mode))
                return err_set(e, -EISDIR, "%s is a folder there already: a file can't replace it",
                               path);
        return unlinkat(dirfd, name, 0) < 0 ? err_errno(e, -errno, "cannot replace %s", path) : 0;
}

static int copy_file(const struct tree_copy *copy, int from_path_fd, const struct stat *st,
                     int dirfd, const char *name) {
        AUTO_CLOSE int from = -1, to = -1;
        char self[64];
        int r;

        (void) snprintf(self, sizeof(self), "/proc/self/fd/%d", from_path_fd);
        from = open(self, O_RDONLY | O_CLOEXEC);
        if (from < 0)
                return -errno;
        to = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (to < 0)
                return -errno;
        r = copy_bytes(from, to);
        return r < 0 ? r : set_attributes(copy, from, to, st);
}

static int copy_link(const struct tree_copy *copy, int from, const struct stat *st, int dirfd,
                     const char *name) {
        const struct timespec times[2] = { st->st_mtim, st->st_mtim };
        AUTO_CLOSE int fd = -1;
        char text[PATH_MAX];
        ssize_t n = readlinkat(from, "", text, sizeof(text) - 1);

        if (n < 0)
                return -errno;
        text[n] = '\0';
        if (symlinkat(text, dirfd, name) < 0)
                return -errno;
        fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || set_owner(copy, fd, st) < 0 ||
            utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return 0;
}

/* ---- folders ---- */

struct copying {
        const struct tree_copy *copy;
        struct err *e;
};

static int copy_entry(struct copying *c, int from, int dirfd, const char *name, const char *path,
                      unsigned depth);

static bool is_excluded(const struct tree_copy *copy, const char *path) {
        for (size_t i = 0; i < copy->step->excludes.n; i++)
                if (pattern_match_deep(copy->step->excludes.items[i], path))
                        return true;
        return false;
}

/* What a folder holds goes into another one. path: below the source. */
static int copy_content(struct copying *c, int from, int to, const char *path, unsigned depth) {
        AUTO_DONE(tree_names) struct tree_names names = { 0 };
        int r = depth > TREE_DEPTH_MAX
                        ? err_set(c->e, -ELOOP, "folders lie more than %d deep", TREE_DEPTH_MAX)
                        : tree_names_read(from, &names, c->e);

        for (size_t i = 0; r == 0 && i < names.n; i++) {
                AUTO_FREE char *below =
                        str_format("%s%s%s", path, *path ? "/" : "", names.items[i]);
                AUTO_CLOSE int child = -1;

                if (!below)
                        return err_set(c->e, -ENOMEM, "out of memory");
                if (is_excluded(c->copy, below))
                        continue;
                child = openat(from, names.items[i], O_PATH | O_NOFOLLOW | O_CLOEXEC);
                r = child < 0 ? err_errno(c->e, -errno, "cannot open %s", below)
                              : copy_entry(c, child, to, names.items[i], below, depth + 1);
        }
        return r;
}

/* from: O_PATH. A folder that is there keeps its attributes. */
static int copy_folder(struct copying *c, int from_path_fd, const struct stat *st, int dirfd,
                       const char *name, const char *path, unsigned depth) {
        AUTO_CLOSE int from = -1, to = -1;
        bool is_new = mkdirat(dirfd, name, 0700) == 0;
        char self[64];
        int r;

        if (!is_new && errno != EEXIST)
                return err_errno(c->e, -errno, "cannot create %s", path);
        to = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        (void) snprintf(self, sizeof(self), "/proc/self/fd/%d", from_path_fd);
        from = open(self, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (from < 0 || to < 0)
                return err_errno(c->e, -errno, "cannot open the folder %s", path);
        r = copy_content(c, from, to, path, depth);
        if (r == 0 && is_new)
                r = set_attributes(c->copy, from, to, st);
        return r < 0 && r > -4096 && c->e->code == 0 ? err_errno(c->e, r, "cannot finish %s", path)
                                                     : r;
}

static int copy_entry(struct copying *c, int from, int dirfd, const char *name, const char *path,
                      unsigned depth) {
        struct stat st;
        int r;

        if (fstat(from, &st) < 0)
                return err_errno(c->e, -errno, "cannot look at %s", path);
        if (S_ISDIR(st.st_mode))
                return copy_folder(c, from, &st, dirfd, name, path, depth);
        if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
                return 0; /* sockets and devices: the runtime makes what a container needs */
        r = make_room(dirfd, name, path, c->e);
        if (r < 0)
                return r;
        r = S_ISLNK(st.st_mode) ? copy_link(c->copy, from, &st, dirfd, name)
                                : copy_file(c->copy, from, &st, dirfd, name);
        return r < 0 ? err_errno(c->e, r, "cannot copy %s", path) : 0;
}

/* ---- targets ---- */

/* Makes a folder and those above it that are missing, links within the root followed. Returns a
 * descriptor or a negative errno. */
static int target_folder(const struct tree_copy *copy, int rootfd, const char *path,
                         struct err *e) {
        AUTO_FREE char *copy_path = strdup(path);
        AUTO_DONE(strbuf) struct strbuf so_far = { 0 };
        const struct stat st = { 0 };
        char *save = NULL;
        int fd = build_open_inside(rootfd, "/", O_RDONLY | O_DIRECTORY);

        if (!copy_path) {
                macros_close_fd(&fd);
                return err_set(e, -ENOMEM, "out of memory");
        }
        for (char *part = strtok_r(copy_path, "/", &save); fd >= 0 && part;
             part = strtok_r(NULL, "/", &save)) {
                AUTO_CLOSE int above = fd;
                bool is_new = false;

                strbuf_addf(&so_far, "/%s", part);
                fd = so_far.has_failed
                             ? -ENOMEM
                             : build_open_inside(rootfd, so_far.s, O_RDONLY | O_DIRECTORY);
                if (fd == -ENOENT) {
                        is_new = mkdirat(above, part, 0755) == 0;
                        fd = build_open_inside(rootfd, so_far.s, O_RDONLY | O_DIRECTORY);
                }
                if (fd >= 0 && is_new && (fchmod(fd, 0755) < 0 || set_owner(copy, fd, &st) < 0)) {
                        (void) close(fd);
                        fd = -errno;
                }
        }
        return fd < 0 ? err_errno(e, fd, "cannot create the folder %s", path) : fd;
}

/* Splits the target of a single file into its folder and its name. *ret_name: the caller's. */
static int target_of_file(const struct tree_copy *copy, int rootfd, const char *own_name,
                          char **ret_name, struct err *e) {
        const char *target = copy->step->target, *slash = strrchr(target, '/');
        AUTO_CLOSE int there = build_open_inside(rootfd, target, O_RDONLY | O_DIRECTORY);
        AUTO_FREE char *folder = NULL;

        if (copy->step->is_into_folder || copy->has_many || there >= 0) {
                *ret_name = strdup(own_name);
                return *ret_name ? target_folder(copy, rootfd, target, e)
                                 : err_set(e, -ENOMEM, "out of memory");
        }
        *ret_name = strdup(slash ? slash + 1 : target);
        folder = strndup(target, slash ? (size_t) (slash - target) : 0);
        if (!*ret_name || !folder)
                return err_set(e, -ENOMEM, "out of memory");
        return target_folder(copy, rootfd, folder, e);
}

/* ---- ADD: local archives come apart ---- */

static bool is_archive(int path_fd) {
        static const struct {
                size_t at, len;
                const char *magic;
        } magics[] = { { 0, 2, "\x1f\x8b" },
                       { 0, 3, "BZh" },
                       { 0, 6,
                         "\xfd"
                         "7zXZ\0" },
                       { 0, 4, "\x28\xb5\x2f\xfd" },
                       { 257, 5, "ustar" } };
        AUTO_CLOSE int fd = -1;
        char self[64], head[300] = { 0 };
        ssize_t n;

        (void) snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
        fd = open(self, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, head, sizeof(head));
        for (size_t i = 0; n > 0 && i < ARRAY_SIZE(magics); i++)
                if ((size_t) n >= magics[i].at + magics[i].len &&
                    memcmp(head + magics[i].at, magics[i].magic, magics[i].len) == 0)
                        return true;
        return false;
}

/* ---- all of a step ---- */

/* "a/b/c" with --parents lands in TARGET/a/b. */
static int source_parents(struct copying *c, int rootfd, const char *source) {
        const char *slash = strrchr(source, '/');
        AUTO_FREE char *path = str_format("%s/%.*s", c->copy->step->target,
                                          slash ? (int) (slash - source) : 0, source);

        return path ? target_folder(c->copy, rootfd, path, c->e)
                    : err_set(c->e, -ENOMEM, "out of memory");
}

static int copy_source(struct copying *c, int rootfd, const char *source) {
        const struct build_step *step = c->copy->step;
        const char *slash = strrchr(source, '/');
        AUTO_CLOSE int from = build_open_inside(c->copy->source_fd, source, O_PATH);
        AUTO_CLOSE int to = -1;
        AUTO_FREE char *name = NULL;
        struct stat st;

        if (from < 0 || fstat(from, &st) < 0)
                return err_errno(c->e, from < 0 ? from : -errno, "cannot open %s", source);
        if (step->has_parents && *source) {
                to = source_parents(c, rootfd, source);
                return to < 0 ? to : copy_entry(c, from, to, slash ? slash + 1 : source, source, 0);
        }
        if (S_ISDIR(st.st_mode)) {
                AUTO_CLOSE int there =
                        build_open_inside(rootfd, step->target, O_RDONLY | O_DIRECTORY);
                AUTO_CLOSE int folder =
                        build_open_inside(c->copy->source_fd, source, O_RDONLY | O_DIRECTORY);
                int r;

                to = target_folder(c->copy, rootfd, step->target, c->e);
                if (to < 0 || folder < 0)
                        return to < 0 ? to : err_errno(c->e, folder, "cannot open %s", source);
                r = copy_content(c, folder, to, "", 0);
                /* A folder that COPY makes looks like the one that it is a copy of. */
                if (r == 0 && there < 0)
                        r = set_attributes(c->copy, folder, to, &st);
                return r;
        }
        to = target_of_file(c->copy, rootfd, slash ? slash + 1 : source, &name, c->e);
        return to < 0 ? to : copy_entry(c, from, to, name, source, 0);
}

static int copy_text(struct copying *c, int rootfd, const struct build_file *file) {
        const struct stat st = { .st_mode = S_IFREG | 0644 };
        AUTO_CLOSE int dirfd = -1, to = -1;
        AUTO_FREE char *name = NULL;
        int r;

        dirfd = target_of_file(c->copy, rootfd, file->name, &name, c->e);
        if (dirfd < 0)
                return dirfd;
        r = make_room(dirfd, name, name, c->e);
        if (r < 0)
                return r;
        to = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (to < 0)
                return err_errno(c->e, -errno, "cannot create %s", name);
        r = fd_write_all(to, file->text, strlen(file->text));
        if (r == 0 && (set_owner(c->copy, to, &st) < 0 ||
                       fchmod(to, c->copy->has_mode ? c->copy->mode : 0644) < 0))
                r = -errno;
        return r < 0 ? err_errno(c->e, r, "cannot write %s", name) : 0;
}

int tree_source_is_archive(const struct tree_copy *copy, const char *source) {
        AUTO_CLOSE int fd = build_open_inside(copy->source_fd, source, O_PATH);
        struct stat st;

        return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && is_archive(fd);
}

int tree_target_folder(const struct tree_copy *copy, int target_fd, struct err *e) {
        return target_folder(copy, target_fd, copy->step->target, e);
}

int tree_copy_run(const struct tree_copy *copy, int target_fd, struct err *e) {
        struct copying c = { .copy = copy, .e = e };
        int r = 0;

        for (size_t i = 0; r == 0 && i < copy->sources.n; i++) {
                if (copy->step->is_unpacking &&
                    tree_source_is_archive(copy, copy->sources.items[i]))
                        continue;
                r = copy_source(&c, target_fd, copy->sources.items[i]);
                if (r < 0 && e->code == 0)
                        r = err_errno(e, r, "cannot copy %s", copy->sources.items[i]);
        }
        for (size_t i = 0; r == 0 && i < copy->step->n_files; i++)
                r = copy_text(&c, target_fd, &copy->step->files[i]);
        return r;
}
