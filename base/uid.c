#include "base/uid.h"

#include "base/clock.h"

#include <stdio.h>
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

        uid_random(b, sizeof(b));
        b[6] = (unsigned char) ((b[6] & 0x0f) | 0x40);
        b[8] = (unsigned char) ((b[8] & 0x3f) | 0x80);
        (void) snprintf(buf, UID_TEXT_MAX,
                        "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                        b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                        b[12], b[13], b[14], b[15]);
        return buf;
}

char *uid_suffix(char *buf, size_t len) {
        for (size_t i = 0; i < len; i++) {
                unsigned char b;

                do
                        uid_random(&b, 1);
                while (b >= 256 - 256 % (sizeof(uid_alphabet) - 1));
                buf[i] = uid_alphabet[b % (sizeof(uid_alphabet) - 1)];
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
