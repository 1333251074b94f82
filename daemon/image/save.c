#include "daemon/image/save.h"

#include "base/fd.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/distribution/digest.h"
#include "daemon/distribution/image_reference.h"
#include "daemon/image/layer_tar.h"
#include "daemon/image/oci.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"
#include "daemon/image/tar.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define SAVE_DOCUMENT_MAX (4U << 20)
#define SAVE_OCTAL_MAX ((1ULL << 33) - 1) /* what eleven octal digits say */

struct save {
        struct image_store *store;
        enum image_archive archive;
        int fd;
        struct map written; /* names in the archive: each once */
        json_t *items;      /* manifest.json's list, or index.json's manifests */
        struct err *e;
};

static void save_done(struct save *s) {
        map_done(&s->written, NULL);
        json_decref(s->items);
}
DEFINE_AUTO_DONE(save);

/* ---- the outer tar ---- */

static int save_write(struct save *s, const void *data, size_t len) {
        int r = fd_write_all(s->fd, data, len);

        return r < 0 ? err_errno(s->e, r, "cannot write the archive") : 0;
}

static int save_header(struct save *s, const char *name, uint64_t size) {
        char block[TAR_BLOCK] = { 0 };
        unsigned sum = 0;

        (void) snprintf(block, 100, "%s", name);
        memcpy(block + 100, "0000644\0000000000\0000000000", 23);
        if (size <= SAVE_OCTAL_MAX)
                (void) snprintf(block + 124, 12, "%011llo", (unsigned long long) size);
        else {
                block[124] = (char) 0x80;
                for (int i = 0; i < 8; i++)
                        block[135 - i] = (char) (size >> (8 * i));
        }
        memcpy(block + 136, "00000000000", 11);
        memcpy(block + 257, "ustar\00000", 8);
        block[156] = '0';
        memset(block + 148, ' ', 8);
        for (size_t i = 0; i < sizeof(block); i++)
                sum += (unsigned char) block[i];
        (void) snprintf(block + 148, 7, "%06o", sum & 0777777);
        return save_write(s, block, sizeof(block));
}

static int save_pad(struct save *s, uint64_t size) {
        static const char zeros[TAR_BLOCK];

        return save_write(s, zeros, (size_t) (-size & (TAR_BLOCK - 1)));
}

/* Whether name is to be written now; each is once. Returns 1, 0 or -ENOMEM. */
static int save_is_new(struct save *s, const char *name) {
        if (map_has(&s->written, name))
                return 0;
        return map_put(&s->written, name, s, NULL) < 0 ? err_set(s->e, -ENOMEM, "out of memory")
                                                       : 1;
}

static int save_document(struct save *s, const char *name, const char *text, size_t len) {
        int r = save_is_new(s, name);

        if (r <= 0)
                return r;
        r = save_header(s, name, len);
        if (r == 0)
                r = save_write(s, text, len);
        return r < 0 ? r : save_pad(s, len);
}

static char *save_blob_name(const struct save *s, const char *digest, const char *suffix) {
        const char *hex = digest + strlen("sha256:");

        return s->archive == IMAGE_ARCHIVE_OCI ? str_format("blobs/sha256/%s", hex)
                                               : str_format("%s.%s", hex, suffix);
}

static int save_layer(struct save *s, const char *diff_id, uint64_t *ret_size) {
        AUTO_FREE char *name = save_blob_name(s, diff_id, "tar");
        int r = name ? layer_tar_size(s->store, diff_id, ret_size, s->e)
                     : err_set(s->e, -ENOMEM, "out of memory");

        if (r == 0)
                r = save_is_new(s, name);
        if (r <= 0)
                return r;
        r = save_header(s, name, *ret_size);
        if (r == 0)
                r = layer_tar_write(s->store, diff_id, s->fd, s->e);
        return r < 0 ? r : save_pad(s, *ret_size);
}

/* ---- one image ---- */

