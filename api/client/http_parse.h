#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Takes an HTTP/1.1 answer apart, bytes as they come. Pure. */
#define HTTP_HEAD_MAX_BYTES 65536U

enum http_event {
        HTTP_MORE, /* everything given was used; more is needed */
        HTTP_HEAD, /* status and headers are known */
        HTTP_BODY, /* piece and piece_len say where, inside the data given */
        HTTP_END,  /* the answer is complete */
};

enum http_state {
        HTTP_STATE_HEAD,
        HTTP_STATE_LENGTH,     /* body, left bytes to come */
        HTTP_STATE_CHUNK_SIZE, /* line with the size of the next chunk */
        HTTP_STATE_CHUNK,      /* chunk, left bytes to come */
        HTTP_STATE_CHUNK_CRLF, /* end of line behind a chunk */
        HTTP_STATE_TRAILER,    /* lines behind the last chunk */
        HTTP_STATE_UNTIL_EOF,  /* body ends with the connection */
        HTTP_STATE_END,
};

struct http_parser {
        enum http_state state;
        struct strbuf head; /* the head's lines while they come */
        struct strbuf line; /* a chunk's size, a trailer */
        unsigned status;
        size_t headers_at;  /* where in head the header lines begin */
        bool is_keep_alive; /* the connection can carry another call afterwards */
        bool is_chunked;
        bool has_length;
        uint64_t left;
        const void *piece;
        size_t piece_len;
};

void http_parser_init(struct http_parser *p);
void http_parser_done(struct http_parser *p);

/* Takes bytes from data until something happened.
 *
 * ret_used   bytes taken.
 * ret_event  what happened; after HTTP_END nothing more is taken.
 *
 * Returns 0, -EBADMSG for what is no HTTP answer, -EFBIG for a head too long, -ENOMEM. */
int http_parser_feed(struct http_parser *p, const void *data, size_t len, size_t *ret_used,
                     enum http_event *ret_event, struct err *e);

/* The connection ended: 0 when the answer is complete by that, else -ECONNRESET. */
int http_parser_eof(struct http_parser *p, struct err *e);

/* "Name: value\r\n" lines, valid after HTTP_HEAD. */
const char *http_parser_headers(const struct http_parser *p);
