#include "daemon/network/network.h"

#include "base/list.h"
#include "base/str.h"
#include "daemon/loop/work.h"
#include "daemon/network/conntrack.h"
#include "daemon/network/link.h"
#include "daemon/network/netlink.h"
#include "daemon/network/rules.h"
#include "daemon/plan/nft_plan.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rules: at most one transaction is under way.
 *
 *   apply() → wanted set → (none under way) start → done() → applied = its model → wanted newer?
 * start
 *
 * A difference that the kernel refuses (somebody flushed the table) is followed by a full load at
 * once; when that fails too, those who wait are told and applied is forgotten. */
struct network {
        struct loop *loop;
        struct work_owner *owner;
        char bridge[NETWORK_INTERFACE_MAX];
        struct network_config config;
        unsigned mtu;
        struct nft_model *applied; /* NULL: not known */
        struct nft_model *wanted;  /* NULL: nothing waits */
        uint64_t wanted_seq;       /* of the newest apply() */
        struct rules_job *running; /* weak; NULL: none under way */
        struct netlink nl;         /* for rules; lent to the job under way */
        struct rules_chains chains;
        struct list waiters;
};

struct waiter {
        struct list entry;
        uint64_t seq;
        network_done_fn done;
        void *userdata;
};

struct rules_job {
        struct network *network; /* not to be touched when cancelled */
        struct netlink nl;
        struct strbuf bytes;
        struct nft_diff diff;
        struct nft_model *target;
        uint64_t seq;
        bool is_full;
        struct err e;
};

struct link_job {
        struct veth_config config;
        char name[NETWORK_INTERFACE_MAX];
        int netns_fd; /* owned; -1: remove */
        network_done_fn done;
        void *userdata;
        struct err e;
};

struct network_config network_config_default(void) {
        return (struct network_config){
                .bridge = "orch0",
                .pod_cidr = { ip_from_u32(0x0af40000), 24 },
                .cluster_cidr = { ip_from_u32(0x0af40000), 16 },
                .service_cidr = { ip_from_u32(0x0a600000), 16 },
        };
}

static int check_config(const struct network_config *c, struct err *e) {
        size_t len = strlen(c->bridge);

        if (len == 0 || len >= NETWORK_INTERFACE_MAX)
                return err_set(e, -EINVAL, "bridge name \"%s\" must have 1 to 15 letters",
                               c->bridge);
        if (c->pod_cidr.addr.family != IP_V4 || c->cluster_cidr.addr.family != IP_V4 ||
            c->service_cidr.addr.family != IP_V4)
                return err_set(e, -EINVAL, "pod, cluster and service ranges must be IPv4 prefixes");
        if (c->pod_cidr.bits < 16 || c->pod_cidr.bits > 29)
                return err_set(e, -EINVAL, "the pod range must be a prefix of 16 to 29 bits");
        if (c->service_cidr.bits < 8 || ip_prefix_contains(&c->service_cidr, &c->pod_cidr.addr) ||
            ip_prefix_contains(&c->cluster_cidr, &c->service_cidr.addr))
                return err_set(e, -EINVAL, "pod and service ranges overlap; choose others");
        return 0;
}

/* Clears the host bits: the kernel refuses routes that have them. */
static struct ip_prefix network_of(const struct ip_prefix *p) {
        uint32_t mask = p->bits == 0 ? 0 : UINT32_MAX << (32 - p->bits);

        return (struct ip_prefix){ ip_from_u32(ip_to_u32(&p->addr) & mask), p->bits };
}

int network_new(struct loop *l, const struct network_config *c, struct network **ret,
                struct err *e) {
        struct network *n;
        int r;

        r = check_config(c, e);
        if (r < 0)
                return r;
        n = calloc(1, sizeof(*n));
        if (!n)
                return err_errno(e, -ENOMEM, "network");
        n->owner = work_owner_new(l);
        if (!n->owner) {
                free(n);
                return err_errno(e, -ENOMEM, "network");
        }
        n->loop = l;
        n->config = *c;
        (void) snprintf(n->bridge, sizeof(n->bridge), "%s", c->bridge);
        n->config.bridge = n->bridge;
        n->config.pod_cidr = network_of(&c->pod_cidr);
        n->config.cluster_cidr = network_of(&c->cluster_cidr);
        n->config.service_cidr = network_of(&c->service_cidr);
        n->mtu = c->mtu ? c->mtu : 1500;
        list_init(&n->waiters);
        *ret = n;
        return 0;
}

static void answer_waiters(struct network *n, uint64_t seq, int r, const struct err *e) {
        struct list due;

        /* A callback may call apply() again. */
        list_init(&due);
        LIST_FOREACH(i, &n->waiters) {
                struct waiter *w = CONTAINER_OF(i, struct waiter, entry);

                if (w->seq > seq)
                        continue;
                list_remove(i);
                list_append(&due, i);
        }
        LIST_FOREACH(i, &due) {
                struct waiter *w = CONTAINER_OF(i, struct waiter, entry);

                list_remove(i);
                w->done(w->userdata, r, e);
                free(w);
        }
}

