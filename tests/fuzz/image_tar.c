/* Tar streams of any kind through the reader alone. Each byte is payload or raw, names end, maps
 * lie inside of their file, failures have words. The first byte says in what pieces the stream
 * comes. */
#include "daemon/image/tar.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct stream {
        const uint8_t *data;
        size_t left, piece, n_raw;
};

static int next(void *userdata, const void **ret, size_t *ret_len, struct err *e) {
        struct stream *s = userdata;
        (void) e;

        *ret = s->data;
        *ret_len = s->left < s->piece ? s->left : s->piece;
        s->data += *ret_len;
        s->left -= *ret_len;
        return 0;
}

static int raw(void *userdata, const void *data, size_t len, struct err *e) {
        struct stream *s = userdata;
        (void) data;
        (void) e;

        s->n_raw += len;
        return 0;
}

static void look(const struct tar_entry *entry) {
        uint64_t end = 0, sum = 0;
        size_t len = 0;

        len += strlen(entry->path) + strlen(entry->link);
        for (size_t i = 0; i < entry->n_xattrs; i++)
                len += strlen(entry->xattrs[i].name) + entry->xattrs[i].len;
        for (size_t i = 0; i < entry->n_extents; i++) {
                if (entry->extents[i].offset < end)
                        abort();
                end = entry->extents[i].offset + entry->extents[i].len;
                sum += entry->extents[i].len;
        }
        if (len == SIZE_MAX || end > entry->size_bytes ||
            (entry->is_sparse && sum != entry->payload_bytes))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct stream s = { .data = data + 1, .left = size - 1, .piece = 1 };
        AUTO(tar_reader) struct tar_reader *reader = NULL;
        struct tar_input input = { .next = next, .raw = raw, .userdata = &s };
        size_t n_payload = 0;
        struct err e = { 0 };

        if (size == 0)
                return 0;
        s.piece += data[0];
        if (tar_reader_new(&input, &reader, NULL) < 0)
                return 0;
        for (unsigned i = 0;; i++) {
                const struct tar_entry *entry = NULL;
                const void *piece;
                size_t len = 0;
                int r = tar_next(reader, &entry, &e);

                if (r < 0 && err_text(&e)[0] == '\0')
                        abort();
                if (r == 0 && !entry && s.n_raw + n_payload != size - 1)
                        abort();
                if (r < 0 || !entry)
                        return 0;
                look(entry);
                while (i % 2 == 0 && tar_data(reader, &piece, &len, &e) == 0 && len > 0)
                        n_payload += len;
        }
}
