#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for the longest address or prefix as text, with NUL. */
#define IP_TEXT_MAX 50

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

/* An address without port or zone. {0} is "no address". */
struct ip_addr {
        enum ip_family family;
        uint8_t bytes[16]; /* network order; IPv4 uses the first four, the rest is zero */
};

/* An address and the length of its network part. */
struct ip_prefix {
        struct ip_addr addr;
        unsigned bits;
};

/* Parses "10.0.0.1" or "fd00::1": strict, without zone, blanks or leading zeroes. Returns 0 or
 * -EINVAL. */
int ip_parse(const char *text, struct ip_addr *ret);

/* Parses "10.244.0.0/24". Host bits may be set and are kept. Returns 0 or -EINVAL. */
int ip_prefix_parse(const char *text, struct ip_prefix *ret);

/* Text of an address or prefix ("" for no address). buf: IP_TEXT_MAX bytes. Return buf. */
char *ip_format(const struct ip_addr *a, char *buf);
char *ip_prefix_format(const struct ip_prefix *p, char *buf);

bool ip_eq(const struct ip_addr *a, const struct ip_addr *b);

/* memcmp() order: by family, then address. */
int ip_compare(const struct ip_addr *a, const struct ip_addr *b);

/* False where the families differ. */
bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a);

/* IPv4 as a number in host order and back. a must be IPv4. */
uint32_t ip_to_u32(const struct ip_addr *a);
struct ip_addr ip_from_u32(uint32_t n);
