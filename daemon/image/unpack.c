#include "daemon/image/unpack.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/distribution/digest.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define UNPACK_BYTES_MAX (64ULL << 30)
#define UNPACK_ENTRIES_MAX 4000000ULL
#define UNPACK_CHUNK (128 * 1024)

struct unpack {
        int fd;
        enum unpack_kind kind;
        struct digest *blob_digest;
        struct digest *diff_digest;
        struct archive *raw;  /* takes the compression off */
        struct archive *tar;  /* reads entries */
        struct archive *disk; /* writes them */
        char *chunk;
        struct unpack_result result;
        struct err *e;
};

static void unpack_done(struct unpack *u) {
        if (u->tar)
                (void) archive_read_free(u->tar);
        if (u->raw)
                (void) archive_read_free(u->raw);
        if (u->disk)
                (void) archive_write_free(u->disk);
        digest_free(u->blob_digest);
        digest_free(u->diff_digest);
        free(u->chunk);
}
DEFINE_AUTO_DONE(unpack);

static la_ssize_t unpack_read_blob(struct archive *a, void *userdata, const void **ret) {
        struct unpack *u = userdata;
        ssize_t n;

        do
                n = read(u->fd, u->chunk, UNPACK_CHUNK);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                archive_set_error(a, errno, "cannot read the archive");
        else if (digest_add(u->blob_digest, u->chunk, (size_t) n) < 0)
                return -1;
        *ret = u->chunk;
        return n;
}

static la_ssize_t unpack_read_tar(struct archive *a, void *userdata, const void **ret) {
        struct unpack *u = userdata;
        la_int64_t offset;
        size_t len = 0;
        int r = archive_read_data_block(u->raw, ret, &len, &offset);

        if (r == ARCHIVE_EOF)
                return 0;
        if (r < ARCHIVE_WARN) {
                archive_set_error(a, archive_errno(u->raw), "%s", archive_error_string(u->raw));
                return -1;
        }
        return digest_add(u->diff_digest, *ret, len) < 0 ? -1 : (la_ssize_t) len;
}

static int unpack_bad(struct unpack *u, struct archive *a, const char *what) {
        const char *why = archive_error_string(a);

        return err_set(u->e, archive_errno(a) == ENOSPC ? -ENOSPC : -EBADMSG, "%s: %s", what,
                       why ? why : "damaged");
}

/* The path below the folder: without "./" and "/" in front and without a '/' behind; "." for the
 * folder itself. NULL when a component is "..". */
static const char *unpack_clean_path(char *path) {
        size_t n;

        for (;;) {
                if (path[0] == '/')
                        path++;
                else if (path[0] == '.' && path[1] == '/')
                        path += 2;
                else
                        break;
        }
        for (n = strlen(path); n > 0 && path[n - 1] == '/'; n--)
                path[n - 1] = '\0';
        for (const char *p = path; p; p = strchr(p, '/')) {
                if (*p == '/')
                        p++;
                if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
                        return NULL;
        }
        return path[0] == '\0' ? "." : path;
}

/* Attributes of overlayfs itself could point a later mount anywhere: they are never taken from an
 * archive. */
static int unpack_filter_xattrs(struct archive_entry *entry) {
        const char *name;
        const void *value;
        size_t len;
        struct archive_entry *copy;

        if (archive_entry_xattr_reset(entry) == 0)
                return 0;
        copy = archive_entry_clone(entry);
        if (!copy)
                return -ENOMEM;
        archive_entry_xattr_clear(entry);
        (void) archive_entry_xattr_reset(copy);
        while (archive_entry_xattr_next(copy, &name, &value, &len) == ARCHIVE_OK)
                if (!str_starts_with(name, "trusted.overlay.") &&
                    !str_starts_with(name, "user.overlay."))
                        archive_entry_xattr_add_entry(entry, name, value, len);
        archive_entry_free(copy);
        return 0;
}

/* ".wh.NAME" hides NAME of the layers below, ".wh..wh..opq" all of the folder (OCI image-spec,
 * layer.md, "Whiteouts"). */
