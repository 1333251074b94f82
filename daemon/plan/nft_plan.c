#include "daemon/plan/nft_plan.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

/* What is being built, with the room of its arrays. */
struct build {
        struct nft_model *m;
        size_t services_cap, endpoints_cap, hairpins_cap;
        const struct nft_model *before; /* NULL: nothing */
        const struct ip_prefix *pod_cidr;
};

/* Where one port of a service leads. */
struct target {
        uint32_t addr;
        uint16_t port;
        bool is_placed;
};

static int key_compare(const struct nft_key *a, const struct nft_key *b) {
        if (a->addr != b->addr)
                return a->addr < b->addr ? -1 : 1;
        if (a->protocol != b->protocol)
                return a->protocol < b->protocol ? -1 : 1;
        if (a->port != b->port)
                return a->port < b->port ? -1 : 1;
        if (a->slot != b->slot)
                return a->slot < b->slot ? -1 : 1;
        return 0;
}

static int service_compare(const void *a, const void *b) {
        return key_compare(&((const struct nft_service *) a)->key,
                           &((const struct nft_service *) b)->key);
}

static int endpoint_compare(const void *a, const void *b) {
        return key_compare(&((const struct nft_endpoint *) a)->key,
                           &((const struct nft_endpoint *) b)->key);
}

static int u32_compare(const void *a, const void *b) {
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

        return x < y ? -1 : x > y;
}

static void model_free_arrays(struct nft_model *m) {
        free(m->services);
        free(m->endpoints);
        free(m->hairpins);
}

struct nft_model *nft_model_ref(struct nft_model *m) {
        if (m)
                m->refs++;
        return m;
}

void nft_model_unref(struct nft_model *m) {
        if (!m || --m->refs > 0)
                return;
        model_free_arrays(m);
        free(m);
}

