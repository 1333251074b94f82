#include "base/uid.h"

#include "base/clock.h"

#include <sys/random.h>

static const char uid_alphabet[] = "bcdfghjklmnpqrstvwxz2456789";

static void uid_random(unsigned char *buf, size_t len) {
        if (getrandom(buf, len, 0) == (ssize_t) len)
                return;
        for (size_t i = 0; i < len; i++) /* never on a kernel that orch supports */
                buf[i] = (unsigned char) (clock_now_usec() >> (i % 8));
}

char *uid_new(char buf[UID_TEXT_MAX]) {
        unsigned char b[16];
        char *at = buf;

        uid_random(b, sizeof(b));
        b[6] = (unsigned char) ((b[6] & 0x0f) | 0x40);
        b[8] = (unsigned char) ((b[8] & 0x3f) | 0x80);
        for (size_t i = 0; i < sizeof(b); i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *at++ = '-';
                *at++ = "0123456789abcdef"[b[i] >> 4];
                *at++ = "0123456789abcdef"[b[i] & 0xf];
        }
        *at = '\0';
        return buf;
}

char *uid_suffix(char *buf, size_t len) {
        unsigned char b[16];
        size_t left = 0;

        for (size_t i = 0; i < len;) {
                if (left == 0)
                        uid_random(b, left = sizeof(b));
                /* Bytes beyond the last whole turn of the alphabet would favour its beginning. */
                if (b[--left] < 256 - 256 % (sizeof(uid_alphabet) - 1))
                        buf[i++] = uid_alphabet[b[left] % (sizeof(uid_alphabet) - 1)];
        }
        buf[len] = '\0';
        return buf;
}

char *uid_encode(unsigned long long number, char *buf, size_t len) {
        for (size_t i = 0; i < len; i++) {
                buf[i] = uid_alphabet[number % (sizeof(uid_alphabet) - 1)];
                number /= sizeof(uid_alphabet) - 1;
        }
        buf[len] = '\0';
        return buf;
}
