#include "daemon/image/load.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/distribution/digest.h"
#include "daemon/distribution/image_reference.h"
#include "daemon/image/oci.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"
#include "daemon/image/unpack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A layer that was unpacked into tmp and waits for its name. */
struct load_layer {
        char *tmp;
        char *path;
        uint64_t size_bytes;
};

struct load {
        struct image_store *store;
        const struct image_load_options *options;
        struct load_layer *layers; /* new ones, of all images */
        size_t n_layers;
        uint64_t n_skipped;
        json_t *answer;
        struct err *e;
};

static void load_done(struct load *load) {
        for (size_t i = 0; i < load->n_layers; i++) {
                if (load->layers[i].tmp)
                        (void) dir_remove_all(AT_FDCWD, load->layers[i].tmp, NULL);
                free(load->layers[i].tmp);
                free(load->layers[i].path);
        }
        free(load->layers);
        json_decref(load->answer);
}
DEFINE_AUTO_DONE(load);

static bool load_has_layer(const struct load *load, const char *path) {
        struct stat st;

        for (size_t i = 0; i < load->n_layers; i++)
                if (strcmp(load->layers[i].path, path) == 0)
                        return true;
        return stat(path, &st) == 0;
}

static int load_take_layer(struct load *load, char *take_tmp, const char *path,
                           uint64_t size_bytes) {
        struct load_layer *layers = reallocarray(load->layers, load->n_layers + 1, sizeof(*layers));
        char *copy = strdup(path);

        if (layers)
                load->layers = layers;
        if (!layers || !copy) {
                (void) dir_remove_all(AT_FDCWD, take_tmp, NULL);
                free(take_tmp);
                free(copy);
                return err_set(load->e, -ENOMEM, "out of memory");
        }
        layers[load->n_layers++] =
                (struct load_layer){ .tmp = take_tmp, .path = copy, .size_bytes = size_bytes };
        return 0;
}

/* Unpacks one layer into tmp. digest: of the blob, "" or NULL: not known. diff_id: likewise NULL.
 */
static int load_unpack(struct load *load, int fd, const char *digest, const char *diff_id,
                       struct unpack_result *ret) {
        AUTO_FREE char *path = NULL;
        AUTO_FREE char *tmp = NULL;
        int r = image_store_make_tmp(load->store, "layer", &tmp, load->e);

        if (r < 0)
                return r;
        if (chmod(tmp, 0755) < 0)
                r = err_errno(load->e, -errno, "cannot change the mode of %s", tmp);
        if (r == 0)
                r = unpack_tar(fd, UNPACK_LAYER, tmp, ret, load->e);
        if (r == 0 && !str_is_empty(digest) && strcmp(digest, ret->blob_digest) != 0)
                r = err_set(load->e, -EBADMSG, "checksum differs (is %s); the file is damaged",
                            ret->blob_digest);
        if (r == 0 && diff_id && strcmp(diff_id, ret->diff_id) != 0)
                r = err_set(load->e, -EBADMSG, "checksum of the unpacked layer differs (is %s)",
                            ret->diff_id);
        if (r == 0) {
                path = image_store_layer_path(load->store, ret->diff_id);
                if (!path)
                        r = err_set(load->e, -ENOMEM, "out of memory");
        }
        if (r < 0) {
                (void) dir_remove_all(AT_FDCWD, tmp, NULL);
                return r == -ENOSPC ? err_wrap(load->e, r, "free some space under %s",
                                               image_store_dir(load->store))
                                    : r;
        }
        load->n_skipped += ret->n_skipped;
        if (load_has_layer(load, path)) {
                (void) dir_remove_all(AT_FDCWD, tmp, NULL);
                return 0;
        }
        return load_take_layer(load, STEAL(tmp), path, ret->size_bytes);
}

static int load_layers_of(struct load *load, int dirfd, const struct oci_image *image) {
        for (size_t i = 0; i < image->layer_files.n; i++) {
                AUTO_FREE char *path =
                        image_store_layer_path(load->store, image->diff_ids.items[i]);
                struct unpack_result result = { 0 };
                AUTO_CLOSE int fd = -1;
                int r;

                if (!path)
                        return err_set(load->e, -ENOMEM, "out of memory");
                if (load_has_layer(load, path))
                        continue;
                fd = oci_open(dirfd, image->layer_files.items[i]);
                if (fd < 0)
                        return err_errno(load->e, fd == -ENOENT ? -EBADMSG : fd,
                                         "the image lacks %s", image->layer_files.items[i]);
                r = load_unpack(load, fd, image->layer_digests.items[i], image->diff_ids.items[i],
                                &result);
                if (r < 0)
                        return err_wrap(load->e, r, "layer %zu of %zu", i + 1,
                                        image->layer_files.n);
        }
        return 0;
}

