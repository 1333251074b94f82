#include "daemon/image/tar.h"

#include "daemon/image/tar_internal.h"

#include <stdio.h>
#include <string.h>

/* The fields of a header block: offset and length. */
#define AT_NAME 0, 100
#define AT_MODE 100, 8
#define AT_UID 108, 8
#define AT_GID 116, 8
#define AT_SIZE 124, 12
#define AT_MTIME 136, 12
#define AT_LINK 157, 100
#define AT_REAL_SIZE 483, 12
#define CHECKSUM_OFFSET 148
#define CHECKSUM_LEN 8
#define TYPE_OFFSET 156
#define MAGIC_OFFSET 257
#define PREFIX_OFFSET 345
#define PREFIX_LEN 155
#define GNU_MAP_OFFSET 386
#define GNU_MAP_N 4
#define GNU_MORE_OFFSET 482
#define GNU_FURTHER_N 21
#define GNU_FURTHER_MORE_OFFSET 504
#define GNU_NUMBER_LEN 12

#define TAR_EXTENDED_IN_A_ROW 16

struct tar_reader {
        struct tar_input input;
        const uint8_t *data; /* what the input gave and wasn't used */
        size_t len;
        uint64_t position;
        uint64_t payload_left;
        unsigned padding_left;
        bool is_over;
        uint8_t block[TAR_BLOCK];
        struct tar_extended extended;
        struct strbuf path, link;
        struct tar_entry entry;
};

int tar_reader_new(const struct tar_input *input, struct tar_reader **ret, struct err *e) {
        struct tar_reader *reader = calloc(1, sizeof(*reader));

        if (!reader)
                return err_set(e, -ENOMEM, "out of memory");
        reader->input = *input;
        *ret = reader;
        return 0;
}

void tar_reader_unref(struct tar_reader *reader) {
        if (!reader)
                return;
        tar_extended_done(&reader->extended);
        strbuf_done(&reader->path);
        strbuf_done(&reader->link);
        free(reader);
}

uint64_t tar_position(const struct tar_reader *reader) {
        return reader->position;
}

/* At most max bytes, at least one unless the stream is over. */
static int tar_take(struct tar_reader *t, uint64_t max, const void **ret, size_t *ret_len,
                    struct err *e) {
        size_t n;

        if (t->len == 0) {
                const void *data = NULL;
                int r = t->input.next(t->input.userdata, &data, &t->len, e);

                if (r < 0)
                        return r;
                t->data = data;
        }
        n = (size_t) MIN((uint64_t) t->len, max);
        *ret = t->data;
        *ret_len = n;
        if (n > 0)
                t->data += n;
        t->len -= n;
        t->position += n;
        return 0;
}

static int tar_tell_raw(struct tar_reader *t, const void *data, size_t len, struct err *e) {
        return t->input.raw ? t->input.raw(t->input.userdata, data, len, e) : 0;
}

static int tar_tell_block(struct tar_reader *t, struct err *e) {
        int r = tar_tell_raw(t, t->block, TAR_BLOCK, e);

        return r < 0 ? r : 1;
}

/* A whole block into t->block. Returns 1, 0 at the stream's end, or a negative errno. */
static int tar_block(struct tar_reader *t, struct err *e) {
        size_t have = 0;

        while (have < TAR_BLOCK) {
                const void *data;
                size_t n;
                int r = tar_take(t, TAR_BLOCK - have, &data, &n, e);

                if (r < 0)
                        return r;
                if (n == 0)
                        return have == 0 ? 0 : err_set(e, -EBADMSG, "the archive is cut short");
                memcpy(t->block + have, data, n);
                have += n;
        }
        return tar_tell_block(t, e);
}

/* Passes len bytes on to raw(), and to keep unless that is NULL. */
static int tar_swallow(struct tar_reader *t, uint64_t len, struct strbuf *keep, struct err *e) {
        while (len > 0) {
                const void *data;
                size_t n;
                int r = tar_take(t, len, &data, &n, e);

                if (r == 0 && n == 0)
                        r = err_set(e, -EBADMSG, "the archive is cut short");
                if (r == 0)
                        r = tar_tell_raw(t, data, n, e);
                if (r < 0)
                        return r;
                if (keep)
                        strbuf_add_len(keep, data, n);
                len -= n;
        }
        return keep && keep->has_failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}

