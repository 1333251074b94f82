#include "daemon/network/conntrack.h"

#include "base/str.h"
#include "daemon/network/netlink.h"
#include "daemon/plan/nft_plan.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/in.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

/* One direction of a flow. */
struct tuple {
        uint32_t src, dst; /* host order */
        uint16_t sport, dport;
        uint8_t protocol;
};

struct search {
        const struct nft_endpoint *gone;
        size_t n;
        struct strbuf deletions;
        int n_found;
};

static size_t ct_begin(struct strbuf *b, unsigned type, unsigned flags) {
        const struct nfgenmsg m = { .nfgen_family = AF_INET, .version = NFNETLINK_V0 };
        size_t start = b->len;

        netlink_begin(b, (uint16_t) (NFNL_SUBSYS_CTNETLINK << 8 | type), (uint16_t) flags, &m,
                      sizeof(m));
        return start;
}

static void read_ip(const struct nlattr *nest, struct tuple *t) {
        const struct nlattr *a;

        mnl_attr_for_each_nested(a, nest) {
                if (mnl_attr_validate(a, MNL_TYPE_U32) < 0)
                        continue;
                if (mnl_attr_get_type(a) == CTA_IP_V4_SRC)
                        t->src = ntohl(mnl_attr_get_u32(a));
                else if (mnl_attr_get_type(a) == CTA_IP_V4_DST)
                        t->dst = ntohl(mnl_attr_get_u32(a));
        }
}

static void read_proto(const struct nlattr *nest, struct tuple *t) {
        const struct nlattr *a;

        mnl_attr_for_each_nested(a, nest) {
                if (mnl_attr_get_type(a) == CTA_PROTO_NUM && mnl_attr_get_payload_len(a) >= 1)
                        t->protocol = mnl_attr_get_u8(a);
                else if (mnl_attr_get_payload_len(a) < 2)
                        continue;
                else if (mnl_attr_get_type(a) == CTA_PROTO_SRC_PORT)
                        t->sport = ntohs(mnl_attr_get_u16(a));
                else if (mnl_attr_get_type(a) == CTA_PROTO_DST_PORT)
                        t->dport = ntohs(mnl_attr_get_u16(a));
        }
}

static struct tuple read_tuple(const struct nlattr *nest) {
        struct tuple t = { 0 };
        const struct nlattr *a;

        mnl_attr_for_each_nested(a, nest) {
                if (mnl_attr_get_type(a) == CTA_TUPLE_IP)
                        read_ip(a, &t);
                else if (mnl_attr_get_type(a) == CTA_TUPLE_PROTO)
                        read_proto(a, &t);
        }
        return t;
}

static bool is_gone(const struct search *s, const struct tuple *orig, const struct tuple *reply) {
        for (size_t i = 0; i < s->n; i++) {
                const struct nft_endpoint *g = &s->gone[i];

                if (g->key.addr == orig->dst && g->key.port == orig->dport &&
                    g->to_addr == reply->src && g->to_port == reply->sport)
                        return true;
        }
        return false;
}

/* Deletes by the tuple as the kernel told it. */
static void put_deletion(struct search *s, const struct nlattr *orig) {
        size_t start = ct_begin(&s->deletions, IPCTNL_MSG_CT_DELETE, 0);

        netlink_attr(&s->deletions, CTA_TUPLE_ORIG | NLA_F_NESTED, mnl_attr_get_payload(orig),
                     mnl_attr_get_payload_len(orig));
        netlink_end(&s->deletions, start);
        s->n_found++;
}

static int look_at(const struct nlmsghdr *h, void *userdata) {
        struct search *s = userdata;
        const struct nlattr *a, *orig = NULL, *reply = NULL;
        struct tuple o, r;

        mnl_attr_for_each(a, h, sizeof(struct nfgenmsg)) {
                if (mnl_attr_get_type(a) == CTA_TUPLE_ORIG)
                        orig = a;
                else if (mnl_attr_get_type(a) == CTA_TUPLE_REPLY)
                        reply = a;
        }
        if (!orig || !reply)
                return 0;
        o = read_tuple(orig);
        r = read_tuple(reply);
        if (o.protocol == IPPROTO_UDP && is_gone(s, &o, &r))
                put_deletion(s, orig);
        return 0;
}

int conntrack_flush(struct netlink *nl, const struct nft_endpoint *gone, size_t n, struct err *e) {
        struct search s = { .gone = gone, .n = n };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        int r;

        netlink_end(&b, ct_begin(&b, IPCTNL_MSG_CT_GET, NLM_F_DUMP));
        r = netlink_dump(nl, &b, look_at, &s, e);
        if (r >= 0 && s.n_found > 0)
                r = netlink_request(nl, &s.deletions, false, NULL, 0, e);
        strbuf_done(&s.deletions);
        /* A flow may have ended by itself meanwhile; of very many, not every acknowledgement fits.
         */
        if (r < 0 && r != -ENOENT && r != -ENOBUFS)
                return err_wrap(e, r, "cannot forget flows to removed endpoints");
        return s.n_found;
}
