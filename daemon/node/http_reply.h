#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Reads the answer of an HTTP/1.x server as far as a probe cares: status and where it ends. No I/O.
 */

#define HTTP_REPLY_HEAD_MAX 16384U
#define HTTP_REPLY_BODY_MAX 10240U

struct http_reply {
        char line[512]; /* the header line under way, cut */
        size_t line_len;
        size_t head_bytes;
        size_t body_bytes;
        size_t body_length; /* valid with has_length */
        unsigned status;    /* 0 until the status line is there */
        unsigned tail;      /* how much of a chunked body's end has been seen */
        bool has_length, is_chunked, is_in_body;
};

/* Takes the next bytes; is_end: the server closed the connection behind them (len may be 0).
 *
 * Returns 1 when the answer is complete (or the body has reached HTTP_REPLY_BODY_MAX), 0 when more
 * is needed, -EBADMSG when it isn't HTTP, -E2BIG when the head is too big, -ECONNRESET when it
 * ended in the head. */
int http_reply_add(struct http_reply *r, const char *data, size_t len, bool is_end);