/* As it came; of an image that an earlier version took in, as it was kept. */
static int save_config_text(struct save *s, const struct image *image, char **ret,
                            size_t *ret_len) {
        AUTO_FREE char *path = image_store_blob_path(s->store, image->id);
        AUTO_FREE char *record_path = image_store_record_path(s->store, image->id);
        AUTO_FREE char *text = NULL;
        json_t *root;
        size_t len = 0;
        int r;

        if (!path || !record_path)
                return err_set(s->e, -ENOMEM, "out of memory");
        r = file_read(path, SAVE_DOCUMENT_MAX, ret, ret_len, s->e);
        if (r != -ENOENT)
                return r;
        r = file_read(record_path, SAVE_DOCUMENT_MAX, &text, &len, s->e);
        if (r < 0)
                return r;
        root = json_loadb(text, len, 0, NULL);
        *ret = json_dumps(json_object_get(root, "config"), JSON_COMPACT);
        json_decref(root);
        if (!*ret)
                return err_set(s->e, -EIO, "the image's record is damaged; load the image again");
        *ret_len = strlen(*ret);
        return 0;
}

static json_t *save_descriptor(const char *type, const char *digest, uint64_t size) {
        return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest, "size",
                         (json_int_t) size);
}

/* The layers into the archive. ret: manifest.json's names, or descriptors. */
static int save_layers(struct save *s, const struct image *image, json_t **ret) {
        json_t *list = json_array();
        int r = list ? 0 : err_set(s->e, -ENOMEM, "out of memory");

        for (size_t i = 0; r == 0 && i < image->layers.n; i++) {
                AUTO_FREE char *diff_id =
                        str_format("sha256:%s", strrchr(image->layers.items[i], '/') + 1);
                AUTO_FREE char *name = diff_id ? save_blob_name(s, diff_id, "tar") : NULL;
                uint64_t size = 0;

                if (!name)
                        r = err_set(s->e, -ENOMEM, "out of memory");
                else
                        r = save_layer(s, diff_id, &size);
                if (r == 0 &&
                    json_array_append_new(
                            list,
                            s->archive == IMAGE_ARCHIVE_DOCKER
                                    ? json_string(name)
                                    : save_descriptor("application/vnd.oci.image.layer.v1.tar",
                                                      diff_id, size)) < 0)
                        r = err_set(s->e, -ENOMEM, "out of memory");
        }
        if (r < 0)
                json_decref(list);
        else
                *ret = list;
        return r;
}

/* name: NULL: nameless. */
static int save_note_docker(struct save *s, const char *config_name, json_t *take_layers,
                            const char *name) {
        json_t *tags = name ? json_pack("[s]", name) : json_array();
        json_t *item = json_pack("{s:s, s:o, s:o}", "Config", config_name, "RepoTags", tags,
                                 "Layers", take_layers);

        return json_array_append_new(s->items, item) < 0 ? err_set(s->e, -ENOMEM, "out of memory")
                                                         : 0;
}

static int save_note_oci(struct save *s, json_t *take_config, json_t *take_layers,
                         const char *name) {
        static const char type[] = "application/vnd.oci.image.manifest.v1+json";
        json_t *manifest = json_pack("{s:i, s:s, s:o, s:o}", "schemaVersion", 2, "mediaType", type,
                                     "config", take_config, "layers", take_layers);
        AUTO_FREE char *text = manifest ? json_dumps(manifest, JSON_COMPACT) : NULL;
        AUTO_FREE char *blob = NULL;
        char digest[DIGEST_TEXT_MAX];
        json_t *item;
        int r;

        json_decref(manifest);
        if (!text)
                return err_set(s->e, -ENOMEM, "out of memory");
        r = digest_of(text, strlen(text), digest, s->e);
        if (r < 0)
                return r;
        blob = save_blob_name(s, digest, "json");
        r = blob ? save_document(s, blob, text, strlen(text)) : -ENOMEM;
        if (r < 0)
                return r;
        item = save_descriptor(type, digest, strlen(text));
        if (name)
                (void) json_object_set_new(item, "annotations",
                                           json_pack("{s:s, s:s}",
                                                     "org.opencontainers.image.ref.name", name,
                                                     "io.containerd.image.name", name));
        return json_array_append_new(s->items, item) < 0 ? err_set(s->e, -ENOMEM, "out of memory")
                                                         : 0;
}

