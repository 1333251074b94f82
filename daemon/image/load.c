#include "daemon/image/load.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/distribution/digest.h"
#include "daemon/distribution/image_reference.h"
#include "daemon/image/layer.h"
#include "daemon/image/oci.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"
#include "daemon/image/unpack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* More than cores, so that none is idle while others wait for the disk. */
#define LOAD_LAYERS_AT_ONCE 4

struct load {
        struct image_store *store;
        const struct image_load_options *options;
        struct layer **layers; /* new ones, of all images */
        char **diff_ids;       /* what each is going to be; NULL: not known */
        size_t n_layers;
        uint64_t n_skipped;
        json_t *answer;
        struct err *e;
};

static void load_done(struct load *load) {
        for (size_t i = 0; i < load->n_layers; i++) {
                layer_unref(load->layers[i]);
                free(load->diff_ids[i]);
        }
        free(load->layers);
        free(load->diff_ids);
        json_decref(load->answer);
}
DEFINE_AUTO_DONE(load);

static bool load_has_layer(const struct load *load, const char *diff_id) {
        for (size_t i = 0; i < load->n_layers; i++)
                if (load->diff_ids[i] && strcmp(load->diff_ids[i], diff_id) == 0)
                        return true;
        /* Unpacked again for its recipe where an older version took it in. */
        return image_store_has_recipe(load->store, diff_id);
}

/* Starts the unpacking of one layer. digest: of the blob, "" or NULL: not known. diff_id: likewise
 * NULL. */
static int load_begin_layer(struct load *load, int fd, const char *digest, const char *diff_id) {
        const struct layer_options options = { .digest = str_is_empty(digest) ? NULL : digest,
                                               .diff_id = diff_id };
        struct layer **layers =
                reallocarray(load->layers, load->n_layers + 1, sizeof(*load->layers));
        char **diff_ids;
        int r;

        if (layers)
                load->layers = layers;
        diff_ids = reallocarray(load->diff_ids, load->n_layers + 1, sizeof(*load->diff_ids));
        if (diff_ids)
                load->diff_ids = diff_ids;
        if (!layers || !diff_ids)
                return err_set(load->e, -ENOMEM, "out of memory");
        diff_ids[load->n_layers] = diff_id ? strdup(diff_id) : NULL;
        r = diff_id && !diff_ids[load->n_layers]
                    ? err_set(load->e, -ENOMEM, "out of memory")
                    : layer_begin_file(load->store, &options, fd, &layers[load->n_layers], load->e);
        if (r < 0)
                free(diff_ids[load->n_layers]);
        else
                load->n_layers++;
        return r;
}

static int load_wait_layer(struct load *load, size_t i, struct unpack_result *ret) {
        struct unpack_result result;
        int r = layer_wait(load->layers[i], &result, load->e);

        if (r < 0)
                return r;
        load->n_skipped += result.n_skipped;
        if (ret)
                *ret = result;
        return 0;
}

/* At most LOAD_LAYERS_AT_ONCE work at the same time; each is waited for in turn. */
static int load_layers_of(struct load *load, int dirfd, const struct oci_image *image) {
        size_t first = load->n_layers, n_waited = first;
        int r = 0;

        for (size_t i = 0; r == 0 && i < image->layer_files.n; i++) {
                AUTO_CLOSE int fd = -1;

                if (load_has_layer(load, image->diff_ids.items[i]))
                        continue;
                fd = oci_open(dirfd, image->layer_files.items[i]);
                if (fd < 0)
                        return err_errno(load->e, fd == -ENOENT ? -EBADMSG : fd,
                                         "the image lacks %s", image->layer_files.items[i]);
                r = load_begin_layer(load, fd, image->layer_digests.items[i],
                                     image->diff_ids.items[i]);
                if (r == 0 && load->n_layers - n_waited >= LOAD_LAYERS_AT_ONCE)
                        r = load_wait_layer(load, n_waited++, NULL);
        }
        while (r == 0 && n_waited < load->n_layers)
                r = load_wait_layer(load, n_waited++, NULL);
        return r < 0 ? err_wrap(load->e, r, "layer %s",
                                n_waited > first && load->diff_ids[n_waited - 1]
                                        ? load->diff_ids[n_waited - 1]
                                        : "")
                     : 0;
}