static int load_note_size(struct load *load, const struct load_layer *layer) {
        AUTO_FREE char *path = str_format("%s.size", layer->path);
        AUTO_FREE char *text = str_format("%llu", (unsigned long long) layer->size_bytes);

        if (!path || !text)
                return err_set(load->e, -ENOMEM, "out of memory");
        return file_write_atomic(path, text, strlen(text), 0644, false, load->e);
}

/* Everything reaches the disk once, then the layers get their names. */
static int load_commit_layers(struct load *load) {
        AUTO_FREE char *layers = str_format("%s/layers", image_store_dir(load->store));
        AUTO_CLOSE int fd = -1;

        if (!layers)
                return err_set(load->e, -ENOMEM, "out of memory");
        if (load->n_layers == 0)
                return 0;
        fd = open(layers, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || syncfs(fd) < 0)
                return err_errno(load->e, -errno, "cannot sync %s", layers);
        for (size_t i = 0; i < load->n_layers; i++) {
                int r = load_note_size(load, &load->layers[i]);

                if (r < 0)
                        return r;
                if (rename(load->layers[i].tmp, load->layers[i].path) < 0)
                        return err_errno(load->e, -errno, "cannot place layer %s",
                                         load->layers[i].path);
                free(STEAL(load->layers[i].tmp));
        }
        return fsync(fd) < 0 ? err_errno(load->e, -errno, "cannot sync %s", layers) : 0;
}

/* Of the regular files, each layer for itself. A layer whose size can't be read counts nothing: it
 * is only for people. */
static uint64_t load_size(const struct load *load, const struct image_words *diff_ids) {
        uint64_t sum = 0;

        for (size_t i = 0; i < diff_ids->n; i++) {
                AUTO_FREE char *layer = image_store_layer_path(load->store, diff_ids->items[i]);
                AUTO_FREE char *path = layer ? str_format("%s.size", layer) : NULL;
                AUTO_FREE char *text = NULL;
                int64_t size = 0;

                if (path && file_read(path, 64, &text, NULL, NULL) == 0 &&
                    str_to_int64(text, 0, INT64_MAX, &size) == 0)
                        sum += (uint64_t) size;
        }
        return sum;
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

static int load_publish(struct load *load, const char *id, const json_t *config,
                        const struct image_words *diff_ids, const struct image_words *names) {
        uint64_t size_bytes = load_size(load, diff_ids);
        AUTO_FREE char *record = image_record_encode(id, config, diff_ids, size_bytes);
        AUTO(image) struct image *check = NULL;
        json_t *item;
        int r;

        if (!record)
                return err_set(load->e, -ENOMEM, "out of memory");
        /* What couldn't be read back must not go in. */
        r = image_record_decode(record, strlen(record), "/", &check, NULL);
        if (r < 0)
                return err_set(load->e, -EBADMSG, "the image's configuration is malformed");
        r = image_store_publish(load->store, id, record, names, load->e);
        if (r < 0)
                return r;
        item = json_pack("{s:s, s:[s], s:I, s:I, s:I}", "id", id, "names", names->items[0],
                         "sizeBytes", (json_int_t) size_bytes, "layers", (json_int_t) diff_ids->n,
                         "skipped", (json_int_t) load->n_skipped);
        return json_array_append_new(load->answer, item) < 0
                       ? err_set(load->e, -ENOMEM, "out of memory")
                       : 0;
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
                r = load_commit_layers(load);
        for (size_t i = 0; r == 0 && i < images.n; i++) {
                AUTO_DONE(image_words) struct image_words names = { 0 };
                const struct oci_image *image = &images.items[i];

                r = load_names(load, image->name, &names);
                if (r == 0)
                        r = load_publish(load, image->id, image->config, &image->diff_ids, &names);
        }
        return r;
}

static int load_archive(struct load *load, int fd) {
        AUTO_FREE char *tmp = NULL;
        AUTO_CLOSE int dirfd = -1;
        struct unpack_result result;
        int r = image_store_make_tmp(load->store, "archive", &tmp, load->e);

        if (r < 0)
                return r;
        r = unpack_tar(fd, UNPACK_PLAIN, tmp, &result, load->e);
        if (r == 0) {
                dirfd = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = dirfd < 0 ? err_errno(load->e, -errno, "cannot open %s", tmp)
                              : load_folder(load, dirfd);
        }
        (void) dir_remove_all(AT_FDCWD, tmp, NULL);
        return r;
}

static int load_begin(struct load *load, struct image_store *store,
                      const struct image_load_options *options, int *ret_lock_fd, struct err *e) {
        *load = (struct load){ .store = store, .options = options, .e = e, .answer = json_array() };
        if (!load->answer)
                return err_set(e, -ENOMEM, "out of memory");
        return image_store_lock(store, ret_lock_fd, e);
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
                r = load_publish(load, id, config, &diff_ids, names);
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
                r = load_unpack(&load, fd, NULL, NULL, &result);
        if (r == 0)
                r = load_commit_layers(&load);
        if (r == 0)
                r = import_publish(&load, result.diff_id, &names);
        if (r < 0)
                return r;
        *ret = STEAL(load.answer);
        return 0;
}
