#include "daemon/network/rules.h"

#include "daemon/network/netlink.h"

#include <arpa/inet.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

/* One table "ip orch":
 *
 *   map services  { addr . proto . port : verdict }               → goto r3 (three endpoints)
 *   map endpoints { addr . proto . port . mark : addr . port }    the fourth part is the slot
 *   set hairpins  { addr . addr }
 *   chain r3      numgen random mod 3 → slot; dnat to (addr . proto . port . slot) @endpoints
 *   chain s3      the same with jhash of the client's address
 *   chain prerouting, output (nat)   (addr . proto . port) vmap @services
 *   chain postrouting (nat)          masquerade what reaches itself, and what leaves the cluster
 *   chain forward, local (filter)    refuse what is still addressed to the service range
 *
 * In a list of a set, type numbers are nft's own: they only matter to people who list the table. */
#define TABLE "orch"
#define MAP_SERVICES "services"
#define MAP_ENDPOINTS "endpoints"
#define SET_HAIRPINS "hairpins"

enum { TYPE_ADDR = 7, TYPE_PROTO = 12, TYPE_PORT = 13, TYPE_MARK = 19, TYPE_BITS = 6 };

#define TYPE2(a, b) ((uint32_t) (a) << TYPE_BITS | (b))
#define TYPE3(a, b, c) (TYPE2(a, b) << TYPE_BITS | (c))
#define TYPE4(a, b, c, d) (TYPE3(a, b, c) << TYPE_BITS | (d))

/* A list of elements is one attribute of at most 64 KiB; an element takes about 120 bytes. */
#define ELEMENTS_A_MESSAGE 300

#define CHAIN_NAME_MAX 16

static size_t nf_begin(struct strbuf *b, unsigned type, unsigned flags) {
        const struct nfgenmsg m = { .nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0 };
        size_t start = b->len;

        netlink_begin(b, (uint16_t) (NFNL_SUBSYS_NFTABLES << 8 | type), (uint16_t) flags, &m,
                      sizeof(m));
        return start;
}

static void put_batch(struct strbuf *b, uint16_t type) {
        const struct nfgenmsg m = { .version = NFNETLINK_V0,
                                    .res_id = htons(NFNL_SUBSYS_NFTABLES) };
        size_t start = b->len;

        netlink_begin(b, type, 0, &m, sizeof(m));
        netlink_end(b, start);
}

static void put_table(struct strbuf *b, unsigned type) {
        size_t start = nf_begin(b, type, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);

        netlink_attr_str(b, NFTA_TABLE_NAME, TABLE);
        netlink_end(b, start);
}

bool rules_chains_has(const struct rules_chains *c, uint32_t chain) {
        uint32_t n = chain & ~NFT_CHAIN_STICKY;

        return c->bits[chain >> 31][n / 8] & (1U << n % 8);
}

void rules_chains_add(struct rules_chains *c, uint32_t chain) {
        uint32_t n = chain & ~NFT_CHAIN_STICKY;

        c->bits[chain >> 31][n / 8] |= (uint8_t) (1U << n % 8);
}

static const char *chain_name(uint32_t chain, char *buf) {
        (void) snprintf(buf, CHAIN_NAME_MAX, "%c%u", chain & NFT_CHAIN_STICKY ? 's' : 'r',
                        (unsigned) (chain & ~NFT_CHAIN_STICKY));
        return buf;
}

/* --- expressions ------------------------------------------------------------------------------ */

struct expr {
        size_t item, data;
};

static struct expr expr_begin(struct strbuf *b, const char *name) {
        struct expr x;

        x.item = netlink_nest(b, NFTA_LIST_ELEM);
        netlink_attr_str(b, NFTA_EXPR_NAME, name);
        x.data = netlink_nest(b, NFTA_EXPR_DATA);
        return x;
}

static void expr_end(struct strbuf *b, struct expr x) {
        netlink_nest_end(b, x.data);
        netlink_nest_end(b, x.item);
}

