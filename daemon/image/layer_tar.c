#include "daemon/image/layer_tar.h"

#include "base/fd.h"
#include "base/macros.h"
#include "base/str.h"
#include "daemon/image/oci.h"
#include "daemon/image/recipe.h"
#include "daemon/image/store.h"
#include "daemon/image/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <isa-l/crc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LAYER_TAR_CHUNK (128 * 1024)

struct layer_reading {
        int root_fd, kept_fd; /* kept_fd -1: nothing was replaced */
        int fd;               /* where the tar goes */
        uint64_t written;
        uint8_t *chunk;
        struct recipe_reader *recipe;
};

static void layer_reading_done(struct layer_reading *t) {
        if (t->root_fd >= 0)
                (void) close(t->root_fd);
        if (t->kept_fd >= 0)
                (void) close(t->kept_fd);
        free(t->chunk);
        recipe_reader_unref(t->recipe);
}
DEFINE_AUTO_DONE(layer_reading);

static int layer_put(struct layer_reading *t, const void *data, size_t len, struct err *e) {
        int r = fd_write_all(t->fd, data, len);

        t->written += len;
        return r < 0 ? err_errno(e, r, "cannot write the layer's tar") : 0;
}

/* The content is where its path leads, unless a later entry replaced it. */
static int layer_open_file(struct layer_reading *t, const struct recipe_item *item, struct err *e) {
        char name[48];
        int fd = -1;

        (void) snprintf(name, sizeof(name), "%08x-%llu", item->crc,
                        (unsigned long long) item->file_bytes);
        if (t->kept_fd >= 0)
                fd = openat(t->kept_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                fd = oci_open(t->root_fd, item->path);
        return fd >= 0 ? fd
                       : err_errno(e, fd == -ENOENT ? -EBADMSG : fd,
                                   "the layer's file %.200s is damaged", item->path);
}

/* One piece of a file. */
static int layer_put_piece(struct layer_reading *t, const struct recipe_item *item, int fd,
                           const struct tar_extent *piece, uint32_t *crc, struct err *e) {
        uint64_t left = piece->len, at = piece->offset;

        while (left > 0) {
                ssize_t n = pread(fd, t->chunk, (size_t) MIN(left, (uint64_t) LAYER_TAR_CHUNK),
                                  (off_t) at);
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return err_set(e, n < 0 && errno != EISDIR ? -EIO : -EBADMSG,
                                       "the layer's file %.200s is damaged (%s)", item->path,
                                       n < 0 ? strerror(errno) : "shorter than it was");
                *crc = crc32_gzip_refl(*crc, t->chunk, (uint64_t) n);
                r = layer_put(t, t->chunk, (size_t) n, e);
                if (r < 0)
                        return r;
                left -= (uint64_t) n;
                at += (uint64_t) n;
        }
        return 0;
}

static int layer_put_file(struct layer_reading *t, const struct recipe_item *item, struct err *e) {
        const struct tar_extent whole = { .len = item->file_bytes };
        const struct tar_extent *pieces = item->n_extents > 0 ? item->extents : &whole;
        size_t n = item->n_extents > 0 ? item->n_extents : 1;
        AUTO_CLOSE int fd = layer_open_file(t, item, e);
        struct stat st;
        uint32_t crc = 0;

        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
            (item->n_extents == 0 && (uint64_t) st.st_size != item->file_bytes))
                return err_set(e, -EBADMSG, "the layer's file %.200s is damaged (another size)",
                               item->path);
        for (size_t i = 0; i < n; i++) {
                int r = layer_put_piece(t, item, fd, &pieces[i], &crc, e);

                if (r < 0)
                        return r;
        }
        return crc == item->crc
                       ? 0
                       : err_set(e, -EBADMSG, "the layer's file %.200s is damaged", item->path);
}