static int unpack_whiteout(struct unpack *u, const char *path) {
        const char *slash = strrchr(path, '/');
        const char *base = slash ? slash + 1 : path;
        char target[PATH_MAX];
        int dir_len = slash ? (int) (slash - path) : 1;
        struct err ignored;

        (void) snprintf(target, sizeof(target), "%.*s", dir_len, slash ? path : ".");
        if (dir_make_all(target, 0755, &ignored) < 0)
                return err_errno(u->e, ignored.code, "cannot create folder %s", target);
        if (strcmp(base, ".wh..wh..opq") == 0) {
                if (setxattr(target, "trusted.overlay.opaque", "y", 1, 0) < 0)
                        return err_errno(u->e, -errno, "cannot mark folder %s as opaque", target);
                return 0;
        }
        if (str_starts_with(base, ".wh..wh."))
                return 0; /* aufs' own files */
        (void) snprintf(target, sizeof(target), "%.*s/%s", dir_len, slash ? path : ".",
                        base + strlen(".wh."));
        if (str_is_empty(base + strlen(".wh.")) || strcmp(base, ".wh..") == 0 ||
            strcmp(base, ".wh...") == 0)
                return err_set(u->e, -EBADMSG, "forbidden whiteout %s", path);
        if (mknod(target, S_IFCHR, makedev(0, 0)) < 0 && errno != EEXIST)
                return err_errno(u->e, -errno, "cannot create the whiteout %s", target);
        return 0;
}

static bool unpack_is_whiteout(const struct unpack *u, const char *path) {
        const char *slash = strrchr(path, '/');

        return u->kind == UNPACK_LAYER && str_starts_with(slash ? slash + 1 : path, ".wh.");
}

static bool unpack_takes_type(const struct unpack *u, struct archive_entry *entry) {
        if (archive_entry_hardlink(entry))
                return true;
        switch (archive_entry_filetype(entry)) {
        case AE_IFREG:
        case AE_IFDIR:
        case AE_IFLNK:
                return true;
        case AE_IFIFO:
                return u->kind == UNPACK_LAYER;
        default:
                return false;
        }
}

static int unpack_copy_data(struct unpack *u, const char *path) {
        const void *data;
        la_int64_t offset;
        size_t len;
        int r;

        while ((r = archive_read_data_block(u->tar, &data, &len, &offset)) == ARCHIVE_OK) {
                if ((uint64_t) offset + len > UNPACK_BYTES_MAX)
                        return err_set(u->e, -EFBIG, "file %s is too large", path);
                if (archive_write_data_block(u->disk, data, len, offset) < ARCHIVE_WARN)
                        return unpack_bad(u, u->disk, path);
        }
        return r == ARCHIVE_EOF ? 0 : unpack_bad(u, u->tar, path);
}

static int unpack_write_entry(struct unpack *u, struct archive_entry *entry, const char *path) {
        int r;

        if (unpack_filter_xattrs(entry) < 0)
                return err_set(u->e, -ENOMEM, "out of memory");
        r = archive_write_header(u->disk, entry);
        if (r < ARCHIVE_WARN)
                return unpack_bad(u, u->disk, path);
        if (!archive_entry_hardlink(entry) && archive_entry_filetype(entry) == AE_IFREG &&
            archive_entry_size(entry) > 0) {
                r = unpack_copy_data(u, path);
                if (r < 0)
                        return r;
                u->result.size_bytes += (uint64_t) archive_entry_size(entry);
        }
        r = archive_write_finish_entry(u->disk);
        return r < ARCHIVE_WARN ? unpack_bad(u, u->disk, path) : 0;
}

