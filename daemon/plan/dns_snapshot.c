#include "daemon/plan/dns_snapshot.h"

#include <string.h>

#define FNV64_START 0xcbf29ce484222325ULL
#define FNV64_PRIME 0x100000001b3ULL

static const struct dns_header *header_of(const struct dns_snapshot *s) {
        return (const void *) s->data;
}

static const uint32_t *buckets_of(const struct dns_snapshot *s) {
        return (const void *) (s->data + sizeof(struct dns_header));
}

static const uint32_t *zones_of(const struct dns_snapshot *s) {
        return buckets_of(s) + header_of(s)->n_buckets;
}

static size_t padded(size_t len) {
        return (len + 3) & ~(size_t) 3;
}

uint64_t dns_snapshot_checksum(const uint8_t *data, size_t len) {
        uint64_t h = FNV64_START, word;

        for (size_t i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
                memcpy(&word, data + i, sizeof(word));
                h = (h ^ word) * FNV64_PRIME;
                h ^= h >> 32;
        }
        return h;
}

uint32_t dns_hash(uint32_t seed, const uint8_t *name, size_t len) {
        uint32_t h = dns_hash_start(seed);

        for (size_t i = 0; i < len; i++)
                h = dns_hash_step(h, name[i]);
        return h;
}

static const uint8_t *name_bytes(const struct dns_name *n) {
        return (const uint8_t *) (n + 1);
}

const uint8_t *dns_set_records(const struct dns_set *set) {
        return (const uint8_t *) (set + 1);
}

static const struct dns_set *first_set(const struct dns_name *n) {
        return (const void *) (name_bytes(n) + padded(n->name_len));
}

static const struct dns_set *next_set(const struct dns_set *set) {
        return (const void *) (dns_set_records(set) + padded(set->len));
}

const uint8_t *dns_zone_name(const struct dns_zone *z) {
        return (const uint8_t *) (z + 1);
}

const uint8_t *dns_zone_soa(const struct dns_zone *z) {
        return dns_zone_name(z) + padded(z->name_len);
}

/* --- checks ---------------------------------------------------------------------------------- */

/* Labels fill exactly len bytes, small letters only. */
static bool is_name(const uint8_t *name, size_t len) {
        size_t at = 0;

        if (len == 0 || len > DNS_NAME_MAX)
                return false;
        while (at < len && name[at] != 0) {
                size_t label = name[at];

                if (label > DNS_LABEL_MAX || at + 1 + label >= len)
                        return false;
                for (size_t i = at + 1; i <= at + label; i++)
                        if (name[i] >= 'A' && name[i] <= 'Z')
                                return false;
                at += 1 + label;
        }
        return at + 1 == len;
}

/* What the answering code looks into must be what the type says. */
static bool is_data(uint16_t type, const uint8_t *data, size_t len) {
        switch (type) {
        case DNS_TYPE_A:
                return len == 4;
        case DNS_TYPE_AAAA:
                return len == 16;
        case DNS_TYPE_SRV:
                return len > 6 && is_name(data + 6, len - 6);
        case DNS_TYPE_CNAME:
                return is_name(data, len);
        default:
                return true;
        }
}

/* Records of one set: each begins with a pointer to the question and carries the set's type. */
static bool are_records(const struct dns_set *set) {
        const uint8_t *r = dns_set_records(set);
        size_t at = 0, n = 0, len;

        while (at < set->len) {
                if (set->len - at < 12 || r[at] != 0xc0 || r[at + 1] != 12 ||
                    (r[at + 2] << 8 | r[at + 3]) != set->type)
                        return false;
                len = (size_t) (r[at + 10] << 8 | r[at + 11]);
                if (set->len - at - 12 < len || !is_data(set->type, r + at + 12, len))
                        return false;
                at += 12 + len;
                n++;
        }
        if (set->type == DNS_TYPE_CNAME && n != 1)
                return false;
        return at == set->len && n == set->n_records && n > 0;
}

static bool is_entry(const struct dns_snapshot *s, uint32_t offset) {
        const struct dns_name *n = (const void *) (s->data + offset);
        size_t at;

        if (offset % 4 != 0 || offset < sizeof(struct dns_header) || offset > s->len - sizeof(*n))
                return false;
        at = offset + sizeof(*n);
        if (s->len - at < padded(n->name_len) || !is_name(name_bytes(n), n->name_len) ||
            dns_hash(header_of(s)->seed, name_bytes(n), n->name_len) != n->hash)
                return false;
        at += padded(n->name_len);
        for (unsigned i = 0; i < n->n_sets; i++) {
                const struct dns_set *set = (const void *) (s->data + at);

                if (s->len - at < sizeof(*set) || set->len > DNS_SET_MAX ||
                    s->len - at - sizeof(*set) < padded(set->len) || !are_records(set))
                        return false;
                at += sizeof(*set) + padded(set->len);
        }
        return true;
}

static bool is_zone(const struct dns_snapshot *s, uint32_t offset) {
        const struct dns_zone *z = (const void *) (s->data + offset);

        if (offset % 4 != 0 || offset < sizeof(struct dns_header) || offset > s->len - sizeof(*z))
                return false;
        /* Two names and five numbers. */
        if (z->name_len > DNS_NAME_MAX || z->soa_len > 2 * DNS_NAME_MAX + 20 || z->soa_len < 22 ||
            s->len - offset - sizeof(*z) < padded(z->name_len) + padded(z->soa_len))
                return false;
        return is_name(dns_zone_name(z), z->name_len);
}

