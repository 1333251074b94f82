#include "api/client/stream.h"

#include "base/array.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void stream_header(uint8_t header[STREAM_HEADER_BYTES], enum stream_channel channel, size_t len) {
        assert(len <= STREAM_DATA_MAX_BYTES);
        header[0] = (uint8_t) channel;
        header[1] = header[2] = header[3] = 0;
        header[4] = (uint8_t) (len >> 24);
        header[5] = (uint8_t) (len >> 16);
        header[6] = (uint8_t) (len >> 8);
        header[7] = (uint8_t) len;
}

int stream_parse(const void *data, size_t len, struct stream_frame *ret_frame, size_t *ret_used,
                 struct err *e) {
        const uint8_t *p = data;
        size_t n;

        if (len < STREAM_HEADER_BYTES)
                return 0;
        if (p[0] > STREAM_STDOUT_END || p[1] || p[2] || p[3])
                return err_set(e, -EBADMSG,
                               "stream frame on unknown channel %u: the peer does not speak %s",
                               p[0], STREAM_PROTOCOL);

        n = ((size_t) p[4] << 24) | ((size_t) p[5] << 16) | ((size_t) p[6] << 8) | p[7];
        if (n > STREAM_DATA_MAX_BYTES)
                return err_set(e, -EBADMSG, "stream frame of %zu bytes, at most %u are allowed", n,
                               STREAM_DATA_MAX_BYTES);
        if (len - STREAM_HEADER_BYTES < n)
                return 0;

        *ret_frame = (struct stream_frame){
                .channel = (enum stream_channel) p[0],
                .data = p + STREAM_HEADER_BYTES,
                .len = n,
        };
        *ret_used = STREAM_HEADER_BYTES + n;
        return 1;
}

void stream_reader_done(struct stream_reader *r) {
        free(r->bytes);
        *r = (struct stream_reader){ 0 };
}

int stream_reader_add(struct stream_reader *r, const void *data, size_t len) {
        int result;

        if (r->start > 0) {
                memmove(r->bytes, r->bytes + r->start, r->len - r->start);
                r->len -= r->start;
                r->start = 0;
        }
        while (r->cap - r->len < len) {
                result = array_reserve(&r->bytes, &r->cap, r->cap, 1);
                if (result < 0)
                        return result;
        }
        if (len > 0)
                memcpy(r->bytes + r->len, data, len);
        r->len += len;
        return 0;
}

int stream_reader_next(struct stream_reader *r, struct stream_frame *ret_frame, struct err *e) {
        size_t used = 0;
        int result;

        if (r->len == r->start)
                return 0;
        result = stream_parse(r->bytes + r->start, r->len - r->start, ret_frame, &used, e);
        if (result > 0)
                r->start += used;
        return result;
}

bool stream_size_parse(const struct stream_frame *frame, unsigned *ret_columns,
                       unsigned *ret_rows) {
        json_t *size = json_loadb((const char *) frame->data, frame->len, 0, NULL);
        json_int_t width = json_integer_value(json_object_get(size, "Width"));
        json_int_t height = json_integer_value(json_object_get(size, "Height"));

        json_decref(size);
        if (width < 1 || width > 65535 || height < 1 || height > 65535)
                return false;
        *ret_columns = (unsigned) width;
        *ret_rows = (unsigned) height;
        return true;
}
