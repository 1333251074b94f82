#include "daemon/build/tree.h"

#include "api/dockerfile/pattern.h"
#include "base/array.h"
#include "base/str.h"
#include "daemon/build/view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TREE_MATCHES_MAX 100000
#define TREE_CHUNK (256 << 10)

void tree_names_done(struct tree_names *names) {
        for (size_t i = 0; i < names->n; i++)
                free(names->items[i]);
        free(names->items);
        *names = (struct tree_names){ 0 };
}

static int names_add(struct tree_names *names, const char *name, struct err *e) {
        if (names->n >= TREE_MATCHES_MAX * 10)
                return err_set(e, -EFBIG, "too many files in one folder");
        if (array_reserve(&names->items, &names->cap, names->n, sizeof(*names->items)) < 0 ||
            !(names->items[names->n] = strdup(name)))
                return err_set(e, -ENOMEM, "out of memory");
        names->n++;
        return 0;
}

static int names_compare(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

int tree_names_read(int dirfd, struct tree_names *ret, struct err *e) {
        AUTO_DONE(tree_names) struct tree_names names = { 0 };
        int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *d;
        int r = 0;

        if (!dir) {
                if (fd >= 0)
                        (void) close(fd);
                return err_errno(e, -errno, "cannot read a folder");
        }
        while (r == 0 && (d = readdir(dir)))
                if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
                        r = names_add(&names, d->d_name, e);
        (void) closedir(dir);
        if (r < 0)
                return r;
        if (names.n > 1)
                qsort(names.items, names.n, sizeof(*names.items), names_compare);
        *ret = names;
        names = (struct tree_names){ 0 };
        return 0;
}

void tree_copy_done(struct tree_copy *copy) {
        tree_names_done(&copy->sources);
}

/* ---- patterns ---- */

static int find_add(struct tree_copy *copy, const char *path, struct err *e) {
        if (copy->sources.n >= TREE_MATCHES_MAX)
                return err_set(e, -EFBIG, "a pattern matches more than %d files", TREE_MATCHES_MAX);
        return names_add(&copy->sources, path, e);
}

/* What of the folder base (a path) the rest of a pattern stands for, part by part. */
static int find_below(struct tree_copy *copy, const char *base, const char *rest, unsigned depth,
                      struct err *e) {
        AUTO_DONE(tree_names) struct tree_names names = { 0 };
        AUTO_FREE char *part = strndup(rest, strcspn(rest, "/"));
        const char *behind = rest + strcspn(rest, "/");
        AUTO_CLOSE int fd = build_open_inside(copy->source_fd, base, O_RDONLY | O_DIRECTORY);
        int r;

        if (!part)
                return err_set(e, -ENOMEM, "out of memory");
        if (fd < 0 || depth > TREE_DEPTH_MAX)
                return 0; /* no folder: nothing of it matches */
        r = tree_names_read(fd, &names, e);
        for (size_t i = 0; r == 0 && i < names.n; i++) {
                AUTO_FREE char *path = NULL;

                if (!pattern_match(part, names.items[i]))
                        continue;
                path = str_format("%s%s%s", base, *base ? "/" : "", names.items[i]);
                if (!path)
                        r = err_set(e, -ENOMEM, "out of memory");
                else if (*behind)
                        r = find_below(copy, path, behind + 1, depth + 1, e);
                else
                        r = find_add(copy, path, e);
        }
        return r;
}

static int find_one(struct tree_copy *copy, const char *pattern, struct err *e) {
        AUTO_CLOSE int fd = -1;

        fd = build_open_inside(copy->source_fd, pattern, O_PATH);
        if (fd >= 0)
                return find_add(copy, pattern, e);
        if (pattern_has_wildcard(pattern))
                return find_below(copy, "", pattern, 0, e);
        if (fd == -ENOENT || fd == -ENOTDIR)
                return err_set(e, -ENOENT, "\"%s\" is not there%s", pattern,
                               copy->keeps_owner ? ""
                                                 : ", or .dockerignore leaves it out of the "
                                                   "context");
        return err_errno(e, fd, "cannot open %s", pattern);
}

int tree_find(struct tree_copy *copy, struct err *e) {
        const struct build_step *step = copy->step;
        int r = 0;

        for (size_t i = 0; r == 0 && i < step->sources.n; i++)
                r = find_one(copy, step->sources.items[i], e);
        if (r == 0 && copy->sources.n + step->n_files == 0)
                r = err_set(e, -ENOENT, "nothing matches \"%s\"", step->sources.items[0]);
        copy->has_many = copy->sources.n + step->n_files > 1;
        return r;
}

/* ---- digests ---- */

static void digest_text(struct digest *d, const char *key, const char *text) {
        AUTO_FREE char *line = str_format("%s %zu:%s\n", key, strlen(text), text);

        (void) digest_add(d, str_or_empty(line), strlen(str_or_empty(line)));
}

static int digest_content(struct digest *d, int fd, struct err *e) {
        AUTO_FREE char *chunk = malloc(TREE_CHUNK);
        ssize_t n;

        if (!chunk)
                return err_set(e, -ENOMEM, "out of memory");
        while ((n = read(fd, chunk, TREE_CHUNK)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_errno(e, -errno, "cannot read a file");
                (void) digest_add(d, chunk, (size_t) n);
        }
        return 0;
}

static int digest_folder(const struct tree_copy *copy, struct digest *d, int fd, const char *path,
                         unsigned depth, struct err *e);

static bool is_excluded(const struct tree_copy *copy, const char *path) {
        for (size_t i = 0; i < copy->step->excludes.n; i++)
                if (pattern_match_deep(copy->step->excludes.items[i], path))
                        return true;
        return false;
}

/* fd: opened with O_PATH | O_NOFOLLOW. path: below the source, "" for itself. */
static int digest_entry(const struct tree_copy *copy, struct digest *d, int fd, const char *path,
                        unsigned depth, struct err *e) {
        AUTO_CLOSE int open_fd = -1;
        AUTO_FREE char *facts = NULL;
        char self[64], link[4096];
        struct stat st;
        ssize_t n;

        if (fstat(fd, &st) < 0)
                return err_errno(e, -errno, "cannot look at %s", path);
        facts = str_format("%o %u %u %lld", st.st_mode, copy->keeps_owner ? st.st_uid : 0,
                           copy->keeps_owner ? st.st_gid : 0,
                           S_ISREG(st.st_mode) ? (long long) st.st_size : 0LL);
        digest_text(d, "path", path);
        digest_text(d, "facts", str_or_empty(facts));
        if (S_ISLNK(st.st_mode)) {
                n = readlinkat(fd, "", link, sizeof(link) - 1);
                if (n < 0)
                        return err_errno(e, -errno, "cannot read the link %s", path);
                link[n] = '\0';
                digest_text(d, "link", link);
                return 0;
        }
        if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
                return 0;
        (void) snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
        open_fd = open(self, O_RDONLY | O_CLOEXEC | (S_ISDIR(st.st_mode) ? O_DIRECTORY : 0));
        if (open_fd < 0)
                return err_errno(e, -errno, "cannot open %s", path);
        return S_ISDIR(st.st_mode) ? digest_folder(copy, d, open_fd, path, depth + 1, e)
                                   : digest_content(d, open_fd, e);
}

static int digest_folder(const struct tree_copy *copy, struct digest *d, int fd, const char *path,
                         unsigned depth, struct err *e) {
        AUTO_DONE(tree_names) struct tree_names names = { 0 };
        int r = depth > TREE_DEPTH_MAX
                        ? err_set(e, -ELOOP, "folders lie more than %d deep", TREE_DEPTH_MAX)
                        : tree_names_read(fd, &names, e);

        for (size_t i = 0; r == 0 && i < names.n; i++) {
                AUTO_FREE char *below =
                        str_format("%s%s%s", path, *path ? "/" : "", names.items[i]);
                AUTO_CLOSE int child = -1;

                if (!below)
                        return err_set(e, -ENOMEM, "out of memory");
                if (is_excluded(copy, below))
                        continue;
                child = openat(fd, names.items[i], O_PATH | O_NOFOLLOW | O_CLOEXEC);
                r = child < 0 ? err_errno(e, -errno, "cannot open %s", below)
                              : digest_entry(copy, d, child, below, depth, e);
        }
        return r;
}

int tree_digest(const struct tree_copy *copy, struct digest *d, struct err *e) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < copy->sources.n; i++) {
                AUTO_CLOSE int fd =
                        build_open_inside(copy->source_fd, copy->sources.items[i], O_PATH);

                if (fd < 0)
                        return err_errno(e, fd, "cannot open %s", copy->sources.items[i]);
                digest_text(d, "source", copy->sources.items[i]);
                r = digest_entry(copy, d, fd, "", 0, e);
        }
        return r;
}
