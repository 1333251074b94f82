#pragma once

#include "daemon/image/image.h"

#include <jansson.h>

/* An image's record on disk: {"id", "layers": ["sha256:…"], "config": OCI image configuration,
 * "sizeBytes", "manifest": "sha256:…", "digests": ["host/name@sha256:…"]}; the last two where they
 * are known. */

/* Reads a record. layers_dir: "DIR/layers". ret: the caller's reference, without names.
 * Returns 0, -EINVAL when it isn't a record, or -ENOMEM. Pure. */
int image_record_decode(const char *text, size_t len, const char *layers_dir, struct image **ret,
                        struct err *e);

/* Writes one. config: borrowed, the OCI image configuration; diff_ids: "sha256:…" lowest first.
 * Returns the caller's text, or NULL when memory is out. */
char *image_record_encode(const char *id, const json_t *config, const struct image_words *diff_ids,
                          uint64_t size_bytes);

/* The same with all that is known. manifest, digests: NULL: not known. */
struct image_record {
        const char *id;
        const json_t *config;
        const struct image_words *diff_ids;
        uint64_t size_bytes;
        const char *manifest;
        const struct image_words *digests;
};
char *image_record_write(const struct image_record *record);

/* "sha256:" and 64 lower-case hex digits. */
bool image_digest_is_valid(const char *digest);

int image_words_add(struct image_words *words, const char *word);
void image_words_done(struct image_words *words);
DEFINE_AUTO_DONE(image_words);
bool image_words_has(const struct image_words *words, const char *word);