static void put_payload(struct strbuf *b, enum nft_payload_bases base, unsigned offset,
                        unsigned len, unsigned reg) {
        struct expr x = expr_begin(b, "payload");

        netlink_attr_be32(b, NFTA_PAYLOAD_DREG, reg);
        netlink_attr_be32(b, NFTA_PAYLOAD_BASE, base);
        netlink_attr_be32(b, NFTA_PAYLOAD_OFFSET, offset);
        netlink_attr_be32(b, NFTA_PAYLOAD_LEN, len);
        expr_end(b, x);
}

static void put_saddr(struct strbuf *b, unsigned reg) {
        put_payload(b, NFT_PAYLOAD_NETWORK_HEADER, 12, 4, reg);
}

static void put_daddr(struct strbuf *b, unsigned reg) {
        put_payload(b, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, reg);
}

static void put_meta(struct strbuf *b, enum nft_meta_keys key, unsigned reg) {
        struct expr x = expr_begin(b, "meta");

        netlink_attr_be32(b, NFTA_META_DREG, reg);
        netlink_attr_be32(b, NFTA_META_KEY, key);
        expr_end(b, x);
}

static void put_value(struct strbuf *b, uint16_t type, const void *data, size_t len) {
        size_t nest = netlink_nest(b, type);

        netlink_attr(b, NFTA_DATA_VALUE, data, len);
        netlink_nest_end(b, nest);
}

static void put_cmp(struct strbuf *b, enum nft_cmp_ops op, const void *data, size_t len) {
        struct expr x = expr_begin(b, "cmp");

        netlink_attr_be32(b, NFTA_CMP_SREG, NFT_REG32_00);
        netlink_attr_be32(b, NFTA_CMP_OP, op);
        put_value(b, NFTA_CMP_DATA, data, len);
        expr_end(b, x);
}

/* The address in the first register, compared with a prefix. */
static void put_in_prefix(struct strbuf *b, enum nft_cmp_ops op, const struct ip_prefix *p) {
        uint32_t mask = htonl(p->bits == 0 ? 0 : UINT32_MAX << (32 - p->bits)), zero = 0;
        uint32_t net = htonl(ip_to_u32(&p->addr)) & mask;
        struct expr x = expr_begin(b, "bitwise");

        netlink_attr_be32(b, NFTA_BITWISE_SREG, NFT_REG32_00);
        netlink_attr_be32(b, NFTA_BITWISE_DREG, NFT_REG32_00);
        netlink_attr_be32(b, NFTA_BITWISE_LEN, 4);
        put_value(b, NFTA_BITWISE_MASK, &mask, 4);
        put_value(b, NFTA_BITWISE_XOR, &zero, 4);
        expr_end(b, x);
        put_cmp(b, op, &net, 4);
}

/* dreg 0: a set. */
static void put_lookup(struct strbuf *b, const char *set, bool is_map, unsigned dreg) {
        struct expr x = expr_begin(b, "lookup");

        netlink_attr_str(b, NFTA_LOOKUP_SET, set);
        netlink_attr_be32(b, NFTA_LOOKUP_SREG, NFT_REG32_00);
        if (is_map)
                netlink_attr_be32(b, NFTA_LOOKUP_DREG, dreg);
        expr_end(b, x);
}

static void put_plain(struct strbuf *b, const char *name) {
        expr_end(b, expr_begin(b, name));
}

static void put_reject(struct strbuf *b, enum nft_reject_types type) {
        struct expr x = expr_begin(b, "reject");

        netlink_attr_be32(b, NFTA_REJECT_TYPE, type);
        if (type == NFT_REJECT_ICMP_UNREACH)
                netlink_attr_u8(b, NFTA_REJECT_ICMP_CODE, ICMP_PORT_UNREACH);
        expr_end(b, x);
}

