#include "daemon/image/source.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Half of a small core's second-level cache: what was inflated is still there when it is hashed and
 * written. */
#define SOURCE_CHUNK (128 * 1024)
/* Of either side: 64 GiB of files and their headers. */
#define SOURCE_BYTES_MAX (72ULL << 30)

struct source {
        int fd;
        struct digest *blob_digest;
        struct digest *content_digest;
        uint64_t n_in, n_out;
        uint8_t *in; /* SOURCE_CHUNK */
        size_t in_len, in_at;
        bool is_in_over;

        bool is_gzip;
        struct inflate_state inflate;
        bool is_member_over; /* between two members of a gzip file */
        uint8_t *out;        /* SOURCE_CHUNK */

        struct archive *raw; /* NULL: gzip or plain */
};

void source_unref(struct source *s) {
        if (!s)
                return;
        if (s->raw)
                (void) archive_read_free(s->raw);
        digest_free(s->blob_digest);
        digest_free(s->content_digest);
        free(s->in);
        free(s->out);
        free(s);
}

/* Reads until there are at least n bytes (n <= SOURCE_CHUNK) or the end. */
static int source_fill(struct source *s, size_t n, struct err *e) {
        if (s->in_at > 0) {
                memmove(s->in, s->in + s->in_at, s->in_len - s->in_at);
                s->in_len -= s->in_at;
                s->in_at = 0;
        }
        while (s->in_len < n && !s->is_in_over) {
                ssize_t got = read(s->fd, s->in + s->in_len, SOURCE_CHUNK - s->in_len);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return err_errno(e, -errno, "cannot read the archive");
                if (got == 0)
                        s->is_in_over = true;
                else if (digest_add(s->blob_digest, s->in + s->in_len, (size_t) got) < 0)
                        return err_set(e, -EIO, "cannot compute SHA-256");
                s->in_len += (size_t) got;
                s->n_in += (size_t) got;
        }
        return s->n_in > SOURCE_BYTES_MAX
                       ? err_set(e, -EFBIG, "the archive is larger than %llu GiB",
                                 SOURCE_BYTES_MAX >> 30)
                       : 0;
}

static la_ssize_t source_feed_archive(struct archive *a, void *userdata, const void **ret) {
        struct source *s = userdata;
        struct err e = { 0 };
        la_ssize_t n;

        if (s->in_at == s->in_len && source_fill(s, 1, &e) < 0) {
                archive_set_error(a, -e.code, "%s", err_text(&e));
                return -1;
        }
        *ret = s->in + s->in_at;
        n = (la_ssize_t) (s->in_len - s->in_at);
        s->in_at = s->in_len;
        return n;
}

static int source_bad(struct source *s, struct err *e) {
        const char *why = archive_error_string(s->raw);

        return err_set(e, -EBADMSG, "cannot read the archive: %s", why ? why : "damaged");
}

static int source_open_archive(struct source *s, struct err *e) {
        struct archive_entry *entry;

        s->raw = archive_read_new();
        if (!s->raw)
                return err_set(e, -ENOMEM, "out of memory");
        (void) archive_read_support_filter_zstd(s->raw);
        (void) archive_read_support_filter_xz(s->raw);
        (void) archive_read_support_filter_bzip2(s->raw);
        (void) archive_read_support_format_raw(s->raw);
        if (archive_read_open(s->raw, s, NULL, source_feed_archive, NULL) != ARCHIVE_OK ||
            archive_read_next_header(s->raw, &entry) != ARCHIVE_OK)
                return source_bad(s, e);
        return 0;
}

static bool source_starts_with(const struct source *s, const char *magic, size_t len) {
        return s->in_len - s->in_at >= len && memcmp(s->in + s->in_at, magic, len) == 0;
}

int source_new(int fd, struct source **ret, struct err *e) {
        AUTO(source) struct source *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return err_set(e, -ENOMEM, "out of memory");
        s->fd = fd;
        s->in = malloc(SOURCE_CHUNK);
        if (!s->in)
                return err_set(e, -ENOMEM, "out of memory");
        if (digest_new(&s->blob_digest, e) < 0 || digest_new(&s->content_digest, e) < 0)
                return -EIO;
        r = source_fill(s, 8, e);
        if (r < 0)
                return r;
        s->is_gzip = source_starts_with(s, "\x1f\x8b", 2);
        if (s->is_gzip) {
                s->out = malloc(SOURCE_CHUNK);
                if (!s->out)
                        return err_set(e, -ENOMEM, "out of memory");
                s->is_member_over = true;
        } else if (source_starts_with(s, "\x28\xb5\x2f\xfd", 4) ||
                   source_starts_with(s,
                                      "\xfd"
                                      "7zXZ",
                                      5) ||
                   source_starts_with(s, "BZh", 3)) {
                r = source_open_archive(s, e);
                if (r < 0)
                        return r;
        }
        *ret = STEAL(s);
        return 0;
}