static unsigned tar_padding(uint64_t len) {
        return (unsigned) (-len & (TAR_BLOCK - 1));
}

int tar_number(const uint8_t *field, size_t len, int64_t *ret) {
        uint64_t value = 0;
        size_t i = 0;

        if (field[0] & 0x80) { /* two's complement, big endian, the first bit is the mark */
                bool is_negative = field[0] & 0x40;

                value = is_negative ? ~0ULL : 0;
                value = value << 6 | (field[0] & 0x3f);
                for (i = 1; i < len; i++) {
                        if (len - i >= 8 && field[i] != (is_negative ? 0xff : 0))
                                return -EBADMSG;
                        value = value << 8 | field[i];
                }
                *ret = (int64_t) value;
                return 0;
        }
        while (i < len && field[i] == ' ')
                i++;
        for (; i < len && field[i] >= '0' && field[i] <= '7'; i++) {
                if (value >> 60)
                        return -EBADMSG;
                value = value << 3 | (field[i] - '0');
        }
        if (i < len && field[i] != ' ' && field[i] != '\0')
                return -EBADMSG;
        *ret = (int64_t) value;
        return 0;
}

static int tar_field(const struct tar_reader *t, size_t offset, size_t len, const char *what,
                     int64_t *ret, struct err *e) {
        return tar_number(t->block + offset, len, ret) < 0
                       ? err_set(e, -EBADMSG, "a tar header's %s is malformed", what)
                       : 0;
}