static void put_drop(struct strbuf *b) {
        struct expr x = expr_begin(b, "immediate");
        size_t data, verdict;

        netlink_attr_be32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        data = netlink_nest(b, NFTA_IMMEDIATE_DATA);
        verdict = netlink_nest(b, NFTA_DATA_VERDICT);
        netlink_attr_be32(b, NFTA_VERDICT_CODE, NF_DROP);
        netlink_nest_end(b, verdict);
        netlink_nest_end(b, data);
        expr_end(b, x);
}

/* --- chains and rules --------------------------------------------------------------------------
 */

/* hook < 0: not called by the kernel but by goto. */
static void put_chain(struct strbuf *b, const char *name, const char *type, int hook,
                      int priority) {
        size_t start = nf_begin(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE), nest;

        netlink_attr_str(b, NFTA_CHAIN_TABLE, TABLE);
        netlink_attr_str(b, NFTA_CHAIN_NAME, name);
        if (hook >= 0) {
                nest = netlink_nest(b, NFTA_CHAIN_HOOK);
                netlink_attr_be32(b, NFTA_HOOK_HOOKNUM, (uint32_t) hook);
                netlink_attr_be32(b, NFTA_HOOK_PRIORITY, (uint32_t) priority);
                netlink_nest_end(b, nest);
                netlink_attr_str(b, NFTA_CHAIN_TYPE, type);
        }
        netlink_end(b, start);
}

struct rule {
        size_t start, exprs;
};

static struct rule rule_begin(struct strbuf *b, const char *chain) {
        struct rule r;

        r.start = nf_begin(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
        netlink_attr_str(b, NFTA_RULE_TABLE, TABLE);
        netlink_attr_str(b, NFTA_RULE_CHAIN, chain);
        r.exprs = netlink_nest(b, NFTA_RULE_EXPRESSIONS);
        return r;
}

static void rule_end(struct strbuf *b, struct rule r) {
        netlink_nest_end(b, r.exprs);
        netlink_end(b, r.start);
}

/* Address, protocol and port, each in a register of four bytes, as concatenated keys lie. */
static void put_service_key(struct strbuf *b) {
        put_daddr(b, NFT_REG32_00);
        put_meta(b, NFT_META_L4PROTO, NFT_REG32_01);
        put_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_02);
}

static void put_slot(struct strbuf *b, uint32_t chain) {
        bool is_sticky = chain & NFT_CHAIN_STICKY;
        struct expr x;

        if (is_sticky)
                put_saddr(b, NFT_REG32_04);
        x = expr_begin(b, is_sticky ? "hash" : "numgen");
        if (is_sticky) {
                netlink_attr_be32(b, NFTA_HASH_SREG, NFT_REG32_04);
                netlink_attr_be32(b, NFTA_HASH_DREG, NFT_REG32_03);
                netlink_attr_be32(b, NFTA_HASH_LEN, 4);
                netlink_attr_be32(b, NFTA_HASH_MODULUS, chain & ~NFT_CHAIN_STICKY);
                /* Fixed, so that clients stay where they are when the table is loaded anew. */
                netlink_attr_be32(b, NFTA_HASH_SEED, 0x6f726368);
                netlink_attr_be32(b, NFTA_HASH_TYPE, NFT_HASH_JENKINS);
        } else {
                netlink_attr_be32(b, NFTA_NG_DREG, NFT_REG32_03);
                netlink_attr_be32(b, NFTA_NG_MODULUS, chain);
                netlink_attr_be32(b, NFTA_NG_TYPE, NFT_NG_RANDOM);
        }
        expr_end(b, x);
}

static void put_balancer(struct strbuf *b, uint32_t chain) {
        char name[CHAIN_NAME_MAX];
        struct rule r;
        struct expr x;

        (void) chain_name(chain, name);
        put_chain(b, name, NULL, -1, 0);
        r = rule_begin(b, name);
        put_service_key(b);
        put_slot(b, chain);
        put_lookup(b, MAP_ENDPOINTS, true, NFT_REG32_00);
        x = expr_begin(b, "nat");
        netlink_attr_be32(b, NFTA_NAT_TYPE, NFT_NAT_DNAT);
        netlink_attr_be32(b, NFTA_NAT_FAMILY, NFPROTO_IPV4);
        netlink_attr_be32(b, NFTA_NAT_REG_ADDR_MIN, NFT_REG32_00);
        netlink_attr_be32(b, NFTA_NAT_REG_PROTO_MIN, NFT_REG32_01);
        expr_end(b, x);
        rule_end(b, r);
}

