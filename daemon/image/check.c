#include "daemon/image/check.h"

#include "base/fd.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/distribution/digest.h"
#include "daemon/image/layer_check.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"

#include <fcntl.h>
#include <string.h>

#define CHECK_BLOB_MAX (4U << 20)

struct checking {
        struct image_store *store;
        const struct image_check_options *options;
        struct map seen; /* layers' diff IDs */
        json_t *damaged;
        json_int_t n_images, n_layers, n_unproven;
};

static int checking_found(struct checking *c, const char *what, const char *id, const char *reason,
                          struct err *e) {
        json_t *one = json_pack("{s:s, s:s}", what, id, "reason", reason);

        return json_array_append_new(c->damaged, one) < 0 ? err_set(e, -ENOMEM, "out of memory")
                                                          : 0;
}

/* Moved first, so that half a layer never stands under its name. */
static int checking_take_away(struct checking *c, const char *diff_id, struct err *e) {
        AUTO_FREE char *path = image_store_layer_path(c->store, diff_id);
        AUTO_FREE char *to = NULL;
        AUTO_CLOSE int fd = -1;
        AUTO_FREE char *tmp = NULL;
        int r = path ? image_store_make_tmp(c->store, "old", &tmp, &fd, e)
                     : err_set(e, -ENOMEM, "out of memory");

        if (r < 0)
                return r;
        to = str_format("%s/layer", tmp);
        if (!to)
                return err_set(e, -ENOMEM, "out of memory");
        if (rename(path, to) < 0 && errno != ENOENT)
                return err_errno(e, -errno, "cannot remove %s", path);
        return dir_remove_all(AT_FDCWD, tmp, e);
}

static int checking_layer(struct checking *c, const struct image *image, const char *hex,
                          struct err *e) {
        const struct image_check_options *o = c->options;
        AUTO_FREE char *diff_id = str_format("sha256:%s", hex);
        struct err why = { 0 };
        int r;

        if (!diff_id || map_put(&c->seen, hex, c, NULL) < 0)
                return err_set(e, -ENOMEM, "out of memory");
        c->n_layers++;
        r = layer_check(c->store, diff_id, o->is_deep, &why);
        if (r == -ENODATA) {
                c->n_unproven++;
                return 0;
        }
        if (r == 0)
                return 0;
        if (r != -EBADMSG && r != -EIO)
                return err_set(e, r, "%s", err_text(&why));
        r = checking_found(c, "layer", diff_id, err_text(&why), e);
        if (r == 0 && o->is_repair && !(o->in_use && image_words_has(o->in_use, image->id)))
                r = checking_take_away(c, diff_id, e);
        return r;
}

/* One document that is kept as it came. */
static int checking_blob(struct checking *c, const char *digest, struct err *e) {
        AUTO_FREE char *path = image_store_blob_path(c->store, digest);
        AUTO_FREE char *text = NULL;
        char found[DIGEST_TEXT_MAX];
        size_t len = 0;
        int r;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        r = file_read(path, CHECK_BLOB_MAX, &text, &len, NULL);
        if (r == -ENOENT) /* taken in by an earlier version */
                return 0;
        if (r == 0)
                r = digest_of(text, len, found, e);
        if (r == 0 && strcmp(found, digest) == 0)
                return 0;
        if (c->options->is_repair)
                (void) unlink(path);
        return checking_found(c, "image", digest, "its configuration or manifest is damaged", e);
}

static int checking_image(struct checking *c, const struct image *image, struct err *e) {
        int r = checking_blob(c, image->id, e);

        c->n_images++;
        if (r == 0 && image->manifest)
                r = checking_blob(c, image->manifest, e);
        for (size_t i = 0; r == 0 && i < image->layers.n; i++) {
                const char *hex = strrchr(image->layers.items[i], '/') + 1;

                if (!map_has(&c->seen, hex))
                        r = checking_layer(c, image, hex, e);
        }
        return r;
}

int image_check(struct image_store *store, const struct image_check_options *options, json_t **ret,
                struct err *e) {
        struct checking c = { .store = store, .options = options, .damaged = json_array() };
        AUTO_DONE(image_list) struct image_list list = { 0 };
        AUTO_CLOSE int lock_fd = -1;
        int r = options->is_repair ? image_store_lock(store, true, &lock_fd, e)
                                   : image_store_enter(store, &lock_fd, e);

        if (r == 0)
                r = image_list_read(store, &list, e);
        for (size_t i = 0; r == 0 && i < list.n; i++)
                r = checking_image(&c, list.items[i], e);
        map_done(&c.seen, NULL);
        if (r < 0) {
                json_decref(c.damaged);
                return r;
        }
        *ret = json_pack("{s:I, s:I, s:o, s:I}", "images", c.n_images, "layers", c.n_layers,
                         "damaged", c.damaged, "unproven", c.n_unproven);
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}
