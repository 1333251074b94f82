#include "api/client/spdy.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

#define CONTROL_BIT 0x80000000U
#define VERSION 3U
#define FLAG_FIN 1U

enum control_type {
        TYPE_SYN_STREAM = 1,
        TYPE_SYN_REPLY = 2,
        TYPE_RST_STREAM = 3,
        TYPE_PING = 6,
        TYPE_GOAWAY = 7,
        TYPE_HEADERS = 8,
};

/* Header blocks begin behind these many bytes of a frame: stream, associated stream, priority. */
#define OPEN_HEAD_BYTES 10
#define REPLY_HEAD_BYTES 4

/*   head --data frame--> its bytes, piece by piece -> head
 *     \ --known control frame--> collected, told --^
 *      \--other frame--> passed over --------------^          */
struct spdy_reader {
        uint8_t frame[SPDY_HEADER_BYTES + SPDY_CONTROL_MAX_BYTES];
        size_t have;      /* of frame */
        uint32_t data_id; /* of the data frame under way */
        uint32_t left;    /* of a data frame, or of one that is passed over */
        bool is_in_data, is_passing, is_fin;
        z_stream inflate;
        char block[SPDY_BLOCK_MAX_BYTES + 1];
        struct spdy_pair pairs[SPDY_HEADERS_MAX];
};

static uint32_t read_u32(const uint8_t *at) {
        uint32_t n;

        memcpy(&n, at, sizeof(n));
        return be32toh(n);
}

static void put_u32(struct strbuf *out, uint32_t n) {
        n = htobe32(n);
        strbuf_add_len(out, &n, sizeof(n));
}

const char *spdy_event_header(const struct spdy_event *event, const char *name) {
        for (size_t i = 0; i < event->n_headers; i++)
                if (str_eq(event->headers[i].name, name))
                        return event->headers[i].value;
        return NULL;
}

/* ---- the dictionary (section 2.6.10.1): these words, each behind its length, then the tail ----
 */

#define DICTIONARY_BYTES 1423

static const char *const WORDS[] = {
        "options",
        "head",
        "post",
        "put",
        "delete",
        "trace",
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "accept-ranges",
        "age",
        "allow",
        "authorization",
        "cache-control",
        "connection",
        "content-base",
        "content-encoding",
        "content-language",
        "content-length",
        "content-location",
        "content-md5",
        "content-range",
        "content-type",
        "date",
        "etag",
        "expect",
        "expires",
        "from",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "last-modified",
        "location",
        "max-forwards",
        "pragma",
        "proxy-authenticate",
        "proxy-authorization",
        "range",
        "referer",
        "retry-after",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "vary",
        "via",
        "warning",
        "www-authenticate",
        "method",
        "get",
        "status",
        "200 OK",
        "version",
        "HTTP/1.1",
        "url",
        "public",
        "set-cookie",
        "keep-alive",
        "origin",
};

static const char TAIL[] =
        "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
        "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
        "401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
        "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, "
        "Tue, "
        "Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
        "application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age="
        "gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

static void dictionary_build(uint8_t dictionary[DICTIONARY_BYTES]) {
        size_t at = 0;

        for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++) {
                uint32_t len = htobe32((uint32_t) strlen(WORDS[i]));

                memcpy(dictionary + at, &len, sizeof(len));
                at += sizeof(len);
                memcpy(dictionary + at, WORDS[i], strlen(WORDS[i]));
                at += strlen(WORDS[i]);
        }
        memcpy(dictionary + at, TAIL, sizeof(TAIL) - 1);
        assert(at + sizeof(TAIL) - 1 == DICTIONARY_BYTES);
}

/* ---- header blocks ---- */

static int inflate_with_dictionary(z_stream *z) {
        uint8_t dictionary[DICTIONARY_BYTES];
        int r = inflate(z, Z_SYNC_FLUSH);

        if (r != Z_NEED_DICT)
                return r;
        dictionary_build(dictionary);
        r = inflateSetDictionary(z, dictionary, sizeof(dictionary));
        return r == Z_OK ? inflate(z, Z_SYNC_FLUSH) : r;
}

