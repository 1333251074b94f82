#include "daemon/plan/dns_answer.h"

#include "base/macros.h"

#include <string.h>

enum {
        FLAG_QR = 0x80, /* in the third byte */
        FLAG_OPCODE = 0x78,
        FLAG_AA = 0x04,
        FLAG_TC = 0x02,
        FLAG_RD = 0x01,
        FLAG_RA = 0x80, /* in the fourth */
};

#define CLASS_IN 1
#define OPT_LEN 11
#define RECORD_HEAD 12 /* pointer, type, class, TTL, length */
#define UDP_LEAST 512
#define ADDITIONAL_MOST 8 /* records of a query that we look through for OPT */

struct edns {
        bool is_present;
        bool wants_dnssec;
        uint8_t version;
        uint16_t payload;
};

struct answer {
        const struct dns_snapshot *s;
        const struct dns_settings *settings;
        const uint8_t *query;
        size_t query_len;
        struct dns_question q;
        struct edns edns;
        uint8_t *out;
        size_t at, limit; /* limit leaves room for OPT */
        unsigned n_answers, n_authority, n_additional;
        bool is_authoritative, is_cut;
};

static uint16_t get16(const uint8_t *p) {
        return (uint16_t) (p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v) {
        p[0] = (uint8_t) (v >> 8);
        p[1] = (uint8_t) v;
}

static void put32(uint8_t *p, uint32_t v) {
        put16(p, v >> 16);
        put16(p + 2, v & 0xffff);
}

/* --- reading ------------------------------------------------------------------------------------
 */

int dns_question_read(const uint8_t *query, size_t len, uint32_t seed, struct dns_question *ret) {
        size_t at = DNS_HEADER_LEN, n = 0;
        uint32_t h = dns_hash_start(seed);

        for (;;) {
                size_t label;

                if (at >= len)
                        return -EINVAL;
                label = query[at];
                if (label > DNS_LABEL_MAX || at + 1 + label > len || n + 1 + label > DNS_NAME_MAX)
                        return -EINVAL;
                for (size_t i = 0; i <= label; i++) {
                        uint8_t c = query[at + i];

                        /* The length byte is below 'A'. */
                        if (c >= 'A' && c <= 'Z' && i > 0)
                                c = (uint8_t) (c - 'A' + 'a');
                        ret->name[n++] = c;
                        h = dns_hash_step(h, c);
                }
                at += 1 + label;
                if (label == 0)
                        break;
        }
        if (len - at < 4)
                return -EINVAL;
        ret->name_len = n;
        ret->hash = h;
        ret->type = get16(query + at);
        ret->class = get16(query + at + 2);
        ret->end = at + 4;
        return 0;
}

/* Skips a name, compressed or not. Returns where it ends, or 0. */
static size_t skip_name(const uint8_t *p, size_t len, size_t at) {
        while (at < len) {
                if (p[at] == 0)
                        return at + 1;
                if (p[at] >= 0xc0)
                        return at + 2 <= len ? at + 2 : 0;
                if (p[at] > DNS_LABEL_MAX)
                        return 0;
                at += 1 + (size_t) p[at];
        }
        return 0;
}

/* Looks for OPT behind the question. Returns 0, or -EINVAL when what is there can't be read. */
static int read_edns(const uint8_t *p, size_t len, size_t at, struct edns *ret) {
        unsigned n = (unsigned) get16(p + 6) + get16(p + 8) + get16(p + 10);

        *ret = (struct edns){ 0 };
        for (unsigned i = 0; i < n && i < ADDITIONAL_MOST; i++) {
                size_t name = at;

                at = skip_name(p, len, at);
                if (at == 0 || len - at < 10 || len - at - 10 < get16(p + at + 8))
                        return -EINVAL;
                if (get16(p + at) == DNS_TYPE_OPT) {
                        if (ret->is_present || p[name] != 0)
                                return -EINVAL;
                        *ret = (struct edns){ .is_present = true,
                                              .payload = get16(p + at + 2),
                                              .version = p[at + 5],
                                              .wants_dnssec = p[at + 6] & 0x80 };
                }
                at += 10 + (size_t) get16(p + at + 8);
        }
        return 0;
}

/* --- writing ------------------------------------------------------------------------------------
 */

static bool has_room(struct answer *a, size_t len) {
        if (a->limit - a->at >= len)
                return true;
        a->is_cut = true;
        return false;
}

/* The pointer to a suffix of the question that is suffix_len bytes long. */
static unsigned pointer_to_suffix(const struct answer *a, size_t suffix_len) {
        return 0xc000U | (unsigned) (DNS_HEADER_LEN + a->q.name_len - suffix_len);
}

static void put_soa(struct answer *a, const struct dns_zone *z) {
        uint8_t *p = a->out + a->at;

        if (!has_room(a, RECORD_HEAD + (size_t) z->soa_len))
                return;
        put16(p, pointer_to_suffix(a, z->name_len));
        put16(p + 2, DNS_TYPE_SOA);
        put16(p + 4, CLASS_IN);
        put32(p + 6, DNS_TTL_NEGATIVE);
        put16(p + 10, z->soa_len);
        memcpy(p + RECORD_HEAD, dns_zone_soa(z), z->soa_len);
        a->at += RECORD_HEAD + (size_t) z->soa_len;
        a->n_authority++;
}

static size_t record_len(const uint8_t *r) {
        return RECORD_HEAD + (size_t) get16(r + 10);
}

/* Copies records from `from` to `end`, whole ones only. Returns how many. */
static unsigned copy_records(struct answer *a, const uint8_t *from, const uint8_t *end,
                             unsigned owner) {
        unsigned n = 0;

        while (from < end) {
                size_t len = record_len(from);

                if (!has_room(a, len))
                        break;
                memcpy(a->out + a->at, from, len);
                put16(a->out + a->at, owner);
                a->at += len;
                from += len;
                n++;
        }
        return n;
}

/* The records of a set, beginning with another one for each query, so that clients that take the
 * first spread over all. */
static void put_set(struct answer *a, const struct dns_set *set, unsigned owner) {
        const uint8_t *first = dns_set_records(set), *end = first + set->len, *start = first;

        if (set->n_records > 1 && set->type != DNS_TYPE_SRV)
                for (unsigned i = get16(a->query) % set->n_records; i > 0; i--)
                        start += record_len(start);
        a->n_answers += copy_records(a, start, end, owner);
        a->n_answers += copy_records(a, first, start, owner);
}

/* Addresses of the targets of the SRV records between from and end; what doesn't fit is left out.
 */
static void put_targets(struct answer *a, size_t from, size_t end) {
        bool was_cut = a->is_cut;

        for (size_t at = from; at < end;) {
                const uint8_t *target = a->out + at + RECORD_HEAD + 6;
                size_t len = record_len(a->out + at), target_len = len - RECORD_HEAD - 6;
                unsigned owner = 0xc000U | (unsigned) (at + RECORD_HEAD + 6);
                const struct dns_name *n = dns_snapshot_find(
                        a->s, dns_hash(a->settings->seed, target, target_len), target, target_len);
                static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };

                /* A pointer reaches 16 KiB far. */
                if (at + RECORD_HEAD + 6 >= 0x4000)
                        break;
                for (size_t t = 0; n && t < ARRAY_SIZE(types); t++) {
                        const struct dns_set *set = dns_name_set(n, types[t]);

                        if (set)
                                a->n_additional +=
                                        copy_records(a, dns_set_records(set),
                                                     dns_set_records(set) + set->len, owner);
                }
                at += len;
        }
        a->is_cut = was_cut;
}

