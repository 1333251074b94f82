#include "daemon/network/ipam.h"

#include <stdlib.h>

struct ipam {
        uint32_t base;  /* network address */
        uint32_t total; /* offsets 0 … total - 1; 0, 1 and the last are never given */
        uint32_t next;  /* where the search goes on */
        uint32_t n_used;
        uint8_t used[]; /* one bit an offset */
};

#define OFFSET_FIRST 2U

static bool is_used(const struct ipam *a, uint32_t offset) {
        return a->used[offset / 8] & (1U << offset % 8);
}

static void take(struct ipam *a, uint32_t offset) {
        a->used[offset / 8] |= (uint8_t) (1U << offset % 8);
        a->n_used++;
        a->next = offset + 1;
}

int ipam_new(const struct ip_prefix *cidr, struct ipam **ret, struct err *e) {
        char text[IP_TEXT_MAX];
        struct ipam *a;
        uint32_t total;

        if (cidr->addr.family != IP_V4 || cidr->bits < 16 || cidr->bits > 29)
                return err_set(
                        e, -EINVAL,
                        "pod address range \"%s\" must be an IPv4 prefix of 16 to 29 bits, such "
                        "as 10.244.0.0/24",
                        ip_prefix_format(cidr, text));
        total = 1U << (32 - cidr->bits);
        a = calloc(1, sizeof(*a) + total / 8);
        if (!a)
                return err_errno(e, -ENOMEM, "pod addresses");
        a->total = total;
        a->base = ip_to_u32(&cidr->addr) & ~(total - 1);
        a->next = OFFSET_FIRST;
        *ret = a;
        return 0;
}

void ipam_unref(struct ipam *a) {
        free(a);
}

int ipam_allocate(struct ipam *a, struct ip_addr *ret, struct err *e) {
        for (uint32_t i = 0; i < a->total; i++) {
                uint32_t offset = (a->next + i) % a->total;

                if (offset < OFFSET_FIRST || offset == a->total - 1 || is_used(a, offset))
                        continue;
                take(a, offset);
                *ret = ip_from_u32(a->base + offset);
                return 0;
        }
        return err_set(
                e, -ENOSPC,
                "all %zu pod addresses of this node are in use; give the node a larger range "
                "or fewer pods",
                ipam_n_total(a));
}

/* The offset of a giveable address, or 0. */
static uint32_t offset_of(const struct ipam *a, const struct ip_addr *addr) {
        uint32_t offset;

        if (addr->family != IP_V4)
                return 0;
        offset = ip_to_u32(addr) - a->base;
        return offset >= OFFSET_FIRST && offset < a->total - 1 ? offset : 0;
}

int ipam_mark(struct ipam *a, const struct ip_addr *addr) {
        uint32_t offset = offset_of(a, addr), next = a->next;

        if (offset == 0)
                return -ERANGE;
        if (is_used(a, offset))
                return -EEXIST;
        take(a, offset);
        /* After a restart the search goes on behind the highest address known. */
        a->next = MAX(next, offset + 1);
        return 0;
}

void ipam_release(struct ipam *a, const struct ip_addr *addr) {
        uint32_t offset = offset_of(a, addr);

        if (offset == 0 || !is_used(a, offset))
                return;
        a->used[offset / 8] &= (uint8_t) ~(1U << offset % 8);
        a->n_used--;
}

size_t ipam_n_used(const struct ipam *a) {
        return a->n_used;
}

size_t ipam_n_total(const struct ipam *a) {
        return a->total - OFFSET_FIRST - 1;
}