/* Zeros may follow the last member, as tapes leave them. Returns 1 when another member begins, 0 at
 * the end. */
static int source_next_member(struct source *s, struct err *e) {
        for (;;) {
                int r = source_fill(s, 2, e);

                if (r < 0)
                        return r;
                if (source_starts_with(s, "\x1f\x8b", 2)) {
                        isal_inflate_init(&s->inflate);
                        s->inflate.crc_flag = ISAL_GZIP;
                        s->is_member_over = false;
                        return 1;
                }
                for (; s->in_at < s->in_len; s->in_at++)
                        if (s->in[s->in_at] != 0)
                                return err_set(e, -EBADMSG,
                                               "something else follows the compressed archive");
                if (s->is_in_over)
                        return 0;
        }
}

static const char *source_inflate_words(int code) {
        switch (code) {
        case ISAL_INCORRECT_CHECKSUM:
                return "its checksum is wrong";
        case ISAL_INVALID_WRAPPER:
        case ISAL_UNSUPPORTED_METHOD:
                return "its gzip header is malformed";
        default:
                return "its compressed data is malformed";
        }
}

static int source_inflate(struct source *s, size_t *ret_len, struct err *e) {
        struct inflate_state *state = &s->inflate;

        state->next_out = s->out;
        state->avail_out = SOURCE_CHUNK;
        while (state->avail_out > 0) {
                int r;

                if (s->is_member_over) {
                        r = source_next_member(s, e);
                        if (r < 0)
                                return r;
                        if (r == 0)
                                break;
                        state->next_out = s->out + *ret_len;
                        state->avail_out = (uint32_t) (SOURCE_CHUNK - *ret_len);
                }
                if (s->in_at == s->in_len) {
                        r = source_fill(s, 1, e);
                        if (r < 0)
                                return r;
                }
                state->next_in = s->in + s->in_at;
                state->avail_in = (uint32_t) (s->in_len - s->in_at);
                r = isal_inflate(state);
                s->in_at = s->in_len - state->avail_in;
                *ret_len = SOURCE_CHUNK - state->avail_out;
                if (r < 0)
                        return err_set(e, -EBADMSG, "the archive is damaged: %s",
                                       source_inflate_words(r));
                s->is_member_over = state->block_state == ISAL_BLOCK_FINISH;
                if (!s->is_member_over && s->is_in_over && s->in_at == s->in_len &&
                    state->avail_out > 0)
                        return err_set(e, -EBADMSG, "the archive is cut short");
        }
        return 0;
}

static int source_next_raw(struct source *s, const void **ret, size_t *ret_len, struct err *e) {
        la_int64_t offset;
        int r = archive_read_data_block(s->raw, ret, ret_len, &offset);

        if (r < ARCHIVE_WARN && r != ARCHIVE_EOF)
                return source_bad(s, e);
        if (r != ARCHIVE_EOF)
                return 0;
        *ret_len = 0;
        /* What follows the compressed part counts for the digest of the whole. */
        do {
                s->in_at = s->in_len;
                r = source_fill(s, 1, e);
        } while (r == 0 && s->in_at < s->in_len);
        return r;
}

int source_next(struct source *s, const void **ret, size_t *ret_len, struct err *e) {
        int r;

        *ret_len = 0;
        if (s->is_gzip) {
                *ret = s->out;
                r = source_inflate(s, ret_len, e);
        } else if (s->raw)
                r = source_next_raw(s, ret, ret_len, e);
        else {
                r = s->in_at == s->in_len ? source_fill(s, 1, e) : 0;
                *ret = s->in + s->in_at;
                *ret_len = s->in_len - s->in_at;
                s->in_at = s->in_len;
        }
        if (r < 0)
                return r;
        s->n_out += *ret_len;
        if (s->n_out > SOURCE_BYTES_MAX)
                return err_set(e, -EFBIG, "the archive unpacks to more than %llu GiB",
                               SOURCE_BYTES_MAX >> 30);
        return digest_add(s->content_digest, *ret, *ret_len) < 0
                       ? err_set(e, -EIO, "cannot compute SHA-256")
                       : 0;
}

void source_digests(struct source *s, char blob[DIGEST_TEXT_MAX], char content[DIGEST_TEXT_MAX]) {
        digest_end(STEAL(s->blob_digest), blob);
        digest_end(STEAL(s->content_digest), content);
}
