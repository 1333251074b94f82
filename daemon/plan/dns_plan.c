#include "daemon/plan/dns_plan.h"

#include "base/arena.h"
#include "base/array.h"
#include "base/str.h"
#include "daemon/plan/dns_snapshot.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Records are collected in a flat list, sorted by name and type, and then written group by group.
 */

#define TYPE_NONE 0 /* the name exists, no more */
#define CLASS_IN 1
#define RECORD_HEAD 12
#define SRV_WEIGHT_ALL 100
#define SPEC_VERSION "1.1.0"

struct record {
        const uint8_t *name; /* on the wire; in the arena */
        const uint8_t *data;
        uint16_t name_len, len, type;
        uint8_t flags;
        size_t order; /* as added: keeps the sort stable */
};

struct build {
        const struct dns_facts *facts;
        struct arena *arena;
        struct record *items;
        size_t n, cap;
        int r; /* sticks: the first failure */
};

/* --- collecting ----------------------------------------------------------------------------------
 */

static const uint8_t *keep(struct build *b, const void *data, size_t len) {
        uint8_t *copy = arena_alloc(b->arena, len);

        if (!copy)
                b->r = -ENOMEM;
        else
                memcpy(copy, data, len);
        return copy;
}

/* Adds one record. A name that is none (a label of more than 63 letters) is left out: it can't be
 * asked for. */
static void add(struct build *b, const char *name, uint16_t type, const void *data, size_t len) {
        uint8_t wire[DNS_NAME_MAX];
        struct record rec = { .type = type, .len = (uint16_t) len, .order = b->n };
        int n = dns_name_encode(name, wire);

        if (n < 0 || b->r < 0)
                return;
        if (array_reserve(&b->items, &b->cap, b->n, sizeof(*b->items)) < 0) {
                b->r = -ENOMEM;
                return;
        }
        rec.name_len = (uint16_t) n;
        rec.name = keep(b, wire, (size_t) n);
        rec.data = keep(b, data, len);
        if (b->r >= 0)
                b->items[b->n++] = rec;
}

static void add_exists(struct build *b, const char *name, uint8_t flags) {
        size_t before = b->n;

        add(b, name, TYPE_NONE, "", 0);
        if (b->n > before)
                b->items[before].flags = flags;
}

static void add_name(struct build *b, const char *name, uint16_t type, const char *target) {
        uint8_t wire[DNS_NAME_MAX];
        int n = dns_name_encode(target, wire);

        if (n > 0)
                add(b, name, type, wire, (size_t) n);
}

static void add_addr(struct build *b, const char *name, const struct ip_addr *a) {
        if (a->family == IP_V4)
                add(b, name, DNS_TYPE_A, a->bytes, 4);
        else if (a->family == IP_V6)
                add(b, name, DNS_TYPE_AAAA, a->bytes, 16);
}

static void add_srv(struct build *b, const char *name, unsigned weight, uint16_t port,
                    const char *target) {
        uint8_t data[6 + DNS_NAME_MAX] = { 0,
                                           0,
                                           (uint8_t) (weight >> 8),
                                           (uint8_t) weight,
                                           (uint8_t) (port >> 8),
                                           (uint8_t) port };
        int n = dns_name_encode(target, data + 6);

        if (n > 0)
                add(b, name, DNS_TYPE_SRV, data, 6 + (size_t) n);
}

static void add_txt(struct build *b, const char *name, const char *text) {
        uint8_t data[64];
        size_t len = strlen(text);

        data[0] = (uint8_t) len;
        memcpy(data + 1, text, len);
        add(b, name, DNS_TYPE_TXT, data, 1 + len);
}

/* printf into the arena; "" when memory is out (and that sticks). */
PRINTF_LIKE(2, 3)
static const char *text(struct build *b, const char *fmt, ...) {
        char buf[1024];
        va_list args;
        const char *s;

        va_start(args, fmt);
        (void) vsnprintf(buf, sizeof(buf), fmt, args);
        va_end(args);
        s = arena_strdup(b->arena, buf);
        if (!s)
                b->r = -ENOMEM;
        return s ? s : "";
}

