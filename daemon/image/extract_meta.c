#include "base/fd.h"
#include "base/str.h"
#include "daemon/image/extract_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define FOLDERS_BUFFER (64 * 1024)

/* What is written to the nameless file, followed by the path. */
struct extract_folder {
        int64_t sec;
        uint32_t nsec;
        uint32_t path_len;
};

/* Attributes of overlayfs itself could point a later mount anywhere: they are never taken from an
 * archive. */
static bool extract_takes_xattr(const struct extract *x, const char *name) {
        return x->kind == UNPACK_LAYER && !str_starts_with(name, "trusted.overlay.") &&
               !str_starts_with(name, "user.overlay.");
}

/* Attributes that the file system doesn't have are left out, as Docker does, but not capabilities:
 * a program without them is another program. */
static int extract_set_xattrs(struct extract *x, int fd, const struct tar_entry *entry,
                              struct err *e) {
        for (size_t i = 0; i < entry->n_xattrs; i++) {
                const struct tar_xattr *a = &entry->xattrs[i];
                int r;

                if (!extract_takes_xattr(x, a->name))
                        continue;
                r = fd >= 0 ? fsetxattr(fd, a->name, a->value, a->len, 0)
                            : lsetxattr(x->path, a->name, a->value, a->len, 0);
                if (r == 0)
                        continue;
                if ((errno == EOPNOTSUPP || errno == EPERM) &&
                    strcmp(a->name, "security.capability") != 0)
                        continue;
                return err_errno(e, -errno, "cannot give %.200s its attribute %.100s", x->path,
                                 a->name);
        }
        return 0;
}

static int extract_set_times(struct extract *x, int fd, const char *base,
                             const struct tar_entry *entry) {
        struct timespec times[2];

        times[0].tv_sec = times[1].tv_sec = entry->mtime_sec;
        times[0].tv_nsec = times[1].tv_nsec = entry->mtime_nsec;
        return fd >= 0 ? futimens(fd, times)
                       : utimensat(x->parent.fd, base, times, AT_SYMLINK_NOFOLLOW);
}

/* The owner first: changing it takes special bits and capabilities away. */
int extract_set_meta(struct extract *x, int fd, const char *base, const struct tar_entry *entry,
                     bool needs_all, struct err *e) {
        bool is_layer = x->kind == UNPACK_LAYER;
        bool has_owner = is_layer &&
                         (needs_all || entry->uid != 0 || entry->gid != 0 || x->parent.is_setgid);
        bool has_mode = entry->type != TAR_SYMLINK &&
                        (needs_all || has_owner || (entry->mode & ~0777U) != 0);
        unsigned mode = is_layer ? entry->mode : entry->mode & 0777;
        int r = 0;

        if (has_owner)
                r = fd >= 0 ? fchown(fd, entry->uid, entry->gid)
                            : fchownat(x->parent.fd, base, entry->uid, entry->gid,
                                       AT_SYMLINK_NOFOLLOW);
        if (r < 0)
                return err_errno(e, -errno, "cannot change the owner of %.200s", x->path);
        if (has_mode)
                r = fd >= 0 ? fchmod(fd, mode) : fchmodat(x->parent.fd, base, mode, 0);
        if (r < 0)
                return err_errno(e, -errno, "cannot change the mode of %.200s", x->path);
        if (entry->n_xattrs > 0) {
                r = extract_set_xattrs(x, fd, entry, e);
                if (r < 0)
                        return r;
        }
        if (entry->type != TAR_FOLDER && extract_set_times(x, fd, base, entry) < 0)
                return err_errno(e, -errno, "cannot set the time of %.200s", x->path);
        return 0;
}

static int extract_open_folders(struct extract *x, struct err *e) {
        static const char name[] = ".orch-folders";

        if (x->folders)
                return 0;
        x->folders = malloc(FOLDERS_BUFFER);
        if (!x->folders)
                return err_set(e, -ENOMEM, "out of memory");
        x->folders_fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (x->folders_fd < 0) { /* not every file system has nameless files */
                x->folders_fd = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
                (void) unlink(name);
        }
        return x->folders_fd < 0 ? err_errno(e, -errno, "cannot make a file for the folders' times")
                                 : 0;
}

static int extract_flush_folders(struct extract *x, struct err *e) {
        int r = fd_write_all(x->folders_fd, x->folders, x->folders_len);

        x->folders_len = 0;
        return r < 0 ? err_errno(e, r, "cannot note the folders' times") : 0;
}

int extract_note_folder(struct extract *x, const struct tar_entry *entry, struct err *e) {
        struct extract_folder f = { .sec = entry->mtime_sec,
                                    .nsec = entry->mtime_nsec,
                                    .path_len = (uint32_t) strlen(x->path) };
        int r = extract_open_folders(x, e);

        if (r == 0 && x->folders_len + sizeof(f) + f.path_len > FOLDERS_BUFFER)
                r = extract_flush_folders(x, e);
        if (r < 0)
                return r;
        memcpy(x->folders + x->folders_len, &f, sizeof(f));
        memcpy(x->folders + x->folders_len + sizeof(f), x->path, f.path_len);
        x->folders_len += sizeof(f) + f.path_len;
        return 0;
}

/* A folder that was replaced since is no error. */
static int extract_apply_folder(struct extract *x, const struct extract_folder *f, const char *path,
                                struct err *e) {
        struct timespec times[2] = { { .tv_sec = f->sec, .tv_nsec = f->nsec },
                                     { .tv_sec = f->sec, .tv_nsec = f->nsec } };

        (void) snprintf(x->path, sizeof(x->path), "%.*s", (int) f->path_len, path);
        if (utimensat(x->root_fd, x->path, times, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT &&
            errno != ENOTDIR)
                return err_errno(e, -errno, "cannot set the time of %.200s", x->path);
        return 0;
}

int extract_end(struct extract *x, struct err *e) {
        size_t at = 0, have = 0;
        int r = x->folders ? extract_flush_folders(x, e) : 0;

        if (r < 0 || !x->folders)
                return r;
        if (lseek(x->folders_fd, 0, SEEK_SET) < 0)
                return err_errno(e, -errno, "cannot read the folders' times");
        for (;;) {
                struct extract_folder f;
                ssize_t n;

                if (have - at >= sizeof(f)) {
                        memcpy(&f, x->folders + at, sizeof(f));
                        if (have - at >= sizeof(f) + f.path_len) {
                                r = extract_apply_folder(x, &f, x->folders + at + sizeof(f), e);
                                if (r < 0)
                                        return r;
                                at += sizeof(f) + f.path_len;
                                continue;
                        }
                }
                memmove(x->folders, x->folders + at, have - at);
                have -= at;
                at = 0;
                n = read(x->folders_fd, x->folders + have, FOLDERS_BUFFER - have);
                if (n <= 0)
                        return n < 0 ? err_errno(e, -errno, "cannot read the folders' times") : 0;
                have += (size_t) n;
        }
}
