#include "daemon/image/recipe.h"

#include "base/fd.h"
#include "daemon/image/source.h"

#include <endian.h>
#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <string.h>

#define RECIPE_MAGIC "orch-recipe 1\n"
#define RECIPE_BUFFER (64 * 1024)

/* ---- writing ---- */

struct recipe_writer {
        int fd;
        struct isal_zstream stream;
        uint8_t *level_buf;
        uint8_t *out; /* RECIPE_BUFFER */
        uint8_t *in;  /* RECIPE_BUFFER: small records are gathered */
        size_t in_len;
};

void recipe_writer_unref(struct recipe_writer *w) {
        if (!w)
                return;
        free(w->level_buf);
        free(w->out);
        free(w->in);
        free(w);
}

static int recipe_flush(struct recipe_writer *w, bool is_end, struct err *e) {
        w->stream.next_in = w->in;
        w->stream.avail_in = (uint32_t) w->in_len;
        w->stream.end_of_stream = is_end;
        do {
                int r;

                w->stream.next_out = w->out;
                w->stream.avail_out = RECIPE_BUFFER;
                if (isal_deflate(&w->stream) != COMP_OK)
                        return err_set(e, -EIO, "cannot compress the layer's recipe");
                r = fd_write_all(w->fd, w->out, RECIPE_BUFFER - w->stream.avail_out);
                if (r < 0)
                        return err_errno(e, r, "cannot write the layer's recipe");
        } while (w->stream.avail_out == 0);
        w->in_len = 0;
        return 0;
}

