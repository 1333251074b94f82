#include "api/schema/wire.h"

#include <errno.h>

int wire_varint(struct wire_span *in, uint64_t *ret) {
        uint64_t value = 0;

        for (unsigned i = 0; i < 10; i++) {
                uint8_t byte;

                if (in->len == 0)
                        return -EINVAL;
                byte = *in->at++;
                in->len--;
                if (i == 9 && byte > 1)
                        return -EINVAL;
                value |= (uint64_t) (byte & 0x7f) << (7 * i);
                if (!(byte & 0x80)) {
                        *ret = value;
                        return 0;
                }
        }
        return -EINVAL;
}

static int wire_take(struct wire_span *in, uint64_t len, struct wire_span *ret) {
        if (len > in->len)
                return -EINVAL;
        *ret = (struct wire_span){ in->at, (size_t) len };
        in->at += len;
        in->len -= (size_t) len;
        return 0;
}

int wire_next(struct wire_span *in, struct wire *ret) {
        uint64_t key, len;
        int r;

        if (in->len == 0)
                return 0;
        *ret = (struct wire){ 0 };
        if (wire_varint(in, &key) < 0 || key >> 3 == 0 || key >> 3 > (1U << 29) - 1)
                return -EINVAL;
        ret->number = (uint32_t) (key >> 3);
        ret->type = (uint32_t) (key & 7);
        switch (ret->type) {
        case WIRE_VARINT:
                r = wire_varint(in, &ret->value);
                break;
        case WIRE_BYTES:
                r = wire_varint(in, &len);
                r = r < 0 ? r : wire_take(in, len, &ret->bytes);
                break;
        case WIRE_FIXED64:
                r = wire_take(in, 8, &ret->bytes);
                break;
        case WIRE_FIXED32:
                r = wire_take(in, 4, &ret->bytes);
                break;
        default:
                r = -EINVAL;
        }
        return r < 0 ? r : 1;
}

/* Bytes of the UTF-8 character at the front (RFC 3629, section 4), or 0. */
static size_t wire_character(struct wire_span in) {
        uint8_t first = in.at[0], low = 0x80, high = 0xbf;
        size_t n;

        if (first < 0x80)
                return first != 0;
        if (first < 0xc2 || first > 0xf4)
                return 0;
        n = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        if (first == 0xe0)
                low = 0xa0;
        else if (first == 0xed)
                high = 0x9f;
        else if (first == 0xf0)
                low = 0x90;
        else if (first == 0xf4)
                high = 0x8f;
        if (n > in.len || in.at[1] < low || in.at[1] > high)
                return 0;
        for (size_t i = 2; i < n; i++)
                if ((in.at[i] & 0xc0) != 0x80)
                        return 0;
        return n;
}

bool wire_is_text(struct wire_span in) {
        while (in.len > 0) {
                size_t n = wire_character(in);

                if (n == 0)
                        return false;
                in.at += n;
                in.len -= n;
        }
        return true;
}