static size_t finish(struct answer *a, enum dns_rcode rcode) {
        uint8_t *p = a->out;

        if (a->edns.is_present) {
                uint8_t *opt = p + a->at;

                memset(opt, 0, OPT_LEN);
                put16(opt + 1, DNS_TYPE_OPT);
                put16(opt + 3, DNS_UDP_MAX);
                opt[5] = (uint8_t) (rcode >> 4);
                opt[7] = a->edns.wants_dnssec ? 0x80 : 0;
                a->at += OPT_LEN;
                a->n_additional++;
        }
        p[0] = a->query[0];
        p[1] = a->query[1];
        p[2] = (uint8_t) (FLAG_QR | (a->query[2] & (FLAG_OPCODE | FLAG_RD)) |
                          (a->is_authoritative ? FLAG_AA : 0) | (a->is_cut ? FLAG_TC : 0));
        p[3] = (uint8_t) ((rcode & 0xf) | (a->settings->can_forward ? FLAG_RA : 0));
        put16(p + 4, a->q.end > 0 ? 1 : 0);
        put16(p + 6, a->n_answers);
        put16(p + 8, a->n_authority);
        put16(p + 10, a->n_additional);
        return a->at;
}

static void start(struct answer *a, size_t out_size) {
        size_t most = DNS_TCP_MAX;

        if (!a->settings->is_tcp)
                most = a->edns.is_present ? MIN(MAX(a->edns.payload, UDP_LEAST), DNS_UDP_MAX)
                                          : UDP_LEAST;
        a->limit = MIN(most, out_size) - (a->edns.is_present ? OPT_LEN : 0);
        if (a->q.end > 0)
                memcpy(a->out + DNS_HEADER_LEN, a->query + DNS_HEADER_LEN,
                       a->q.end - DNS_HEADER_LEN);
        a->at = MAX(a->q.end, (size_t) DNS_HEADER_LEN);
}

