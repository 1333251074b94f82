#include "daemon/distribution/manifest.h"

#include "api/text/text.h"
#include "base/str.h"

#include <string.h>

#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_TYPE_MAX 255

static const char *const config_types[] = {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
        NULL,
};

/* The compression itself is seen in the layer's first bytes, so the type only decides whether it is
 * one that can be taken. */
static const char *const layer_types[] = {
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        NULL,
};

void descriptor_done(struct descriptor *d) {
        free(d->media_type);
        *d = (struct descriptor){ 0 };
}

void manifest_done(struct manifest *m) {
        descriptor_done(&m->config);
        for (size_t i = 0; i < m->n_layers; i++)
                descriptor_done(&m->layers[i]);
        m->n_layers = 0;
}

bool digest_is_valid(const char *text) {
        return str_starts_with(text, "sha256:") && strlen(text) == 7 + 64 &&
               strspn(text + 7, "0123456789abcdef") == 64;
}

/* What people see of a text from outside: short, and nothing that a terminal would act on. */
static const char *manifest_show(const char *text, char buf[80]) {
        size_t n = 0;

        for (; text && *text && n < 79; text++)
                buf[n++] = *text > ' ' && *text < 0x7f ? *text : '?';
        buf[n] = '\0';
        return buf;
}

static const char *manifest_text(const json_t *object, const char *name) {
        return str_or_empty(json_string_value(json_object_get(object, name)));
}

static int classify_type(const char *type, size_t len, enum manifest_kind *ret, struct err *e) {
        static const struct {
                const char *type;
                enum manifest_kind kind;
        } known[] = { { OCI_INDEX, MANIFEST_INDEX },
                      { DOCKER_LIST, MANIFEST_INDEX },
                      { OCI_MANIFEST, MANIFEST_IMAGE },
                      { DOCKER_MANIFEST, MANIFEST_IMAGE } };
        char shown[80];

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strlen(known[i].type) == len && strncmp(known[i].type, type, len) == 0) {
                        *ret = known[i].kind;
                        return 1;
                }
        if (str_starts_with(type, "application/vnd.docker.distribution.manifest.v1+"))
                return err_set(
                        e, -EOPNOTSUPP,
                        "the image has a manifest of schema 1, which is no longer read; push "
                        "it again with a tool of today");
        if (str_starts_with(type, "application/vnd.oci.artifact."))
                return err_set(e, -EOPNOTSUPP, "it is an artifact (%s), not an image",
                               manifest_show(type, shown));
        return 0;
}

static int classify_members(const json_t *root, enum manifest_kind *ret, struct err *e) {
        const json_t *version = json_object_get(root, "schemaVersion");

        if (json_integer_value(version) == 1)
                return err_set(
                        e, -EOPNOTSUPP,
                        "the image has a manifest of schema 1, which is no longer read; push "
                        "it again with a tool of today");
        if (json_integer_value(version) != 2)
                return err_set(e, -EBADMSG, "the manifest has no schemaVersion 2");
        if (json_object_get(root, "manifests") && json_object_get(root, "layers"))
                return err_set(e, -EBADMSG, "the manifest is index and image at once");
        *ret = json_object_get(root, "manifests") ? MANIFEST_INDEX : MANIFEST_IMAGE;
        return 0;
}

int manifest_classify(const char *text, size_t len, const char *content_type,
                      enum manifest_kind *ret_kind, json_t **ret_root, struct err *e) {
        enum manifest_kind by_header = MANIFEST_IMAGE, by_type = MANIFEST_IMAGE,
                           by_members = MANIFEST_IMAGE;
        const char *type = str_or_empty(content_type), *own;
        struct err why = { 0 };
        json_t *root = NULL;
        int has_header, has_type, r;

        has_header = classify_type(type, strcspn(type, "; "), &by_header, e);
        if (has_header < 0)
                return has_header;
        r = text_read_json(text, len, MANIFEST_BYTES_MAX, &root, &why);
        if (r < 0)
                return err_set(e, r == -ENOMEM ? r : -EBADMSG, "the manifest is not JSON (%s)",
                               err_text(&why));
        own = manifest_text(root, "mediaType");
        has_type = own[0] ? classify_type(own, strlen(own), &by_type, e) : 0;
        r = has_type < 0 ? has_type : classify_members(root, &by_members, e);
        if (r == 0 &&
            ((has_header && by_header != by_members) || (has_type && by_type != by_members)))
                r = err_set(e, -EBADMSG, "the manifest's media type and its content differ");
        if (r < 0) {
                json_decref(root);
                return r;
        }
        *ret_kind = by_members;
        *ret_root = root;
        return 0;
}

