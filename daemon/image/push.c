#include "daemon/image/push.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/distribution/manifest.h"
#include "daemon/distribution/remote_push.h"
#include "daemon/image/layer_tar.h"
#include "daemon/image/push_layer.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"

#include <signal.h>
#include <string.h>

#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define OCI_LAYER "application/vnd.oci.image.layer.v1.tar+gzip"
#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"

/* A layer as the manifest names it. */
struct push_item {
        char digest[DIGEST_TEXT_MAX];
        uint64_t size_bytes;
        const char *media_type; /* borrowed */
};

struct image_push {
        struct image_store *store;
        const struct image_push_options *options;
        struct http *http;
        struct remote *remote;
        struct image_reference ref;
        struct image *image;
        char *from; /* the repository of the same registry that it came from; NULL: none */
        char *config_text, *manifest_text;
        size_t config_len, manifest_len;
        struct manifest manifest; /* the one it came with; n_layers == 0: none */
        struct push_item items[MANIFEST_LAYERS_MAX];
        size_t n, present; /* the layer under way */
        size_t n_sent;
        uint64_t sent_bytes, tar_size;
        char digest[DIGEST_TEXT_MAX];
};

static void image_push_done(struct image_push *p) {
        manifest_done(&p->manifest);
        image_reference_done(&p->ref);
        image_unref(p->image);
        remote_unref(p->remote);
        http_unref(p->http);
        free(p->from);
        free(p->config_text);
        free(p->manifest_text);
}
DEFINE_AUTO_DONE(image_push);

/* "sha256:HEX" of a layer's folder. */
static char *push_diff_id(const struct image_push *p, size_t i) {
        return str_format("sha256:%s", strrchr(p->image->layers.items[i], '/') + 1);
}

static void push_tell(const struct image_push *p, enum pull_state state, uint64_t bytes,
                      uint64_t size_bytes) {
        const struct push_item *item = &p->items[p->present];

        if (p->options->on_news)
                p->options->on_news(p->options->userdata,
                                    &(struct pull_news){ .layer = p->present,
                                                         .n_layers = p->n,
                                                         .digest = item->digest,
                                                         .state = state,
                                                         .bytes = bytes,
                                                         .size_bytes = size_bytes });
}

static void push_on_bytes(void *userdata, uint64_t bytes) {
        struct image_push *p = userdata;

        push_tell(p, PULL_UPLOADING, bytes, p->tar_size);
}

/* ---- what is pushed ---- */

static int push_read_blob(const struct image_push *p, const char *digest, size_t max, char **ret,
                          size_t *ret_len, struct err *e) {
        AUTO_FREE char *path = image_store_blob_path(p->store, digest);

        return path ? file_read(path, max, ret, ret_len, e) : err_set(e, -ENOMEM, "out of memory");
}

/* The manifest that it came with is only a chance to send less: without it a new one is made. */
static int push_read_manifest(struct image_push *p) {
        enum manifest_kind kind;
        json_t *root = NULL;
        int r;

        if (!p->image->manifest || push_read_blob(p, p->image->manifest, MANIFEST_BYTES_MAX,
                                                  &p->manifest_text, &p->manifest_len, NULL) < 0)
                return 0;
        r = manifest_classify(p->manifest_text, p->manifest_len, NULL, &kind, &root, NULL);
        if (r == 0 && kind == MANIFEST_IMAGE)
                r = manifest_read(root, &p->manifest, NULL);
        json_decref(root);
        if (r == 0 &&
            (p->manifest.n_layers != p->n || strcmp(p->manifest.config.digest, p->image->id) != 0))
                manifest_done(&p->manifest);
        return r == -ENOMEM ? r : 0;
}