/* The last n bytes (IPv4) or half-bytes (IPv6) reversed in front of the reverse domain; n counts
 * from the network's side. */
static const char *reverse_name(struct build *b, const struct ip_addr *a, unsigned n) {
        struct strbuf s = { 0 };
        const char *result;

        for (unsigned i = n; i-- > 0;) {
                if (a->family == IP_V4)
                        strbuf_addf(&s, "%u.", a->bytes[i]);
                else
                        strbuf_addf(&s, "%x.", a->bytes[i / 2] >> (i % 2 ? 0 : 4) & 0xf);
        }
        strbuf_add(&s, a->family == IP_V4 ? "in-addr.arpa" : "ip6.arpa");
        if (s.has_failed)
                b->r = -ENOMEM;
        result = text(b, "%s", str_or_empty(s.s));
        strbuf_done(&s);
        return result;
}

static void add_ptr(struct build *b, const struct ip_addr *a, const char *target) {
        if (a->family != IP_NONE)
                add_name(b, reverse_name(b, a, a->family == IP_V4 ? 4 : 32), DNS_TYPE_PTR, target);
}

/* --- services
 * ------------------------------------------------------------------------------------- */

static const char *protocol_label(enum service_protocol p) {
        return p == PROTOCOL_TCP ? "_tcp" : p == PROTOCOL_UDP ? "_udp" : "_sctp";
}

/* "_http._tcp.NAME", and that "_tcp.NAME" exists. */
static const char *srv_name(struct build *b, const struct service_table_port *p,
                            const char *service) {
        add_exists(b, text(b, "%s.%s", protocol_label(p->protocol), service), 0);
        return text(b, "_%s.%s.%s", p->name, protocol_label(p->protocol), service);
}

static void add_virtual(struct build *b, const struct service_entry *s, const char *name) {
        for (size_t i = 0; i < s->n_addrs; i++) {
                add_addr(b, name, &s->addrs[i]);
                add_ptr(b, &s->addrs[i], name);
        }
        for (size_t i = 0; i < s->n_ports; i++)
                if (s->ports[i].name[0] != '\0')
                        add_srv(b, srv_name(b, &s->ports[i], name), SRV_WEIGHT_ALL,
                                s->ports[i].port, name);
}

static bool is_published(const struct service_entry *s, const struct service_table_endpoint *ep) {
        return ep->is_ready || s->is_publishing_unready;
}

/* The endpoint's own name below the service's: its hostname, or its address with dashes. */
static const char *endpoint_name(struct build *b, const struct service_table_endpoint *ep,
                                 const char *service) {
        char label[IP_TEXT_MAX];

        if (ep->hostname && ep->hostname[0] != '\0')
                return text(b, "%s.%s", ep->hostname, service);
        (void) ip_format(&ep->addr, label);
        for (char *c = label; *c; c++)
                if (*c == '.' || *c == ':')
                        *c = '-';
        return text(b, "%s.%s", label, service);
}

static void add_headless(struct build *b, const struct service_entry *s, const char *name) {
        unsigned n = 0;

        for (size_t i = 0; i < s->n_endpoints; i++)
                n += is_published(s, &s->endpoints[i]);
        for (size_t i = 0; i < s->n_endpoints; i++) {
                const struct service_table_endpoint *ep = &s->endpoints[i];
                const char *host;

                if (!is_published(s, ep))
                        continue;
                host = endpoint_name(b, ep, name);
                add_addr(b, name, &ep->addr);
                add_addr(b, host, &ep->addr);
                add_ptr(b, &ep->addr, host);
                for (size_t p = 0; p < s->n_ports; p++)
                        if (s->ports[p].name[0] != '\0' && ep->ports[p] != 0)
                                add_srv(b, srv_name(b, &s->ports[p], name),
                                        MAX(SRV_WEIGHT_ALL / n, 1U), ep->ports[p], host);
        }
}

static void add_service(struct build *b, const struct service_entry *s) {
        const char *name = text(b, "%s.%s.svc.%s", s->name, s->namespace, b->facts->domain);

        switch (s->kind) {
        case SERVICE_VIRTUAL:
                add_virtual(b, s, name);
                break;
        case SERVICE_HEADLESS:
                add_headless(b, s, name);
                break;
        case SERVICE_EXTERNAL:
                if (s->external_name)
                        add_name(b, name, DNS_TYPE_CNAME, s->external_name);
                break;
        }
}

