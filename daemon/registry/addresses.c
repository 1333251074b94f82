#include "daemon/registry/addresses.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first addresses are left to services that ask for a fixed one (the API has .1, DNS often
 * .10). */
#define FIXED_N 16U

struct addresses {
        uint32_t base; /* host order */
        uint32_t n;    /* including network and broadcast, which are never given out */
        uint32_t next;
        uint8_t taken[];
};

static bool is_taken(const struct addresses *a, uint32_t n) {
        return a->taken[n / 8] & (1U << (n % 8));
}

int addresses_new(const char *cidr, struct addresses **ret, struct err *e) {
        const char *slash = strchr(cidr, '/');
        AUTO_FREE char *address = slash ? strndup(cidr, (size_t) (slash - cidr)) : NULL;
        struct addresses *a;
        struct in_addr in;
        int64_t prefix;
        uint32_t n;

        if (slash && !address)
                return err_set(e, -ENOMEM, "memory is out");
        if (!slash || inet_pton(AF_INET, address, &in) != 1 ||
            str_to_int64(slash + 1, 8, 30, &prefix) < 0)
                return err_set(e, -EINVAL,
                               "\"%s\" is no IPv4 service range; write it like 10.96.0.0/16", cidr);
        n = 1U << (32 - prefix);
        a = calloc(1, sizeof(*a) + (n + 7) / 8);
        if (!a)
                return err_set(e, -ENOMEM, "memory is out");
        a->n = n;
        a->base = ntohl(in.s_addr) & ~(n - 1);
        a->next = n > 4 * FIXED_N ? FIXED_N : 1;
        *ret = a;
        return 0;
}

void addresses_unref(struct addresses *a) {
        free(a);
}

void addresses_nth(const struct addresses *a, uint32_t n, char ret_text[ADDRESS_TEXT_MAX]) {
        struct in_addr in = { .s_addr = htonl(a->base + n) };

        if (!inet_ntop(AF_INET, &in, ret_text, ADDRESS_TEXT_MAX))
                ret_text[0] = '\0';
}

int addresses_take(struct addresses *a, char ret_text[ADDRESS_TEXT_MAX], struct err *e) {
        for (uint32_t tried = 0; tried < a->n; tried++) {
                uint32_t n = a->next;

                a->next = n + 1 < a->n - 1 ? n + 1 : 1;
                if (n == 0 || n >= a->n - 1 || is_taken(a, n))
                        continue;
                a->taken[n / 8] |= (uint8_t) (1U << (n % 8));
                addresses_nth(a, n, ret_text);
                return 0;
        }
        return err_set(e, -ENOSPC, "range is full");
}

/* The place of an address in the range, or -1. */
static int64_t address_place(const struct addresses *a, const char *text, bool *ret_is_address) {
        struct in_addr in;
        uint32_t n;

        *ret_is_address = inet_pton(AF_INET, text, &in) == 1;
        if (!*ret_is_address)
                return -1;
        n = ntohl(in.s_addr) - a->base;
        return n > 0 && n < a->n - 1 ? (int64_t) n : -1;
}

int addresses_take_text(struct addresses *a, const char *text, struct err *e) {
        bool is_address;
        int64_t n = address_place(a, text, &is_address);

        if (!is_address)
                return err_set(e, -EINVAL, "failed to allocate IP %s: not a valid IPv4 address",
                               text);
        if (n < 0)
                return err_set(
                        e, -ERANGE,
                        "failed to allocate IP %s: the provided IP is not in the valid range",
                        text);
        if (is_taken(a, (uint32_t) n))
                return err_set(e, -EEXIST,
                               "failed to allocate IP %s: provided IP is already allocated", text);
        a->taken[n / 8] |= (uint8_t) (1U << (n % 8));
        return 0;
}

void addresses_release(struct addresses *a, const char *text) {
        bool is_address;
        int64_t n = address_place(a, text, &is_address);

        if (n >= 0)
                a->taken[n / 8] &= (uint8_t) ~(1U << (n % 8));
}