void network_unref(struct network *n) {
        struct err e = { 0 };

        if (!n)
                return;
        work_owner_cancel(n->owner);
        (void) err_set(&e, -ECANCELED, "the network is shutting down");
        answer_waiters(n, UINT64_MAX, -ECANCELED, &e);
        nft_model_unref(n->applied);
        nft_model_unref(n->wanted);
        netlink_close(&n->nl);
        free(n);
}

struct ip_addr network_gateway(const struct network *n) {
        return ip_from_u32(ip_to_u32(&n->config.pod_cidr.addr) + 1);
}

static struct rules_facts facts_of(const struct network *n) {
        return (struct rules_facts){ n->bridge, n->config.pod_cidr, n->config.cluster_cidr,
                                     n->config.service_cidr };
}

/* Rules without services, for the time until they are known: so that pods are never told of shorter
 * ways and unknown services refuse at once. Rules in force stay. */
static int load_first_rules(struct network *n, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const struct rules_facts facts = facts_of(n);
        const struct nft_diff nothing = { 0 };
        int r;

        r = rules_is_loaded(&n->nl, e);
        if (r != 0)
                return r < 0 ? r : 0;
        rules_encode_full(&b, &facts, &nothing);
        return rules_commit(&n->nl, &b, e);
}

int network_setup(struct network *n, struct err *e) {
        const struct bridge_config c = { n->bridge, n->config.pod_cidr, n->config.service_cidr };
        int r;

        if (n->config.mtu == 0) {
                unsigned mtu = link_uplink_mtu();

                n->mtu = mtu >= 576 ? mtu : 1500;
        }
        r = bridge_setup(&c, e);
        return r < 0 ? r : load_first_rules(n, e);
}

int network_teardown(struct network *n, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        int r;

        rules_encode_remove(&b);
        r = rules_commit(&n->nl, &b, e);
        if (r < 0)
                return r;
        nft_model_unref(STEAL(n->applied));
        return bridge_remove(n->bridge, e);
}

/* --- pods ----------------------------------------------------------------------------------------
 */

char *network_interface_name(const char *pod_uid, char buf[NETWORK_INTERFACE_MAX]) {
        uint64_t h = 0xcbf29ce484222325;

        /* FNV-1a: the same name in every run, unlike map_hash(). */
        for (const char *c = pod_uid; *c; c++)
                h = (h ^ (uint8_t) *c) * 0x100000001b3;
        (void) snprintf(buf, NETWORK_INTERFACE_MAX, "op%013llx",
                        (unsigned long long) (h & 0xfffffffffffff));
        return buf;
}

static int link_run(void *userdata) {
        struct link_job *j = userdata;

        return j->netns_fd >= 0 ? veth_attach(&j->config, &j->e) : veth_remove(j->name, &j->e);
}

static void link_job_free(struct link_job *j) {
        if (j->netns_fd >= 0)
                (void) close(j->netns_fd);
        free(j);
}

static void link_done(void *userdata, int r) {
        struct link_job *j = userdata;

        if (r == -ECANCELED)
                (void) err_set(&j->e, r, "the network is shutting down");
        if (j->done)
                j->done(j->userdata, r, &j->e);
        link_job_free(j);
}

static int submit_link(struct network *n, struct link_job *take_job, struct err *e) {
        int r = work_submit_for(n->owner, link_run, link_done, take_job);

        if (r < 0) {
                link_job_free(take_job);
                return err_errno(e, r, "cannot start the work on a pod's interface");
        }
        return 0;
}

static struct link_job *link_job_new(const char *pod_uid, network_done_fn done, void *userdata) {
        struct link_job *j = calloc(1, sizeof(*j));

        if (!j)
                return NULL;
        (void) network_interface_name(pod_uid, j->name);
        j->netns_fd = -1;
        j->done = done;
        j->userdata = userdata;
        return j;
}

int network_attach(struct network *n, const struct network_pod *pod, network_done_fn done,
                   void *userdata, struct err *e) {
        struct link_job *j;

        if (!ip_prefix_contains(&n->config.pod_cidr, &pod->addr))
                return err_set(e, -EINVAL, "the pod's address is not in this node's pod range");
        j = link_job_new(pod->uid, done, userdata);
        if (!j)
                return err_errno(e, -ENOMEM, "pod interface");
        j->netns_fd = fcntl(pod->netns_fd, F_DUPFD_CLOEXEC, 3);
        if (j->netns_fd < 0) {
                int r = -errno;

                link_job_free(j);
                return err_errno(e, r, "the pod's network namespace");
        }
        j->config = (struct veth_config){ .name = j->name,
                                          .netns_fd = j->netns_fd,
                                          .addr = pod->addr,
                                          .gateway = network_gateway(n),
                                          .mtu = n->mtu };
        return submit_link(n, j, e);
}

