#include "daemon/network/link.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/network/netlink.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define MAC_LEN 6

/* --- messages -------------------------------------------------------------------------------- */

/* A link message; name NULL: by index. Returns its position. */
static size_t link_begin(struct strbuf *b, uint16_t flags, int index, const char *name,
                         unsigned up) {
        const struct ifinfomsg m = { .ifi_index = index, .ifi_flags = up, .ifi_change = up };
        size_t start = b->len;

        netlink_begin(b, RTM_NEWLINK, flags, &m, sizeof(m));
        if (name)
                netlink_attr_str(b, IFLA_IFNAME, name);
        return start;
}

static void put_link_up(struct strbuf *b, int index) {
        netlink_end(b, link_begin(b, 0, index, NULL, IFF_UP));
}

/* No link-local address of its own accord, with all that it announces. */
static void put_no_autoconf(struct strbuf *b, int index) {
        size_t start = link_begin(b, 0, index, NULL, 0);
        size_t spec = netlink_nest(b, IFLA_AF_SPEC), inet6 = netlink_nest(b, AF_INET6);

        netlink_attr_u8(b, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
        netlink_nest_end(b, inet6);
        netlink_nest_end(b, spec);
        netlink_end(b, start);
}

/* A locally administered MAC made of the address, so that both sides know it without asking. */
static void make_mac(const struct ip_addr *addr, uint8_t mac[MAC_LEN]) {
        mac[0] = 0x0a;
        mac[1] = 0x58;
        memcpy(mac + 2, addr->bytes, 4);
}

static void put_mac(struct strbuf *b, const struct ip_addr *addr) {
        uint8_t mac[MAC_LEN];

        make_mac(addr, mac);
        netlink_attr(b, IFLA_ADDRESS, mac, sizeof(mac));
}

static void put_address(struct strbuf *b, int index, const struct ip_addr *addr, unsigned bits) {
        const struct ifaddrmsg m = { .ifa_family = AF_INET,
                                     .ifa_prefixlen = (uint8_t) bits,
                                     .ifa_scope = RT_SCOPE_UNIVERSE,
                                     .ifa_index = (uint32_t) index };
        size_t start = b->len;

        netlink_begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &m, sizeof(m));
        netlink_attr(b, IFA_LOCAL, addr->bytes, 4);
        netlink_attr(b, IFA_ADDRESS, addr->bytes, 4);
        netlink_end(b, start);
}

/* dst NULL: the default route. via NULL: on the link. src NULL: the kernel chooses. */
static void put_route(struct strbuf *b, int index, const struct ip_prefix *dst,
                      const struct ip_addr *via, const struct ip_addr *src) {
        const struct rtmsg m = { .rtm_family = AF_INET,
                                 .rtm_dst_len = (uint8_t) (dst ? dst->bits : 0),
                                 .rtm_table = RT_TABLE_MAIN,
                                 .rtm_protocol = RTPROT_STATIC,
                                 .rtm_scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
                                 .rtm_type = RTN_UNICAST };
        size_t start = b->len;

        netlink_begin(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &m, sizeof(m));
        if (dst)
                netlink_attr(b, RTA_DST, dst->addr.bytes, 4);
        if (via)
                netlink_attr(b, RTA_GATEWAY, via->bytes, 4);
        if (src)
                netlink_attr(b, RTA_PREFSRC, src->bytes, 4);
        netlink_attr_u32(b, RTA_OIF, (uint32_t) index);
        netlink_end(b, start);
}

static void put_remove(struct strbuf *b, const char *name) {
        const struct ifinfomsg m = { 0 };
        size_t start = b->len;

        netlink_begin(b, RTM_DELLINK, 0, &m, sizeof(m));
        netlink_attr_str(b, IFLA_IFNAME, name);
        netlink_end(b, start);
}

/* --- bridge --------------------------------------------------------------------------------- */

/* A bridge without ports: it carries the gateway address and the route of the service range, as a
 * dummy interface would, which not every kernel has. See docs/adr/0061. */
static void put_bridge(struct strbuf *b, const struct bridge_config *c) {
        size_t start = link_begin(b, NLM_F_CREATE | NLM_F_EXCL, 0, c->name, 0), info;

        info = netlink_nest(b, IFLA_LINKINFO);
        netlink_attr_str(b, IFLA_INFO_KIND, "bridge");
        netlink_nest_end(b, info);
        netlink_end(b, start);
}

static int write_sysctl(const char *path, const char *value, struct err *e) {
        AUTO_FREE char *now = NULL;
        int r;

        r = file_write_text(path, value, e);
        if (r >= 0)
                return 0;
        /* /proc/sys may be read-only in a container that has been set up rightly. */
        if (file_read(path, 64, &now, NULL, NULL) == 0 && now[0] == value[0])
                return 0;
        return err_wrap(e, r, "set it to %s by hand", value);
}