/* The names under which an image goes in, canonical. */
static int load_names(struct load *load, const char *own_name, struct image_words *ret) {
        AUTO_DONE(image_reference) struct image_reference ref = { 0 };
        const char *name = load->options->name ? load->options->name : own_name;
        AUTO_FREE char *text = NULL;
        int r;

        if (!name)
                return err_set(load->e, -EINVAL,
                               "the archive doesn't say what its image is called; give it a name "
                               "with --name");
        r = image_reference_parse(name, &ref, load->e);
        if (r < 0)
                return r;
        text = image_reference_format(&ref);
        r = text ? image_words_add(ret, text) : -ENOMEM;
        return r < 0 ? err_set(load->e, r, "out of memory") : 0;
}

static int load_publish(struct load *load, const struct image_intake *intake) {
        uint64_t size_bytes = 0;
        json_t *item;
        int r = image_store_take(load->store, intake, &size_bytes, load->e);

        if (r < 0)
                return r;
        item = json_pack("{s:s, s:[s], s:I, s:I, s:I}", "id", intake->id, "names",
                         intake->names->items[0], "sizeBytes", (json_int_t) size_bytes, "layers",
                         (json_int_t) intake->diff_ids->n, "skipped", (json_int_t) load->n_skipped);
        return json_array_append_new(load->answer, item) < 0
                       ? err_set(load->e, -ENOMEM, "out of memory")
                       : 0;
}

static int load_publish_image(struct load *load, const struct oci_image *image) {
        AUTO_DONE(image_words) struct image_words names = { 0 };
        int r = load_names(load, image->name, &names);

        return r < 0 ? r
                     : load_publish(load, &(struct image_intake){
                                                  .id = image->id,
                                                  .config_text = image->config_text,
                                                  .config_len = image->config_len,
                                                  .manifest_digest = image->manifest_digest,
                                                  .manifest_text = image->manifest_text,
                                                  .manifest_len = image->manifest_len,
                                                  .diff_ids = &image->diff_ids,
                                                  .names = &names });
}

static int load_folder(struct load *load, int dirfd) {
        AUTO_DONE(oci_images) struct oci_images images = { 0 };
        enum oci_layout layout = oci_layout_of(dirfd);
        int r;

        if (layout == OCI_LAYOUT_NONE)
                return err_set(load->e, -EBADMSG,
                               "no image inside (neither index.json nor manifest.json); take a "
                               "plain root file system in "
                               "with: orch image import FILE NAME");
        r = oci_layout_read(dirfd, layout, oci_architecture(), &images, load->e);
        if (r == 0 && load->options->name && images.n > 1)
                return err_set(load->e, -EINVAL,
                               "the archive holds %zu images: --name can't name them all",
                               images.n);
        for (size_t i = 0; r == 0 && i < images.n; i++)
                r = load_layers_of(load, dirfd, &images.items[i]);
        if (r == 0)
                r = layers_commit(load->store, load->layers, load->n_layers, load->e);
        for (size_t i = 0; r == 0 && i < images.n; i++)
                r = load_publish_image(load, &images.items[i]);
        return r;
}

static int load_archive(struct load *load, int fd) {
        AUTO_FREE char *tmp = NULL;
        AUTO_CLOSE int tmp_fd = -1;
        struct unpack_result result;
        int r = image_store_make_tmp(load->store, "archive", &tmp, &tmp_fd, load->e);

        if (r < 0)
                return r;
        r = unpack_tar(fd, UNPACK_PLAIN, tmp, &result, load->e);
        if (r == 0)
                r = load_folder(load, tmp_fd);
        (void) dir_remove_all(AT_FDCWD, tmp, NULL);
        return r;
}

