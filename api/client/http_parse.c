#include "api/client/http_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#define LINE_MAX_BYTES 1024U

void http_parser_init(struct http_parser *p) {
        *p = (struct http_parser){ .state = HTTP_STATE_HEAD };
}

void http_parser_done(struct http_parser *p) {
        strbuf_done(&p->head);
        strbuf_done(&p->line);
}

const char *http_parser_headers(const struct http_parser *p) {
        return p->head.s ? p->head.s + p->headers_at : "";
}

static bool has_token(const char *value, size_t len, const char *token) {
        size_t token_len = strlen(token);

        for (size_t i = 0; i + token_len <= len; i++)
                if (strncasecmp(value + i, token, token_len) == 0)
                        return true;
        return false;
}

static int length_parse(const char *value, size_t len, uint64_t *ret) {
        uint64_t n = 0;

        if (len == 0 || len > 18)
                return -EBADMSG;
        for (size_t i = 0; i < len; i++) {
                if (value[i] < '0' || value[i] > '9')
                        return -EBADMSG;
                n = n * 10 + (uint64_t) (value[i] - '0');
        }
        *ret = n;
        return 0;
}

static bool is_header(const char *line, size_t len, const char *name) {
        size_t name_len = strlen(name);

        return len > name_len && line[name_len] == ':' && strncasecmp(line, name, name_len) == 0;
}

static int header_read(struct http_parser *p, const char *line, size_t len, struct err *e) {
        const char *colon = memchr(line, ':', len), *value;
        size_t value_len;

        if (!colon || colon == line)
                return err_set(e, -EBADMSG, "the server's answer has a header line without a name");
        value = colon + 1;
        while (value < line + len && (*value == ' ' || *value == '\t'))
                value++;
        value_len = (size_t) (line + len - value);

        if (is_header(line, len, "Content-Length")) {
                if (p->has_length || length_parse(value, value_len, &p->left) < 0)
                        return err_set(e, -EBADMSG, "the server's answer has a bad Content-Length");
                p->has_length = true;
        } else if (is_header(line, len, "Transfer-Encoding")) {
                p->is_chunked = has_token(value, value_len, "chunked");
        } else if (is_header(line, len, "Connection")) {
                if (has_token(value, value_len, "close"))
                        p->is_keep_alive = false;
        }
        return 0;
}

static int status_line_read(struct http_parser *p, const char *line, size_t len, struct err *e) {
        if (len < 12 || strncmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ' ||
            (len > 12 && line[12] != ' '))
                return err_set(e, -EBADMSG, "the answer is not HTTP/1.1");
        p->status = 0;
        for (size_t i = 9; i < 12; i++) {
                if (line[i] < '0' || line[i] > '9')
                        return err_set(e, -EBADMSG, "the answer's status is not a number");
                p->status = p->status * 10 + (unsigned) (line[i] - '0');
        }
        if (p->status < 100)
                return err_set(e, -EBADMSG, "the answer's status is %u", p->status);
        p->is_keep_alive = line[7] == '1';
        return 0;
}

static void body_begin(struct http_parser *p) {
        bool has_none = p->status < 200 || p->status == 204 || p->status == 304;

        if (has_none || (!p->is_chunked && p->has_length && p->left == 0)) {
                p->state = HTTP_STATE_END;
        } else if (p->is_chunked) {
                p->state = HTTP_STATE_CHUNK_SIZE;
        } else if (p->has_length) {
                p->state = HTTP_STATE_LENGTH;
        } else {
                p->state = HTTP_STATE_UNTIL_EOF;
                p->is_keep_alive = false;
        }
}

/* The head is complete: reads it. An interim answer (100, 103) is dropped. */
static int head_read(struct http_parser *p, enum http_event *ret_event, struct err *e) {
        const char *line = p->head.s, *end;
        size_t len = strcspn(line, "\r\n");
        int r;

        p->is_chunked = p->has_length = false;
        r = status_line_read(p, line, len, e);
        if (r < 0)
                return r;
        end = line + len;
        end += *end == '\r' ? 2 : 1;
        p->headers_at = (size_t) (end - p->head.s);

        for (line = end; *line && *line != '\r' && *line != '\n'; line += line[0] == '\n') {
                len = strcspn(line, "\r\n");
                r = header_read(p, line, len, e);
                if (r < 0)
                        return r;
                line += len;
                line += *line == '\r';
        }
        if (p->status < 200 && p->status != 101) {
                strbuf_reset(&p->head);
                return 0;
        }
        p->head.s[line - p->head.s] = '\0';
        body_begin(p);
        *ret_event = HTTP_HEAD;
        return 0;
}

static bool head_is_complete(const struct strbuf *head) {
        return (head->len >= 4 && memcmp(head->s + head->len - 4, "\r\n\r\n", 4) == 0) ||
               (head->len >= 2 && memcmp(head->s + head->len - 2, "\n\n", 2) == 0);
}