static void put_dispatch(struct strbuf *b, const char *chain, int hook) {
        struct rule r;

        put_chain(b, chain, "nat", hook, NF_IP_PRI_NAT_DST);
        r = rule_begin(b, chain);
        put_service_key(b);
        put_lookup(b, MAP_SERVICES, true, NFT_REG_VERDICT);
        rule_end(b, r);
}

static void put_postrouting(struct strbuf *b, const struct rules_facts *f) {
        static const char chain[] = "postrouting";
        char bridge[16] = { 0 };
        struct rule r;

        put_chain(b, chain, "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
        /* A pod that reaches itself through a service must not see its own address as the client's.
         */
        r = rule_begin(b, chain);
        put_saddr(b, NFT_REG32_00);
        put_daddr(b, NFT_REG32_01);
        put_lookup(b, SET_HAIRPINS, false, 0);
        put_plain(b, "masq");
        rule_end(b, r);
        r = rule_begin(b, chain);
        put_saddr(b, NFT_REG32_00);
        put_in_prefix(b, NFT_CMP_EQ, &f->pod_cidr);
        put_daddr(b, NFT_REG32_00);
        put_in_prefix(b, NFT_CMP_NEQ, &f->cluster_cidr);
        put_meta(b, NFT_META_OIFNAME, NFT_REG_1);
        memcpy(bridge, f->bridge, strnlen(f->bridge, sizeof(bridge) - 1));
        put_cmp(b, NFT_CMP_NEQ, bridge, sizeof(bridge));
        put_plain(b, "masq");
        rule_end(b, r);
}

static void put_refusal(struct strbuf *b, const struct rules_facts *f, const char *chain) {
        const uint8_t tcp = IPPROTO_TCP;
        struct rule r;

        r = rule_begin(b, chain);
        put_daddr(b, NFT_REG32_00);
        put_in_prefix(b, NFT_CMP_EQ, &f->service_cidr);
        put_meta(b, NFT_META_L4PROTO, NFT_REG32_00);
        put_cmp(b, NFT_CMP_EQ, &tcp, sizeof(tcp));
        put_reject(b, NFT_REJECT_TCP_RST);
        rule_end(b, r);
        r = rule_begin(b, chain);
        put_daddr(b, NFT_REG32_00);
        put_in_prefix(b, NFT_CMP_EQ, &f->service_cidr);
        put_reject(b, NFT_REJECT_ICMP_UNREACH);
        rule_end(b, r);
}

/* A pod that believed an ICMP redirect would go past the translation of service addresses. */
static void put_no_redirects(struct strbuf *b, const struct rules_facts *f, const char *chain) {
        const uint8_t icmp = IPPROTO_ICMP, redirect = ICMP_REDIRECT;
        struct rule r = rule_begin(b, chain);

        put_daddr(b, NFT_REG32_00);
        put_in_prefix(b, NFT_CMP_EQ, &f->pod_cidr);
        put_meta(b, NFT_META_L4PROTO, NFT_REG32_00);
        put_cmp(b, NFT_CMP_EQ, &icmp, sizeof(icmp));
        put_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG32_00);
        put_cmp(b, NFT_CMP_EQ, &redirect, sizeof(redirect));
        put_drop(b);
        rule_end(b, r);
}

/* --- sets and elements --------------------------------------------------------------------------
 */

struct set {
        const char *name;
        uint32_t id;
        uint32_t flags;
        uint32_t key_type, key_len;
        uint32_t data_type, data_len; /* of maps */
};