static int recipe_put(struct recipe_writer *w, const void *data, size_t len, struct err *e) {
        const uint8_t *p = data;

        while (len > 0) {
                size_t n = MIN(len, RECIPE_BUFFER - w->in_len);
                int r;

                memcpy(w->in + w->in_len, p, n);
                w->in_len += n;
                p += n;
                len -= n;
                r = w->in_len == RECIPE_BUFFER ? recipe_flush(w, false, e) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

int recipe_writer_new(int fd, struct recipe_writer **ret, struct err *e) {
        AUTO(recipe_writer) struct recipe_writer *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return err_set(e, -ENOMEM, "out of memory");
        w->fd = fd;
        w->level_buf = malloc(ISAL_DEF_LVL1_DEFAULT);
        w->out = malloc(RECIPE_BUFFER);
        w->in = malloc(RECIPE_BUFFER);
        if (!w->level_buf || !w->out || !w->in)
                return err_set(e, -ENOMEM, "out of memory");
        isal_deflate_init(&w->stream);
        w->stream.level = 1;
        w->stream.level_buf = w->level_buf;
        w->stream.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
        w->stream.gzip_flag = IGZIP_GZIP;
        r = recipe_put(w, RECIPE_MAGIC, strlen(RECIPE_MAGIC), e);
        if (r < 0)
                return r;
        *ret = STEAL(w);
        return 0;
}

static uint8_t *put_u32(uint8_t *p, uint32_t n) {
        n = htole32(n);
        memcpy(p, &n, sizeof(n));
        return p + sizeof(n);
}

static uint8_t *put_u64(uint8_t *p, uint64_t n) {
        n = htole64(n);
        memcpy(p, &n, sizeof(n));
        return p + sizeof(n);
}

int recipe_add_raw(struct recipe_writer *w, const void *data, size_t len, struct err *e) {
        uint8_t head[1 + 4] = { 'R' };
        int r;

        if (len == 0)
                return 0;
        (void) put_u32(head + 1, (uint32_t) len);
        r = recipe_put(w, head, sizeof(head), e);
        return r < 0 ? r : recipe_put(w, data, len, e);
}

int recipe_add_file(struct recipe_writer *w, const char *path, const struct tar_entry *entry,
                    uint32_t crc, struct err *e) {
        size_t path_len = strlen(path), n = entry->is_sparse ? entry->n_extents : 0;
        uint16_t path_len_le = htole16((uint16_t) path_len);
        uint8_t head[1 + 4 + 4 + 8 + 2] = { 'F' }, *p = head + 1;
        int r;

        if (entry->payload_bytes == 0)
                return 0;
        p = put_u32(p, crc);
        p = put_u32(p, (uint32_t) n);
        p = put_u64(p, entry->payload_bytes);
        memcpy(p, &path_len_le, sizeof(path_len_le));
        r = recipe_put(w, head, sizeof(head), e);
        if (r == 0)
                r = recipe_put(w, path, path_len, e);
        for (size_t i = 0; r == 0 && i < n; i++) {
                uint8_t piece[16];

                (void) put_u64(put_u64(piece, entry->extents[i].offset), entry->extents[i].len);
                r = recipe_put(w, piece, sizeof(piece), e);
        }
        return r;
}

int recipe_writer_end(struct recipe_writer *w, const struct recipe_totals *totals, struct err *e) {
        uint8_t tail[1 + 24] = { 'E' }, *p = tail + 1;
        int r;

        p = put_u64(p, totals->n_entries);
        p = put_u64(p, totals->size_bytes);
        (void) put_u64(p, totals->tar_bytes);
        r = recipe_put(w, tail, sizeof(tail), e);
        return r < 0 ? r : recipe_flush(w, true, e);
}

/* ---- reading ---- */

struct recipe_reader {
        struct source *source;
        const uint8_t *data;
        size_t len;
        uint32_t raw_left;
        char path[RECIPE_PATH_MAX + 1];
        struct tar_extent *extents;
};

void recipe_reader_unref(struct recipe_reader *reader) {
        if (!reader)
                return;
        source_unref(reader->source);
        free(reader->extents);
        free(reader);
}

static int recipe_damaged(struct err *e) {
        return err_set(e, -EBADMSG, "the layer's recipe is damaged; load or pull the image again");
}

static int recipe_more(struct recipe_reader *reader, struct err *e) {
        const void *data;
        int r = 0;

        if (reader->len > 0)
                return 0;
        r = source_next(reader->source, &data, &reader->len, e);
        reader->data = data;
        return r == -EBADMSG ? recipe_damaged(e) : r;
}

static int recipe_get(struct recipe_reader *reader, void *to, size_t len, struct err *e) {
        uint8_t *p = to;

        while (len > 0) {
                int r = recipe_more(reader, e);
                size_t n = MIN(len, reader->len);

                if (r < 0)
                        return r;
                if (n == 0)
                        return recipe_damaged(e);
                memcpy(p, reader->data, n);
                p += n;
                len -= n;
                reader->data += n;
                reader->len -= n;
        }
        return 0;
}

int recipe_reader_new(int fd, struct recipe_reader **ret, struct err *e) {
        AUTO(recipe_reader) struct recipe_reader *reader = calloc(1, sizeof(*reader));
        char magic[sizeof(RECIPE_MAGIC) - 1];
        int r;

        if (!reader)
                return err_set(e, -ENOMEM, "out of memory");
        r = source_new(fd, &reader->source, e);
        if (r == 0)
                r = recipe_get(reader, magic, sizeof(magic), e);
        if (r == 0 && memcmp(magic, RECIPE_MAGIC, sizeof(magic)) != 0)
                r = recipe_damaged(e);
        if (r < 0)
                return r;
        *ret = STEAL(reader);
        return 0;
}

static int recipe_get_u32(struct recipe_reader *reader, uint32_t *ret, struct err *e) {
        int r = recipe_get(reader, ret, sizeof(*ret), e);

        *ret = le32toh(*ret);
        return r;
}

static int recipe_get_u64(struct recipe_reader *reader, uint64_t *ret, struct err *e) {
        int r = recipe_get(reader, ret, sizeof(*ret), e);

        *ret = le64toh(*ret);
        return r;
}

static int recipe_get_extents(struct recipe_reader *reader, uint32_t n, struct recipe_item *ret,
                              struct err *e) {
        uint64_t sum = 0;
        int r = 0;

        free(STEAL(reader->extents));
        if (n > TAR_EXTENTS_MAX)
                return recipe_damaged(e);
        if (n == 0)
                return 0;
        reader->extents = calloc(n, sizeof(*reader->extents));
        if (!reader->extents)
                return err_set(e, -ENOMEM, "out of memory");
        for (uint32_t i = 0; r == 0 && i < n; i++) {
                r = recipe_get_u64(reader, &reader->extents[i].offset, e);
                if (r == 0)
                        r = recipe_get_u64(reader, &reader->extents[i].len, e);
                sum += reader->extents[i].len;
        }
        if (r == 0 && sum != ret->file_bytes)
                return recipe_damaged(e);
        ret->extents = reader->extents;
        ret->n_extents = n;
        return r;
}

static int recipe_get_file(struct recipe_reader *reader, struct recipe_item *ret, struct err *e) {
        uint32_t n = 0;
        uint16_t path_len = 0;
        int r = recipe_get_u32(reader, &ret->crc, e);

        if (r == 0)
                r = recipe_get_u32(reader, &n, e);
        if (r == 0)
                r = recipe_get_u64(reader, &ret->file_bytes, e);
        if (r == 0)
                r = recipe_get(reader, &path_len, sizeof(path_len), e);
        path_len = le16toh(path_len);
        if (r == 0 && path_len > RECIPE_PATH_MAX)
                r = recipe_damaged(e);
        if (r == 0)
                r = recipe_get(reader, reader->path, path_len, e);
        if (r < 0)
                return r;
        reader->path[path_len] = '\0';
        ret->path = reader->path;
        return recipe_get_extents(reader, n, ret, e);
}

static int recipe_get_end(struct recipe_reader *reader, struct recipe_item *ret, struct err *e) {
        int r = recipe_get_u64(reader, &ret->totals.n_entries, e);

        if (r == 0)
                r = recipe_get_u64(reader, &ret->totals.size_bytes, e);
        if (r == 0)
                r = recipe_get_u64(reader, &ret->totals.tar_bytes, e);
        if (r == 0)
                r = recipe_more(reader, e);
        return r == 0 && reader->len > 0 ? recipe_damaged(e) : r;
}

static int recipe_get_raw(struct recipe_reader *reader, struct recipe_item *ret, struct err *e) {
        int r = recipe_more(reader, e);

        if (r == 0 && reader->len == 0)
                r = recipe_damaged(e);
        if (r < 0)
                return r;
        ret->data = reader->data;
        ret->len = MIN(reader->len, (size_t) reader->raw_left);
        reader->data += ret->len;
        reader->len -= ret->len;
        reader->raw_left -= (uint32_t) ret->len;
        return 0;
}

int recipe_next(struct recipe_reader *reader, struct recipe_item *ret, struct err *e) {
        uint8_t tag = 'R';
        int r = 0;

        *ret = (struct recipe_item){ .kind = RECIPE_RAW };
        if (reader->raw_left == 0) {
                r = recipe_get(reader, &tag, 1, e);
                if (r == 0 && tag == 'R')
                        r = recipe_get_u32(reader, &reader->raw_left, e);
                if (r < 0)
                        return r;
        }
        switch (tag) {
        case 'R':
                return recipe_get_raw(reader, ret, e);
        case 'F':
                ret->kind = RECIPE_FILE;
                return recipe_get_file(reader, ret, e);
        case 'E':
                ret->kind = RECIPE_END;
                return recipe_get_end(reader, ret, e);
        default:
                return recipe_damaged(e);
        }
}