static int bridge_make(struct netlink *nl, const struct bridge_config *c, int *ret_index,
                       struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        int r;

        put_bridge(&b, c);
        r = netlink_request(nl, &b, false, NULL, 0, e);
        if (r < 0 && r != -EEXIST)
                return err_wrap(e, r, "cannot make bridge %s", c->name);
        *ret_index = (int) if_nametoindex(c->name);
        if (*ret_index == 0)
                return err_errno(e, -errno, "bridge %s", c->name);
        return 0;
}

int bridge_setup(const struct bridge_config *c, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        struct ip_addr gateway = ip_from_u32(ip_to_u32(&c->pod_cidr.addr) + 1);
        struct netlink nl = { 0 };
        int index = 0, r;

        r = netlink_open(&nl, NETLINK_ROUTE, e);
        if (r < 0)
                return r;
        r = bridge_make(&nl, c, &index, e);
        if (r == 0) {
                put_link_up(&b, index);
                put_address(&b, index, &gateway, 32);
                put_route(&b, index, &c->service_cidr, NULL, &gateway);
                r = netlink_request(&nl, &b, false, NULL, 0, e);
                if (r < 0)
                        (void) err_wrap(e, r, "cannot set up bridge %s", c->name);
        }
        netlink_close(&nl);
        return r < 0 ? r : write_sysctl("/proc/sys/net/ipv4/ip_forward", "1", e);
}

static int link_remove(const char *name, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        struct netlink nl = { 0 };
        int r;

        r = netlink_open(&nl, NETLINK_ROUTE, e);
        if (r < 0)
                return r;
        put_remove(&b, name);
        r = netlink_request(&nl, &b, false, NULL, 0, e);
        netlink_close(&nl);
        if (r < 0 && r != -ENODEV)
                return err_wrap(e, r, "cannot remove interface %s", name);
        return 0;
}

int bridge_remove(const char *name, struct err *e) {
        return link_remove(name, e);
}

int veth_remove(const char *name, struct err *e) {
        return link_remove(name, e);
}

/* --- veth ------------------------------------------------------------------------------------ */

/* A neighbour that is never asked for and never forgotten: there is no ARP between node and pods.
 */
static void put_neighbour(struct strbuf *b, int index, const struct ip_addr *addr,
                          const struct ip_addr *mac_of) {
        const struct ndmsg m = { .ndm_family = AF_INET,
                                 .ndm_ifindex = index,
                                 .ndm_state = NUD_PERMANENT };
        uint8_t mac[MAC_LEN];
        size_t start = b->len;

        make_mac(mac_of, mac);
        netlink_begin(b, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &m, sizeof(m));
        netlink_attr(b, NDA_DST, addr->bytes, 4);
        netlink_attr(b, NDA_LLADDR, mac, sizeof(mac));
        netlink_end(b, start);
}

/* Both ends in one message; the pod's is born in the pod's namespace with its final name. */
static void put_veth(struct strbuf *b, const struct veth_config *c) {
        const struct ifinfomsg peer_head = { 0 };
        size_t start = link_begin(b, NLM_F_CREATE | NLM_F_EXCL, 0, c->name, 0);
        size_t info, data, peer;

        put_mac(b, &c->gateway);
        netlink_attr_u32(b, IFLA_MTU, c->mtu);
        info = netlink_nest(b, IFLA_LINKINFO);
        netlink_attr_str(b, IFLA_INFO_KIND, "veth");
        data = netlink_nest(b, IFLA_INFO_DATA);
        peer = netlink_nest(b, VETH_INFO_PEER);
        strbuf_add_len(b, &peer_head, sizeof(peer_head));
        netlink_attr_str(b, IFLA_IFNAME, "eth0");
        netlink_attr_u32(b, IFLA_MTU, c->mtu);
        put_mac(b, &c->addr);
        netlink_attr_u32(b, IFLA_NET_NS_FD, (uint32_t) c->netns_fd);
        netlink_nest_end(b, peer);
        netlink_nest_end(b, data);
        netlink_nest_end(b, info);
        netlink_end(b, start);
}

static int veth_make(struct netlink *nl, const struct veth_config *c, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        put_veth(&b, c);
        return netlink_request(nl, &b, false, NULL, 0, e);
}

