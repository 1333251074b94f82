#include "daemon/image/extract.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/image/extract_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <isa-l/crc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* How often the free space is looked at; an entry counts, too. */
#define EXTRACT_CHECK_BYTES (32ULL << 20)
#define EXTRACT_ENTRY_BYTES (256 * 1024)
/* What is left to others, of space and of inodes: pods write, too. */
#define EXTRACT_RESERVE_DIVISOR 50

int extract_new(enum unpack_kind kind, struct recipe_writer *recipe, int kept_fd,
                struct unpack_result *result, struct extract **ret, struct err *e) {
        struct extract *x = calloc(1, sizeof(*x));

        if (!x)
                return err_set(e, -ENOMEM, "out of memory");
        x->kind = kind;
        x->recipe = recipe;
        x->kept_fd = kept_fd;
        x->result = result;
        x->parent.fd = x->folders_fd = -1;
        x->n_unchecked = EXTRACT_CHECK_BYTES;
        x->root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (x->root_fd < 0) {
                extract_unref(x);
                return err_errno(e, -errno, "cannot open the layer's folder");
        }
        *ret = x;
        return 0;
}

void extract_unref(struct extract *x) {
        if (!x)
                return;
        extract_forget_parent(x);
        if (x->root_fd >= 0)
                (void) close(x->root_fd);
        if (x->folders_fd >= 0)
                (void) close(x->folders_fd);
        free(x->folders);
        free(x);
}

bool extract_is_exact(const struct extract *x) {
        return !x->is_inexact;
}

/* An archive that fills the disk to its end would take the pods along. */
static int extract_check_space(struct extract *x, struct err *e) {
        struct statvfs fs;

        if (x->n_unchecked < EXTRACT_CHECK_BYTES)
                return 0;
        x->n_unchecked = 0;
        if (fstatvfs(x->root_fd, &fs) < 0)
                return err_errno(e, -errno, "cannot see how full the disk is");
        if (fs.f_bavail < fs.f_blocks / EXTRACT_RESERVE_DIVISOR)
                return err_set(e, -ENOSPC, "the disk is nearly full (%llu MiB are left)",
                               (unsigned long long) fs.f_bavail * fs.f_frsize >> 20);
        if (fs.f_files > 0 && fs.f_favail < fs.f_files / EXTRACT_RESERVE_DIVISOR)
                return err_set(e, -ENOSPC, "the disk has nearly no inodes left (%llu)",
                               (unsigned long long) fs.f_favail);
        return 0;
}

static int extract_count(struct extract *x, const struct tar_entry *entry, struct err *e) {
        uint64_t size = entry->type == TAR_FILE ? entry->size_bytes : 0;

        if (++x->result->n_entries > EXTRACT_ENTRIES_MAX)
                return err_set(e, -EFBIG, "more than %llu entries", EXTRACT_ENTRIES_MAX);
        if (size > EXTRACT_BYTES_MAX || x->result->size_bytes + size > EXTRACT_BYTES_MAX)
                return err_set(e, -EFBIG, "more than %llu GiB of files", EXTRACT_BYTES_MAX >> 30);
        x->result->size_bytes += size;
        x->n_unchecked += EXTRACT_ENTRY_BYTES;
        return extract_check_space(x, e);
}

/* ---- whiteouts (OCI image-spec, layer.md) ---- */

static int extract_opaque(struct extract *x, const char *path, struct err *e) {
        int r = strcmp(path, ".") == 0 ? fsetxattr(x->root_fd, "trusted.overlay.opaque", "y", 1, 0)
                                       : setxattr(path, "trusted.overlay.opaque", "y", 1, 0);

        return r < 0 ? err_errno(e, -errno, "cannot mark folder %.200s as opaque", path) : 0;
}

/* ".wh.NAME" hides NAME of the layers below, ".wh..wh..opq" all of the folder. NAME of this layer
 * itself stays; a folder then shows nothing of the folder below. */