/* --- deciding -----------------------------------------------------------------------------------
 */

/* "10-0-0-1" (a label's bytes) as an address. */
static bool is_pod_label(const uint8_t *label, size_t len, uint8_t addr[4]) {
        unsigned part = 0, digits = 0, n = 0;

        for (size_t i = 0; i <= len; i++) {
                if (i == len || label[i] == '-') {
                        if (digits == 0 || n == 4)
                                return false;
                        addr[n++] = (uint8_t) part;
                        part = digits = 0;
                        continue;
                }
                if (label[i] < '0' || label[i] > '9' || ++digits > 3)
                        return false;
                part = part * 10 + label[i] - '0';
                if (part > 255)
                        return false;
        }
        return n == 4;
}

/* A pod's address name: NAMESPACE.pod.DOMAIN above it must exist; the address is taken at its word,
 * as CoreDNS does with "pods insecure". */
static bool answer_pod(struct answer *a, const struct dns_zone *z) {
        size_t label = a->q.name[0];
        const uint8_t *parent = a->q.name + 1 + label;
        size_t parent_len = a->q.name_len - 1 - label;
        const struct dns_name *n;
        uint8_t addr[4], *p = a->out + a->at;

        if (label == 0 || !is_pod_label(a->q.name + 1, label, addr))
                return false;
        n = dns_snapshot_find(a->s, dns_hash(a->settings->seed, parent, parent_len), parent,
                              parent_len);
        if (!n || !(n->flags & DNS_NAME_HAS_PODS))
                return false;
        if (a->q.type != DNS_TYPE_A && a->q.type != DNS_TYPE_ANY) {
                put_soa(a, z);
                return true;
        }
        put16(p, 0xc00c);
        put16(p + 2, DNS_TYPE_A);
        put16(p + 4, CLASS_IN);
        put32(p + 6, DNS_TTL);
        put16(p + 10, 4);
        memcpy(p + RECORD_HEAD, addr, 4);
        a->at += RECORD_HEAD + 4;
        a->n_answers++;
        return true;
}

/* A name that leads elsewhere: the record, and what it leads to when that is a name of ours. */
static void answer_alias(struct answer *a, const struct dns_set *alias) {
        const uint8_t *target = dns_set_records(alias) + RECORD_HEAD;
        size_t target_len = alias->len - RECORD_HEAD, at = a->at;
        const struct dns_name *n;
        const struct dns_set *set;

        put_set(a, alias, 0xc00c);
        n = dns_snapshot_find(a->s, dns_hash(a->settings->seed, target, target_len), target,
                              target_len);
        set = n ? dns_name_set(n, a->q.type) : NULL;
        if (set && a->n_answers > 0)
                put_set(a, set, 0xc000U | (unsigned) (at + RECORD_HEAD));
}

static enum dns_rcode answer_name(struct answer *a, const struct dns_name *n) {
        const struct dns_set *set = dns_name_set(n, a->q.type), *alias;
        const struct dns_zone *z;
        size_t from = a->at;