static bool tar_is_zero(const uint8_t *block) {
        return block[0] == 0 && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

/* Old programs summed signed characters. */
static bool tar_checksum_fits(const uint8_t *block) {
        int64_t told = 0, sum = 0, signed_sum = 0;

        for (size_t i = 0; i < TAR_BLOCK; i++) {
                bool is_sum = i >= CHECKSUM_OFFSET && i < CHECKSUM_OFFSET + CHECKSUM_LEN;

                sum += is_sum ? ' ' : block[i];
                signed_sum += is_sum ? ' ' : (int8_t) block[i];
        }
        return tar_number(block + CHECKSUM_OFFSET, CHECKSUM_LEN, &told) == 0 &&
               (told == sum || told == signed_sum);
}

/* What follows the end: zeros as a rule, never much. */
static int tar_drain(struct tar_reader *t, struct err *e) {
        uint64_t seen = 0;

        for (;;) {
                const void *data;
                size_t n;
                int r = tar_take(t, SIZE_MAX, &data, &n, e);

                if (r == 0 && n > 0)
                        r = tar_tell_raw(t, data, n, e);
                if (r < 0 || n == 0)
                        return r;
                seen += n;
                if (seen > TAR_PADDING_MAX)
                        return err_set(e, -EFBIG, "more than %llu MiB follow the archive's end",
                                       TAR_PADDING_MAX >> 20);
        }
}

static int tar_end(struct tar_reader *t, struct err *e) {
        int r = tar_block(t, e);

        if (r < 0)
                return r;
        if (r == 1 && !tar_is_zero(t->block))
                return err_set(e, -EBADMSG, "the archive goes on behind its end");
        t->is_over = true;
        return r == 1 ? tar_drain(t, e) : 0;
}

/* A further header that says more of the next entry: x, L or K. */
static int tar_extend(struct tar_reader *t, char type, struct err *e) {
        struct tar_extended *x = &t->extended;
        struct strbuf *to = type == 'L' ? &x->path : type == 'K' ? &x->link : &x->pax;
        int64_t size = 0;
        int r = tar_field(t, AT_SIZE, "size", &size, e);

        if (r < 0)
                return r;
        if (size < 0 || size > TAR_EXTENDED_MAX)
                return err_set(e, -EFBIG, "an extended header is larger than %u bytes",
                               TAR_EXTENDED_MAX);
        if (type == 'x')
                tar_extended_forget_pax(x);
        strbuf_reset(to);
        r = tar_swallow(t, (uint64_t) size, type == 'g' ? NULL : to, e);
        if (r == 0)
                r = tar_swallow(t, tar_padding((uint64_t) size), NULL, e);
        if (r < 0 || type != 'x' || size == 0)
                return r;
        return tar_pax_read(x, e);
}

static enum tar_type tar_type_of(char flag, const char *path) {
        size_t n = strlen(path);

        switch (flag) {
        case '\0':
        case '0':
        case '7':
                return n > 0 && path[n - 1] == '/' ? TAR_FOLDER : TAR_FILE;
        case 'S':
                return TAR_FILE;
        case '1':
                return TAR_HARD_LINK;
        case '2':
                return TAR_SYMLINK;
        case '3':
        case '4':
                return TAR_DEVICE;
        case '5':
                return TAR_FOLDER;
        case '6':
                return TAR_FIFO;
        default:
                return TAR_OTHER;
        }
}

static void tar_add_field(struct strbuf *b, const uint8_t *field, size_t len) {
        strbuf_add_len(b, field, strnlen((const char *) field, len));
}

/* The names: pax before GNU's before the header's own. */
static int tar_names(struct tar_reader *t, struct err *e) {
        const struct tar_extended *x = &t->extended;
        const uint8_t *b = t->block;

        strbuf_reset(&t->path);
        strbuf_reset(&t->link);
        strbuf_add(&t->path, "");
        strbuf_add(&t->link, "");
        if (memcmp(b + MAGIC_OFFSET, "ustar\0", 6) == 0 && b[PREFIX_OFFSET] != '\0') {
                tar_add_field(&t->path, b + PREFIX_OFFSET, PREFIX_LEN);
                strbuf_add_char(&t->path, '/');
        }
        tar_add_field(&t->path, b, 100);
        tar_add_field(&t->link, b + 157, 100);
        if (t->path.has_failed || t->link.has_failed)
                return err_set(e, -ENOMEM, "out of memory");
        t->entry.path = x->sparse_name    ? x->sparse_name
                        : x->pax_path     ? x->pax_path
                        : x->path.len > 0 ? x->path.s
                                          : t->path.s;
        t->entry.link = x->pax_link ? x->pax_link : x->link.len > 0 ? x->link.s : t->link.s;
        return 0;
}

static int tar_attributes(struct tar_reader *t, struct err *e) {
        const struct tar_extended *x = &t->extended;
        struct tar_entry *entry = &t->entry;
        int64_t mode = 0, uid = 0, gid = 0, mtime = 0;
        int r = tar_field(t, AT_MODE, "mode", &mode, e);

        if (r == 0 && !x->has_uid)
                r = tar_field(t, AT_UID, "owner", &uid, e);
        if (r == 0 && !x->has_gid)
                r = tar_field(t, AT_GID, "group", &gid, e);
        if (r == 0 && !x->has_mtime)
                r = tar_field(t, AT_MTIME, "time", &mtime, e);
        if (r < 0)
                return r;
        if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
                return err_set(e, -EBADMSG, "%.200s has an impossible owner", entry->path);
        entry->mode = (unsigned) mode & 07777;
        entry->uid = x->has_uid ? x->uid : (uint32_t) uid;
        entry->gid = x->has_gid ? x->gid : (uint32_t) gid;
        entry->mtime_sec = x->has_mtime ? x->mtime_sec : mtime;
        entry->mtime_nsec = x->has_mtime ? x->mtime_nsec : 0;
        entry->xattrs = x->xattrs;
        entry->n_xattrs = x->n_xattrs;
        return 0;
}

/* Four or 21 pairs of numbers; a zero length with a zero offset ends them. */
static int tar_gnu_pairs(struct tar_reader *t, size_t offset, unsigned n, struct err *e) {
        for (unsigned i = 0; i < n; i++) {
                const uint8_t *pair = t->block + offset + (size_t) 2 * GNU_NUMBER_LEN * i;
                int64_t at = 0, len = 0;
                int r;

                if (pair[0] == '\0')
                        break;
                if (tar_number(pair, GNU_NUMBER_LEN, &at) < 0 ||
                    tar_number(pair + GNU_NUMBER_LEN, GNU_NUMBER_LEN, &len) < 0 || at < 0 ||
                    len < 0)
                        return err_set(e, -EBADMSG, "a sparse file's map is malformed");
                r = tar_add_extent(&t->extended, (uint64_t) at, (uint64_t) len, e);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* GNU's own header type S. */
static int tar_gnu_sparse(struct tar_reader *t, struct err *e) {
        int64_t real_size = 0;
        int r = tar_field(t, AT_REAL_SIZE, "size", &real_size, e);
        bool has_more = t->block[GNU_MORE_OFFSET] != 0;

        if (r == 0 && real_size < 0)
                r = err_set(e, -EBADMSG, "a sparse file's size is malformed");
        t->extended.n_extents = 0;
        t->extended.has_sparse_map = true;
        t->extended.has_real_size = true;
        t->extended.real_size = (uint64_t) real_size;
        if (r == 0)
                r = tar_gnu_pairs(t, GNU_MAP_OFFSET, GNU_MAP_N, e);
        while (r == 0 && has_more) {
                r = tar_block(t, e);
                if (r == 0)
                        r = err_set(e, -EBADMSG, "the archive is cut short");
                if (r < 0)
                        return r;
                has_more = t->block[GNU_FURTHER_MORE_OFFSET] != 0;
                r = tar_gnu_pairs(t, 0, GNU_FURTHER_N, e);
        }
        return r;
}

/* A line with a number out of the payload, which is raw then: the map stands in front of the data.
 */
static int tar_map_number(struct tar_reader *t, size_t *at, uint64_t *ret, struct err *e) {
        char digits[24];
        size_t n = 0;

        for (;;) {
                char c;

                if (*at == TAR_BLOCK) {
                        int r;

                        if (t->payload_left < TAR_BLOCK)
                                return err_set(e, -EBADMSG, "a sparse file's map is cut short");
                        r = tar_block(t, e);
                        if (r == 0)
                                r = err_set(e, -EBADMSG, "the archive is cut short");
                        if (r < 0)
                                return r;
                        t->payload_left -= TAR_BLOCK;
                        *at = 0;
                }
                c = (char) t->block[(*at)++];
                if (c == '\n')
                        break;
                if (n == sizeof(digits))
                        return err_set(e, -EBADMSG, "a sparse file's map is malformed");
                digits[n++] = c;
        }
        return tar_decimal(digits, digits + n, ret) < 0
                       ? err_set(e, -EBADMSG, "a sparse file's map is malformed")
                       : 0;
}

/* The newest way, 1.0. */
static int tar_map_in_payload(struct tar_reader *t, struct err *e) {
        size_t at = TAR_BLOCK;
        uint64_t n = 0;
        int r = tar_map_number(t, &at, &n, e);

        t->extended.n_extents = 0;
        t->extended.has_sparse_map = true;
        if (r == 0 && n > TAR_EXTENTS_MAX)
                r = err_set(e, -EBADMSG, "a sparse file has more than %u pieces", TAR_EXTENTS_MAX);
        for (uint64_t i = 0; r == 0 && i < n; i++) {
                uint64_t offset = 0, len = 0;

                r = tar_map_number(t, &at, &offset, e);
                if (r == 0)
                        r = tar_map_number(t, &at, &len, e);
                if (r == 0)
                        r = tar_add_extent(&t->extended, offset, len, e);
        }
        return r;
}

/* The pieces must hold the payload, no more and no less, and lie in the file. */
static int tar_check_map(const struct tar_reader *t, struct err *e) {
        const struct tar_extended *x = &t->extended;
        uint64_t sum = 0;

        for (size_t i = 0; i < x->n_extents; i++) {
                sum += x->extents[i].len;
                if (x->extents[i].offset + x->extents[i].len > t->entry.size_bytes ||
                    sum > t->payload_left)
                        return err_set(e, -EBADMSG, "%.200s: a sparse file's map is malformed",
                                       t->entry.path);
        }
        return sum == t->payload_left
                       ? 0
                       : err_set(e, -EBADMSG, "%.200s: a sparse file's map is malformed",
                                 t->entry.path);
}

static int tar_payload(struct tar_reader *t, char flag, struct err *e) {
        struct tar_extended *x = &t->extended;
        struct tar_entry *entry = &t->entry;
        int64_t size = 0;
        int r = x->has_size ? 0 : tar_field(t, AT_SIZE, "size", &size, e);
        bool has_payload = entry->type == TAR_FILE || entry->type == TAR_OTHER;

        if (r == 0 && size < 0)
                r = err_set(e, -EBADMSG, "%.200s has an impossible size", entry->path);
        if (r < 0)
                return r;
        t->payload_left = !has_payload ? 0 : x->has_size ? x->size : (uint64_t) size;
        t->padding_left = tar_padding(t->payload_left);
        if (flag == 'S')
                r = tar_gnu_sparse(t, e);
        else if (entry->type == TAR_FILE && x->has_sparse_version && x->sparse_major == 1 &&
                 x->sparse_minor == 0)
                r = tar_map_in_payload(t, e);
        if (r < 0)
                return r;
        entry->is_sparse = entry->type == TAR_FILE && x->has_sparse_map;
        entry->payload_bytes = t->payload_left;
        entry->size_bytes = entry->is_sparse && x->has_real_size ? x->real_size : t->payload_left;
        if (!entry->is_sparse)
                return 0;
        entry->extents = x->extents;
        entry->n_extents = x->n_extents;
        return tar_check_map(t, e);
}

/* t->block has the header of an entry itself. */
static int tar_entry_begin(struct tar_reader *t, struct err *e) {
        char flag = (char) t->block[TYPE_OFFSET];
        int r;

        t->entry = (struct tar_entry){ 0 };
        r = tar_names(t, e);
        if (r < 0)
                return r;
        t->entry.type = tar_type_of(flag, t->entry.path);
        r = tar_attributes(t, e);
        return r < 0 ? r : tar_payload(t, flag, e);
}

static int tar_finish_entry(struct tar_reader *t, struct err *e) {
        int r = tar_swallow(t, t->payload_left, NULL, e);

        if (r == 0)
                r = tar_swallow(t, t->padding_left, NULL, e);
        t->payload_left = t->padding_left = 0;
        return r;
}

int tar_next(struct tar_reader *t, const struct tar_entry **ret, struct err *e) {
        int r = tar_finish_entry(t, e);

        *ret = NULL;
        tar_extended_reset(&t->extended);
        for (unsigned i = 0; r == 0 && !t->is_over; i++) {
                char flag;

                r = tar_block(t, e);
                if (r == 0 && t->position > 0) { /* some programs write no end */
                        t->is_over = true;
                        return i == 0 ? 0 : err_set(e, -EBADMSG, "the archive is cut short");
                }
                if (r <= 0)
                        return r < 0 ? r : err_set(e, -EBADMSG, "not a tar archive: it is empty");
                if (tar_is_zero(t->block))
                        return i == 0 ? tar_end(t, e) : err_set(e, -EBADMSG, "a header is missing");
                if (!tar_checksum_fits(t->block))
                        return err_set(e, -EBADMSG,
                                       t->position == TAR_BLOCK ? "not a tar archive"
                                                                : "a tar header is damaged");
                flag = (char) t->block[TYPE_OFFSET];
                if (flag == 'x' || flag == 'g' || flag == 'L' || flag == 'K') {
                        r = i < TAR_EXTENDED_IN_A_ROW
                                    ? tar_extend(t, flag, e)
                                    : err_set(e, -EBADMSG, "too many headers for one entry");
                        continue;
                }
                r = tar_entry_begin(t, e);
                if (r == 0)
                        *ret = &t->entry;
                return r;
        }
        return r;
}

int tar_data(struct tar_reader *t, const void **ret, size_t *ret_len, struct err *e) {
        int r;

        *ret_len = 0;
        if (t->payload_left == 0)
                return 0;
        r = tar_take(t, t->payload_left, ret, ret_len, e);
        if (r == 0 && *ret_len == 0)
                r = err_set(e, -EBADMSG, "the archive is cut short in %.200s", t->entry.path);
        t->payload_left -= *ret_len;
        return r;
}