static const struct set sets[] = {
        { MAP_SERVICES, 1, NFT_SET_MAP, TYPE3(TYPE_ADDR, TYPE_PROTO, TYPE_PORT), 12,
          NFT_DATA_VERDICT, 0 },
        { MAP_ENDPOINTS, 2, NFT_SET_MAP, TYPE4(TYPE_ADDR, TYPE_PROTO, TYPE_PORT, TYPE_MARK), 16,
          TYPE2(TYPE_ADDR, TYPE_PORT), 8 },
        { SET_HAIRPINS, 3, 0, TYPE2(TYPE_ADDR, TYPE_ADDR), 8, 0, 0 },
};

static void put_set(struct strbuf *b, const struct set *s) {
        size_t start = nf_begin(b, NFT_MSG_NEWSET, NLM_F_CREATE);

        netlink_attr_str(b, NFTA_SET_TABLE, TABLE);
        netlink_attr_str(b, NFTA_SET_NAME, s->name);
        netlink_attr_be32(b, NFTA_SET_FLAGS, s->flags);
        netlink_attr_be32(b, NFTA_SET_KEY_TYPE, s->key_type);
        netlink_attr_be32(b, NFTA_SET_KEY_LEN, s->key_len);
        if (s->flags & NFT_SET_MAP) {
                netlink_attr_be32(b, NFTA_SET_DATA_TYPE, s->data_type);
                netlink_attr_be32(b, NFTA_SET_DATA_LEN, s->data_len);
        }
        netlink_attr_be32(b, NFTA_SET_ID, s->id);
        netlink_end(b, start);
}

static void put_verdict_data(struct strbuf *b, uint32_t chain) {
        size_t data = netlink_nest(b, NFTA_SET_ELEM_DATA);
        size_t verdict = netlink_nest(b, NFTA_DATA_VERDICT);
        char name[CHAIN_NAME_MAX];

        netlink_attr_be32(b, NFTA_VERDICT_CODE, (uint32_t) NFT_GOTO);
        netlink_attr_str(b, NFTA_VERDICT_CHAIN, chain_name(chain, name));
        netlink_nest_end(b, verdict);
        netlink_nest_end(b, data);
}

/* Registers hold the port in network order in their first two bytes, the slot in host order. */
static void put_key(struct strbuf *b, const struct nft_key *k, size_t len) {
        uint8_t key[16] = { 0 };
        uint32_t addr = htonl(k->addr);
        uint16_t port = htons(k->port);

        memcpy(key, &addr, 4);
        key[4] = k->protocol;
        memcpy(key + 8, &port, 2);
        memcpy(key + 12, &k->slot, 4);
        put_value(b, NFTA_SET_ELEM_KEY, key, len);
}

static void put_service(struct strbuf *b, const struct nft_model *m, size_t i, bool is_add) {
        put_key(b, &m->services[i].key, 12);
        if (is_add)
                put_verdict_data(b, m->services[i].chain);
}

static void put_endpoint(struct strbuf *b, const struct nft_model *m, size_t i, bool is_add) {
        uint8_t to[8] = { 0 };
        uint32_t addr = htonl(m->endpoints[i].to_addr);
        uint16_t port = htons(m->endpoints[i].to_port);

        put_key(b, &m->endpoints[i].key, 16);
        memcpy(to, &addr, 4);
        memcpy(to + 4, &port, 2);
        if (is_add)
                put_value(b, NFTA_SET_ELEM_DATA, to, sizeof(to));
}

static void put_hairpin(struct strbuf *b, const struct nft_model *m, size_t i, bool is_add) {
        uint32_t addr = htonl(m->hairpins[i]);
        uint32_t pair[2] = { addr, addr };

        (void) is_add;
        put_value(b, NFTA_SET_ELEM_KEY, pair, sizeof(pair));
}

