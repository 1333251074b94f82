#include "api/schema/base64.h"

#include <errno.h>
#include <string.h>

static int base64_digit(char c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        if (c == '+')
                return 62;
        return c == '/' ? 63 : -1;
}

size_t base64_decoded_max(size_t text_len) {
        return text_len / 4 * 3 + 3;
}

int base64_decode(const char *text, size_t text_len, uint8_t *out, size_t *ret_len) {
        unsigned n_digits = 0, n_padding = 0;
        uint32_t bits = 0;
        size_t n = 0;

        for (size_t i = 0; i < text_len; i++) {
                int digit = base64_digit(text[i]);

                if (text[i] == '\n' || text[i] == '\r')
                        continue;
                if (text[i] == '=') {
                        n_padding++;
                        continue;
                }
                if (digit < 0 || n_padding > 0)
                        return -EINVAL;
                bits = bits << 6 | (uint32_t) digit;
                if (++n_digits % 4 == 0) {
                        out[n++] = (uint8_t) (bits >> 16);
                        out[n++] = (uint8_t) (bits >> 8);
                        out[n++] = (uint8_t) bits;
                }
        }
        if ((n_digits + n_padding) % 4 != 0 || n_padding > 2)
                return -EINVAL;
        if (n_digits % 4 == 2) {
                out[n++] = (uint8_t) (bits >> 4);
        } else if (n_digits % 4 == 3) {
                out[n++] = (uint8_t) (bits >> 10);
                out[n++] = (uint8_t) (bits >> 2);
        }
        *ret_len = n;
        return 0;
}

size_t base64_encoded_len(size_t len) {
        return (len + 2) / 3 * 4;
}

void base64_encode(const uint8_t *data, size_t len, char *out) {
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

        for (size_t i = 0; i < len; i += 3) {
                uint32_t bits = (uint32_t) data[i] << 16;

                if (i + 1 < len)
                        bits |= (uint32_t) data[i + 1] << 8;
                if (i + 2 < len)
                        bits |= data[i + 2];
                *out++ = digits[bits >> 18];
                *out++ = digits[bits >> 12 & 63];
                *out++ = i + 1 < len ? digits[bits >> 6 & 63] : '=';
                *out++ = i + 2 < len ? digits[bits & 63] : '=';
        }
        *out = '\0';
}
