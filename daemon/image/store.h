#pragma once

/* The writer's half of the store: orch-image only. */

#include "daemon/image/image.h"

/* Takes a place among the writers: several pull and load side by side, and while one does nothing
 * is collected. What killed writers left in DIR/tmp is swept first. *ret_fd: close it (or die) to
 * leave. Returns 0 or a negative errno. Blocks while a collection goes on. */
int image_store_enter(struct image_store *store, int *ret_fd, struct err *e);

/* Waits until all writers have left, and keeps others out: for collections. Otherwise the same.
 * is_patient: false: -EBUSY instead of waiting. */
int image_store_lock(struct image_store *store, bool is_patient, int *ret_fd, struct err *e);

/* Whether a whole layer stands under this diff ID. */
bool image_store_has_layer(const struct image_store *store, const char *diff_id);

/* Whether its tar can be put together again, too: not so for what old versions took in. */
bool image_store_has_recipe(const struct image_store *store, const char *diff_id);

/* Paths, the caller's; NULL when memory is out. digest: "sha256:HEX". */
char *image_store_layer_path(const struct image_store *store, const char *digest);
char *image_store_record_path(const struct image_store *store, const char *id);
char *image_store_reference_path(const struct image_store *store, const char *reference);

/* Makes the folder DIR/tmp/WORD-XXXXXX, which is swept once neither *ret_fd nor a copy of it is
 * open any more. ret: its path; ret_fd: the open folder, close-on-exec; both the caller's. */
int image_store_make_tmp(const struct image_store *store, const char *word, char **ret, int *ret_fd,
                         struct err *e);

/* Reads a record by its ID, whether its layers are here or not. Returns as image_find(). */
int image_store_read(struct image_store *store, const char *id, struct image **ret, struct err *e);

char *image_store_blob_path(const struct image_store *store, const char *digest);
char *image_store_pin_path(const struct image_store *store, const char *name);

/* An image on its way in. All borrowed. */
struct image_intake {
        const char *id; /* digest of config_text */
        const char *config_text;
        size_t config_len;
        const char *manifest_digest; /* NULL: it came without one */
        const char *manifest_text;
        size_t manifest_len;
        const struct image_words *diff_ids;
        const struct image_words *names;   /* canonical references; may be empty */
        const struct image_words *digests; /* "host/name@sha256:…"; NULL: none */
};

/* Puts an image in whose layers were committed: configuration and manifest as they are, the record,
 * the names, in this order and each synced. The caller is among the writers.
 *
 * ret_size_bytes  of all layers' files; may be NULL.
 *
 * Returns 0; -EBADMSG when the configuration is malformed; -ESTALE when a layer isn't in the store;
 * or another negative errno. A crash leaves the image without some names at worst. */
int image_store_take(struct image_store *store, const struct image_intake *intake,
                     uint64_t *ret_size_bytes, struct err *e);

/* Puts an image in: its record, then its names. Layers must be in place and the caller among the
 * writers. All of it is on the disk
 * afterwards. Returns 0 or a negative errno; a crash between leaves the image without some names,
 * never a name without image. */
int image_store_publish(struct image_store *store, const char *id, const char *record,
                        const struct image_words *names, struct err *e);

/* Removes records without a name, then layers without a record, except in_use's. Needs the lock. */
int image_store_collect(struct image_store *store, const struct image_words *in_use, struct err *e);
