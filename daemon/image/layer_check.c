#include "daemon/image/layer_check.h"

#include "base/fd.h"
#include "base/macros.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/image/extract_internal.h"
#include "daemon/image/layer_tar.h"
#include "daemon/image/oci.h"
#include "daemon/image/recipe.h"
#include "daemon/image/source.h"
#include "daemon/image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* ---- kinds and sizes ---- */

static int check_file(int root_fd, int kept_fd, const struct recipe_item *item, struct err *e) {
        uint64_t size = item->file_bytes;
        AUTO_CLOSE int fd = -1;
        char name[48];
        struct stat st;

        (void) snprintf(name, sizeof(name), "%08x-%llu", item->crc,
                        (unsigned long long) item->file_bytes);
        if (kept_fd >= 0 && faccessat(kept_fd, name, F_OK, 0) == 0)
                return 0;
        fd = oci_open(root_fd, item->path);
        if (fd < 0 || fstat(fd, &st) < 0)
                return err_set(e, -EBADMSG, "%.200s is missing", item->path);
        if (item->n_extents > 0) {
                const struct tar_extent *last = &item->extents[item->n_extents - 1];

                if ((uint64_t) st.st_size >= last->offset + last->len)
                        size = (uint64_t) st.st_size;
        }
        return S_ISREG(st.st_mode) && (uint64_t) st.st_size == size
                       ? 0
                       : err_set(e, -EBADMSG, "%.200s has another size or kind", item->path);
}

static int check_sizes(int root_fd, int kept_fd, int recipe_fd, struct err *e) {
        AUTO(recipe_reader) struct recipe_reader *reader = NULL;
        int r = recipe_reader_new(recipe_fd, &reader, e);

        while (r == 0) {
                struct recipe_item item;

                r = recipe_next(reader, &item, e);
                if (r < 0 || item.kind == RECIPE_END)
                        return r;
                if (item.kind == RECIPE_FILE)
                        r = check_file(root_fd, kept_fd, &item, e);
        }
        return r;
}

/* ---- everything ---- */

/* So many odd paths are remembered; with more the layer is damaged for sure. */
#define CHECK_SUSPECTS_MAX 4096

struct check {
        struct source *source;
        int root_fd;
        struct map suspects; /* paths that aren't as an entry says: perhaps a later one does */
};

static int check_next(void *userdata, const void **ret, size_t *ret_len, struct err *e) {
        struct check *check = userdata;

        return source_next(check->source, ret, ret_len, e);
}

static mode_t check_kind_of(const struct tar_entry *entry) {
        switch (entry->type) {
        case TAR_FOLDER:
                return S_IFDIR;
        case TAR_SYMLINK:
                return S_IFLNK;
        case TAR_FIFO:
                return S_IFIFO;
        default:
                return S_IFREG;
        }
}

