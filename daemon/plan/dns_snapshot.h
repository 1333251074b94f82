#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The file that the node writes and orch-dns maps: names with their records in the form that goes
 * on the wire, found through a hash table. Numbers in host order; offsets from the start of the
 * file, all multiples of four; names as on the wire, in small letters, with the closing zero byte.
 *
 * - header, buckets (u32 each: offset of a name or 0), zones (u32 each), then names and zones
 * - a name: struct dns_name, then name_len bytes (padded to 4), then its sets
 * - a set: struct dns_set, then len bytes (padded to 4): n_records records whose owner is a pointer
 *   to the question (c0 0c), so that they are copied as they are
 * - a zone: struct dns_zone, then name_len bytes (padded to 4), then soa_len bytes of the SOA's
 *   data
 *
 * A file is written beside the old one and renamed, never changed. */
#define DNS_SNAPSHOT_MAGIC "orchdns\n"
#define DNS_SNAPSHOT_VERSION 1
#define DNS_SNAPSHOT_MAX (256U << 20)

#define DNS_NAME_MAX 255 /* bytes on the wire */
#define DNS_LABEL_MAX 63
#define DNS_ZONES_MAX 600
/* Bytes of records of one set: with header and question a TCP answer still holds them. */
#define DNS_SET_MAX 60000

#define DNS_TTL 5
#define DNS_TTL_NEGATIVE 30

enum dns_type {
        DNS_TYPE_A = 1,
        DNS_TYPE_NS = 2,
        DNS_TYPE_CNAME = 5,
        DNS_TYPE_SOA = 6,
        DNS_TYPE_PTR = 12,
        DNS_TYPE_TXT = 16,
        DNS_TYPE_AAAA = 28,
        DNS_TYPE_SRV = 33,
        DNS_TYPE_OPT = 41,
        DNS_TYPE_IXFR = 251,
        DNS_TYPE_AXFR = 252,
        DNS_TYPE_ANY = 255,
};

struct dns_header {
        char magic[8];
        uint32_t version;
        uint32_t len;       /* of the file; a multiple of 8 */
        uint64_t checksum;  /* dns_snapshot_checksum() of what follows this field */
        uint32_t seed;      /* of dns_hash() */
        uint32_t n_buckets; /* a power of two; at least one is empty */
        uint32_t n_names;
        uint32_t n_zones;
        uint32_t serial;
        uint32_t reserved; /* 0 */
};

/* Children of the form 10-0-0-1 are pod addresses ("NAMESPACE.pod.DOMAIN"). */
#define DNS_NAME_HAS_PODS 1U

struct dns_name {
        uint32_t hash;
        uint16_t name_len;
        uint8_t flags;
        uint8_t n_sets;
};

struct dns_set {
        uint16_t type;
        uint16_t n_records;
        uint32_t len;
};

struct dns_zone {
        uint16_t name_len;
        uint16_t soa_len;
};

/* A checked snapshot. Borrows the bytes. */
struct dns_snapshot {
        const uint8_t *data;
        size_t len;
};

/* Checks magic, version, checksum and every offset, so that nobody needs to later.
 *
 * data  borrowed as long as ret is used; aligned to 8.
 * Returns 0, or -EINVAL with the reason. Pure. */
int dns_snapshot_open(const uint8_t *data, size_t len, struct dns_snapshot *ret, struct err *e);

/* FNV-1a over words of 8 bytes. */
uint64_t dns_snapshot_checksum(const uint8_t *data, size_t len);

/* FNV-1a of a name of small letters on the wire. */
static inline uint32_t dns_hash_start(uint32_t seed) {
        return 2166136261U ^ seed;
}
static inline uint32_t dns_hash_step(uint32_t h, uint8_t c) {
        return (h ^ c) * 16777619U;
}
uint32_t dns_hash(uint32_t seed, const uint8_t *name, size_t len);

/* The name, or NULL. hash: dns_hash() with the snapshot's seed. */
const struct dns_name *dns_snapshot_find(const struct dns_snapshot *s, uint32_t hash,
                                         const uint8_t *name, size_t len);
/* The set, or NULL. type DNS_TYPE_ANY: the first one. */
const struct dns_set *dns_name_set(const struct dns_name *n, uint16_t type);
const uint8_t *dns_set_records(const struct dns_set *set);

/* The innermost zone that name lies in, or NULL. */
const struct dns_zone *dns_snapshot_zone(const struct dns_snapshot *s, const uint8_t *name,
                                         size_t len);
const uint8_t *dns_zone_name(const struct dns_zone *z);
const uint8_t *dns_zone_soa(const struct dns_zone *z);
uint32_t dns_snapshot_seed(const struct dns_snapshot *s);
uint32_t dns_snapshot_n_names(const struct dns_snapshot *s);

/* "a.b" (a dot at the end is fine, "" is the root) to the wire, letters made small. out:
 * DNS_NAME_MAX bytes. Returns the length, or -EINVAL when it is no name. */
int dns_name_encode(const char *text, uint8_t *out);