/* The first endpoint of m whose key is not before the key given. */
static size_t endpoint_lower_bound(const struct nft_model *m, const struct nft_key *key) {
        size_t low = 0, high = m ? m->n_endpoints : 0;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (key_compare(&m->endpoints[middle].key, key) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static bool is_same_service(const struct nft_key *a, const struct nft_key *b) {
        return a->addr == b->addr && a->protocol == b->protocol && a->port == b->port;
}

/* Collects where a port leads: ready endpoints or, where there is none, those that still serve
 * while they end (KEP-1669). Returns how many; targets has room for NFT_SLOTS_MAX. */
static size_t targets_of(const struct service_entry *s, size_t port, struct target *targets) {
        size_t n = 0;

        for (int pass = 0; pass < 2 && n == 0; pass++) {
                for (size_t i = 0; i < s->n_endpoints && n < NFT_SLOTS_MAX; i++) {
                        const struct service_table_endpoint *ep = &s->endpoints[i];
                        bool is_wanted = pass == 0 ? ep->is_ready || s->is_publishing_unready
                                                   : ep->is_serving && ep->is_terminating;

                        if (!is_wanted || ep->addr.family != IP_V4 || ep->ports[port] == 0)
                                continue;
                        targets[n++] = (struct target){ .addr = ip_to_u32(&ep->addr),
                                                        .port = ep->ports[port] };
                }
        }
        return n;
}

static int add_endpoint(struct build *b, const struct nft_key *key, uint32_t slot,
                        struct target *to) {
        struct nft_model *m = b->m;
        int r;

        r = array_reserve(&m->endpoints, &b->endpoints_cap, m->n_endpoints, sizeof(*m->endpoints));
        if (r < 0)
                return r;
        m->endpoints[m->n_endpoints] =
                (struct nft_endpoint){ .key = *key, .to_addr = to->addr, .to_port = to->port };
        m->endpoints[m->n_endpoints++].key.slot = slot;
        to->is_placed = true;
        return 0;
}

/* Gives the n targets slots 0 … n - 1; those that had a slot below n keep it. */
static int place_targets(struct build *b, const struct nft_key *key, struct target *targets,
                         size_t n) {
        AUTO_FREE uint8_t *is_taken = calloc(n, 1);
        size_t slot = 0;
        int r;

        if (!is_taken)
                return -ENOMEM;
        for (size_t i = endpoint_lower_bound(b->before, key);
             b->before && i < b->before->n_endpoints; i++) {
                const struct nft_endpoint *old = &b->before->endpoints[i];

                if (!is_same_service(&old->key, key) || old->key.slot >= n)
                        break;
                for (size_t t = 0; t < n; t++) {
                        if (targets[t].is_placed || targets[t].addr != old->to_addr ||
                            targets[t].port != old->to_port)
                                continue;
                        r = add_endpoint(b, key, old->key.slot, &targets[t]);
                        if (r < 0)
                                return r;
                        is_taken[old->key.slot] = 1;
                        break;
                }
        }
        for (size_t t = 0; t < n; t++) {
                if (targets[t].is_placed)
                        continue;
                while (is_taken[slot])
                        slot++;
                r = add_endpoint(b, key, (uint32_t) slot++, &targets[t]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_hairpins(struct build *b, const struct target *targets, size_t n) {
        struct nft_model *m = b->m;

        for (size_t i = 0; i < n; i++) {
                struct ip_addr addr = ip_from_u32(targets[i].addr);
                int r;

                if (!ip_prefix_contains(b->pod_cidr, &addr))
                        continue;
                r = array_reserve(&m->hairpins, &b->hairpins_cap, m->n_hairpins,
                                  sizeof(*m->hairpins));
                if (r < 0)
                        return r;
                m->hairpins[m->n_hairpins++] = targets[i].addr;
        }
        return 0;
}

static int add_service(struct build *b, const struct nft_key *key, bool is_sticky,
                       struct target *targets, size_t n) {
        struct nft_model *m = b->m;
        int r;

        r = array_reserve(&m->services, &b->services_cap, m->n_services, sizeof(*m->services));
        if (r < 0)
                return r;
        m->services[m->n_services++] = (struct nft_service){
                .key = *key,
                .chain = (uint32_t) n | (is_sticky ? NFT_CHAIN_STICKY : 0),
        };
        for (size_t i = 0; i < n; i++)
                targets[i].is_placed = false;
        r = place_targets(b, key, targets, n);
        return r < 0 ? r : add_hairpins(b, targets, n);
}

/* Two services can't share an address and port; where bad data says so, the first one wins. */
static bool has_port_before(const struct service_entry *s, size_t port) {
        for (size_t i = 0; i < port; i++)
                if (s->ports[i].port == s->ports[port].port &&
                    s->ports[i].protocol == s->ports[port].protocol)
                        return true;
        return false;
}

static int add_entry(struct build *b, const struct service_entry *s, struct target *targets) {
        for (size_t p = 0; p < s->n_ports; p++) {
                size_t n = has_port_before(s, p) ? 0 : targets_of(s, p, targets);

                if (n == 0)
                        continue;
                for (size_t a = 0; a < s->n_addrs; a++) {
                        struct nft_key key = { .port = s->ports[p].port,
                                               .protocol = (uint8_t) s->ports[p].protocol };
                        int r;

                        if (s->addrs[a].family != IP_V4)
                                continue;
                        key.addr = ip_to_u32(&s->addrs[a]);
                        r = add_service(b, &key, s->has_affinity, targets, n);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* Keeps the first of equal neighbours. Returns how many remain. */
static size_t remove_doubles(void *items, size_t n, size_t size,
                             int (*compare)(const void *, const void *)) {
        char *base = items;
        size_t kept = 0;

        if (n == 0)
                return 0;
        qsort(items, n, size, compare);
        for (size_t i = 1; i < n; i++)
                if (compare(base + kept * size, base + i * size) != 0)
                        memmove(base + ++kept * size, base + i * size, size);
        return kept + 1;
}

static int plan_services(struct build *b, const struct service_table *t) {
        AUTO_FREE struct target *targets = calloc(NFT_SLOTS_MAX, sizeof(*targets));
        struct nft_model *m = b->m;

        if (!targets)
                return -ENOMEM;
        for (size_t i = 0; i < t->n; i++) {
                int r;

                if (t->items[i].kind != SERVICE_VIRTUAL)
                        continue;
                r = add_entry(b, &t->items[i], targets);
                if (r < 0)
                        return r;
        }
        m->n_services =
                remove_doubles(m->services, m->n_services, sizeof(*m->services), service_compare);
        m->n_endpoints = remove_doubles(m->endpoints, m->n_endpoints, sizeof(*m->endpoints),
                                        endpoint_compare);
        m->n_hairpins =
                remove_doubles(m->hairpins, m->n_hairpins, sizeof(*m->hairpins), u32_compare);
        return 0;
}

int nft_plan(const struct service_table *t, const struct ip_prefix *pod_cidr,
             const struct nft_model *before, struct nft_model **ret, struct err *e) {
        AUTO(nft_model) struct nft_model *m = calloc(1, sizeof(*m));
        struct build b = { .m = m, .before = before, .pod_cidr = pod_cidr };
        int r;

        if (!m)
                return err_errno(e, -ENOMEM, "service rules");
        m->refs = 1;
        r = plan_services(&b, t);
        if (r < 0)
                return err_errno(e, r, "service rules");
        *ret = STEAL(m);
        return 0;
}

/* --- the difference ------------------------------------------------------------------------- */

/* One sorted list of one model against that of another. */
struct side {
        const void *items;
        size_t n;
};

/* Copies what is in `from` but not, byte for byte, in `to`. key_of: compare by key. */
static int list_subtract(struct side from, struct side to, size_t size,
                         int (*compare)(const void *, const void *), void **ret, size_t *ret_n) {
        const char *f = from.items, *t = to.items;
        char *out = from.n > 0 ? calloc(from.n, size) : NULL;
        size_t n = 0, j = 0;

        if (from.n > 0 && !out)
                return -ENOMEM;
        for (size_t i = 0; i < from.n; i++) {
                while (j < to.n && compare(t + j * size, f + i * size) < 0)
                        j++;
                if (j < to.n && memcmp(t + j * size, f + i * size, size) == 0)
                        continue;
                memcpy(out + n++ * size, f + i * size, size);
        }
        *ret = out;
        *ret_n = n;
        return 0;
}

static int model_subtract(const struct nft_model *from, const struct nft_model *to,
                          struct nft_model *ret) {
        int r;

        r = list_subtract((struct side){ from->services, from->n_services },
                          (struct side){ to->services, to->n_services }, sizeof(*from->services),
                          service_compare, (void **) &ret->services, &ret->n_services);
        if (r < 0)
                return r;
        r = list_subtract((struct side){ from->endpoints, from->n_endpoints },
                          (struct side){ to->endpoints, to->n_endpoints }, sizeof(*from->endpoints),
                          endpoint_compare, (void **) &ret->endpoints, &ret->n_endpoints);
        if (r < 0)
                return r;
        return list_subtract((struct side){ from->hairpins, from->n_hairpins },
                             (struct side){ to->hairpins, to->n_hairpins }, sizeof(*from->hairpins),
                             u32_compare, (void **) &ret->hairpins, &ret->n_hairpins);
}

static bool still_leads_to(const struct nft_model *m, const struct nft_endpoint *ep) {
        struct nft_key first = ep->key;

        first.slot = 0;
        for (size_t i = endpoint_lower_bound(m, &first); i < m->n_endpoints; i++) {
                if (!is_same_service(&m->endpoints[i].key, &first))
                        return false;
                if (m->endpoints[i].to_addr == ep->to_addr &&
                    m->endpoints[i].to_port == ep->to_port)
                        return true;
        }
        return false;
}

static int find_gone_udp(const struct nft_model *to, struct nft_diff *d) {
        if (d->del.n_endpoints == 0)
                return 0;
        d->gone_udp = calloc(d->del.n_endpoints, sizeof(*d->gone_udp));
        if (!d->gone_udp)
                return -ENOMEM;
        for (size_t i = 0; i < d->del.n_endpoints; i++)
                if (d->del.endpoints[i].key.protocol == PROTOCOL_UDP &&
                    !still_leads_to(to, &d->del.endpoints[i]))
                        d->gone_udp[d->n_gone_udp++] = d->del.endpoints[i];
        return 0;
}

static int find_chains(struct nft_diff *d) {
        if (d->add.n_services == 0)
                return 0;
        d->chains = calloc(d->add.n_services, sizeof(*d->chains));
        if (!d->chains)
                return -ENOMEM;
        for (size_t i = 0; i < d->add.n_services; i++)
                d->chains[i] = d->add.services[i].chain;
        d->n_chains = remove_doubles(d->chains, d->add.n_services, sizeof(*d->chains), u32_compare);
        return 0;
}

void nft_diff_done(struct nft_diff *d) {
        model_free_arrays(&d->del);
        model_free_arrays(&d->add);
        free(d->chains);
        free(d->gone_udp);
        *d = (struct nft_diff){ 0 };
}

int nft_plan_diff(const struct nft_model *from, const struct nft_model *to, struct nft_diff *ret,
                  struct err *e) {
        static const struct nft_model nothing;
        int r;

        *ret = (struct nft_diff){ 0 };
        if (!from)
                from = &nothing;
        r = model_subtract(from, to, &ret->del);
        if (r >= 0)
                r = model_subtract(to, from, &ret->add);
        if (r >= 0)
                r = find_gone_udp(to, ret);
        if (r >= 0)
                r = find_chains(ret);
        if (r < 0) {
                nft_diff_done(ret);
                return err_errno(e, r, "difference of service rules");
        }
        return 0;
}

bool nft_diff_is_empty(const struct nft_diff *d) {
        return d->del.n_services + d->del.n_endpoints + d->del.n_hairpins + d->add.n_services +
                       d->add.n_endpoints + d->add.n_hairpins ==
               0;
}
