#include "daemon/node/http_reply.h"

#include "base/macros.h"
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static int take_status(struct http_reply *r) {
        const char *p = r->line;

        if (!str_starts_with(p, "HTTP/1.") || !isdigit((unsigned char) p[7]) || p[8] != ' ')
                return -EBADMSG;
        p += 9;
        for (int i = 0; i < 3; i++)
                if (!isdigit((unsigned char) p[i]))
                        return -EBADMSG;
        if (p[3] != '\0' && p[3] != ' ')
                return -EBADMSG;
        r->status = (unsigned) ((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
        return r->status >= 100 ? 0 : -EBADMSG;
}

static int take_length(struct http_reply *r, const char *value) {
        int64_t n;

        if (str_to_int64(value, 0, INT64_MAX, &n) < 0)
                return -EBADMSG;
        r->has_length = true;
        r->body_length = (size_t) n;
        return 0;
}

/* A line without its end. 1: the head is over. */
static int take_line(struct http_reply *r) {
        char *colon, *value;

        if (r->line_len > 0 && r->line[r->line_len - 1] == '\r')
                r->line_len--;
        r->line[r->line_len] = '\0';
        if (r->status == 0)
                return take_status(r);
        if (r->line_len == 0) {
                /* 100 Continue and its like: the true answer follows. */
                if (r->status < 200 && r->status != 101) {
                        r->status = 0;
                        return 0;
                }
                return 1;
        }
        colon = strchr(r->line, ':');
        if (!colon)
                return 0;
        *colon = '\0';
        value = colon + 1 + strspn(colon + 1, " \t");
        if (strcasecmp(r->line, "content-length") == 0)
                return take_length(r, value);
        if (strcasecmp(r->line, "transfer-encoding") == 0 && strcasestr(value, "chunked"))
                r->is_chunked = true;
        return 0;
}

/* Looks for CR LF 0 CR LF CR LF; a body that has it inside ends early, which a probe survives. */
static bool take_chunked(struct http_reply *r, const char *data, size_t len) {
        static const char end[] = "\r\n0\r\n\r\n";

        for (size_t i = 0; i < len; i++) {
                if (data[i] == end[r->tail])
                        r->tail++;
                else
                        r->tail = data[i] == '\r' ? 1 : 0;
                if (r->tail == sizeof(end) - 1)
                        return true;
        }
        return false;
}

static int take_body(struct http_reply *r, const char *data, size_t len, bool is_end) {
        bool is_over = is_end;

        if (r->status == 204 || r->status == 304 || r->status == 101)
                return 1;
        r->body_bytes += MIN(len, (size_t) HTTP_REPLY_BODY_MAX);
        if (r->is_chunked)
                is_over |= take_chunked(r, data, len);
        else if (r->has_length)
                is_over |= r->body_bytes >= r->body_length;
        return is_over || r->body_bytes >= HTTP_REPLY_BODY_MAX ? 1 : 0;
}

int http_reply_add(struct http_reply *r, const char *data, size_t len, bool is_end) {
        size_t i = 0;

        for (; i < len && !r->is_in_body; i++) {
                if (++r->head_bytes > HTTP_REPLY_HEAD_MAX)
                        return -E2BIG;
                if (data[i] == '\n') {
                        int k = take_line(r);

                        if (k < 0)
                                return k;
                        r->is_in_body = k > 0;
                        r->line_len = 0;
                        /* A chunked body may be empty: its "0" then follows the head at once. */
                        r->tail = r->is_in_body ? 2 : 0;
                } else if (r->line_len < sizeof(r->line) - 1) {
                        r->line[r->line_len++] = data[i];
                }
        }
        if (r->is_in_body)
                return take_body(r, data + i, len - i, is_end);
        return is_end ? -ECONNRESET : 0;
}