static int check_tables(const struct dns_snapshot *s, struct err *e) {
        const struct dns_header *h = header_of(s);
        const uint32_t *buckets = buckets_of(s), *zones;
        uint64_t tables = ((uint64_t) h->n_buckets + h->n_zones) * sizeof(uint32_t);
        uint32_t n = 0;

        if (h->n_buckets == 0 || (h->n_buckets & (h->n_buckets - 1)) != 0 ||
            h->n_zones > DNS_ZONES_MAX || tables > s->len - sizeof(*h))
                return err_set(e, -EINVAL, "snapshot: tables don't fit");
        for (uint32_t i = 0; i < h->n_buckets; i++) {
                if (buckets[i] == 0)
                        continue;
                if (!is_entry(s, buckets[i]))
                        return err_set(e, -EINVAL, "snapshot: bad name in bucket %u", i);
                n++;
        }
        if (n != h->n_names || n >= h->n_buckets)
                return err_set(e, -EINVAL, "snapshot: %u names where %u are announced", n,
                               h->n_names);
        zones = zones_of(s);
        for (uint32_t i = 0; i < h->n_zones; i++)
                if (!is_zone(s, zones[i]))
                        return err_set(e, -EINVAL, "snapshot: bad zone %u", i);
        return 0;
}

int dns_snapshot_open(const uint8_t *data, size_t len, struct dns_snapshot *ret, struct err *e) {
        const struct dns_snapshot s = { .data = data, .len = len };
        const size_t checked = offsetof(struct dns_header, seed);
        const struct dns_header *h = (const void *) data;
        int r;

        if (len < sizeof(*h) || len % 8 != 0 || len > DNS_SNAPSHOT_MAX)
                return err_set(e, -EINVAL, "snapshot: a size of %zu bytes can't be right", len);
        if (memcmp(h->magic, DNS_SNAPSHOT_MAGIC, sizeof(h->magic)) != 0)
                return err_set(e, -EINVAL, "snapshot: this is no snapshot");
        if (h->version != DNS_SNAPSHOT_VERSION)
                return err_set(e, -EINVAL, "snapshot: version %u, expected %u; restart orchd",
                               h->version, DNS_SNAPSHOT_VERSION);
        if (h->len != len)
                return err_set(e, -EINVAL, "snapshot: %zu of %u bytes", len, h->len);
        if (dns_snapshot_checksum(data + checked, len - checked) != h->checksum)
                return err_set(e, -EINVAL, "snapshot: checksum differs");
        r = check_tables(&s, e);
        if (r < 0)
                return r;
        *ret = s;
        return 0;
}

/* --- look-ups -------------------------------------------------------------------------------- */

const struct dns_name *dns_snapshot_find(const struct dns_snapshot *s, uint32_t hash,
                                         const uint8_t *name, size_t len) {
        const uint32_t *buckets = buckets_of(s), mask = header_of(s)->n_buckets - 1;

        for (uint32_t i = hash & mask; buckets[i] != 0; i = (i + 1) & mask) {
                const struct dns_name *n = (const void *) (s->data + buckets[i]);

                if (n->hash == hash && n->name_len == len && memcmp(name_bytes(n), name, len) == 0)
                        return n;
        }
        return NULL;
}

const struct dns_set *dns_name_set(const struct dns_name *n, uint16_t type) {
        const struct dns_set *set = first_set(n);

        for (unsigned i = 0; i < n->n_sets; i++, set = next_set(set))
                if (set->type == type || type == DNS_TYPE_ANY)
                        return set;
        return NULL;
}

static bool is_inside(const uint8_t *name, size_t len, const uint8_t *zone, size_t zone_len) {
        size_t at = 0;

        while (len - at > zone_len)
                at += 1 + (size_t) name[at];
        return len - at == zone_len && memcmp(name + at, zone, zone_len) == 0;
}

const struct dns_zone *dns_snapshot_zone(const struct dns_snapshot *s, const uint8_t *name,
                                         size_t len) {
        const uint32_t *zones = zones_of(s);
        const struct dns_zone *best = NULL;

        for (uint32_t i = 0; i < header_of(s)->n_zones; i++) {
                const struct dns_zone *z = (const void *) (s->data + zones[i]);

                if (z->name_len <= len && (!best || z->name_len > best->name_len) &&
                    is_inside(name, len, dns_zone_name(z), z->name_len))
                        best = z;
        }
        return best;
}

uint32_t dns_snapshot_seed(const struct dns_snapshot *s) {
        return header_of(s)->seed;
}

uint32_t dns_snapshot_n_names(const struct dns_snapshot *s) {
        return header_of(s)->n_names;
}

int dns_name_encode(const char *text, uint8_t *out) {
        size_t at = 0;

        while (*text) {
                size_t label = strcspn(text, ".");

                if (label == 0 || label > DNS_LABEL_MAX || at + 1 + label + 1 > DNS_NAME_MAX)
                        return -EINVAL;
                out[at++] = (uint8_t) label;
                for (size_t i = 0; i < label; i++) {
                        char c = text[i];

                        out[at++] = (uint8_t) (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
                }
                text += label;
                if (*text == '.')
                        text++;
        }
        out[at++] = 0;
        return (int) at;
}
