#include "daemon/build/layer_write.h"

#include "base/map.h"
#include "base/str.h"
#include "daemon/build/tree.h"
#include "daemon/image/layer.h"
#include "daemon/image/record.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define LAYER_XATTRS_MAX 65536
#define LAYER_CHUNK (256 << 10)

struct packing {
        const struct layer_write *w;
        struct archive *tar;
        struct archive_entry *entry;
        struct map links; /* "DEV:INO" → path of the first */
        char *chunk, *names, *value;
        size_t n_entries;
        struct err *e;
};

static void packing_done(struct packing *p) {
        map_done(&p->links, free);
        if (p->tar)
                (void) archive_write_free(p->tar);
        archive_entry_free(p->entry);
        free(p->chunk);
        free(p->names);
        free(p->value);
}
DEFINE_AUTO_DONE(packing);

static int packing_fail(struct packing *p, const char *path) {
        int code = archive_errno(p->tar);

        return err_set(p->e, code > 0 ? -code : -EIO, "cannot pack %s: %s", path,
                       archive_error_string(p->tar));
}

static int pack_header(struct packing *p, const char *path) {
        p->n_entries++;
        return archive_write_header(p->tar, p->entry) == ARCHIVE_OK ? 0 : packing_fail(p, path);
}

/* ---- what overlays say in their own way ---- */

static int pack_whiteout(struct packing *p, const char *path) {
        const char *slash = strrchr(path, '/');
        AUTO_FREE char *name = str_format("%.*s.wh.%s", slash ? (int) (slash - path) + 1 : 0, path,
                                          slash ? slash + 1 : path);

        if (!name)
                return err_set(p->e, -ENOMEM, "out of memory");
        archive_entry_clear(p->entry);
        archive_entry_set_pathname(p->entry, name);
        archive_entry_set_filetype(p->entry, AE_IFREG);
        archive_entry_set_perm(p->entry, 0);
        archive_entry_set_mtime(p->entry, 0, 0);
        return pack_header(p, name);
}

static int pack_opaque(struct packing *p, const char *path) {
        AUTO_FREE char *below = str_format("%s/.wh..opq", path);

        return below ? pack_whiteout(p, below) : err_set(p->e, -ENOMEM, "out of memory");
}

/* ---- attributes ---- */

static int pack_xattrs(struct packing *p, int fd, const char *path, bool *ret_is_opaque) {
        char self[64];
        ssize_t n, len;

        (void) snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
        n = listxattr(self, p->names, LAYER_XATTRS_MAX);
        for (char *name = p->names; n > 0 && name < p->names + n; name += strlen(name) + 1) {
                if (strcmp(name, "trusted.overlay.redirect") == 0 ||
                    strcmp(name, "trusted.overlay.metacopy") == 0)
                        return err_set(p->e, -EOPNOTSUPP,
                                       "this kernel's overlays move %s by reference: load the "
                                       "module overlay with redirect_dir=off metacopy=off",
                                       path);
                if (strcmp(name, "trusted.overlay.opaque") == 0)
                        *ret_is_opaque = true;
                if (!str_starts_with(name, "user.") && strcmp(name, "security.capability") != 0)
                        continue;
                len = getxattr(self, name, p->value, LAYER_XATTRS_MAX);
                if (len >= 0)
                        archive_entry_xattr_add_entry(p->entry, name, p->value, (size_t) len);
        }
        return 0;
}

static void pack_stat(struct packing *p, const char *path, const struct stat *st) {
        int64_t seconds = st->st_mtim.tv_sec;

        if (p->w->has_epoch)
                seconds = MIN(seconds, p->w->epoch);
        archive_entry_clear(p->entry);
        archive_entry_set_pathname(p->entry, path);
        archive_entry_set_filetype(p->entry, st->st_mode & S_IFMT);
        archive_entry_set_perm(p->entry, st->st_mode & 07777);
        archive_entry_set_uid(p->entry, st->st_uid);
        archive_entry_set_gid(p->entry, st->st_gid);
        archive_entry_set_mtime(p->entry, seconds, 0);
        archive_entry_set_size(p->entry, S_ISREG(st->st_mode) ? st->st_size : 0);
}

/* Whether another name of the same file came before: then only that is told. */
static int pack_known(struct packing *p, const struct stat *st, const char *path, bool *ret) {
        char key[64];
        const char *first;
        char *copy;

        *ret = false;
        if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
                return 0;
        (void) snprintf(key, sizeof(key), "%ju:%ju", (uintmax_t) st->st_dev,
                        (uintmax_t) st->st_ino);
        first = map_get(&p->links, key);
        if (first) {
                archive_entry_set_hardlink(p->entry, first);
                archive_entry_set_size(p->entry, 0);
                *ret = true;
                return 0;
        }
        copy = strdup(path);
        if (!copy || map_put(&p->links, key, copy, NULL) < 0) {
                free(copy);
                return err_set(p->e, -ENOMEM, "out of memory");
        }
        return 0;
}

/* ---- files and folders ---- */

static int pack_folder(struct packing *p, int fd, const char *path, unsigned depth);

