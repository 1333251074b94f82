#include "daemon/image/layer.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* What a pipe holds, so that a writer with several layers doesn't turn for each page. */
#define LAYER_PIPE_BYTES (1 << 20)

struct layer {
        const struct image_store *store;
        char *digest;  /* NULL: anything */
        char *diff_id; /* NULL: anything */
        char *tmp;     /* NULL: committed or dropped */
        int tmp_fd;    /* keeps sweepers off */
        int fd;        /* the pipe's writing end */
        struct unpacking *unpacking;
        struct unpack_result result;
        bool is_whole; /* layer_wait() has succeeded */
};

void layer_unref(struct layer *layer) {
        if (!layer)
                return;
        unpack_cancel(layer->unpacking);
        if (layer->fd >= 0)
                (void) close(layer->fd);
        if (layer->tmp)
                (void) dir_remove_all(AT_FDCWD, layer->tmp, NULL);
        if (layer->tmp_fd >= 0)
                (void) close(layer->tmp_fd);
        free(layer->digest);
        free(layer->diff_id);
        free(layer->tmp);
        free(layer);
}

static int layer_new(struct image_store *store, const struct layer_options *options,
                     struct layer **ret, struct err *e) {
        AUTO(layer) struct layer *layer = calloc(1, sizeof(*layer));
        int r;

        if (!layer)
                return err_set(e, -ENOMEM, "out of memory");
        *layer = (struct layer){ .store = store, .tmp_fd = -1, .fd = -1 };
        layer->digest = options->digest ? strdup(options->digest) : NULL;
        layer->diff_id = options->diff_id ? strdup(options->diff_id) : NULL;
        if ((options->digest && !layer->digest) || (options->diff_id && !layer->diff_id))
                return err_set(e, -ENOMEM, "out of memory");
        r = image_store_make_tmp(store, "layer", &layer->tmp, &layer->tmp_fd, e);
        if (r < 0)
                return r;
        if (mkdirat(layer->tmp_fd, "root", 0755) < 0)
                return err_errno(e, -errno, "cannot create a folder in %s", layer->tmp);
        *ret = STEAL(layer);
        return 0;
}

int layer_begin_file(struct image_store *store, const struct layer_options *options, int fd,
                     struct layer **ret, struct err *e) {
        AUTO(layer) struct layer *layer = NULL;
        int r = layer_new(store, options, &layer, e);

        if (r == 0)
                r = unpack_start_layer(fd, layer->tmp_fd, &layer->unpacking, e);
        if (r < 0)
                return r;
        *ret = STEAL(layer);
        return 0;
}

int layer_begin(struct image_store *store, const struct layer_options *options, struct layer **ret,
                struct err *e) {
        AUTO_CLOSE int read_end = -1, write_end = -1;
        int ends[2], r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        read_end = ends[0];
        write_end = ends[1];
        /* Refused where the user's pipes are many: then it is smaller. */
        (void) fcntl(write_end, F_SETPIPE_SZ, LAYER_PIPE_BYTES);
        r = layer_begin_file(store, options, read_end, ret, e);
        if (r == 0)
                (*ret)->fd = STEAL_FD(write_end);
        return r;
}

int layer_fd(const struct layer *layer) {
        return layer->fd;
}

int layer_done_fd(const struct layer *layer) {
        return layer->unpacking ? unpack_report_fd(layer->unpacking) : -1;
}

void layer_end(struct layer *layer) {
        if (layer->fd >= 0)
                (void) close(layer->fd);
        layer->fd = -1;
}