static int unpack_entry(struct unpack *u, struct archive_entry *entry) {
        const char *raw_path = archive_entry_pathname(entry);
        AUTO_FREE char *copy = raw_path ? strdup(raw_path) : NULL;
        AUTO_FREE char *link = NULL;
        const char *path;

        if (!raw_path)
                return err_set(u->e, -EBADMSG, "an entry has no readable name");
        if (!copy)
                return err_set(u->e, -ENOMEM, "out of memory");
        path = strlen(copy) < PATH_MAX ? unpack_clean_path(copy) : NULL;
        if (!path)
                return err_set(u->e, -EBADMSG, "forbidden path %.200s", raw_path);
        if (++u->result.n_entries > UNPACK_ENTRIES_MAX)
                return err_set(u->e, -EFBIG, "more than %llu entries", UNPACK_ENTRIES_MAX);
        if (u->result.size_bytes > UNPACK_BYTES_MAX)
                return err_set(u->e, -EFBIG, "more than %llu bytes", UNPACK_BYTES_MAX);
        if (unpack_is_whiteout(u, path))
                return unpack_whiteout(u, path);
        if (!unpack_takes_type(u, entry)) {
                u->result.n_skipped++;
                return 0;
        }
        archive_entry_set_pathname(entry, path);
        if (archive_entry_hardlink(entry)) {
                const char *clean;

                link = strdup(archive_entry_hardlink(entry));
                clean = link ? unpack_clean_path(link) : NULL;
                if (!clean)
                        return err_set(u->e, link ? -EBADMSG : -ENOMEM, "forbidden hard link %s",
                                       path);
                archive_entry_set_hardlink(entry, clean);
        }
        return unpack_write_entry(u, entry, path);
}

static int unpack_open(struct unpack *u) {
        int flags = ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_UNLINK |
                    ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SPARSE;
        struct archive_entry *entry;

        if (u->kind == UNPACK_LAYER)
                flags |= ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_XATTR;
        u->chunk = malloc(UNPACK_CHUNK);
        u->raw = archive_read_new();
        u->tar = archive_read_new();
        u->disk = archive_write_disk_new();
        if (!u->chunk || !u->raw || !u->tar || !u->disk)
                return err_set(u->e, -ENOMEM, "out of memory");
        if (digest_new(&u->blob_digest, u->e) < 0 || digest_new(&u->diff_digest, u->e) < 0)
                return -EIO;
        (void) archive_read_support_filter_gzip(u->raw);
        (void) archive_read_support_filter_zstd(u->raw);
        (void) archive_read_support_filter_xz(u->raw);
        (void) archive_read_support_filter_bzip2(u->raw);
        (void) archive_read_support_format_raw(u->raw);
        (void) archive_read_support_format_tar(u->tar);
        (void) archive_write_disk_set_options(u->disk, flags);
        if (archive_read_open(u->raw, u, NULL, unpack_read_blob, NULL) != ARCHIVE_OK ||
            archive_read_next_header(u->raw, &entry) != ARCHIVE_OK)
                return unpack_bad(u, u->raw, "cannot read the archive");
        if (archive_read_open(u->tar, u, NULL, unpack_read_tar, NULL) != ARCHIVE_OK)
                return unpack_bad(u, u->tar, "not a tar archive");
        return 0;
}

/* What stands behind the tar's end still counts for both digests. */
static int unpack_drain(struct unpack *u) {
        const void *data;
        la_ssize_t n;

        while ((n = unpack_read_tar(u->tar, u, &data)) > 0)
                ;
        if (n < 0)
                return unpack_bad(u, u->raw, "cannot read the archive");
        while ((n = unpack_read_blob(u->raw, u, &data)) > 0)
                ;
        return n < 0 ? unpack_bad(u, u->raw, "cannot read the archive") : 0;
}

static int unpack_all(struct unpack *u) {
        struct archive_entry *entry;
        int r = unpack_open(u);

        while (r == 0) {
                int next = archive_read_next_header(u->tar, &entry);

                if (next == ARCHIVE_EOF)
                        break;
                r = next < ARCHIVE_WARN ? unpack_bad(u, u->tar, "not a whole tar archive")
                                        : unpack_entry(u, entry);
        }
        if (r == 0)
                r = unpack_drain(u);
        if (r < 0)
                return r;
        if (archive_write_close(u->disk) < ARCHIVE_WARN)
                return unpack_bad(u, u->disk, "cannot finish the folders");
        digest_end(STEAL(u->blob_digest), u->result.blob_digest);
        digest_end(STEAL(u->diff_digest), u->result.diff_id);
        return 0;
}

/* What the child says through the pipe when it ends. */
struct unpack_report {
        int code;
        struct err e;
        struct unpack_result result;
};

