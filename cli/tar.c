#include "cli/tar.h"

#include "base/fd.h"
#include "base/macros.h"
#include "base/str.h"

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LIBRARY "libarchive.so.13"
#define READ_BYTES 65536

/* Every function of libarchive that is called here. */
#define FUNCTIONS(F)                                                                               \
        F(archive_read_new)                                                                        \
        F(archive_read_support_format_tar)                                                         \
        F(archive_read_open_fd)                                                                    \
        F(archive_read_next_header)                                                                \
        F(archive_read_next_header2)                                                               \
        F(archive_read_data_block)                                                                 \
        F(archive_read_free)                                                                       \
        F(archive_read_disk_new)                                                                   \
        F(archive_read_disk_open)                                                                  \
        F(archive_read_disk_descend)                                                               \
        F(archive_write_new)                                                                       \
        F(archive_write_set_format_gnutar)                                                         \
        F(archive_write_add_filter_none)                                                           \
        F(archive_write_open_fd)                                                                   \
        F(archive_write_header)                                                                    \
        F(archive_write_data)                                                                      \
        F(archive_write_data_block)                                                                \
        F(archive_write_finish_entry)                                                              \
        F(archive_write_close)                                                                     \
        F(archive_write_free)                                                                      \
        F(archive_write_disk_new)                                                                  \
        F(archive_write_disk_set_options)                                                          \
        F(archive_error_string)                                                                    \
        F(archive_entry_new)                                                                       \
        F(archive_entry_free)                                                                      \
        F(archive_entry_pathname)                                                                  \
        F(archive_entry_set_pathname)                                                              \
        F(archive_entry_filetype)                                                                  \
        F(archive_entry_hardlink)                                                                  \
        F(archive_entry_perm)                                                                      \
        F(archive_entry_set_perm)                                                                  \
        F(archive_entry_size)

#define MEMBER(f) __typeof__(&f) f;
struct library {
        FUNCTIONS(MEMBER)
};

