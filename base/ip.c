#include "base/ip.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

int ip_parse(const char *text, struct ip_addr *ret) {
        struct ip_addr a = { 0 };

        if (!text)
                return -EINVAL;
        if (inet_pton(AF_INET, text, a.bytes) == 1)
                a.family = IP_V4;
        else if (inet_pton(AF_INET6, text, a.bytes) == 1)
                a.family = IP_V6;
        else
                return -EINVAL;
        *ret = a;
        return 0;
}

int ip_prefix_parse(const char *text, struct ip_prefix *ret) {
        const char *slash = text ? strchr(text, '/') : NULL;
        char buf[IP_TEXT_MAX];
        struct ip_prefix p = { 0 };
        int64_t bits;
        int r;

        if (!slash || (size_t) (slash - text) >= sizeof(buf))
                return -EINVAL;
        memcpy(buf, text, (size_t) (slash - text));
        buf[slash - text] = '\0';
        r = ip_parse(buf, &p.addr);
        if (r < 0)
                return r;
        if (str_to_int64(slash + 1, 0, p.addr.family == IP_V4 ? 32 : 128, &bits) < 0)
                return -EINVAL;
        p.bits = (unsigned) bits;
        *ret = p;
        return 0;
}

char *ip_format(const struct ip_addr *a, char *buf) {
        buf[0] = '\0';
        if (a->family != IP_NONE)
                (void) inet_ntop(a->family == IP_V4 ? AF_INET : AF_INET6, a->bytes, buf,
                                 IP_TEXT_MAX);
        return buf;
}

char *ip_prefix_format(const struct ip_prefix *p, char *buf) {
        size_t len;

        (void) ip_format(&p->addr, buf);
        len = strlen(buf);
        if (len > 0)
                (void) snprintf(buf + len, IP_TEXT_MAX - len, "/%u", p->bits % 1000);
        return buf;
}

int ip_compare(const struct ip_addr *a, const struct ip_addr *b) {
        if (a->family != b->family)
                return a->family < b->family ? -1 : 1;
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool ip_eq(const struct ip_addr *a, const struct ip_addr *b) {
        return ip_compare(a, b) == 0;
}

bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a) {
        unsigned whole = p->bits / 8, rest = p->bits % 8;

        if (p->addr.family == IP_NONE || p->addr.family != a->family)
                return false;
        if (memcmp(p->addr.bytes, a->bytes, whole) != 0)
                return false;
        return rest == 0 || (p->addr.bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0;
}

uint32_t ip_to_u32(const struct ip_addr *a) {
        return (uint32_t) a->bytes[0] << 24 | (uint32_t) a->bytes[1] << 16 |
               (uint32_t) a->bytes[2] << 8 | a->bytes[3];
}

struct ip_addr ip_from_u32(uint32_t n) {
        return (struct ip_addr){
                .family = IP_V4,
                .bytes = { (uint8_t) (n >> 24), (uint8_t) (n >> 16), (uint8_t) (n >> 8),
                           (uint8_t) n },
        };
}