/* The node's end: up, and the pod's address routed to it. */
static int node_configure(struct netlink *nl, const struct veth_config *c, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const struct ip_prefix pod = { .addr = c->addr, .bits = 32 };
        int results[2] = { 0 };
        int index = (int) if_nametoindex(c->name), r;

        if (index == 0)
                return err_errno(e, -errno, "interface %s", c->name);
        put_no_autoconf(&b, index);
        put_link_up(&b, index);
        put_neighbour(&b, index, &c->addr, &c->addr);
        put_route(&b, index, &pod, NULL, &c->gateway);
        r = netlink_request(nl, &b, false, results, 1, e);
        /* A kernel without IPv6 knows nothing of its autoconfiguration. */
        if (r < 0 && r == results[0])
                r = 0;
        return r;
}

/* In the pod's namespace. The pod's address has no network of its own: everything goes to the node,
 * which translates service addresses there and back. -ENODEV: there is no eth0. */
static int pod_configure(const struct veth_config *c, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const struct ip_prefix gateway = { .addr = c->gateway, .bits = 32 };
        struct netlink nl = { 0 };
        int index, r;

        index = (int) if_nametoindex("eth0");
        if (index == 0)
                return err_errno(e, -ENODEV, "eth0 in the pod");
        r = netlink_open(&nl, NETLINK_ROUTE, e);
        if (r < 0)
                return r;
        put_link_up(&b, 1);
        put_link_up(&b, index);
        put_address(&b, index, &c->addr, 32);
        put_neighbour(&b, index, &c->gateway, &c->gateway);
        put_route(&b, index, &gateway, NULL, NULL);
        put_route(&b, index, NULL, &c->gateway, NULL);
        r = netlink_request(&nl, &b, false, NULL, 0, e);
        netlink_close(&nl);
        return r < 0 ? err_wrap(e, r, "eth0 in the pod") : 0;
}

static int in_pod(const struct veth_config *c,
                  int (*run)(const struct veth_config *c, struct err *e), struct err *e) {
        AUTO_CLOSE int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        int r;

        if (home < 0)
                return err_errno(e, -errno, "cannot open the own network namespace");
        if (setns(c->netns_fd, CLONE_NEWNET) < 0)
                return err_errno(e, -errno, "cannot enter the pod's network namespace");
        r = run(c, e);
        /* Going on in the wrong namespace would change the pod instead of the host. */
        if (setns(home, CLONE_NEWNET) < 0)
                abort();
        return r;
}

/* The kernel makes the end that came up first able to send from a work item that may run tens of
 * milliseconds later when a hundred pods start; what it sends until then is dropped, and a lost SYN
 * costs a second. The end that comes up second can send at once, so that is the pod's; a question
 * about the other makes the kernel (6.8 and later) catch up at once. */
static int node_catch_up(struct netlink *nl, const struct veth_config *c, struct err *e) {
        const struct ifinfomsg m = { .ifi_index = (int) if_nametoindex(c->name) };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        size_t start = b.len;

        netlink_begin(&b, RTM_GETLINK, 0, &m, sizeof(m));
        netlink_end(&b, start);
        return netlink_request(nl, &b, false, NULL, 0, e);
}

static int veth_configure(struct netlink *nl, const struct veth_config *c, struct err *e) {
        int r = node_configure(nl, c, e);

        if (r == 0)
                r = in_pod(c, pod_configure, e);
        return r < 0 ? r : node_catch_up(nl, c, e);
}

int veth_attach(const struct veth_config *c, struct err *e) {
        struct netlink nl = { 0 };
        bool is_old;
        int r;

        r = netlink_open(&nl, NETLINK_ROUTE, e);
        if (r < 0)
                return r;
        r = veth_make(&nl, c, e);
        is_old = r == -EEXIST;
        if (r == 0 || is_old)
                r = veth_configure(&nl, c, e);
        if (r == -ENODEV && is_old) {
                /* The pair of an earlier namespace of this pod, which is still dying. */
                r = veth_remove(c->name, e);
                if (r == 0)
                        r = veth_make(&nl, c, e);
                if (r == 0)
                        r = veth_configure(&nl, c, e);
        }
        netlink_close(&nl);
        return r < 0 ? err_wrap(e, r, "cannot attach %s", c->name) : 0;
}

unsigned link_uplink_mtu(void) {
        AUTO_FREE char *routes = NULL;
        AUTO_CLOSE int fd = -1;
        struct ifreq req = { 0 };
        char *rest, *line;

        if (file_read("/proc/thread-self/net/route", 1 << 20, &routes, NULL, NULL) < 0)
                return 0;
        for (rest = routes; (line = strsep(&rest, "\n"));) {
                unsigned long dst;
                char name[IF_NAMESIZE];

                if (sscanf(line, "%15s %lx", name, &dst) == 2 && dst == 0) {
                        (void) snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
                        break;
                }
        }
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (req.ifr_name[0] == '\0' || fd < 0 || ioctl(fd, SIOCGIFMTU, &req) < 0)
                return 0;
        return (unsigned) req.ifr_mtu;
}