static int descriptor_read(const json_t *value, const char *what, uint64_t most,
                           struct descriptor *ret, struct err *e) {
        const char *digest = manifest_text(value, "digest");
        const char *type = manifest_text(value, "mediaType");
        const json_t *size = json_object_get(value, "size");

        if (!json_is_object(value) || !digest_is_valid(digest))
                return err_set(e, -EBADMSG,
                               "the manifest's %s has no usable digest (sha256 is known)", what);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
                return err_set(e, -EBADMSG, "the manifest's %s has no size", what);
        if ((uint64_t) json_integer_value(size) > most)
                return err_set(e, -E2BIG,
                               "the manifest's %s is too large (%lld of at most %llu bytes)", what,
                               (long long) json_integer_value(size), (unsigned long long) most);
        if (strlen(type) > MEDIA_TYPE_MAX)
                return err_set(e, -EBADMSG, "the manifest's %s has no usable mediaType", what);
        memcpy(ret->digest, digest, strlen(digest) + 1);
        ret->size_bytes = (uint64_t) json_integer_value(size);
        ret->media_type = strdup(type);
        return ret->media_type ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int manifest_check_layer(const struct descriptor *layer, struct err *e) {
        const char *type = layer->media_type;
        char shown[80];

        if (str_is_any(type, layer_types))
                return 0;
        if (strstr(type, "nondistributable") || strstr(type, ".foreign."))
                return err_set(e, -EOPNOTSUPP,
                               "it is a foreign layer (%s), which registries may not hand out; "
                               "such images can't be pulled",
                               manifest_show(type, shown));
        if (str_ends_with(type, "+encrypted"))
                return err_set(e, -EOPNOTSUPP, "it is encrypted (%s), which isn't supported",
                               manifest_show(type, shown));
        return err_set(e, -EOPNOTSUPP,
                       "its media type %s is not one of an image's layer (tar, gzip or zstd)",
                       manifest_show(type, shown));
}

static int manifest_check_config(const json_t *root, const struct manifest *m, struct err *e) {
        const char *artifact = manifest_text(root, "artifactType");
        char shown[80];

        if (str_is_any(m->config.media_type, config_types))
                return 0;
        return err_set(e, -EOPNOTSUPP, "it is an artifact (%s), not an image",
                       manifest_show(artifact[0] ? artifact : m->config.media_type, shown));
}

int manifest_read(const json_t *root, struct manifest *ret, struct err *e) {
        AUTO_DONE(manifest) struct manifest m = { 0 };
        const json_t *layers = json_object_get(root, "layers");
        int r = descriptor_read(json_object_get(root, "config"), "configuration",
                                MANIFEST_CONFIG_MAX, &m.config, e);

        if (r == 0)
                r = manifest_check_config(root, &m, e);
        if (r < 0)
                return r;
        if (!json_is_array(layers))
                return err_set(e, -EBADMSG, "the manifest has no list of layers");
        if (json_array_size(layers) > MANIFEST_LAYERS_MAX)
                return err_set(e, -E2BIG, "the manifest has %zu layers; at most %d can be mounted",
                               json_array_size(layers), MANIFEST_LAYERS_MAX);
        for (size_t i = 0; i < json_array_size(layers); i++) {
                struct descriptor *layer = &m.layers[m.n_layers++];

                r = descriptor_read(json_array_get(layers, i), "layer", MANIFEST_LAYER_MAX, layer,
                                    e);
                if (r == 0)
                        r = manifest_check_layer(layer, e);
                if (r < 0)
                        return err_wrap(e, r, "layer %zu of %zu", i + 1, json_array_size(layers));
                m.total_bytes += layer->size_bytes;
        }
        if (m.total_bytes > MANIFEST_TOTAL_MAX)
                return err_set(e, -E2BIG, "the image is too large (%llu bytes)",
                               (unsigned long long) m.total_bytes);
        m.is_docker = strcmp(manifest_text(root, "mediaType"), DOCKER_MANIFEST) == 0;
        *ret = m;
        m = (struct manifest){ 0 };
        return 0;
}

static void choice_platform(const json_t *one, struct platform *ret) {
        const json_t *platform = json_object_get(one, "platform");

        platform_set(ret, manifest_text(platform, "os"), manifest_text(platform, "architecture"),
                     manifest_text(platform, "variant"));
}

/* Attestations stand beside images, for the platform "unknown". */
static bool choice_is_image(const json_t *one) {
        const char *type = manifest_text(one, "mediaType");

        return (type[0] == '\0' || strcmp(type, OCI_MANIFEST) == 0 ||
                strcmp(type, DOCKER_MANIFEST) == 0) &&
               strcmp(manifest_text(json_object_get(one, "platform"), "architecture"), "unknown");
}

static int choose_fail(const json_t *list, const struct platform *want, struct err *e) {
        char text[PLATFORM_TEXT_MAX], names[240] = "", shown[80];
        struct platform have;
        size_t len = 0;

        for (size_t i = 0; i < json_array_size(list) && len < 160; i++) {
                if (!choice_is_image(json_array_get(list, i)))
                        continue;
                choice_platform(json_array_get(list, i), &have);
                len += (size_t) snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
                                         manifest_show(platform_format(&have, text), shown));
        }
        return err_set(e, -ENOTUNIQ, "no image for platform %s; there is %s",
                       platform_format(want, text), names[0] ? names : "none");
}