static int feed_head(struct http_parser *p, const char *data, size_t len, size_t *used,
                     enum http_event *ret_event, struct err *e) {
        while (*used < len) {
                const char *newline = memchr(data + *used, '\n', len - *used);
                size_t n = newline ? (size_t) (newline - data) + 1 - *used : len - *used;

                if (p->head.len + n > HTTP_HEAD_MAX_BYTES)
                        return err_set(e, -EFBIG, "the answer's head is longer than %u bytes",
                                       HTTP_HEAD_MAX_BYTES);
                if (memchr(data + *used, '\0', n))
                        return err_set(e, -EBADMSG, "the answer's head has a zero byte");
                strbuf_add_len(&p->head, data + *used, n);
                if (p->head.has_failed)
                        return err_errno(e, -ENOMEM, "cannot read the answer");
                *used += n;
                if (head_is_complete(&p->head))
                        return head_read(p, ret_event, e);
        }
        return 0;
}

/* Collects one line in p->line, without its end. Returns 1 when it is whole, else 0. */
static int feed_line(struct http_parser *p, const char *data, size_t len, size_t *used,
                     struct err *e) {
        while (*used < len) {
                char c = data[(*used)++];

                if (c == '\n')
                        return 1;
                if (p->line.len >= LINE_MAX_BYTES)
                        return err_set(e, -EBADMSG, "a chunk's size line is too long");
                if (c != '\r')
                        strbuf_add_char(&p->line, c);
                if (p->line.has_failed)
                        return err_errno(e, -ENOMEM, "cannot read the answer");
        }
        return 0;
}

static int chunk_size_read(struct http_parser *p, struct err *e) {
        char *end = NULL;
        const char *text = p->line.s;
        size_t n_digits = text ? strspn(text, "0123456789abcdefABCDEF") : 0;

        if (n_digits == 0 || n_digits > 15)
                return err_set(e, -EBADMSG, "a chunk of the answer has no size");
        p->left = strtoull(text, &end, 16);
        if (*end != '\0' && *end != ';' && *end != ' ')
                return err_set(e, -EBADMSG, "a chunk of the answer has a bad size");
        p->state = p->left == 0 ? HTTP_STATE_TRAILER : HTTP_STATE_CHUNK;
        strbuf_reset(&p->line);
        return 0;
}

static int feed_framing(struct http_parser *p, const char *data, size_t len, size_t *used,
                        struct err *e) {
        bool is_empty;
        int r;

        r = feed_line(p, data, len, used, e);
        if (r <= 0)
                return r;
        if (p->state == HTTP_STATE_CHUNK_SIZE)
                return chunk_size_read(p, e);

        is_empty = p->line.len == 0;
        strbuf_reset(&p->line);
        if (p->state == HTTP_STATE_CHUNK_CRLF) {
                p->state = HTTP_STATE_CHUNK_SIZE;
                return is_empty ? 0 : err_set(e, -EBADMSG, "a chunk is longer than it says");
        }
        if (is_empty)
                p->state = HTTP_STATE_END;
        return 0;
}

static void feed_body(struct http_parser *p, const char *data, size_t len, size_t *used,
                      enum http_event *ret_event) {
        uint64_t n = len - *used;

        if (p->state != HTTP_STATE_UNTIL_EOF) {
                n = MIN(n, p->left);
                p->left -= n;
                if (p->left == 0)
                        p->state = p->state == HTTP_STATE_CHUNK ? HTTP_STATE_CHUNK_CRLF
                                                                : HTTP_STATE_END;
        }
        p->piece = data + *used;
        p->piece_len = (size_t) n;
        *used += (size_t) n;
        *ret_event = HTTP_BODY;
}

int http_parser_feed(struct http_parser *p, const void *data, size_t len, size_t *ret_used,
                     enum http_event *ret_event, struct err *e) {
        enum http_event event = HTTP_MORE;
        size_t used = 0;
        int r = 0;

        while (r == 0 && event == HTTP_MORE && (used < len || p->state == HTTP_STATE_END)) {
                switch (p->state) {
                case HTTP_STATE_HEAD:
                        r = feed_head(p, data, len, &used, &event, e);
                        break;
                case HTTP_STATE_LENGTH:
                case HTTP_STATE_CHUNK:
                case HTTP_STATE_UNTIL_EOF:
                        feed_body(p, data, len, &used, &event);
                        break;
                case HTTP_STATE_CHUNK_SIZE:
                case HTTP_STATE_CHUNK_CRLF:
                case HTTP_STATE_TRAILER:
                        r = feed_framing(p, data, len, &used, e);
                        break;
                case HTTP_STATE_END:
                        event = HTTP_END;
                        break;
                }
        }
        *ret_used = used;
        *ret_event = event;
        return r;
}

int http_parser_eof(struct http_parser *p, struct err *e) {
        if (p->state == HTTP_STATE_UNTIL_EOF)
                p->state = HTTP_STATE_END;
        if (p->state == HTTP_STATE_END)
                return 0;
        return err_set(e, -ECONNRESET,
                       "the server closed the connection before its answer was complete");
}