static int pack_data(struct packing *p, int path_fd, const char *path) {
        AUTO_CLOSE int fd = -1;
        char self[64];
        ssize_t n;

        (void) snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
        fd = open(self, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return err_errno(p->e, -errno, "cannot open %s", path);
        while ((n = read(fd, p->chunk, LAYER_CHUNK)) > 0)
                if (archive_write_data(p->tar, p->chunk, (size_t) n) < 0)
                        return packing_fail(p, path);
        return n < 0 ? err_errno(p->e, -errno, "cannot read %s", path) : 0;
}

static int pack_content(struct packing *p, int fd, const struct stat *st, const char *path,
                        bool is_opaque, unsigned depth) {
        AUTO_CLOSE int dir = -1;
        int r;

        if (S_ISREG(st->st_mode))
                return st->st_size > 0 ? pack_data(p, fd, path) : 0;
        if (!S_ISDIR(st->st_mode))
                return 0;
        r = is_opaque ? pack_opaque(p, path) : 0;
        if (r < 0)
                return r;
        dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return dir < 0 ? err_errno(p->e, -errno, "cannot open %s", path)
                       : pack_folder(p, dir, path, depth + 1);
}

static int pack_entry(struct packing *p, int dirfd, const char *name, const char *path,
                      unsigned depth) {
        AUTO_CLOSE int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        bool is_opaque = false, is_known;
        char target[PATH_MAX];
        struct stat st;
        ssize_t n;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return err_errno(p->e, -errno, "cannot look at %s", path);
        if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0))
                return pack_whiteout(p, path);
        if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) || S_ISSOCK(st.st_mode))
                return 0;
        pack_stat(p, path, &st);
        if (S_ISLNK(st.st_mode)) {
                n = readlinkat(fd, "", target, sizeof(target) - 1);
                if (n < 0)
                        return err_errno(p->e, -errno, "cannot read the link %s", path);
                target[n] = '\0';
                archive_entry_set_symlink(p->entry, target);
        } else {
                r = pack_xattrs(p, fd, path, &is_opaque);
                if (r < 0)
                        return r;
        }
        r = pack_known(p, &st, path, &is_known);
        if (r == 0)
                r = pack_header(p, path);
        return r < 0 || is_known ? r : pack_content(p, fd, &st, path, is_opaque, depth);
}

static int pack_folder(struct packing *p, int fd, const char *path, unsigned depth) {
        AUTO_DONE(tree_names) struct tree_names names = { 0 };
        int r = depth > TREE_DEPTH_MAX
                        ? err_set(p->e, -ELOOP, "folders lie more than %d deep", TREE_DEPTH_MAX)
                        : tree_names_read(fd, &names, p->e);

        for (size_t i = 0; r == 0 && i < names.n; i++) {
                AUTO_FREE char *below =
                        str_format("%s%s%s", path, *path ? "/" : "", names.items[i]);

                r = below ? pack_entry(p, fd, names.items[i], below, depth)
                          : err_set(p->e, -ENOMEM, "out of memory");
        }
        return r;
}

static int pack_all(struct packing *p, int rootfd, int out) {
        int r;

        p->tar = archive_write_new();
        p->entry = archive_entry_new();
        p->chunk = malloc(LAYER_CHUNK);
        p->names = malloc(LAYER_XATTRS_MAX);
        p->value = malloc(LAYER_XATTRS_MAX);
        if (!p->tar || !p->entry || !p->chunk || !p->names || !p->value)
                return err_set(p->e, -ENOMEM, "out of memory");
        (void) archive_write_set_format_pax_restricted(p->tar);
        if (archive_write_open_fd(p->tar, out) != ARCHIVE_OK)
                return packing_fail(p, "the layer");
        r = pack_folder(p, rootfd, "", 0);
        if (r == 0 && archive_write_close(p->tar) != ARCHIVE_OK)
                r = packing_fail(p, "the layer");
        return r;
}

static bool folder_is_empty(int fd) {
        AUTO_DONE(tree_names) struct tree_names names = { 0 };

        return tree_names_read(fd, &names, NULL) == 0 && names.n == 0;
}

int layer_write_upper(const struct layer_write *w, const char *upper, char **ret_diff_id,
                      struct err *e) {
        AUTO_CLOSE int fd = open(upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        AUTO(layer) struct layer *layer = NULL;
        AUTO_DONE(packing) struct packing p = { .w = w, .e = e };
        struct unpack_result result;
        struct err why = { 0 };
        int r, waited;

        if (fd < 0)
                return err_errno(e, -errno, "cannot open %s", upper);
        if (folder_is_empty(fd)) {
                *ret_diff_id = NULL;
                return 0;
        }
        r = layer_begin(w->store, &(struct layer_options){ 0 }, &layer, e);
        if (r < 0)
                return r;
        r = pack_all(&p, fd, layer_fd(layer));
        layer_end(layer);
        if (r < 0 && r != -EPIPE)
                return r;
        waited = layer_wait(layer, &result, &why);
        if (waited < 0)
                return err_set(e, waited, "%s", err_text(&why));
        if (r == 0)
                r = layers_commit(w->store, &layer, 1, e);
        if (r < 0)
                return r;
        *ret_diff_id = strdup(result.diff_id);
        return *ret_diff_id ? 0 : err_set(e, -ENOMEM, "out of memory");
}