/* Inflates into r->block. One zlib stream lasts as long as the connection. */
static int block_inflate(struct spdy_reader *r, const uint8_t *bytes, size_t len, size_t *ret_len,
                         struct err *e) {
        z_stream *z = &r->inflate;
        int result;

        z->next_in = (uint8_t *) bytes;
        z->avail_in = (unsigned) len;
        z->next_out = (uint8_t *) r->block;
        z->avail_out = SPDY_BLOCK_MAX_BYTES;
        result = inflate_with_dictionary(z);
        if (result == Z_MEM_ERROR)
                return err_set(e, -ENOMEM, "memory is out");
        /* Z_BUF_ERROR: it wants more, of which there is none now. */
        if (result != Z_OK && result != Z_BUF_ERROR)
                return err_set(e, -EBADMSG, "SPDY: a header block can't be inflated");
        if (z->avail_in > 0 || z->avail_out == 0)
                return err_set(e, -EBADMSG, "SPDY: a header block is larger than %u bytes",
                               SPDY_BLOCK_MAX_BYTES);
        *ret_len = SPDY_BLOCK_MAX_BYTES - z->avail_out;
        return 0;
}

/* One text behind its length; its first byte after it is overwritten with NUL, which the caller has
 * read already. Returns NULL when it doesn't fit. */
static char *block_text(struct spdy_reader *r, size_t *at, size_t len, size_t *ret_len) {
        char *text = r->block + *at + 4;

        if (len - *at < 4)
                return NULL;
        *ret_len = read_u32((uint8_t *) r->block + *at);
        if (*ret_len > len - *at - 4)
                return NULL;
        *at += 4 + *ret_len;
        return text;
}

/* u32 count, then names and values, each behind its u32 length. */
static int block_parse(struct spdy_reader *r, size_t len, size_t *ret_n, struct err *e) {
        size_t at = 4, n = len < 4 ? 0 : read_u32((uint8_t *) r->block);
        char *ends[2 * SPDY_HEADERS_MAX];

        if (len < 4 || n > SPDY_HEADERS_MAX)
                return err_set(e, -EBADMSG, "SPDY: a header block has more than %u headers",
                               SPDY_HEADERS_MAX);
        for (size_t i = 0; i < n; i++) {
                size_t name_len, value_len;
                char *name = block_text(r, &at, len, &name_len);
                char *value = name ? block_text(r, &at, len, &value_len) : NULL;

                if (!value || name_len == 0)
                        return err_set(e, -EBADMSG, "SPDY: a header block is malformed");
                r->pairs[i] = (struct spdy_pair){ name, value };
                ends[2 * i] = name + name_len;
                ends[2 * i + 1] = value + value_len;
        }
        /* Only now: the end of one is the length of the next. */
        for (size_t i = 0; i < 2 * n; i++)
                *ends[i] = '\0';
        *ret_n = n;
        return 0;
}

/* ---- control frames ---- */

static bool is_read(unsigned type) {
        return type == TYPE_SYN_STREAM || type == TYPE_SYN_REPLY || type == TYPE_RST_STREAM ||
               type == TYPE_PING || type == TYPE_GOAWAY || type == TYPE_HEADERS;
}

static int headers_read(struct spdy_reader *r, unsigned type, size_t len, struct spdy_event *ret,
                        struct err *e) {
        size_t head = type == TYPE_SYN_STREAM ? OPEN_HEAD_BYTES : REPLY_HEAD_BYTES, block_len = 0;
        const uint8_t *body = r->frame + SPDY_HEADER_BYTES;
        int result;

        if (len < head)
                return err_set(e, -EBADMSG, "SPDY: a frame is too short");
        ret->id = read_u32(body) & SPDY_ID_MAX;
        ret->is_fin = r->frame[4] & FLAG_FIN;
        ret->kind = type == TYPE_SYN_STREAM ? SPDY_OPEN : SPDY_REPLY;
        ret->headers = r->pairs;
        result = block_inflate(r, body + head, len - head, &block_len, e);
        if (result == 0)
                result = block_parse(r, block_len, &ret->n_headers, e);
        /* A frame of more headers counts for the one zlib stream only. */
        return result < 0 ? result : type != TYPE_HEADERS;
}