/* Messages that add or delete the n elements of one kind in a model. */
static void put_elements(struct strbuf *b, const char *set, const struct nft_model *m, size_t n,
                         bool is_add,
                         void (*put)(struct strbuf *, const struct nft_model *, size_t, bool)) {
        for (size_t done = 0; done < n;) {
                size_t start = nf_begin(b, is_add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
                                        is_add ? NLM_F_CREATE : 0);
                size_t list, end = MIN(n, done + ELEMENTS_A_MESSAGE);

                netlink_attr_str(b, NFTA_SET_ELEM_LIST_TABLE, TABLE);
                netlink_attr_str(b, NFTA_SET_ELEM_LIST_SET, set);
                list = netlink_nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
                for (; done < end; done++) {
                        size_t item = netlink_nest(b, NFTA_LIST_ELEM);

                        put(b, m, done, is_add);
                        netlink_nest_end(b, item);
                }
                netlink_nest_end(b, list);
                netlink_end(b, start);
        }
}

static void put_model(struct strbuf *b, const struct nft_model *m, bool is_add) {
        put_elements(b, MAP_SERVICES, m, m->n_services, is_add, put_service);
        put_elements(b, MAP_ENDPOINTS, m, m->n_endpoints, is_add, put_endpoint);
        put_elements(b, SET_HAIRPINS, m, m->n_hairpins, is_add, put_hairpin);
}

/* --- transactions -------------------------------------------------------------------------------
 */

void rules_encode_full(struct strbuf *b, const struct rules_facts *f, const struct nft_diff *all) {
        put_batch(b, NFNL_MSG_BATCH_BEGIN);
        put_table(b, NFT_MSG_NEWTABLE);
        put_table(b, NFT_MSG_DELTABLE);
        put_table(b, NFT_MSG_NEWTABLE);
        for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
                put_set(b, &sets[i]);
        for (size_t i = 0; i < all->n_chains; i++)
                put_balancer(b, all->chains[i]);
        put_dispatch(b, "prerouting", NF_INET_PRE_ROUTING);
        put_dispatch(b, "output", NF_INET_LOCAL_OUT);
        put_postrouting(b, f);
        put_chain(b, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER);
        put_refusal(b, f, "forward");
        put_chain(b, "local", "filter", NF_INET_LOCAL_OUT, NF_IP_PRI_FILTER);
        put_refusal(b, f, "local");
        put_no_redirects(b, f, "local");
        put_model(b, &all->add, true);
        put_batch(b, NFNL_MSG_BATCH_END);
}

void rules_encode_diff(struct strbuf *b, const struct nft_diff *d,
                       const struct rules_chains *have) {
        put_batch(b, NFNL_MSG_BATCH_BEGIN);
        for (size_t i = 0; i < d->n_chains; i++)
                if (!rules_chains_has(have, d->chains[i]))
                        put_balancer(b, d->chains[i]);
        put_model(b, &d->del, false);
        put_model(b, &d->add, true);
        put_batch(b, NFNL_MSG_BATCH_END);
}

void rules_encode_remove(struct strbuf *b) {
        put_batch(b, NFNL_MSG_BATCH_BEGIN);
        put_table(b, NFT_MSG_NEWTABLE);
        put_table(b, NFT_MSG_DELTABLE);
        put_batch(b, NFNL_MSG_BATCH_END);
}

static int open_once(struct netlink *nl, struct err *e) {
        return nl->socket ? 0 : netlink_open(nl, NETLINK_NETFILTER, e);
}

int rules_commit(struct netlink *nl, struct strbuf *b, struct err *e) {
        int r;

        r = open_once(nl, e);
        if (r == 0)
                r = netlink_request(nl, b, true, NULL, 0, e);
        return r < 0 ? err_wrap(e, r, "service rules") : 0;
}

int rules_is_loaded(struct netlink *nl, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        int r;

        r = open_once(nl, e);
        if (r < 0)
                return r;
        put_table(&b, NFT_MSG_GETTABLE);
        r = netlink_request(nl, &b, false, NULL, 0, e);
        if (r == -ENOENT)
                return 0;
        return r < 0 ? err_wrap(e, r, "service rules (does the kernel have nf_tables?)") : 1;
}