static int save_name(struct save *s, const char *reference, char **ret) {
        AUTO_DONE(image_reference) struct image_reference ref = { 0 };
        int r;

        *ret = NULL;
        if (image_digest_is_valid(reference))
                return 0;
        r = image_reference_parse(reference, &ref, s->e);
        if (r < 0 || ref.digest)
                return r;
        *ret = image_reference_format(&ref);
        return *ret ? 0 : err_set(s->e, -ENOMEM, "out of memory");
}

static int save_image(struct save *s, const char *reference) {
        AUTO(image) struct image *image = NULL;
        AUTO_FREE char *name = NULL;
        AUTO_FREE char *text = NULL;
        AUTO_FREE char *config_name = NULL;
        json_t *layers = NULL;
        char digest[DIGEST_TEXT_MAX];
        size_t len = 0;
        int r = image_find(s->store, reference, &image, s->e);

        if (r == 0)
                r = save_name(s, reference, &name);
        if (r == 0)
                r = save_config_text(s, image, &text, &len);
        if (r == 0)
                r = digest_of(text, len, digest, s->e);
        if (r < 0)
                return r;
        config_name = save_blob_name(s, digest, "json");
        r = config_name ? save_document(s, config_name, text, len)
                        : err_set(s->e, -ENOMEM, "out of memory");
        if (r == 0)
                r = save_layers(s, image, &layers);
        if (r < 0)
                return err_wrap(s->e, r, "image %s", reference);
        if (s->archive == IMAGE_ARCHIVE_DOCKER)
                return save_note_docker(s, config_name, layers, name);
        return save_note_oci(
                s, save_descriptor("application/vnd.oci.image.config.v1+json", digest, len), layers,
                name);
}

/* ---- the whole ---- */

static int save_json(struct save *s, const char *name, json_t *take) {
        AUTO_FREE char *text = take ? json_dumps(take, JSON_COMPACT) : NULL;

        json_decref(take);
        return text ? save_document(s, name, text, strlen(text))
                    : err_set(s->e, -ENOMEM, "out of memory");
}

static int save_end(struct save *s) {
        static const char zeros[2 * TAR_BLOCK];
        int r;

        if (s->archive == IMAGE_ARCHIVE_DOCKER)
                r = save_json(s, "manifest.json", STEAL(s->items));
        else {
                r = save_json(s, "oci-layout", json_pack("{s:s}", "imageLayoutVersion", "1.0.0"));
                if (r == 0)
                        r = save_json(s, "index.json",
                                      json_pack("{s:i, s:s, s:o}", "schemaVersion", 2, "mediaType",
                                                "application/vnd.oci.image.index.v1+json",
                                                "manifests", STEAL(s->items)));
        }
        return r < 0 ? r : save_write(s, zeros, sizeof(zeros));
}

int image_save(struct image_store *store, enum image_archive archive,
               const struct image_words *references, int fd, struct err *e) {
        AUTO_DONE(save)
        struct save s = {
                .store = store, .archive = archive, .fd = fd, .items = json_array(), .e = e
        };
        AUTO_CLOSE int lock_fd = -1;
        int r = s.items ? image_store_enter(store, &lock_fd, e)
                        : err_set(e, -ENOMEM, "out of memory");

        /* Nothing is written of a list with a name that isn't here. */
        for (size_t i = 0; r == 0 && i < references->n; i++) {
                AUTO(image) struct image *image = NULL;

                r = image_find(store, references->items[i], &image, e);
        }
        for (size_t i = 0; r == 0 && i < references->n; i++)
                r = save_image(&s, references->items[i]);
        return r < 0 ? r : save_end(&s);
}