/* A whole control frame is in r->frame. Returns 1, 0 when there is nothing to tell, or an error. */
static int control_read(struct spdy_reader *r, struct spdy_event *ret, struct err *e) {
        const uint8_t *body = r->frame + SPDY_HEADER_BYTES;
        unsigned type = read_u32(r->frame) & 0xffffU;
        size_t len = r->have - SPDY_HEADER_BYTES;

        r->have = 0;
        *ret = (struct spdy_event){ 0 };
        if (type == TYPE_SYN_STREAM || type == TYPE_SYN_REPLY || type == TYPE_HEADERS)
                return headers_read(r, type, len, ret, e);
        if (len < (type == TYPE_PING ? 4U : 8U))
                return err_set(e, -EBADMSG, "SPDY: a frame is too short");
        ret->id = type == TYPE_PING ? read_u32(body) : read_u32(body) & SPDY_ID_MAX;
        ret->kind = type == TYPE_PING         ? SPDY_PING
                    : type == TYPE_RST_STREAM ? SPDY_RESET
                                              : SPDY_GOAWAY;
        ret->status = type == TYPE_PING ? 0 : read_u32(body + 4);
        return 1;
}

/* The eight bytes of a frame's head are in r->frame: what follows? */
static int head_read(struct spdy_reader *r, struct err *e) {
        uint32_t first = read_u32(r->frame), second = read_u32(r->frame + 4);
        uint32_t len = second & 0xffffffU;

        if (!(first & CONTROL_BIT)) {
                r->data_id = first;
                r->left = len;
                r->is_fin = (second >> 24) & FLAG_FIN;
                r->is_in_data = true;
                r->have = 0;
                return 0;
        }
        if (((first >> 16) & 0x7fffU) != VERSION)
                return err_set(e, -EBADMSG, "this is not SPDY/3.1");
        if (!is_read(first & 0xffffU)) {
                r->left = len;
                r->is_passing = len > 0;
                r->have = 0;
                return 0;
        }
        if (len > SPDY_CONTROL_MAX_BYTES)
                return err_set(e, -EBADMSG, "SPDY: a control frame is larger than %u bytes",
                               SPDY_CONTROL_MAX_BYTES);
        return 0;
}

/* How much of a frame's head, or of a known control frame, is still wanted. */
static size_t frame_wants(const struct spdy_reader *r) {
        if (r->have < SPDY_HEADER_BYTES)
                return SPDY_HEADER_BYTES - r->have;
        return SPDY_HEADER_BYTES + (read_u32(r->frame + 4) & 0xffffffU) - r->have;
}

/* Takes bytes of head and control frame. Returns as spdy_read(). */
static int frame_take(struct spdy_reader *r, const uint8_t *bytes, size_t len, size_t *used,
                      struct spdy_event *ret, struct err *e) {
        size_t n = MIN(len, frame_wants(r));
        bool was_head = r->have < SPDY_HEADER_BYTES;
        int result;

        memcpy(r->frame + r->have, bytes, n);
        r->have += n;
        *used += n;
        if (was_head && r->have == SPDY_HEADER_BYTES) {
                result = head_read(r, e);
                if (result < 0)
                        return result;
        }
        if (r->have >= SPDY_HEADER_BYTES && frame_wants(r) == 0)
                return control_read(r, ret, e);
        return 0;
}

/* The next piece of a data frame; an empty frame is told for its end's sake. */
static int data_take(struct spdy_reader *r, const uint8_t *bytes, size_t len, size_t *used,
                     struct spdy_event *ret) {
        size_t n = MIN(len, (size_t) r->left);

        r->left -= (uint32_t) n;
        *used += n;
        r->is_in_data = r->left > 0;
        *ret = (struct spdy_event){ .kind = SPDY_DATA,
                                    .id = r->data_id,
                                    .data = bytes,
                                    .len = n,
                                    .is_fin = r->is_fin && r->left == 0 };
        return n > 0 || ret->is_fin;
}

int spdy_read(struct spdy_reader *r, const void *bytes, size_t len, size_t *ret_used,
              struct spdy_event *ret_event, struct err *e) {
        const uint8_t *at = bytes;
        size_t used = 0;
        int result = 0;

        while (result == 0 && (used < len || (r->is_in_data && r->left == 0))) {
                if (r->is_in_data) {
                        result = data_take(r, at + used, len - used, &used, ret_event);
                } else if (r->is_passing) {
                        size_t n = MIN(len - used, (size_t) r->left);

                        r->left -= (uint32_t) n;
                        r->is_passing = r->left > 0;
                        used += n;
                } else {
                        result = frame_take(r, at + used, len - used, &used, ret_event, e);
                }
        }
        *ret_used = used;
        return result;
}