/* --- zones
 * ---------------------------------------------------------------------------------------- */

struct soa {
        uint8_t data[2 * DNS_NAME_MAX + 20];
        size_t len;
};

static int soa_make(struct build *b, struct soa *ret) {
        const uint32_t numbers[] = { b->facts->serial, 7200, 1800, 86400, DNS_TTL_NEGATIVE };
        int n;

        n = dns_name_encode(text(b, "ns.dns.%s", b->facts->domain), ret->data);
        if (n < 0)
                return n;
        ret->len = (size_t) n;
        n = dns_name_encode(text(b, "hostmaster.%s", b->facts->domain), ret->data + ret->len);
        if (n < 0)
                return n;
        ret->len += (size_t) n;
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                for (int shift = 24; shift >= 0; shift -= 8)
                        ret->data[ret->len++] = (uint8_t) (numbers[i] >> shift);
        return 0;
}

struct zones {
        const char *names[DNS_ZONES_MAX];
        size_t n;
};

/* The reverse zones of a prefix: several where it doesn't end on a label. */
static void zones_add_reverse(struct build *b, struct zones *z, const struct ip_prefix *p) {
        unsigned label_bits = p->addr.family == IP_V4 ? 8 : 4, labels, spare;

        if (p->addr.family == IP_NONE || p->bits < label_bits)
                return;
        labels = (p->bits + label_bits - 1) / label_bits;
        spare = labels * label_bits - p->bits;
        for (unsigned i = 0; i < 1U << spare && z->n < DNS_ZONES_MAX; i++) {
                struct ip_addr a = p->addr;
                unsigned byte = (labels * label_bits - 1) / 8;
                unsigned shift = 8 * (byte + 1) - labels * label_bits;

                a.bytes[byte] =
                        (uint8_t) ((a.bytes[byte] & ~(((1U << spare) - 1) << shift)) | i << shift);
                z->names[z->n++] = reverse_name(b, &a, labels);
        }
}

static void add_zone_records(struct build *b, const struct zones *z, const struct soa *soa) {
        const char *ns = text(b, "ns.dns.%s", b->facts->domain);

        for (size_t i = 0; i < z->n; i++) {
                add(b, z->names[i], DNS_TYPE_SOA, soa->data, soa->len);
                add_name(b, z->names[i], DNS_TYPE_NS, ns);
        }
}

static void add_fixed(struct build *b, const struct service_table *t) {
        const char *domain = b->facts->domain;

        add_exists(b, text(b, "svc.%s", domain), 0);
        add_exists(b, text(b, "pod.%s", domain), 0);
        add_exists(b, text(b, "dns.%s", domain), 0);
        add_addr(b, text(b, "ns.dns.%s", domain), &b->facts->gateway);
        add_txt(b, text(b, "dns-version.%s", domain), SPEC_VERSION);
        for (size_t i = 0; i < t->n_namespaces; i++) {
                add_exists(b, text(b, "%s.svc.%s", t->namespaces[i], domain), 0);
                add_exists(b, text(b, "%s.pod.%s", t->namespaces[i], domain), DNS_NAME_HAS_PODS);
        }
}

/* --- writing
 * -------------------------------------------------------------------------------------- */

static int record_compare(const void *x, const void *y) {
        const struct record *a = x, *b = y;
        int r;

        if (a->name_len != b->name_len)
                return a->name_len < b->name_len ? -1 : 1;
        r = memcmp(a->name, b->name, a->name_len);
        if (r != 0)
                return r;
        if (a->type != b->type)
                return a->type < b->type ? -1 : 1;
        if (a->len != b->len)
                return a->len < b->len ? -1 : 1;
        r = memcmp(a->data, b->data, a->len);
        if (r != 0)
                return r;
        return a->order < b->order ? -1 : a->order > b->order;
}

static bool is_same_name(const struct record *a, const struct record *b) {
        return a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0;
}