/* The path itself, without leaving the layer; links on the way are followed in it. */
static int check_open_path(int root_fd, const char *path) {
        struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

        return (int) syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

static bool check_link_fits(int fd, const char *target) {
        char text[PATH_MAX];
        ssize_t n = readlinkat(fd, "", text, sizeof(text) - 1);

        if (n < 0)
                return false;
        text[n] = '\0';
        return strcmp(text, target) == 0;
}

/* Whether path is what the entry says. */
static bool check_fits(const struct check *check, const struct tar_entry *entry, const char *path) {
        AUTO_CLOSE int fd = check_open_path(check->root_fd, path);
        struct stat st;

        if (fd < 0 && errno == ENOSYS) /* before Linux 5.6 the digest is all */
                return true;
        if (fd < 0 || fstat(fd, &st) < 0)
                return false;
        return (st.st_mode & S_IFMT) == check_kind_of(entry) && st.st_uid == entry->uid &&
               st.st_gid == entry->gid &&
               (entry->type == TAR_SYMLINK ? check_link_fits(fd, entry->link)
                                           : (st.st_mode & 07777) == entry->mode) &&
               st.st_mtim.tv_sec == entry->mtime_sec;
}

/* The last entry of a path is the one that counts. */
static int check_entry(struct check *check, const struct tar_entry *entry, struct err *e) {
        char path[PATH_MAX];
        const char *base;

        if (extract_clean(entry->path, path, NULL) < 0)
                return err_set(e, -EBADMSG, "the recipe is damaged");
        base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
        if (entry->type == TAR_DEVICE || entry->type == TAR_OTHER || str_starts_with(base, ".wh."))
                return 0;
        if (entry->type == TAR_HARD_LINK || check_fits(check, entry, path)) {
                (void) map_remove(&check->suspects, path);
                return 0;
        }
        if (check->suspects.n >= CHECK_SUSPECTS_MAX)
                return 0;
        return map_put(&check->suspects, path, check, NULL) < 0
                       ? err_set(e, -ENOMEM, "out of memory")
                       : 0;
}

static int check_entries(struct check *check, struct err *e) {
        const struct tar_input input = { .next = check_next, .userdata = check };
        AUTO(tar_reader) struct tar_reader *tar = NULL;
        int r = tar_reader_new(&input, &tar, e);

        /* Read to the end even where something is odd: the digest names worse damage. */
        while (r == 0) {
                const struct tar_entry *entry = NULL;

                r = tar_next(tar, &entry, e);
                if (r < 0 || !entry)
                        break;
                r = check_entry(check, entry, e);
        }
        if (r < 0)
                return r;
        MAP_FOREACH(i, &check->suspects)
                return err_set(e, -EBADMSG, "%.200s has another kind, owner, mode, link or time",
                               i->key);
        return 0;
}

static int check_tar(const struct image_store *store, const char *diff_id, int root_fd,
                     struct err *e) {
        char blob[DIGEST_TEXT_MAX], content[DIGEST_TEXT_MAX];
        struct check check = { .root_fd = root_fd };
        struct layer_tar *writer = NULL;
        AUTO_CLOSE int in = -1;
        struct err why = { 0 };
        int ends[2], r, w;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        in = ends[0];
        r = layer_tar_start(store, diff_id, ends[1], &writer, e);
        (void) close(ends[1]);
        if (r < 0)
                return r;
        r = source_new(in, &check.source, &why);
        if (r == 0)
                r = check_entries(&check, &why);
        if (r == 0)
                source_digests(check.source, blob, content);
        source_unref(check.source);
        map_done(&check.suspects, NULL);
        (void) close(STEAL_FD(in)); /* a writer that isn't read any more ends */
        w = layer_tar_finish(writer, e);
        if (w < 0 && w != -EPIPE)
                return w;
        if (r < 0)
                return err_set(e, r, "%s", err_text(&why));
        return strcmp(content, diff_id) == 0 ? 0 : err_set(e, -EBADMSG, "its checksum differs");
}

int layer_check(const struct image_store *store, const char *diff_id, bool is_deep, struct err *e) {
        AUTO_FREE char *path = image_store_layer_path(store, diff_id);
        AUTO_FREE char *recipe_path = path ? str_format("%s.recipe", path) : NULL;
        AUTO_FREE char *kept_path = path ? str_format("%s.kept", path) : NULL;
        AUTO_CLOSE int root_fd = -1, recipe_fd = -1, kept_fd = -1;
        int r;

        if (!recipe_path || !kept_path)
                return err_set(e, -ENOMEM, "out of memory");
        root_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (root_fd < 0)
                return err_set(e, -EBADMSG, "it is missing");
        recipe_fd = open(recipe_path, O_RDONLY | O_CLOEXEC);
        if (recipe_fd < 0)
                return err_set(e, -ENODATA, "it has no recipe");
        kept_fd = open(kept_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = check_sizes(root_fd, kept_fd, recipe_fd, e);
        return r < 0 || !is_deep ? r : check_tar(store, diff_id, root_fd, e);
}
