/* Images on their way in: what the layers' commit leaves to do. */
#include "base/fd.h"
#include "base/str.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"

#include <jansson.h>
#include <string.h>

static int intake_layers(struct image_store *store, const struct image_intake *intake,
                         uint64_t *ret_size_bytes, struct err *e) {
        *ret_size_bytes = 0;
        for (size_t i = 0; i < intake->diff_ids->n; i++) {
                const char *diff_id = intake->diff_ids->items[i];
                AUTO_FREE char *layer = image_store_layer_path(store, diff_id);
                AUTO_FREE char *path = layer ? str_format("%s.size", layer) : NULL;
                AUTO_FREE char *text = NULL;
                int64_t size = 0;

                if (!path)
                        return err_set(e, -ENOMEM, "out of memory");
                if (!image_store_has_layer(store, diff_id))
                        return err_set(e, -ESTALE, "layer %s went meanwhile; try again", diff_id);
                /* It is only for people. */
                if (file_read(path, 64, &text, NULL, NULL) == 0 &&
                    str_to_int64(text, 0, INT64_MAX, &size) == 0)
                        *ret_size_bytes += (uint64_t) size;
        }
        return 0;
}

static int intake_blob(struct image_store *store, const char *digest, const char *text, size_t len,
                       struct err *e) {
        AUTO_FREE char *path = image_store_blob_path(store, digest);

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        return file_write_atomic(path, text, len, 0644, true, e);
}

static int intake_record(struct image_store *store, const struct image_intake *intake,
                         const struct image_record *record, struct err *e) {
        AUTO_FREE char *text = image_record_write(record);
        AUTO(image) struct image *check = NULL;

        if (!text)
                return err_set(e, -ENOMEM, "out of memory");
        /* What couldn't be read back must not go in. */
        if (image_record_decode(text, strlen(text), "/", &check, NULL) < 0)
                return err_set(e, -EBADMSG, "the image's configuration is malformed");
        return image_store_publish(store, intake->id, text, intake->names, e);
}

/* What a record that is there already knows of where the image came from stays known. */
static int intake_digests(struct image_store *store, const struct image_intake *intake,
                          struct image_words *ret, struct err *e) {
        AUTO(image) struct image *before = NULL;
        int r = image_find(store, intake->id, &before, NULL) == -ENOMEM ? -ENOMEM : 0;

        for (size_t i = 0; r == 0 && before && i < before->digests.n; i++)
                r = image_words_add(ret, before->digests.items[i]);
        for (size_t i = 0; r == 0 && intake->digests && i < intake->digests->n; i++)
                if (!image_words_has(ret, intake->digests->items[i]))
                        r = image_words_add(ret, intake->digests->items[i]);
        return r < 0 ? err_set(e, r, "out of memory") : 0;
}

int image_store_take(struct image_store *store, const struct image_intake *intake,
                     uint64_t *ret_size_bytes, struct err *e) {
        AUTO_DONE(image_words) struct image_words digests = { 0 };
        struct image_record record = { .id = intake->id,
                                       .diff_ids = intake->diff_ids,
                                       .manifest = intake->manifest_digest,
                                       .digests = &digests };
        json_t *config;
        int r = intake_layers(store, intake, &record.size_bytes, e);

        if (r == 0)
                r = intake_digests(store, intake, &digests, e);
        if (r == 0)
                r = intake_blob(store, intake->id, intake->config_text, intake->config_len, e);
        if (r == 0 && intake->manifest_digest)
                r = intake_blob(store, intake->manifest_digest, intake->manifest_text,
                                intake->manifest_len, e);
        if (r < 0)
                return r;
        config = json_loadb(intake->config_text, intake->config_len, JSON_REJECT_DUPLICATES, NULL);
        record.config = config;
        r = config ? intake_record(store, intake, &record, e)
                   : err_set(e, -EBADMSG, "the image's configuration is malformed");
        json_decref(config);
        if (r == 0 && ret_size_bytes)
                *ret_size_bytes = record.size_bytes;
        return r;
}