static int load_begin(struct load *load, struct image_store *store,
                      const struct image_load_options *options, int *ret_lock_fd, struct err *e) {
        *load = (struct load){ .store = store, .options = options, .e = e, .answer = json_array() };
        if (!load->answer)
                return err_set(e, -ENOMEM, "out of memory");
        return image_store_enter(store, ret_lock_fd, e);
}

int image_load(struct image_store *store, int fd, const char *path,
               const struct image_load_options *options, json_t **ret, struct err *e) {
        AUTO_DONE(load) struct load load = { 0 };
        AUTO_CLOSE int lock_fd = -1;
        AUTO_CLOSE int dirfd = -1;
        int r = load_begin(&load, store, options, &lock_fd, e);

        if (r < 0)
                return r;
        if (path) {
                dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = dirfd < 0 ? err_errno(e, -errno, "cannot open %s", path)
                              : load_folder(&load, dirfd);
        } else
                r = load_archive(&load, fd);
        if (r < 0)
                return r;
        *ret = STEAL(load.answer);
        return 0;
}

static int import_config(const struct image_load_options *options, const char *diff_id,
                         json_t **ret, struct err *e) {
        char now[CLOCK_TEXT_MAX];
        json_t *run = options->config ? json_loads(options->config, JSON_REJECT_DUPLICATES, NULL)
                                      : json_object();

        if (!json_is_object(run)) {
                json_decref(run);
                return err_set(
                        e, -EINVAL,
                        "the configuration is not a JSON object like {\"Cmd\":[\"/bin/sh\"]}");
        }
        *ret = json_pack("{s:s, s:s, s:s, s:o, s:{s:s, s:[s]}}", "architecture", oci_architecture(),
                         "os", "linux", "created", clock_format(clock_wall_usec(), now), "config",
                         run, "rootfs", "type", "layers", "diff_ids", diff_id);
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int import_publish(struct load *load, const char *diff_id, const struct image_words *names) {
        AUTO_DONE(image_words) struct image_words diff_ids = { 0 };
        AUTO_FREE char *text = NULL;
        char id[DIGEST_TEXT_MAX];
        json_t *config = NULL;
        int r = import_config(load->options, diff_id, &config, load->e);

        if (r < 0)
                return r;
        text = json_dumps(config, JSON_COMPACT);
        r = text && image_words_add(&diff_ids, diff_id) == 0
                    ? digest_of(text, strlen(text), id, load->e)
                    : err_set(load->e, -ENOMEM, "out of memory");
        if (r == 0)
                r = load_publish(load, &(struct image_intake){ .id = id,
                                                               .config_text = text,
                                                               .config_len = strlen(text),
                                                               .diff_ids = &diff_ids,
                                                               .names = names });
        json_decref(config);
        return r;
}

int image_import(struct image_store *store, int fd, const struct image_load_options *options,
                 json_t **ret, struct err *e) {
        AUTO_DONE(image_words) struct image_words names = { 0 };
        AUTO_DONE(load) struct load load = { 0 };
        AUTO_CLOSE int lock_fd = -1;
        struct unpack_result result = { 0 };
        int r = load_begin(&load, store, options, &lock_fd, e);

        if (r == 0)
                r = load_names(&load, NULL, &names);
        if (r == 0)
                r = load_begin_layer(&load, fd, NULL, NULL);
        if (r == 0)
                r = load_wait_layer(&load, 0, &result);
        if (r == 0)
                r = layers_commit(load.store, load.layers, load.n_layers, e);
        if (r == 0)
                r = import_publish(&load, result.diff_id, &names);
        if (r < 0)
                return r;
        *ret = STEAL(load.answer);
        return 0;
}