int manifest_choose(const json_t *root, const struct platform *want, struct descriptor *ret,
                    struct err *e) {
        const json_t *list = json_object_get(root, "manifests"), *best = NULL;
        unsigned best_fit = 0;

        if (!json_is_array(list))
                return err_set(e, -EBADMSG, "the index has no list of manifests");
        if (json_array_size(list) > MANIFEST_CHOICES_MAX)
                return err_set(e, -E2BIG, "the index has %zu manifests; at most %d are looked at",
                               json_array_size(list), MANIFEST_CHOICES_MAX);
        for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *one = json_array_get(list, i);
                struct platform have;
                unsigned fit;

                if (!choice_is_image(one))
                        continue;
                choice_platform(one, &have);
                fit = platform_fit(want, &have);
                if (fit > best_fit) {
                        best_fit = fit;
                        best = one;
                }
        }
        if (!best)
                return choose_fail(list, want, e);
        return descriptor_read(best, "manifest", MANIFEST_BYTES_MAX, ret, e);
}

static int config_check_platform(const json_t *root, const struct platform *want, struct err *e) {
        char wanted[PLATFORM_TEXT_MAX], found[PLATFORM_TEXT_MAX], shown[80];
        struct platform have;

        platform_set(&have, manifest_text(root, "os"), manifest_text(root, "architecture"),
                     manifest_text(root, "variant"));
        if (!want || platform_fit(want, &have) > 0)
                return 0;
        return err_set(e, -ENOTUNIQ, "no image for platform %s; there is %s",
                       platform_format(want, wanted),
                       manifest_show(platform_format(&have, found), shown));
}

static int config_check(const json_t *root, size_t n_layers, const struct platform *want,
                        const char **ret_diff_ids, struct err *e) {
        const json_t *rootfs = json_object_get(root, "rootfs");
        const json_t *ids = json_object_get(rootfs, "diff_ids");

        if (!json_is_object(root))
                return err_set(e, -EBADMSG, "the image's configuration is not an object");
        if (json_array_size(ids) != n_layers || (ids && !json_is_array(ids)))
                return err_set(e, -EBADMSG,
                               "configuration and manifest name different numbers of layers");
        for (size_t i = 0; i < n_layers; i++) {
                ret_diff_ids[i] = json_string_value(json_array_get(ids, i));
                if (!ret_diff_ids[i] || !digest_is_valid(ret_diff_ids[i]))
                        return err_set(e, -EBADMSG,
                                       "the configuration's layer %zu has no usable digest", i + 1);
        }
        return config_check_platform(root, want, e);
}

void manifest_config_done(struct manifest_config *c) {
        json_decref(c->root);
        *c = (struct manifest_config){ 0 };
}

int manifest_read_config(const char *text, size_t len, size_t n_layers, const struct platform *want,
                         struct manifest_config *ret, struct err *e) {
        AUTO_DONE(manifest_config) struct manifest_config c = { 0 };
        struct err why = { 0 };
        int r = text_read_json(text, len, MANIFEST_CONFIG_MAX, &c.root, &why);

        if (r < 0)
                return err_set(e, r == -ENOMEM ? r : -EBADMSG,
                               "the image's configuration is not JSON (%s)", err_text(&why));
        r = config_check(c.root, n_layers, want, c.diff_ids, e);
        if (r < 0)
                return r;
        *ret = c;
        c = (struct manifest_config){ 0 };
        return 0;
}