int spdy_reader_new(struct spdy_reader **ret_reader) {
        struct spdy_reader *r = calloc(1, sizeof(*r));

        if (!r)
                return -ENOMEM;
        if (inflateInit(&r->inflate) != Z_OK) {
                free(r);
                return -ENOMEM;
        }
        *ret_reader = r;
        return 0;
}

void spdy_reader_unref(struct spdy_reader *r) {
        if (!r)
                return;
        (void) inflateEnd(&r->inflate);
        free(r);
}

/* ---- what goes out ---- */

static void put_control(struct strbuf *out, enum control_type type, bool is_fin, size_t len) {
        put_u32(out, CONTROL_BIT | VERSION << 16 | (uint32_t) type);
        put_u32(out, (is_fin ? FLAG_FIN << 24 : 0U) | (uint32_t) len);
}

static void put_text(struct strbuf *out, const char *text) {
        put_u32(out, (uint32_t) strlen(text));
        strbuf_add(out, text);
}

static size_t block_len(const struct spdy_event *event) {
        size_t len = 4;

        for (size_t i = 0; i < event->n_headers; i++)
                len += 8 + strlen(event->headers[i].name) + strlen(event->headers[i].value);
        return len;
}

/* A stored block (RFC 1951, 3.2.4), and an empty one behind it: only then does a reader that waits
 * for the end of a flush hand the first one out. */
void spdy_put_headers(struct spdy_writer *w, struct strbuf *out, const struct spdy_event *event) {
        static const char ZLIB_HEAD[] = { 0x78, 0x01 };
        static const char FLUSH[] = { 0, 0, 0, (char) 0xff, (char) 0xff };
        bool is_open = event->kind == SPDY_OPEN;
        size_t len = block_len(event), head = is_open ? OPEN_HEAD_BYTES : REPLY_HEAD_BYTES;
        uint8_t stored[5] = { 0, len & 0xff, len >> 8 & 0xff, ~len & 0xff, ~len >> 8 & 0xff };

        assert(len <= SPDY_BLOCK_MAX_BYTES);
        put_control(out, is_open ? TYPE_SYN_STREAM : TYPE_SYN_REPLY, event->is_fin,
                    head + (w->has_begun ? 0 : sizeof(ZLIB_HEAD)) + sizeof(stored) + len +
                            sizeof(FLUSH));
        put_u32(out, event->id);
        strbuf_add_len(out, "\0\0\0\0\0", head - 4);
        if (!w->has_begun)
                strbuf_add_len(out, ZLIB_HEAD, sizeof(ZLIB_HEAD));
        w->has_begun = true;
        strbuf_add_len(out, stored, sizeof(stored));
        put_u32(out, (uint32_t) event->n_headers);
        for (size_t i = 0; i < event->n_headers; i++) {
                put_text(out, event->headers[i].name);
                put_text(out, event->headers[i].value);
        }
        strbuf_add_len(out, FLUSH, sizeof(FLUSH));
}

void spdy_data_header(uint8_t header[SPDY_HEADER_BYTES], uint32_t id, size_t len, bool is_fin) {
        uint32_t words[2] = { htobe32(id & SPDY_ID_MAX),
                              htobe32((is_fin ? FLAG_FIN << 24 : 0U) | (uint32_t) len) };

        assert(len <= SPDY_PIECE_MAX_BYTES);
        memcpy(header, words, sizeof(words));
}

void spdy_put_ping(struct strbuf *out, uint32_t id) {
        put_control(out, TYPE_PING, false, 4);
        put_u32(out, id);
}

void spdy_put_reset(struct strbuf *out, uint32_t id, enum spdy_status status) {
        put_control(out, TYPE_RST_STREAM, false, 8);
        put_u32(out, id);
        put_u32(out, (uint32_t) status);
}

void spdy_put_goaway(struct strbuf *out, uint32_t last_id, enum spdy_status status) {
        put_control(out, TYPE_GOAWAY, false, 8);
        put_u32(out, last_id);
        put_u32(out, (uint32_t) status);
}