/* "HOST/team/base@sha256:…" of the same registry: its blobs may be mounted. */
static int push_find_source(struct image_push *p) {
        for (size_t i = 0; i < p->image->digests.n && !p->from; i++) {
                AUTO_DONE(image_reference) struct image_reference ref = { 0 };

                if (image_reference_parse(p->image->digests.items[i], &ref, NULL) < 0 ||
                    !str_eq(ref.host, p->ref.host) || str_eq(ref.path, p->ref.path))
                        continue;
                p->from = strdup(ref.path);
                if (!p->from)
                        return -ENOMEM;
        }
        return 0;
}

/* Under the name as it is given, else under the whole one. */
static int push_find_image(struct image_push *p, struct err *e) {
        AUTO_DONE(image_reference) struct image_reference ref = { 0 };
        AUTO_FREE char *whole = NULL;
        int r = image_find(p->store, p->options->reference, &p->image, e);

        if (r != -ENOENT ||
            registries_name(p->options->registries, p->options->reference, &ref, NULL) < 0)
                return r;
        whole = image_reference_format(&ref);
        return whole ? image_find(p->store, whole, &p->image, e)
                     : err_set(e, -ENOMEM, "out of memory");
}

static int push_open(struct image_push *p, struct err *e) {
        const struct image_push_options *o = p->options;
        int r = push_find_image(p, e);

        if (r == 0)
                r = registries_name(o->registries, o->to ? o->to : o->reference, &p->ref, e);
        if (r == 0 && !p->ref.tag)
                r = err_set(e, -EINVAL, "give the image a tag to be pushed under");
        if (r == 0)
                r = push_read_blob(p, p->image->id, MANIFEST_CONFIG_MAX, &p->config_text,
                                   &p->config_len, e);
        if (r < 0)
                return r == -ENOENT && p->image
                               ? err_set(e, -ENODATA,
                                         "the image was taken in by an older version, which kept "
                                         "too little to push it; load its archive again, or "
                                         "remove the image and pull it")
                               : r;
        p->n = p->image->layers.n;
        if (p->n > MANIFEST_LAYERS_MAX)
                return err_set(e, -E2BIG, "an image of %zu layers can't be pushed", p->n);
        if (push_read_manifest(p) < 0 || push_find_source(p) < 0)
                return err_set(e, -ENOMEM, "out of memory");
        r = http_new(&(struct http_options){ .proxy = o->proxy, .stall_usec = o->stall_usec },
                     &p->http, e);
        return r < 0 ? r
                     : remote_new(&(struct remote_options){ .http = p->http,
                                                            .registries = o->registries,
                                                            .keyring = o->keyring,
                                                            .is_push = true,
                                                            .mount_from = p->from },
                                  &p->ref, &p->remote, e);
}

/* ---- layers ---- */

/* Whether the registry has the layer as it came. Returns 1, 0 or a failure. */
static int push_use_present(struct image_push *p, size_t i, struct err *e) {
        struct push_item *item = &p->items[i];
        const struct descriptor *known;
        int r;

        if (p->manifest.n_layers == 0)
                return 0;
        known = &p->manifest.layers[i];
        r = remote_has_blob(p->remote, known->digest, e);
        if (r == 0 && p->from)
                r = remote_mount_blob(p->remote, known->digest, p->from, e);
        if (r <= 0)
                return r;
        memcpy(item->digest, known->digest, sizeof(item->digest));
        item->size_bytes = known->size_bytes;
        item->media_type = known->media_type;
        push_tell(p, PULL_EXISTS, known->size_bytes, known->size_bytes);
        return 1;
}

static int push_one(struct image_push *p, size_t i, struct err *e) {
        AUTO_FREE char *diff_id = push_diff_id(p, i);
        struct push_item *item = &p->items[i];
        struct push_layer_result result;
        int r;

        if (!diff_id)
                return err_set(e, -ENOMEM, "out of memory");
        p->present = i;
        memcpy(item->digest, diff_id, strlen(diff_id) + 1);
        r = push_use_present(p, i, e);
        if (r != 0)
                return r < 0 ? r : 0;
        r = layer_tar_size(p->store, diff_id, &p->tar_size, e);
        if (r == 0)
                r = push_layer(p->remote,
                               &(struct push_layer_options){ .store = p->store,
                                                             .diff_id = diff_id,
                                                             .on_bytes = push_on_bytes,
                                                             .userdata = p },
                               &result, e);
        if (r < 0)
                return r;
        memcpy(item->digest, result.digest, sizeof(item->digest));
        item->size_bytes = result.size_bytes;
        item->media_type = OCI_LAYER;
        p->n_sent++;
        p->sent_bytes += result.size_bytes;
        push_tell(p, PULL_DONE, p->tar_size, p->tar_size);
        return 0;
}