static int layer_put_all(struct layer_reading *t, struct err *e) {
        for (;;) {
                struct recipe_item item;
                int r = recipe_next(t->recipe, &item, e);

                if (r < 0)
                        return r;
                if (item.kind == RECIPE_END)
                        return item.totals.tar_bytes == t->written
                                       ? 0
                                       : err_set(e, -EBADMSG, "the layer's recipe is damaged");
                r = item.kind == RECIPE_RAW ? layer_put(t, item.data, item.len, e)
                                            : layer_put_file(t, &item, e);
                if (r < 0)
                        return r;
        }
}

static int layer_open_recipe(const struct image_store *store, const char *diff_id, int *ret_fd,
                             struct err *e) {
        AUTO_FREE char *path = image_store_layer_path(store, diff_id);
        AUTO_FREE char *recipe_path = path ? str_format("%s.recipe", path) : NULL;

        if (!recipe_path)
                return err_set(e, -ENOMEM, "out of memory");
        if (!image_store_has_layer(store, diff_id))
                return err_set(e, -ENOENT, "layer %s is not here", diff_id);
        *ret_fd = open(recipe_path, O_RDONLY | O_CLOEXEC);
        if (*ret_fd >= 0)
                return 0;
        return errno == ENOENT
                       ? err_set(e, -ENODATA,
                                 "layer %s can't be given out as it came; if an older version "
                                 "took it in, load its archive again, or remove the image "
                                 "and pull it",
                                 diff_id)
                       : err_errno(e, -errno, "cannot open %s", recipe_path);
}

int layer_tar_size(const struct image_store *store, const char *diff_id, uint64_t *ret,
                   struct err *e) {
        AUTO(recipe_reader) struct recipe_reader *recipe = NULL;
        struct recipe_item item = { 0 };
        AUTO_CLOSE int fd = -1;
        int r = layer_open_recipe(store, diff_id, &fd, e);

        if (r == 0)
                r = recipe_reader_new(fd, &recipe, e);
        do {
                if (r < 0)
                        return r;
                r = recipe_next(recipe, &item, e);
        } while (r < 0 || item.kind != RECIPE_END);
        *ret = item.totals.tar_bytes;
        return 0;
}

int layer_tar_write(const struct image_store *store, const char *diff_id, int fd, struct err *e) {
        AUTO_DONE(layer_reading)
        struct layer_reading t = { .root_fd = -1, .kept_fd = -1, .fd = fd };
        AUTO_FREE char *path = image_store_layer_path(store, diff_id);
        AUTO_FREE char *kept_path = path ? str_format("%s.kept", path) : NULL;
        AUTO_CLOSE int recipe_fd = -1;
        int r = layer_open_recipe(store, diff_id, &recipe_fd, e);

        if (r < 0)
                return r;
        t.chunk = malloc(LAYER_TAR_CHUNK);
        if (!kept_path || !t.chunk)
                return err_set(e, -ENOMEM, "out of memory");
        t.root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (t.root_fd < 0)
                return err_errno(e, -errno, "cannot open layer %s", diff_id);
        t.kept_fd = open(kept_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = recipe_reader_new(recipe_fd, &t.recipe, e);
        return r < 0 ? r : layer_put_all(&t, e);
}

/* ---- in a child: a struct layer_tar is a worker ---- */

struct layer_tar_order {
        const struct image_store *store;
        const char *diff_id;
};

static int layer_tar_run(void *userdata, void *result, struct err *e) {
        const struct layer_tar_order *order = userdata;
        (void) result;

        return layer_tar_write(order->store, order->diff_id, WORKER_FD(0), e);
}

int layer_tar_start(const struct image_store *store, const char *diff_id, int fd,
                    struct layer_tar **ret, struct err *e) {
        struct layer_tar_order order = { .store = store, .diff_id = diff_id };

        return worker_start(&(struct worker_options){ .fds = { fd, -1, -1 },
                                                      .run = layer_tar_run,
                                                      .userdata = &order },
                            (struct worker **) ret, e);
}

int layer_tar_finish(struct layer_tar *take_t, struct err *e) {
        return worker_finish((struct worker *) take_t, NULL, e);
}

void layer_tar_cancel(struct layer_tar *take_t) {
        worker_cancel((struct worker *) take_t);
}