static bool is_same_record(const struct record *a, const struct record *b) {
        return is_same_name(a, b) && a->type == b->type && a->len == b->len &&
               memcmp(a->data, b->data, a->len) == 0;
}

static void pad_to(struct strbuf *s, size_t to) {
        while (s->len % to != 0 && !s->has_failed)
                strbuf_add_char(s, '\0');
}

static void put_record(struct strbuf *s, const struct record *rec) {
        const uint8_t head[RECORD_HEAD] = {
                0xc0,
                12,
                (uint8_t) (rec->type >> 8),
                (uint8_t) rec->type,
                0,
                CLASS_IN,
                0,
                0,
                0,
                rec->type == DNS_TYPE_SOA ? DNS_TTL_NEGATIVE : DNS_TTL,
                (uint8_t) (rec->len >> 8),
                (uint8_t) rec->len,
        };

        strbuf_add_len(s, head, sizeof(head));
        strbuf_add_len(s, rec->data, rec->len);
}

/* Writes the set that begins at items[i]. Returns where the next one begins. */
static size_t put_set(struct strbuf *s, const struct build *b, size_t i) {
        struct dns_set set = { .type = b->items[i].type };
        const struct record *first = &b->items[i];
        size_t at = s->len;

        strbuf_add_len(s, &set, sizeof(set));
        for (; i < b->n && is_same_name(first, &b->items[i]) && first->type == b->items[i].type;
             i++) {
                const struct record *rec = &b->items[i];

                if ((rec != first && is_same_record(rec, rec - 1)) ||
                    set.len + RECORD_HEAD + rec->len > DNS_SET_MAX)
                        continue;
                /* A name has one alias. */
                if (rec->type == DNS_TYPE_CNAME && set.n_records > 0)
                        continue;
                put_record(s, rec);
                set.len += RECORD_HEAD + (uint32_t) rec->len;
                set.n_records++;
        }
        if (!s->has_failed)
                memcpy(s->s + at, &set, sizeof(set));
        pad_to(s, 4);
        return i;
}

/* Writes the name that begins at items[i] with all its sets. Returns where the next one begins. */
static size_t put_name(struct strbuf *s, const struct build *b, size_t i, uint32_t seed,
                       uint32_t *ret_hash) {
        const struct record *first = &b->items[i];
        struct dns_name name = { .hash = dns_hash(seed, first->name, first->name_len),
                                 .name_len = first->name_len };
        size_t at = s->len;

        strbuf_add_len(s, &name, sizeof(name));
        strbuf_add_len(s, first->name, first->name_len);
        pad_to(s, 4);
        while (i < b->n && is_same_name(first, &b->items[i])) {
                name.flags |= b->items[i].flags;
                if (b->items[i].type == TYPE_NONE) {
                        i++;
                        continue;
                }
                i = put_set(s, b, i);
                name.n_sets++;
        }
        if (!s->has_failed)
                memcpy(s->s + at, &name, sizeof(name));
        *ret_hash = name.hash;
        return i;
}

static uint32_t count_names(const struct build *b) {
        uint32_t n = 0;

        for (size_t i = 0; i < b->n; i++)
                n += i == 0 || !is_same_name(&b->items[i], &b->items[i - 1]);
        return n;
}

static void put_u32_at(struct strbuf *s, size_t at, uint32_t v) {
        if (!s->has_failed)
                memcpy(s->s + at, &v, sizeof(v));
}

/* Puts offset into the first free bucket from the hash's own on. */
static void fill_bucket(struct strbuf *s, const struct dns_header *h, uint32_t hash,
                        uint32_t offset) {
        uint32_t i = hash & (h->n_buckets - 1), taken = 0;

        if (s->has_failed)
                return;
        for (;; i = (i + 1) & (h->n_buckets - 1)) {
                memcpy(&taken, s->s + sizeof(*h) + i * sizeof(taken), sizeof(taken));
                if (taken == 0)
                        break;
        }
        put_u32_at(s, sizeof(*h) + i * sizeof(taken), offset);
}

