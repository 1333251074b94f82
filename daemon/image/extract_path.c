#include "base/fd.h"
#include "base/str.h"
#include "daemon/image/extract_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <isa-l/crc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int extract_clean(const char *path, char ret[PATH_MAX], struct err *e) {
        size_t n = 0;

        for (const char *p = path; *p;) {
                size_t len = strcspn(p, "/");

                if (len == 2 && p[0] == '.' && p[1] == '.')
                        return err_set(e, -EBADMSG, "forbidden path %.200s", path);
                if (len > NAME_MAX || n + len + 2 > PATH_MAX)
                        return err_set(e, -EBADMSG, "the path %.200s… is too long", path);
                if (len > 0 && !(len == 1 && p[0] == '.')) {
                        if (n > 0)
                                ret[n++] = '/';
                        memcpy(ret + n, p, len);
                        n += len;
                }
                p += len;
                p += strspn(p, "/");
        }
        if (n == 0)
                ret[n++] = '.';
        ret[n] = '\0';
        return 0;
}

void extract_forget_parent(struct extract *x) {
        if (x->parent.fd >= 0)
                (void) close(x->parent.fd);
        x->parent.fd = -1;
        x->parent.path[0] = '\0';
}

static int extract_enter(struct extract *x, const char *path, struct err *e) {
        struct stat st;
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        /* Folders without an entry of their own, as Docker makes them. */
        if (fd < 0 && errno == ENOENT) {
                int r = dir_make_all(path, 0755, e);

                if (r < 0)
                        return r;
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }
        if (fd < 0)
                return err_errno(e, errno == ENOTDIR || errno == ELOOP ? -EBADMSG : -errno,
                                 "cannot open folder %.200s", path);
        extract_forget_parent(x);
        x->parent.fd = fd;
        if (fstat(fd, &st) < 0)
                return err_errno(e, -errno, "cannot read folder %.200s", path);
        x->parent.is_setgid = (st.st_mode & S_ISGID) != 0;
        (void) snprintf(x->parent.path, sizeof(x->parent.path), "%s", path);
        return 0;
}

int extract_open_parent(struct extract *x, const char **ret_base, struct err *e) {
        char *slash = strrchr(x->path, '/');
        int r = 0;

        *ret_base = slash ? slash + 1 : x->path;
        if (slash)
                *slash = '\0';
        if (x->parent.fd < 0 || strcmp(x->parent.path, slash ? x->path : ".") != 0)
                r = extract_enter(x, slash ? x->path : ".", e);
        if (slash)
                *slash = '/';
        return r;
}

static int extract_crc(int fd, uint32_t *ret) {
        uint8_t buffer[16 * 1024];
        uint32_t crc = 0;
        ssize_t n;

        while ((n = read(fd, buffer, sizeof(buffer))) != 0) {
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        crc = crc32_gzip_refl(crc, buffer, (uint64_t) n);
        }
        *ret = crc;
        return 0;
}

/* A content that the recipe refers to goes aside instead of away. Two that are the same share a
 * place. */
static int extract_keep(struct extract *x, const char *base, const struct stat *st, struct err *e) {
        char name[48];
        uint32_t crc = 0;
        AUTO_CLOSE int fd = openat(x->parent.fd, base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        int r = fd < 0 ? -errno : extract_crc(fd, &crc);

        if (r < 0)
                return err_errno(e, r, "cannot read %.200s", x->path);
        (void) snprintf(name, sizeof(name), "%08x-%llu", crc, (unsigned long long) st->st_size);
        if (renameat(x->parent.fd, base, x->kept_fd, name) < 0)
                return err_errno(e, -errno, "cannot put %.200s aside", x->path);
        return 0;
}

static bool extract_is_same_link(const struct extract *x, const char *base,
                                 const struct tar_entry *entry) {
        char target[PATH_MAX];
        ssize_t n = readlinkat(x->parent.fd, base, target, sizeof(target) - 1);

        if (n < 0)
                return false;
        target[n] = '\0';
        return entry->type == TAR_SYMLINK && strcmp(target, entry->link) == 0;
}

int extract_make_way(struct extract *x, const char *base, const struct tar_entry *entry,
                     bool *ret_stays, bool *ret_was_whiteout, struct err *e) {
        struct stat st;

        *ret_stays = *ret_was_whiteout = false;
        if (fstatat(x->parent.fd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : err_errno(e, -errno, "cannot read %.200s", x->path);
        if (S_ISDIR(st.st_mode)) {
                if (entry->type == TAR_FOLDER) {
                        *ret_stays = true;
                        return 0;
                }
                int r = dir_remove_all(x->parent.fd, base, e);

                x->is_inexact = true;
                return r < 0 ? err_wrap(e, r, "cannot replace folder %.200s", x->path) : 0;
        }
        if (S_ISREG(st.st_mode) && x->recipe && st.st_size > 0) {
                /* A file with holes may have come in pieces. */
                if ((uint64_t) st.st_blocks * 512 < (uint64_t) st.st_size)
                        x->is_inexact = true;
                else
                        return extract_keep(x, base, &st, e);
        }
        *ret_was_whiteout = S_ISCHR(st.st_mode);
        if (S_ISLNK(st.st_mode) && !extract_is_same_link(x, base, entry))
                x->is_inexact = true;
        if (unlinkat(x->parent.fd, base, 0) < 0)
                return err_errno(e, -errno, "cannot replace %.200s", x->path);
        return 0;
}