static int library_load(struct library *l, struct err *e) {
        void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

        if (!handle)
                return err_set(e, -ENOSYS, "cp needs libarchive: apt install libarchive13");
#define LOAD(f)                                                                                    \
        *(void **) &l->f = dlsym(handle, #f);                                                      \
        if (!l->f)                                                                                 \
                return err_set(e, -ENOSYS, LIBRARY " is too old: it lacks " #f);
        FUNCTIONS(LOAD)
#undef LOAD
        return 0;
}

static int library_error(const struct library *l, struct archive *a, const char *what,
                         struct err *e) {
        return err_set(e, -EIO, "%s: %s", what, str_or_empty(l->archive_error_string(a)));
}

/* ---- packing ---- */

struct packer {
        struct library lib;
        struct archive *disk, *out;
        struct archive_entry *entry;
        const char *path, *name;
};

static void packer_done(struct packer *p) {
        if (p->entry)
                p->lib.archive_entry_free(p->entry);
        if (p->disk)
                (void) p->lib.archive_read_free(p->disk);
        if (p->out)
                (void) p->lib.archive_write_free(p->out);
}

static int packer_data(struct packer *p, struct err *e) {
        const void *block;
        size_t len;
        la_int64_t offset;
        int r;

        while ((r = p->lib.archive_read_data_block(p->disk, &block, &len, &offset)) == ARCHIVE_OK)
                if (len > 0 && p->lib.archive_write_data(p->out, block, len) < 0)
                        return library_error(&p->lib, p->out, "cannot send", e);
        return r == ARCHIVE_EOF ? 0 : library_error(&p->lib, p->disk, p->path, e);
}

/* "dir/sub/x" below path "dir" becomes "name/sub/x". */
static int packer_rename(struct packer *p, struct err *e) {
        const char *full = str_or_empty(p->lib.archive_entry_pathname(p->entry));
        AUTO_FREE char *renamed = NULL;

        if (!str_starts_with(full, p->path))
                return err_set(e, -EIO, "%s is not below %s", full, p->path);
        renamed = str_format("%s%s", p->name, full + strlen(p->path));
        if (!renamed)
                return err_errno(e, -ENOMEM, "cannot read %s", p->path);
        p->lib.archive_entry_set_pathname(p->entry, renamed);
        return 0;
}

static int packer_next(struct packer *p, struct err *e) {
        int r = p->lib.archive_read_next_header2(p->disk, p->entry);

        if (r == ARCHIVE_EOF)
                return 0;
        if (r < ARCHIVE_WARN)
                return library_error(&p->lib, p->disk, p->path, e);
        (void) p->lib.archive_read_disk_descend(p->disk);
        r = packer_rename(p, e);
        if (r < 0)
                return r;
        if (p->lib.archive_write_header(p->out, p->entry) < ARCHIVE_WARN)
                return library_error(&p->lib, p->out, "cannot send", e);
        if (p->lib.archive_entry_size(p->entry) > 0)
                r = packer_data(p, e);
        return r < 0 ? r : 1;
}

static int packer_run(struct packer *p, int fd, struct err *e) {
        int r = library_load(&p->lib, e);

        if (r < 0)
                return r;
        p->disk = p->lib.archive_read_disk_new();
        p->out = p->lib.archive_write_new();
        p->entry = p->lib.archive_entry_new();
        if (!p->disk || !p->out || !p->entry)
                return err_errno(e, -ENOMEM, "cannot read %s", p->path);
        (void) p->lib.archive_write_set_format_gnutar(p->out);
        (void) p->lib.archive_write_add_filter_none(p->out);
        if (p->lib.archive_write_open_fd(p->out, fd) < ARCHIVE_WARN)
                return library_error(&p->lib, p->out, "cannot send", e);
        if (p->lib.archive_read_disk_open(p->disk, p->path) < ARCHIVE_WARN)
                return library_error(&p->lib, p->disk, p->path, e);
        do
                r = packer_next(p, e);
        while (r > 0);
        if (r == 0 && p->lib.archive_write_close(p->out) < ARCHIVE_WARN)
                r = library_error(&p->lib, p->out, "cannot send", e);
        return r;
}

int tar_pack(int fd, const char *path, const char *name, struct err *e) {
        struct packer p = { .path = path, .name = name };
        int r = packer_run(&p, fd, e);

        packer_done(&p);
        return r;
}

/* ---- unpacking ---- */

struct unpacker {
        struct library lib;
        struct archive *in, *disk;
        const char *path;
        char *file_name; /* owned: what a single file becomes; NULL: the archive is a directory */
        bool has_begun;
};

static void unpacker_done(struct unpacker *u) {
        if (u->in)
                (void) u->lib.archive_read_free(u->in);
        if (u->disk)
                (void) u->lib.archive_write_free(u->disk);
        free(u->file_name);
}

static int go_to(const char *dir, struct err *e) {
        int r = dir_make_all(dir, 0777, e);

        if (r == 0 && chdir(dir) < 0)
                r = err_errno(e, -errno, "cannot enter %s", dir);
        return r;
}

static bool is_directory(const char *path) {
        struct stat st;

        return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What is behind the first part of a name: "web/a/b" is "a/b", "web" is "". */
static const char *rest_of(const char *name) {
        size_t first = strcspn(name, "/");

        return name + first + strspn(name + first, "/");
}

/* The first entry tells whether a file or a directory comes, and so where everything goes. */
static int unpacker_begin(struct unpacker *u, struct archive_entry *entry, struct err *e) {
        const char *name = str_or_empty(u->lib.archive_entry_pathname(entry));
        AUTO_FREE char *dir = NULL;
        const char *slash;

        u->has_begun = true;
        if (u->lib.archive_entry_filetype(entry) == AE_IFDIR || rest_of(name)[0])
                return go_to(u->path, e);
        if (is_directory(u->path)) {
                u->file_name = strdup(name);
                return go_to(u->path, e);
        }
        slash = strrchr(u->path, '/');
        u->file_name = strdup(slash ? slash + 1 : u->path);
        dir = slash ? strndup(u->path, (size_t) (slash - u->path) + 1) : strdup(".");
        if (!u->file_name || !dir)
                return err_errno(e, -ENOMEM, "cannot write %s", u->path);
        return go_to(dir, e);
}

static int unpacker_data(struct unpacker *u, const char *name, struct err *e) {
        const void *block;
        size_t len;
        la_int64_t offset;
        int r;

        while ((r = u->lib.archive_read_data_block(u->in, &block, &len, &offset)) == ARCHIVE_OK)
                if (u->lib.archive_write_data_block(u->disk, block, len, offset) < ARCHIVE_OK)
                        return library_error(&u->lib, u->disk, name, e);
        if (r != ARCHIVE_EOF)
                return library_error(&u->lib, u->in, "what the container sent", e);
        if (u->lib.archive_write_finish_entry(u->disk) < ARCHIVE_WARN)
                return library_error(&u->lib, u->disk, name, e);
        return 0;
}

static int unpacker_entry(struct unpacker *u, struct archive_entry *entry, struct err *e) {
        const char *full = str_or_empty(u->lib.archive_entry_pathname(entry));
        const char *name = u->file_name ? u->file_name : rest_of(full);
        AUTO_FREE char *copy = strdup(name);
        unsigned type = u->lib.archive_entry_filetype(entry);

        if (!copy)
                return err_errno(e, -ENOMEM, "cannot write %s", u->path);
        if (copy[0] == '\0')
                return 0; /* the directory itself */
        if ((type != AE_IFREG && type != AE_IFDIR) || u->lib.archive_entry_hardlink(entry)) {
                (void) fprintf(stderr, "Warning: %s is a link or no file: passed over.\n", full);
                return 0;
        }
        u->lib.archive_entry_set_pathname(entry, copy);
        u->lib.archive_entry_set_perm(entry, u->lib.archive_entry_perm(entry) & 0777);
        if (u->lib.archive_write_header(u->disk, entry) < ARCHIVE_WARN) {
                (void) fprintf(stderr, "Warning: %s: passed over (%s).\n", copy,
                               str_or_empty(u->lib.archive_error_string(u->disk)));
                return 0;
        }
        return unpacker_data(u, copy, e);
}

static int unpacker_run(struct unpacker *u, int fd, struct err *e) {
        int r = library_load(&u->lib, e);
        struct archive_entry *entry;

        if (r < 0)
                return r;
        u->in = u->lib.archive_read_new();
        u->disk = u->lib.archive_write_disk_new();
        if (!u->in || !u->disk)
                return err_errno(e, -ENOMEM, "cannot write %s", u->path);
        (void) u->lib.archive_write_disk_set_options(
                u->disk, ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                                 ARCHIVE_EXTRACT_SECURE_NODOTDOT |
                                 ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS);
        (void) u->lib.archive_read_support_format_tar(u->in);
        if (u->lib.archive_read_open_fd(u->in, fd, READ_BYTES) < ARCHIVE_WARN)
                return u->lib.archive_error_string(u->in)
                               ? library_error(&u->lib, u->in, "what the container sent", e)
                               : err_set(e, -ENOENT, "nothing came");
        while (r == 0) {
                int n = u->lib.archive_read_next_header(u->in, &entry);

                if (n == ARCHIVE_EOF)
                        break;
                if (n < ARCHIVE_WARN)
                        return library_error(&u->lib, u->in, "what the container sent", e);
                if (!u->has_begun)
                        r = unpacker_begin(u, entry, e);
                if (r == 0)
                        r = unpacker_entry(u, entry, e);
        }
        return r < 0 || u->has_begun ? r : err_set(e, -ENOENT, "nothing came");
}

int tar_unpack(int fd, const char *path, struct err *e) {
        struct unpacker u = { .path = path };
        int r = unpacker_run(&u, fd, e);

        unpacker_done(&u);
        return r;
}