static void put_zone(struct strbuf *s, const char *name, const struct soa *soa) {
        uint8_t wire[DNS_NAME_MAX];
        int n = dns_name_encode(name, wire);
        struct dns_zone z = { .name_len = (uint16_t) n, .soa_len = (uint16_t) soa->len };

        strbuf_add_len(s, &z, sizeof(z));
        strbuf_add_len(s, wire, (size_t) n);
        pad_to(s, 4);
        strbuf_add_len(s, soa->data, soa->len);
        pad_to(s, 4);
}

static void put_snapshot(struct strbuf *s, const struct build *b, const struct zones *z,
                         const struct soa *soa) {
        struct dns_header h = { .version = DNS_SNAPSHOT_VERSION,
                                .serial = b->facts->serial,
                                .n_buckets = 8,
                                .n_names = count_names(b),
                                .n_zones = (uint32_t) z->n };
        const size_t checked = offsetof(struct dns_header, seed);
        size_t tables;

        memcpy(h.magic, DNS_SNAPSHOT_MAGIC, sizeof(h.magic));
        /* Names come from manifests; a seed that moves makes crafted collisions pointless. */
        h.seed = b->facts->serial * 2654435761U;
        while (h.n_buckets < h.n_names * 2)
                h.n_buckets *= 2;
        strbuf_add_len(s, &h, sizeof(h));
        tables = ((size_t) h.n_buckets + h.n_zones) * sizeof(uint32_t);
        if (strbuf_reserve(s, tables)) {
                memset(s->s + s->len, 0, tables);
                s->len += tables;
        }
        for (size_t i = 0; i < b->n;) {
                uint32_t offset = (uint32_t) s->len, hash;

                i = put_name(s, b, i, h.seed, &hash);
                fill_bucket(s, &h, hash, offset);
        }
        for (size_t i = 0; i < z->n; i++) {
                put_u32_at(s, sizeof(h) + (h.n_buckets + i) * sizeof(uint32_t), (uint32_t) s->len);
                put_zone(s, z->names[i], soa);
        }
        pad_to(s, 8);
        h.len = (uint32_t) s->len;
        if (!s->has_failed) {
                memcpy(s->s, &h, sizeof(h));
                h.checksum = dns_snapshot_checksum((uint8_t *) s->s + checked, s->len - checked);
                memcpy(s->s, &h, sizeof(h));
        }
}

static int build_snapshot(struct build *b, const struct service_table *t, struct strbuf *s,
                          struct err *e) {
        struct zones z = { 0 };
        struct soa soa = { 0 };

        if (b->facts->domain[0] == '\0' || soa_make(b, &soa) < 0)
                return err_set(e, -EINVAL, "cluster domain \"%s\" is no domain", b->facts->domain);
        z.names[z.n++] = b->facts->domain;
        zones_add_reverse(b, &z, &b->facts->service_cidr);
        zones_add_reverse(b, &z, &b->facts->pod_cidr);
        add_zone_records(b, &z, &soa);
        add_fixed(b, t);
        for (size_t i = 0; i < t->n && b->r >= 0; i++)
                add_service(b, &t->items[i]);
        if (b->r < 0)
                return err_errno(e, b->r, "names");
        qsort(b->items, b->n, sizeof(*b->items), record_compare);
        put_snapshot(s, b, &z, &soa);
        if (s->has_failed)
                return err_errno(e, -ENOMEM, "names");
        if (s->len > DNS_SNAPSHOT_MAX)
                return err_set(e, -EFBIG, "the names of all services take more than %u MiB",
                               DNS_SNAPSHOT_MAX >> 20);
        return 0;
}

int dns_plan(const struct service_table *t, const struct dns_facts *facts, uint8_t **ret_data,
             size_t *ret_len, struct err *e) {
        AUTO(arena) struct arena *arena = arena_new(0);
        AUTO_DONE(strbuf) struct strbuf s = { 0 };
        struct build b = { .facts = facts, .arena = arena };
        int r;

        if (!arena)
                return err_errno(e, -ENOMEM, "names");
        r = build_snapshot(&b, t, &s, e);
        free(b.items);
        if (r < 0)
                return r;
        *ret_len = s.len;
        *ret_data = (uint8_t *) strbuf_steal(&s);
        return 0;
}
