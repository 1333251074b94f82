#pragma once

#include "base/err.h"
#include "base/macros.h"
#include "daemon/distribution/digest.h"
#include "daemon/distribution/platform.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a registry says an image consists of (OCI image-spec, manifest.md and image-index.md;
 * Docker's "Image Manifest Version 2, Schema 2"). Everything is bounded: it comes from outside. */

#define MANIFEST_BYTES_MAX (4U << 20)
#define MANIFEST_CONFIG_MAX (16U << 20)
#define MANIFEST_LAYERS_MAX 127
#define MANIFEST_CHOICES_MAX 1000
#define MANIFEST_LAYER_MAX (64ULL << 30)
#define MANIFEST_TOTAL_MAX (256ULL << 30)

/* Media types by which manifests are asked for (Accept), the best first. */
#define MANIFEST_ACCEPT                                                                            \
        "application/vnd.oci.image.index.v1+json, "                                                \
        "application/vnd.docker.distribution.manifest.list.v2+json, "                              \
        "application/vnd.oci.image.manifest.v1+json, "                                             \
        "application/vnd.docker.distribution.manifest.v2+json"

struct descriptor {
        char digest[DIGEST_TEXT_MAX];
        uint64_t size_bytes;
        char *media_type;
};

struct manifest {
        bool is_docker;
        struct descriptor config;
        struct descriptor layers[MANIFEST_LAYERS_MAX];
        size_t n_layers;
        uint64_t total_bytes; /* of the layers as they come */
};

void manifest_done(struct manifest *m);
DEFINE_AUTO_DONE(manifest);

enum manifest_kind { MANIFEST_IMAGE, MANIFEST_INDEX };

/* What the text is, by its own mediaType, else by the answer's Content-Type, else by its members.
 * The three don't contradict each other in honest answers: -EBADMSG then.
 *
 * content_type  borrowed; NULL: not said; parameters behind ';' are passed over.
 * ret_root      the caller's tree.
 *
 * Returns 0, -EBADMSG (no such JSON), -EOPNOTSUPP (schema 1, named) or -ENOMEM. Pure. */
int manifest_classify(const char *text, size_t len, const char *content_type,
                      enum manifest_kind *ret_kind, json_t **ret_root, struct err *e);

/* Reads an image's manifest. Refused by name (-EOPNOTSUPP): artifacts that aren't images, layers
 * that may not be distributed, encrypted layers, unknown compressions. Otherwise -EBADMSG, -E2BIG
 * past a bound, or -ENOMEM. Pure. */
int manifest_read(const json_t *root, struct manifest *ret, struct err *e);

/* The manifest of an index that fits best. Attestations and what has no platform to run on are
 * passed over. Returns 0, -ENOTUNIQ when nothing fits (e names what there is), -EBADMSG or -E2BIG.
 * Pure. ret: descriptor_done(). */
int manifest_choose(const json_t *root, const struct platform *want, struct descriptor *ret,
                    struct err *e);

void descriptor_done(struct descriptor *d);
DEFINE_AUTO_DONE(descriptor);

/* An image's configuration, as far as its manifest must agree with it. */
struct manifest_config {
        json_t *root;
        const char *diff_ids[MANIFEST_LAYERS_MAX]; /* borrowed from root */
};

void manifest_config_done(struct manifest_config *c);
DEFINE_AUTO_DONE(manifest_config);

/* Reads it (OCI image-spec, config.md).
 *
 * n_layers  what the manifest has, at most MANIFEST_LAYERS_MAX.
 * want      NULL: whatever machine it is for.
 *
 * Returns 0, -EBADMSG, -ENOTUNIQ (for another machine) or -ENOMEM. Pure. */
int manifest_read_config(const char *text, size_t len, size_t n_layers, const struct platform *want,
                         struct manifest_config *ret, struct err *e);

/* "sha256:" and 64 lower-case hex digits. */
bool digest_is_valid(const char *text);