int layer_wait(struct layer *layer, struct unpack_result *ret, struct err *e) {
        struct unpack_result *result = &layer->result;
        int r = unpack_finish(STEAL(layer->unpacking), result, e);

        if (r == -ENOSPC)
                return err_wrap(e, r, "free some space under %s", image_store_dir(layer->store));
        if (r < 0)
                return r;
        if (layer->digest && strcmp(layer->digest, result->blob_digest) != 0)
                return err_set(e, -EBADMSG, "checksum differs (is %s); the file is damaged",
                               result->blob_digest);
        if (layer->diff_id && strcmp(layer->diff_id, result->diff_id) != 0)
                return err_set(e, -EBADMSG, "checksum of the unpacked layer differs (is %s)",
                               result->diff_id);
        layer->is_whole = true;
        if (ret)
                *ret = *result;
        return 0;
}

static int layer_note_size(const struct layer *layer, const char *path, struct err *e) {
        AUTO_FREE char *size_path = str_format("%s.size", path);
        AUTO_FREE char *text = str_format("%llu", (unsigned long long) layer->result.size_bytes);

        if (!size_path || !text)
                return err_set(e, -ENOMEM, "out of memory");
        return file_write_atomic(size_path, text, strlen(text), 0644, false, e);
}

/* Moves tmp/NAME to "layers/HEX" + suffix. What an earlier try left there goes first. */
static int layer_move(const struct layer *layer, const char *name, const char *path,
                      const char *suffix, struct err *e) {
        AUTO_FREE char *to = str_format("%s%s", path, suffix);

        if (!to)
                return err_set(e, -ENOMEM, "out of memory");
        if (renameat(layer->tmp_fd, name, AT_FDCWD, to) == 0)
                return 0;
        if (errno == ENOTEMPTY || errno == EEXIST) {
                int r = dir_remove_all(AT_FDCWD, to, e);

                if (r < 0)
                        return r;
                if (renameat(layer->tmp_fd, name, AT_FDCWD, to) == 0)
                        return 0;
        }
        return err_errno(e, -errno, "cannot place %s", to);
}

/* An empty folder is no content that was replaced, an empty recipe is none. */
static int layer_place_recipe(const struct layer *layer, const char *path, struct err *e) {
        struct stat st;
        int r = 0;

        if (unlinkat(layer->tmp_fd, "kept", AT_REMOVEDIR) < 0)
                r = layer_move(layer, "kept", path, ".kept", e);
        if (r == 0 && fstatat(layer->tmp_fd, "recipe", &st, 0) == 0 && st.st_size > 0)
                r = layer_move(layer, "recipe", path, ".recipe", e);
        return r;
}

/* What belongs to the layer first, the layer last: where it stands, all of it does. */
static int layer_place(struct layer *layer, struct err *e) {
        AUTO_FREE char *path = image_store_layer_path(layer->store, layer->result.diff_id);
        int r;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        if (!layer->tmp || image_store_has_recipe(layer->store, layer->result.diff_id))
                return 0; /* layer_unref() removes the second one */
        r = layer_note_size(layer, path, e);
        if (r == 0)
                r = layer_place_recipe(layer, path, e);
        /* One without recipe, which an older version took in, has got it now. */
        if (r < 0 || image_store_has_layer(layer->store, layer->result.diff_id))
                return r;
        if (renameat(layer->tmp_fd, "root", AT_FDCWD, path) < 0)
                return errno == EEXIST || errno == ENOTEMPTY
                               ? 0
                               : err_errno(e, -errno, "cannot place layer %s", path);
        return 0;
}

int layers_commit(struct image_store *store, struct layer *const *layers, size_t n, struct err *e) {
        AUTO_FREE char *path = str_format("%s/layers", image_store_dir(store));
        AUTO_CLOSE int fd = -1;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        if (n == 0)
                return 0;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || syncfs(fd) < 0)
                return err_errno(e, -errno, "cannot sync %s", path);
        for (size_t i = 0; i < n; i++) {
                int r = layers[i]->is_whole ? layer_place(layers[i], e)
                                            : err_set(e, -EINVAL, "a layer isn't whole");

                if (r < 0)
                        return r;
        }
        return fsync(fd) < 0 ? err_errno(e, -errno, "cannot sync %s", path) : 0;
}