static void unpack_child(int fd, enum unpack_kind kind, const char *dir, int report_fd,
                         pid_t parent) {
        struct unpack_report report = { 0 };
        AUTO_DONE(unpack) struct unpack u = { .fd = fd, .kind = kind, .e = &report.e };

        /* Killed together with its parent: what it writes belongs to nobody then. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(1);
        (void) umask(0);
        if (chroot(dir) < 0 || chdir("/") < 0)
                report.code = err_errno(&report.e, -errno,
                                        "cannot make %s the root of the unpacker", dir);
        else
                report.code = unpack_all(&u);
        report.result = u.result;
        (void) fd_write_all(report_fd, &report, sizeof(report));
}

struct unpacking {
        pid_t pid; /* 0: waited for */
        int report_fd;
};

static void unpacking_free(struct unpacking *u) {
        if (!u)
                return;
        if (u->pid > 0) {
                (void) kill(u->pid, SIGKILL);
                while (waitpid(u->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        if (u->report_fd >= 0)
                (void) close(u->report_fd);
        free(u);
}

static int unpack_wait(struct unpacking *u, struct unpack_report *ret, struct err *e) {
        size_t have = 0;
        int status = 0;

        while (have < sizeof(*ret)) {
                ssize_t n = read(u->report_fd, (char *) ret + have, sizeof(*ret) - have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                have += (size_t) n;
        }
        while (waitpid(u->pid, &status, 0) < 0 && errno == EINTR)
                ;
        u->pid = 0;
        if (have < sizeof(*ret))
                return err_set(e, -EIO, "the unpacker ended early (%s %d)",
                               WIFSIGNALED(status) ? "signal" : "exit code",
                               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        return 0;
}

/* Only these two stay open, and the standard ones: another layer's pipe would never end while its
 * writing end lives on here. */
static void unpack_keep_only(int a, int b) {
        unsigned low = (unsigned) MIN(a, b), high = (unsigned) MAX(a, b);

        if (low > STDERR_FILENO + 1)
                (void) close_range(STDERR_FILENO + 1, low - 1, 0);
        if (high > low + 1)
                (void) close_range(low + 1, high - 1, 0);
        (void) close_range(high + 1, ~0U, 0);
}

int unpack_start(int fd, enum unpack_kind kind, const char *dir, struct unpacking **ret,
                 struct err *e) {
        struct unpacking *u = malloc(sizeof(*u));
        pid_t parent = getpid();
        int ends[2], r;

        if (!u)
                return err_set(e, -ENOMEM, "out of memory");
        *u = (struct unpacking){ .report_fd = -1 };
        if (pipe2(ends, O_CLOEXEC) < 0) {
                r = err_errno(e, -errno, "cannot make a pipe");
                unpacking_free(u);
                return r;
        }
        u->report_fd = ends[0];
        u->pid = fork();
        if (u->pid == 0) {
                unpack_keep_only(fd, ends[1]);
                unpack_child(fd, kind, dir, ends[1], parent);
                _exit(0);
        }
        r = u->pid < 0 ? err_errno(e, -errno, "cannot start the unpacker") : 0;
        (void) close(ends[1]);
        if (r < 0) {
                unpacking_free(u);
                return r;
        }
        *ret = u;
        return 0;
}

int unpack_report_fd(const struct unpacking *u) {
        return u->report_fd;
}

int unpack_finish(struct unpacking *take_u, struct unpack_result *ret, struct err *e) {
        struct unpack_report report = { 0 };
        int r = unpack_wait(take_u, &report, e);

        unpacking_free(take_u);
        if (r < 0)
                return r;
        if (report.code < 0)
                return err_set(e, report.code, "%s", err_text(&report.e));
        *ret = report.result;
        return 0;
}

void unpack_cancel(struct unpacking *take_u) {
        unpacking_free(take_u);
}

int unpack_tar(int fd, enum unpack_kind kind, const char *dir, struct unpack_result *ret,
               struct err *e) {
        struct unpacking *u = NULL;
        int r = unpack_start(fd, kind, dir, &u, e);

        return r < 0 ? r : unpack_finish(u, ret, e);
}