int network_detach(struct network *n, const char *pod_uid, network_done_fn done, void *userdata,
                   struct err *e) {
        struct link_job *j = link_job_new(pod_uid, done, userdata);

        if (!j)
                return err_errno(e, -ENOMEM, "pod interface");
        return submit_link(n, j, e);
}

/* --- rules
 * ---------------------------------------------------------------------------------------- */

static int rules_start(struct network *n, struct err *e);

static void rules_job_free(struct rules_job *j) {
        netlink_close(&j->nl);
        strbuf_done(&j->bytes);
        nft_diff_done(&j->diff);
        nft_model_unref(j->target);
        free(j);
}

static int rules_run(void *userdata) {
        struct rules_job *j = userdata;
        int r;

        r = rules_commit(&j->nl, &j->bytes, &j->e);
        if (r < 0)
                return r;
        /* The rules are in force; a flow that wasn't forgotten ends by its own time-out. */
        if (j->diff.n_gone_udp > 0)
                (void) conntrack_flush(&j->nl, j->diff.gone_udp, j->diff.n_gone_udp, NULL);
        return 0;
}

static void note_applied(struct network *n, struct rules_job *j) {
        if (j->is_full)
                n->chains = (struct rules_chains){ 0 };
        for (size_t i = 0; i < j->diff.n_chains; i++)
                rules_chains_add(&n->chains, j->diff.chains[i]);
        nft_model_unref(n->applied);
        n->applied = STEAL(j->target);
}

static void rules_done(void *userdata, int r) {
        struct rules_job *j = userdata;
        struct network *n = j->network;
        uint64_t seq = j->seq;
        struct err e = j->e;

        if (r == -ECANCELED) {
                rules_job_free(j);
                return;
        }
        n->running = NULL;
        n->nl.socket = STEAL(j->nl.socket);
        if (r >= 0) {
                note_applied(n, j);
        } else {
                nft_model_unref(STEAL(n->applied));
                if (!j->is_full && !n->wanted)
                        n->wanted = STEAL(j->target);
        }
        if (r < 0 && !j->is_full)
                seq = 0; /* the full load that follows answers */
        rules_job_free(j);
        if (n->wanted) {
                struct err start = { 0 };
                int s = rules_start(n, &start);

                if (s < 0) {
                        answer_waiters(n, UINT64_MAX, s, &start);
                        return;
                }
        }
        answer_waiters(n, seq, r, &e);
}

static int rules_start(struct network *n, struct err *e) {
        AUTO(nft_model) struct nft_model *target = STEAL(n->wanted);
        const struct rules_facts facts = facts_of(n);
        struct rules_job *j = calloc(1, sizeof(*j));
        int r;

        if (!j)
                return err_errno(e, -ENOMEM, "service rules");
        j->network = n;
        j->seq = n->wanted_seq;
        j->is_full = !n->applied;
        r = nft_plan_diff(n->applied, target, &j->diff, e);
        if (r == 0) {
                j->target = STEAL(target);
                if (j->is_full)
                        rules_encode_full(&j->bytes, &facts, &j->diff);
                else
                        rules_encode_diff(&j->bytes, &j->diff, &n->chains);
                j->nl.socket = STEAL(n->nl.socket);
                r = work_submit_for(n->owner, rules_run, rules_done, j);
                if (r < 0)
                        (void) err_errno(e, r, "cannot start the work on service rules");
        }
        if (r < 0) {
                rules_job_free(j);
                return r;
        }
        n->running = j;
        return 0;
}

/* Whether the newest model that is known, in force or under way, is this one already. */
static bool is_in_force(const struct network *n, const struct nft_model *model) {
        struct nft_diff d;
        bool is_same;

        if (n->running || n->wanted || !n->applied ||
            nft_plan_diff(n->applied, model, &d, NULL) < 0)
                return false;
        is_same = nft_diff_is_empty(&d);
        nft_diff_done(&d);
        return is_same;
}

int network_rules_apply(struct network *n, struct nft_model *model, network_done_fn done,
                        void *userdata, struct err *e) {
        struct waiter *w = NULL;

        if (is_in_force(n, model)) {
                struct err none = { 0 };

                if (done)
                        done(userdata, 0, &none);
                return 0;
        }
        if (done) {
                w = calloc(1, sizeof(*w));
                if (!w)
                        return err_errno(e, -ENOMEM, "service rules");
                *w = (struct waiter){ .done = done, .userdata = userdata };
        }
        nft_model_unref(n->wanted);
        n->wanted = nft_model_ref(model);
        n->wanted_seq++;
        if (!n->running) {
                int r = rules_start(n, e);

                if (r < 0) {
                        free(w);
                        return r;
                }
        }
        if (w) {
                w->seq = n->wanted_seq;
                list_append(&n->waiters, &w->entry);
        }
        return 0;
}

const struct nft_model *network_rules_applied(const struct network *n) {
        return n->applied;
}