static int extract_whiteout(struct extract *x, const char *base, struct err *e) {
        const char *name = base + strlen(".wh.");
        struct stat st;

        if (strcmp(base, ".wh..wh..opq") == 0)
                return extract_opaque(x, x->parent.path, e);
        if (str_starts_with(base, ".wh..wh."))
                return 0; /* aufs' own files */
        if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return err_set(e, -EBADMSG, "forbidden whiteout %.200s", x->path);
        if (mknodat(x->parent.fd, name, S_IFCHR, makedev(0, 0)) == 0)
                return 0;
        if (errno != EEXIST || fstatat(x->parent.fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return err_errno(e, -errno, "cannot create the whiteout %.200s", x->path);
        if (!S_ISDIR(st.st_mode))
                return 0;
        if (snprintf(x->link, sizeof(x->link), "%s/%s", x->parent.path, name) >= PATH_MAX)
                return err_set(e, -EBADMSG, "the path %.200s is too long", x->path);
        return extract_opaque(x, x->link, e);
}

/* ---- files ---- */

static int extract_pwrite(int fd, const uint8_t *data, size_t len, uint64_t offset) {
        while (len > 0) {
                ssize_t n = pwrite(fd, data, len, (off_t) offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                data += n;
                len -= (size_t) n;
                offset += (uint64_t) n;
        }
        return 0;
}

/* One piece of payload to where the map wants it. */
static int extract_write_sparse(int fd, const struct tar_entry *entry, uint64_t at,
                                const uint8_t *data, size_t len) {
        uint64_t passed = 0;

        for (size_t i = 0; i < entry->n_extents && len > 0; i++) {
                const struct tar_extent *piece = &entry->extents[i];
                uint64_t skip, n;
                int r;

                if (at >= passed + piece->len) {
                        passed += piece->len;
                        continue;
                }
                skip = at - passed;
                n = MIN((uint64_t) len, piece->len - skip);
                r = extract_pwrite(fd, data, (size_t) n, piece->offset + skip);
                if (r < 0)
                        return r;
                data += n;
                len -= (size_t) n;
                at += n;
                passed += piece->len;
        }
        return 0;
}

static int extract_content(struct extract *x, struct tar_reader *tar, int fd,
                           const struct tar_entry *entry, struct err *e) {
        uint64_t at = 0;
        uint32_t crc = 0;

        for (;;) {
                const void *data;
                size_t len;
                int r = tar_data(tar, &data, &len, e);

                if (r < 0)
                        return r;
                if (len == 0)
                        break;
                x->n_unchecked += len;
                r = extract_check_space(x, e);
                if (r < 0)
                        return r;
                crc = x->recipe ? crc32_gzip_refl(crc, data, len) : 0;
                r = entry->is_sparse ? extract_write_sparse(fd, entry, at, data, len)
                                     : fd_write_all(fd, data, len);
                if (r < 0)
                        return err_errno(e, r, "cannot write %.200s", x->path);
                at += len;
        }
        if (entry->is_sparse && ftruncate(fd, (off_t) entry->size_bytes) < 0)
                return err_errno(e, -errno, "cannot write %.200s", x->path);
        return x->recipe ? recipe_add_file(x->recipe, x->path, entry, crc, e) : 0;
}

static int extract_file(struct extract *x, struct tar_reader *tar, const struct tar_entry *entry,
                        const char *base, struct err *e) {
        const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
        AUTO_CLOSE int fd = openat(x->parent.fd, base, flags, entry->mode & 0777);
        bool stays, was_whiteout;
        int r;

        if (fd < 0 && errno == EEXIST) {
                r = extract_make_way(x, base, entry, &stays, &was_whiteout, e);
                if (r < 0)
                        return r;
                fd = openat(x->parent.fd, base, flags, entry->mode & 0777);
        }
        if (fd < 0)
                return err_errno(e, -errno, "cannot create %.200s", x->path);
        r = extract_content(x, tar, fd, entry, e);
        return r < 0 ? r : extract_set_meta(x, fd, base, entry, false, e);
}

/* ---- everything else ---- */

static int extract_folder(struct extract *x, const struct tar_entry *entry, const char *base,
                          struct err *e) {
        bool stays = false, was_whiteout = false;
        int r = mkdirat(x->parent.fd, base, entry->mode & 0777);

        if (r < 0 && errno == EEXIST) {
                r = extract_make_way(x, base, entry, &stays, &was_whiteout, e);
                if (r < 0)
                        return r;
                r = stays ? 0 : mkdirat(x->parent.fd, base, entry->mode & 0777);
        }
        if (r < 0)
                return err_errno(e, -errno, "cannot create folder %.200s", x->path);
        if (was_whiteout)
                r = extract_opaque(x, x->path, e);
        if (r == 0)
                r = extract_set_meta(x, -1, base, entry, stays, e);
        return r < 0 ? r : extract_note_folder(x, entry, e);
}

static int extract_root(struct extract *x, const struct tar_entry *entry, struct err *e) {
        int r;

        if (entry->type != TAR_FOLDER)
                return err_set(e, -EBADMSG, "forbidden path %.200s", entry->path);
        r = extract_set_meta(x, x->root_fd, ".", entry, true, e);
        return r < 0 ? r : extract_note_folder(x, entry, e);
}

/* Symbolic and hard links, and pipes: made, or made again once the way is free. */
static int extract_make(struct extract *x, const struct tar_entry *entry, const char *base) {
        switch (entry->type) {
        case TAR_SYMLINK:
                return symlinkat(entry->link, x->parent.fd, base);
        case TAR_HARD_LINK:
                return linkat(x->root_fd, x->link, x->parent.fd, base, 0);
        default:
                return mknodat(x->parent.fd, base, S_IFIFO | (entry->mode & 0777), 0);
        }
}

/* Whether a hard link's two names are one file already. */
static bool extract_is_linked(const struct extract *x, const char *base) {
        struct stat a, b;

        return fstatat(x->parent.fd, base, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
               fstatat(x->root_fd, x->link, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
}

static int extract_other(struct extract *x, const struct tar_entry *entry, const char *base,
                         struct err *e) {
        bool stays, was_whiteout, is_link = entry->type == TAR_HARD_LINK;
        int r = is_link ? extract_clean(entry->link, x->link, e) : 0;

        if (r < 0)
                return r;
        if (entry->type == TAR_SYMLINK &&
            (entry->link[0] == '\0' || strlen(entry->link) >= PATH_MAX))
                return err_set(e, -EBADMSG, "the link %.200s has no usable target", x->path);
        r = extract_make(x, entry, base);
        if (r < 0 && errno == EEXIST) {
                if (is_link && extract_is_linked(x, base))
                        return 0;
                r = extract_make_way(x, base, entry, &stays, &was_whiteout, e);
                if (r < 0)
                        return r;
                r = extract_make(x, entry, base);
        }
        if (r < 0 && is_link && (errno == ENOENT || errno == EPERM || errno == ENOTDIR))
                return err_set(e, -EBADMSG,
                               "the hard link %.200s leads to %.200s, which isn't there", x->path,
                               entry->link);
        if (r < 0)
                return err_errno(e, -errno, "cannot create %.200s", x->path);
        return is_link ? 0 : extract_set_meta(x, -1, base, entry, false, e);
}

static bool extract_takes_type(const struct extract *x, const struct tar_entry *entry) {
        switch (entry->type) {
        case TAR_DEVICE:
        case TAR_OTHER:
                return false;
        case TAR_FIFO:
                return x->kind == UNPACK_LAYER;
        default:
                return true;
        }
}

int extract_entry(struct extract *x, struct tar_reader *tar, const struct tar_entry *entry,
                  struct err *e) {
        const char *base;
        int r = extract_clean(entry->path, x->path, e);

        if (r == 0)
                r = extract_count(x, entry, e);
        if (r < 0)
                return r;
        if (!extract_takes_type(x, entry)) {
                x->result->n_skipped++;
                return 0;
        }
        if (strcmp(x->path, ".") == 0)
                return extract_root(x, entry, e);
        r = extract_open_parent(x, &base, e);
        if (r < 0)
                return r;
        if (x->kind == UNPACK_LAYER && str_starts_with(base, ".wh."))
                return extract_whiteout(x, base, e);
        switch (entry->type) {
        case TAR_FILE:
                return extract_file(x, tar, entry, base, e);
        case TAR_FOLDER:
                return extract_folder(x, entry, base, e);
        default:
                return extract_other(x, entry, base, e);
        }
}
