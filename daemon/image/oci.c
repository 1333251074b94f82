#include "daemon/image/oci.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/distribution/digest.h"
#include "daemon/image/record.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define OCI_JSON_MAX (4U << 20)
#define OCI_IMAGES_MAX 1000
#define OCI_LAYERS_MAX 500
#define OCI_INDEX_DEPTH_MAX 4

static void oci_image_done(struct oci_image *image) {
        free(image->name);
        free(image->id);
        free(image->config_text);
        free(image->manifest_text);
        free(image->manifest_digest);
        json_decref(image->config);
        image_words_done(&image->layer_files);
        image_words_done(&image->layer_digests);
        image_words_done(&image->diff_ids);
}
DEFINE_AUTO_DONE(oci_image);

void oci_images_done(struct oci_images *images) {
        for (size_t i = 0; i < images->n; i++)
                oci_image_done(&images->items[i]);
        free(images->items);
        *images = (struct oci_images){ 0 };
}

static int oci_images_take(struct oci_images *images, struct oci_image *take) {
        struct oci_image *items = reallocarray(images->items, images->n + 1, sizeof(*items));

        if (!items)
                return -ENOMEM;
        images->items = items;
        items[images->n++] = *take;
        *take = (struct oci_image){ 0 };
        return 0;
}

const char *oci_architecture(void) {
        static const struct {
                const char *machine, *name;
        } known[] = {
                { "x86_64", "amd64" },    { "aarch64", "arm64" }, { "armv7l", "arm" },
                { "armv6l", "arm" },      { "i686", "386" },      { "riscv64", "riscv64" },
                { "ppc64le", "ppc64le" }, { "s390x", "s390x" },
        };
        struct utsname uts;

        if (uname(&uts) < 0)
                return "unknown";
        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strcmp(known[i].machine, uts.machine) == 0)
                        return known[i].name;
        return "unknown";
}