        a->is_authoritative = true;
        if (set) {
                put_set(a, set, 0xc00c);
                if (set->type == DNS_TYPE_SRV)
                        put_targets(a, from, a->at);
                return DNS_RCODE_OK;
        }
        alias = dns_name_set(n, DNS_TYPE_CNAME);
        if (alias) {
                answer_alias(a, alias);
                return DNS_RCODE_OK;
        }
        z = dns_snapshot_zone(a->s, a->q.name, a->q.name_len);
        if (z)
                put_soa(a, z);
        return DNS_RCODE_OK;
}

static bool is_below_domain(const struct dns_settings *st, const struct dns_question *q) {
        size_t at = 0;

        while (q->name_len - at > st->domain_len)
                at += 1 + (size_t) q->name[at];
        return q->name_len - at == st->domain_len &&
               memcmp(q->name + at, st->domain, st->domain_len) == 0;
}

/* Finds what to say to a well-formed question. Returns false to forward it. */
static bool decide(struct answer *a, enum dns_rcode *ret) {
        const struct dns_zone *z;
        const struct dns_name *n;

        if (a->q.class != CLASS_IN || a->q.type == DNS_TYPE_AXFR || a->q.type == DNS_TYPE_IXFR) {
                *ret = DNS_RCODE_REFUSED;
                return true;
        }
        if (!a->s) {
                *ret = is_below_domain(a->settings, &a->q) ? DNS_RCODE_FAILURE : DNS_RCODE_REFUSED;
                return *ret == DNS_RCODE_FAILURE || !a->settings->can_forward;
        }
        n = dns_snapshot_find(a->s, a->q.hash, a->q.name, a->q.name_len);
        if (n) {
                *ret = answer_name(a, n);
                return true;
        }
        z = dns_snapshot_zone(a->s, a->q.name, a->q.name_len);
        if (!z) {
                *ret = DNS_RCODE_REFUSED;
                return !a->settings->can_forward;
        }
        a->is_authoritative = true;
        *ret = DNS_RCODE_OK;
        if (!answer_pod(a, z)) {
                put_soa(a, z);
                *ret = DNS_RCODE_NO_NAME;
        }
        return true;
}

enum dns_verdict dns_answer(const struct dns_snapshot *s, const struct dns_settings *settings,
                            const uint8_t *query, size_t len, struct dns_reply *out) {
        struct answer a = {
                .s = s, .settings = settings, .query = query, .query_len = len, .out = out->bytes
        };
        enum dns_rcode rcode = DNS_RCODE_OK;

        if (len < DNS_HEADER_LEN || query[2] & FLAG_QR)
                return DNS_DROP;
        a.q.end = 0;
        if (query[2] & FLAG_OPCODE)
                rcode = DNS_RCODE_NOT_IMPLEMENTED;
        else if (get16(query + 4) != 1 || dns_question_read(query, len, settings->seed, &a.q) < 0)
                rcode = DNS_RCODE_FORMAT;
        else if (read_edns(query, len, a.q.end, &a.edns) < 0)
                rcode = DNS_RCODE_FORMAT;
        else if (a.edns.is_present && a.edns.version != 0)
                rcode = DNS_RCODE_BAD_VERSION;
        if (rcode == DNS_RCODE_FORMAT)
                a.q.end = 0;
        start(&a, out->size);
        if (rcode == DNS_RCODE_OK && !decide(&a, &rcode))
                return DNS_FORWARD;
        out->len = finish(&a, rcode);
        return DNS_ANSWERED;
}

size_t dns_answer_error(const uint8_t *query, size_t len, enum dns_rcode rcode, uint8_t *out) {
        static const struct dns_settings settings = { .can_forward = true };
        struct answer a = { .settings = &settings, .query = query, .query_len = len, .out = out };

        if (len < DNS_HEADER_LEN)
                return 0;
        if (dns_question_read(query, len, 0, &a.q) < 0)
                a.q.end = 0;
        else
                (void) read_edns(query, len, a.q.end, &a.edns);
        start(&a, DNS_UDP_MAX);
        return finish(&a, rcode);
}