/* ---- the rest ---- */

static json_t *push_descriptor(const char *type, const char *digest, uint64_t size_bytes) {
        return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest, "size",
                         (json_int_t) size_bytes);
}

/* The caller's text; NULL when memory is out. */
static char *push_make_manifest(const struct image_push *p) {
        json_t *layers = json_array(), *root;
        char *text;

        for (size_t i = 0; i < p->n; i++)
                (void) json_array_append_new(layers, push_descriptor(p->items[i].media_type,
                                                                     p->items[i].digest,
                                                                     p->items[i].size_bytes));
        root = json_pack("{s:i, s:s, s:o, s:o}", "schemaVersion", 2, "mediaType", OCI_MANIFEST,
                         "config", push_descriptor(OCI_CONFIG, p->image->id, p->config_len),
                         "layers", layers);
        text = root ? json_dumps(root, JSON_COMPACT) : NULL;
        json_decref(root);
        return text;
}

/* With all of its layers there as they came, the manifest that it came with goes, too. */
static int push_manifest(struct image_push *p, struct err *e) {
        bool is_own = p->manifest.n_layers > 0 && p->n_sent == 0;
        AUTO_FREE char *made = is_own ? NULL : push_make_manifest(p);
        struct remote_manifest manifest = {
                .reference = p->ref.tag,
                .media_type = is_own && p->manifest.is_docker ? DOCKER_MANIFEST : OCI_MANIFEST,
                .text = is_own ? p->manifest_text : made,
                .len = is_own ? p->manifest_len : strlen(str_or_empty(made)),
        };
        int r = manifest.text ? digest_of(manifest.text, manifest.len, p->digest, e)
                              : err_set(e, -ENOMEM, "out of memory");

        return r < 0 ? r : remote_put_manifest(p->remote, &manifest, e);
}

static int push_config(struct image_push *p, struct err *e) {
        int r = remote_has_blob(p->remote, p->image->id, e);

        return r != 0 ? MIN(r, 0)
                      : remote_put_blob(p->remote, p->config_text, p->config_len, p->image->id, e);
}

static int push_run(struct image_push *p, json_t **ret, struct err *e) {
        AUTO_CLOSE int reader_fd = -1;
        AUTO_FREE char *name = NULL;
        int r = image_store_enter(p->store, &reader_fd, e); /* nothing is collected meanwhile */

        if (r == 0)
                r = push_open(p, e);
        for (size_t i = 0; r == 0 && i < p->n; i++) {
                r = push_one(p, i, e);
                if (r < 0)
                        r = err_wrap(e, r, "layer %zu of %zu", i + 1, p->n);
        }
        if (r == 0)
                r = push_config(p, e);
        if (r == 0)
                r = push_manifest(p, e);
        if (r < 0)
                return r;
        name = image_reference_format(&p->ref);
        *ret = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "id", p->image->id, "name",
                         str_or_empty(name), "digest", p->digest, "layers", (json_int_t) p->n,
                         "sent", (json_int_t) p->n_sent, "fetchedBytes",
                         (json_int_t) p->sent_bytes);
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

int image_push(struct image_store *store, const struct image_push_options *options, json_t **ret,
               struct err *e) {
        AUTO_DONE(image_push) struct image_push p = { .store = store, .options = options };
        int r;

        (void) signal(SIGPIPE, SIG_IGN);
        r = push_run(&p, ret, e);
        return r < 0 ? err_wrap(e, r, "cannot push %.128s", options->reference) : 0;
}