int oci_open(int dirfd, const char *path) {
        struct open_how how = { .flags = O_RDONLY | O_CLOEXEC,
                                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
        int fd = (int) syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

        /* Before Linux 5.6: no links at all, and no way up. */
        if (fd < 0 && errno == ENOSYS && path[0] != '/' && !strstr(path, ".."))
                fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 ? -errno : fd;
}

static bool oci_has_file(int dirfd, const char *name) {
        int fd = oci_open(dirfd, name);

        if (fd < 0)
                return false;
        (void) close(fd);
        return true;
}

enum oci_layout oci_layout_of(int dirfd) {
        if (oci_has_file(dirfd, "manifest.json"))
                return OCI_LAYOUT_DOCKER;
        return oci_has_file(dirfd, "index.json") ? OCI_LAYOUT_OCI : OCI_LAYOUT_NONE;
}

/* A JSON file: what it says and as it came. */
struct oci_document {
        json_t *json;
        char *text;
        size_t len;
        char digest[DIGEST_TEXT_MAX];
};

static void oci_document_done(struct oci_document *document) {
        json_decref(document->json);
        free(document->text);
}
DEFINE_AUTO_DONE(oci_document);

/* digest: what the file must have; NULL: anything. */
static int oci_read_json(int dirfd, const char *path, const char *digest, struct oci_document *ret,
                         struct err *e) {
        AUTO_CLOSE int fd = oci_open(dirfd, path);
        AUTO_FREE char *text = NULL;
        char found[DIGEST_TEXT_MAX];
        json_error_t where;
        size_t len = 0;
        int r;

        if (fd < 0)
                return err_errno(e, fd == -ENOENT ? -EBADMSG : fd, "the image lacks %s", path);
        r = fd_read_all(fd, OCI_JSON_MAX, &text, &len, e);
        if (r == 0)
                r = digest_of(text, len, found, e);
        if (r < 0)
                return err_wrap(e, r, "%s", path);
        if (digest && strcmp(digest, found) != 0)
                return err_set(e, -EBADMSG, "%s: checksum differs (is %s); the file is damaged",
                               path, found);
        ret->json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
        if (!ret->json)
                return err_set(e, -EBADMSG, "%s: line %d: %s", path, where.line, where.text);
        memcpy(ret->digest, found, sizeof(found));
        ret->len = len;
        ret->text = STEAL(text);
        return 0;
}

static int oci_blob_path(const char *digest, char **ret, struct err *e) {
        if (!digest || !image_digest_is_valid(digest))
                return err_set(e, -EBADMSG, "a manifest has no usable digest (sha256 is known)");
        *ret = str_format("blobs/sha256/%s", digest + strlen("sha256:"));
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

/* The configuration; its digest is the image's ID. */
static int oci_take_config(int dirfd, const char *path, const char *digest, struct oci_image *image,
                           struct err *e) {
        AUTO_DONE(oci_document) struct oci_document config = { 0 };
        int r = oci_read_json(dirfd, path, digest, &config, e);

        if (r < 0)
                return r;
        image->config = STEAL(config.json);
        image->config_text = STEAL(config.text);
        image->config_len = config.len;
        image->id = strdup(config.digest);
        return image->id ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int oci_read_diff_ids(struct oci_image *image, struct err *e) {
        const json_t *ids = json_object_get(json_object_get(image->config, "rootfs"), "diff_ids");

        if (!json_is_array(ids) || json_array_size(ids) != image->layer_files.n)
                return err_set(e, -EBADMSG,
                               "configuration and manifest name different numbers of layers");
        for (size_t i = 0; i < json_array_size(ids); i++) {
                const char *id = json_string_value(json_array_get(ids, i));

                if (!id || !image_digest_is_valid(id))
                        return err_set(e, -EBADMSG,
                                       "the configuration's layer %zu has no usable digest", i + 1);
                if (image_words_add(&image->diff_ids, id) < 0)
                        return err_set(e, -ENOMEM, "out of memory");
        }
        return 0;
}

static int oci_read_manifest(int dirfd, const json_t *manifest, struct oci_image *image,
                             struct err *e) {
        const json_t *layers = json_object_get(manifest, "layers");
        const char *config =
                json_string_value(json_object_get(json_object_get(manifest, "config"), "digest"));
        AUTO_FREE char *config_path = NULL;
        int r = oci_blob_path(config, &config_path, e);

        if (r == 0)
                r = oci_take_config(dirfd, config_path, config, image, e);
        if (r < 0)
                return r;
        if (!json_is_array(layers) || json_array_size(layers) > OCI_LAYERS_MAX)
                return err_set(e, -EBADMSG, "a manifest needs a list of at most %d layers",
                               OCI_LAYERS_MAX);
        for (size_t i = 0; i < json_array_size(layers); i++) {
                const char *digest =
                        json_string_value(json_object_get(json_array_get(layers, i), "digest"));
                AUTO_FREE char *path = NULL;

                r = oci_blob_path(digest, &path, e);
                if (r < 0)
                        return r;
                if (image_words_add(&image->layer_files, path) < 0 ||
                    image_words_add(&image->layer_digests, digest) < 0)
                        return err_set(e, -ENOMEM, "out of memory");
        }
        return oci_read_diff_ids(image, e);
}

static bool oci_is_index(const json_t *descriptor) {
        const char *type =
                str_or_empty(json_string_value(json_object_get(descriptor, "mediaType")));

        return strstr(type, "image.index") || strstr(type, "manifest.list");
}

static const char *oci_name_of(const json_t *descriptor) {
        const json_t *notes = json_object_get(descriptor, "annotations");
        const char *name = json_string_value(json_object_get(notes, "io.containerd.image.name"));

        return name ? name
                    : json_string_value(
                              json_object_get(notes, "org.opencontainers.image.ref.name"));
}

static bool oci_fits(const json_t *descriptor, const char *architecture) {
        const json_t *platform = json_object_get(descriptor, "platform");
        const char *arch = json_string_value(json_object_get(platform, "architecture"));
        const char *os = json_string_value(json_object_get(platform, "os"));

        return (!arch || strcmp(arch, architecture) == 0) && (!os || strcmp(os, "linux") == 0);
}

struct oci_reading {
        int dirfd;
        const char *architecture;
        struct oci_images *images;
        struct err *e;
};

static int oci_read_one(struct oci_reading *reading, const json_t *descriptor, const char *name) {
        AUTO_DONE(oci_image) struct oci_image image = { 0 };
        const char *digest = json_string_value(json_object_get(descriptor, "digest"));
        AUTO_DONE(oci_document) struct oci_document manifest = { 0 };
        AUTO_FREE char *path = NULL;
        int r = oci_blob_path(digest, &path, reading->e);

        if (r == 0)
                r = oci_read_json(reading->dirfd, path, digest, &manifest, reading->e);
        if (r == 0)
                r = oci_read_manifest(reading->dirfd, manifest.json, &image, reading->e);
        if (r < 0)
                return r;
        image.manifest_text = STEAL(manifest.text);
        image.manifest_len = manifest.len;
        image.manifest_digest = strdup(manifest.digest);
        image.name = name ? strdup(name) : NULL;
        if (!image.manifest_digest || (name && !image.name) ||
            oci_images_take(reading->images, &image) < 0)
                return err_set(reading->e, -ENOMEM, "out of memory");
        return 0;
}

/* The outermost index holds several images; one below it holds one image for several architectures.
 */
static int oci_read_index(struct oci_reading *reading, const json_t *index, const char *name,
                          unsigned depth) {
        const json_t *manifests = json_object_get(index, "manifests");
        size_t n_before = reading->images->n;

        if (!json_is_array(manifests) || json_array_size(manifests) > OCI_IMAGES_MAX ||
            depth > OCI_INDEX_DEPTH_MAX)
                return err_set(reading->e, -EBADMSG,
                               "an index needs a list of at most %d manifests", OCI_IMAGES_MAX);
        for (size_t i = 0; i < json_array_size(manifests); i++) {
                const json_t *one = json_array_get(manifests, i);
                const char *own_name = depth == 0 ? oci_name_of(one) : NULL;
                int r;

                if (!oci_fits(one, reading->architecture))
                        continue;
                if (oci_is_index(one)) {
                        const char *digest = json_string_value(json_object_get(one, "digest"));
                        AUTO_DONE(oci_document) struct oci_document inner = { 0 };
                        AUTO_FREE char *path = NULL;

                        r = oci_blob_path(digest, &path, reading->e);
                        if (r == 0)
                                r = oci_read_json(reading->dirfd, path, digest, &inner, reading->e);
                        if (r == 0)
                                r = oci_read_index(reading, inner.json, own_name ? own_name : name,
                                                   depth + 1);
                } else
                        r = oci_read_one(reading, one, own_name ? own_name : name);
                if (r < 0)
                        return r;
                if (depth > 0)
                        break;
        }
        if (reading->images->n == n_before)
                return err_set(reading->e, -ENOENT, "no image for linux/%s in the archive",
                               reading->architecture);
        return 0;
}

static int docker_read_config(int dirfd, const json_t *item, struct oci_image *image,
                              struct err *e) {
        const char *path = json_string_value(json_object_get(item, "Config"));
        const json_t *layers = json_object_get(item, "Layers");
        int r;

        if (!path || !json_is_array(layers) || json_array_size(layers) > OCI_LAYERS_MAX)
                return err_set(e, -EBADMSG,
                               "manifest.json: an image needs Config and at most %d Layers",
                               OCI_LAYERS_MAX);
        r = oci_take_config(dirfd, path, NULL, image, e);
        if (r < 0)
                return r;
        for (size_t i = 0; i < json_array_size(layers); i++) {
                const char *file = json_string_value(json_array_get(layers, i));

                if (!file)
                        return err_set(e, -EBADMSG, "manifest.json: a layer is not a string");
                if (image_words_add(&image->layer_files, file) < 0 ||
                    image_words_add(&image->layer_digests, "") < 0)
                        return err_set(e, -ENOMEM, "out of memory");
        }
        return oci_read_diff_ids(image, e);
}

static int docker_read_item(int dirfd, const json_t *item, struct oci_images *ret, struct err *e) {
        const json_t *tags = json_object_get(item, "RepoTags");
        size_t n = json_is_array(tags) ? json_array_size(tags) : 0;

        /* One offer a name: layers are unpacked once all the same. */
        for (size_t i = 0; i < MAX(n, (size_t) 1); i++) {
                AUTO_DONE(oci_image) struct oci_image image = { 0 };
                const char *name = n > 0 ? json_string_value(json_array_get(tags, i)) : NULL;
                int r = docker_read_config(dirfd, item, &image, e);

                if (r < 0)
                        return r;
                image.name = name ? strdup(name) : NULL;
                if ((name && !image.name) || oci_images_take(ret, &image) < 0)
                        return err_set(e, -ENOMEM, "out of memory");
        }
        return 0;
}

static int docker_read(int dirfd, struct oci_images *ret, struct err *e) {
        AUTO_DONE(oci_document) struct oci_document document = { 0 };
        int r = oci_read_json(dirfd, "manifest.json", NULL, &document, e);
        const json_t *manifest = document.json;

        if (r < 0)
                return r;
        if (!json_is_array(manifest) || json_array_size(manifest) > OCI_IMAGES_MAX ||
            json_array_size(manifest) == 0)
                r = err_set(e, -EBADMSG, "manifest.json: a list of 1 to %d images is wanted",
                            OCI_IMAGES_MAX);
        for (size_t i = 0; r == 0 && i < json_array_size(manifest); i++)
                r = docker_read_item(dirfd, json_array_get(manifest, i), ret, e);
        return r;
}

int oci_layout_read(int dirfd, enum oci_layout layout, const char *architecture,
                    struct oci_images *ret, struct err *e) {
        AUTO_DONE(oci_images) struct oci_images images = { 0 };
        struct oci_reading reading = {
                .dirfd = dirfd, .architecture = architecture, .images = &images, .e = e
        };
        AUTO_DONE(oci_document) struct oci_document index = { 0 };
        int r;

        if (layout == OCI_LAYOUT_DOCKER)
                r = docker_read(dirfd, &images, e);
        else {
                r = oci_read_json(dirfd, "index.json", NULL, &index, e);
                if (r == 0)
                        r = oci_read_index(&reading, index.json, NULL, 0);
        }
        if (r < 0)
                return r;
        *ret = images;
        images = (struct oci_images){ 0 };
        return 0;
}
