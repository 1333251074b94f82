#include "daemon/plan/schedule_node.h"

#include "api/kinds/labels.h"
#include "api/kinds/node.h"
#include "api/kinds/pod.h"
#include "base/array.h"
#include "base/str.h"
#include "daemon/plan/pod_amount.h"
#include "daemon/plan/taint.h"

#include <stdio.h>
#include <string.h>

void schedule_node_done(struct schedule_node *n) {
        free(n->ports);
}

static int64_t amount_add(int64_t a, int64_t b) {
        int64_t sum;

        return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* Beyond SCHEDULE_AMOUNTS_MAX names a resource isn't counted: no node that orch runs on has as
 * many. */
static int64_t *request_amount(struct schedule_request *r, const char *name) {
        for (size_t i = 0; i < r->n; i++)
                if (str_eq(r->items[i].name, name))
                        return &r->items[i].milli;
        if (r->n == SCHEDULE_AMOUNTS_MAX)
                return NULL;
        r->items[r->n] = (struct schedule_amount){ .name = name };
        return &r->items[r->n++].milli;
}

static void request_add(struct schedule_request *r, const struct pod *p,
                        const struct container *c) {
        const struct quantity_map *m = &c->resources.requests;

        for (size_t i = 0; i < m->n; i++) {
                const char *name = m->items[i].key;
                int64_t *milli = request_amount(r, name);

                if (milli)
                        *milli = amount_add(*milli, pod_amount_held_by(p, c, name, false).milli);
        }
}

static void request_max(struct schedule_request *r, const struct schedule_request *other) {
        for (size_t i = 0; i < other->n; i++) {
                int64_t *milli = request_amount(r, other->items[i].name);

                if (milli)
                        *milli = MAX(*milli, other->items[i].milli);
        }
}

/* Init containers run one after another, before the others; sidecars (restartPolicy Always) stay,
 * so they count for all that come after them. */
void schedule_request_of(const struct pod *p, struct schedule_request *ret) {
        struct schedule_request sidecars = { 0 }, init_most = { 0 };

        for (size_t i = 0; i < p->spec.init_containers.n; i++) {
                const struct container *c = &p->spec.init_containers.items[i];
                struct schedule_request one;

                if (str_eq(c->restart_policy, "Always"))
                        request_add(&sidecars, p, c);
                one = sidecars;
                if (!str_eq(c->restart_policy, "Always"))
                        request_add(&one, p, c);
                request_max(&init_most, &one);
        }
        *ret = sidecars;
        for (size_t i = 0; i < p->spec.containers.n; i++)
                request_add(ret, p, &p->spec.containers.items[i]);
        request_max(ret, &init_most);
}

static bool ports_clash(const struct schedule_port *a, const struct schedule_port *b) {
        bool any = str_is_empty(a->ip) || str_is_empty(b->ip) || str_eq(a->ip, "0.0.0.0") ||
                   str_eq(b->ip, "0.0.0.0");

        return a->port == b->port && str_eq(a->protocol, b->protocol) &&
               (any || str_eq(a->ip, b->ip));
}

static struct schedule_port port_of(const struct pod *p, const struct container_port *port) {
        return (struct schedule_port){
                .protocol = port->protocol ? port->protocol : "TCP",
                .ip = port->host_ip,
                .port = port->host_port == 0 && p->spec.host_network ? port->container_port
                                                                     : port->host_port,
        };
}

int schedule_node_add(struct schedule_node *n, const struct pod *p) {
        struct schedule_request r;

        schedule_request_of(p, &r);
        for (size_t i = 0; i < r.n; i++) {
                int64_t *milli = request_amount(&n->used, r.items[i].name);

                if (milli)
                        *milli = amount_add(*milli, r.items[i].milli);
        }
        n->n_pods++;
        for (size_t i = 0; i < p->spec.containers.n; i++) {
                const struct container *c = &p->spec.containers.items[i];

                for (size_t k = 0; k < c->ports.n; k++) {
                        struct schedule_port port = port_of(p, &c->ports.items[k]);

                        if (port.port == 0)
                                continue;
                        if (array_reserve(&n->ports, &n->cap_ports, n->n_ports, sizeof(*n->ports)) <
                            0)
                                return -ENOMEM;
                        n->ports[n->n_ports++] = port;
                }
        }
        return 0;
}

static bool node_has_ports(const struct schedule_node *n, const struct pod *p) {
        for (size_t i = 0; i < p->spec.containers.n; i++) {
                const struct container *c = &p->spec.containers.items[i];

                for (size_t k = 0; k < c->ports.n; k++) {
                        struct schedule_port port = port_of(p, &c->ports.items[k]);

                        if (port.port == 0)
                                continue;
                        for (size_t m = 0; m < n->n_ports; m++)
                                if (ports_clash(&port, &n->ports[m]))
                                        return false;
                }
        }
        return true;
}

static int64_t node_allocatable(const struct schedule_node *n, const char *name) {
        struct quantity q = quantity_map_get(&n->node->status.allocatable, name);

        return q.is_set ? q.milli : 0;
}

static int64_t node_used(const struct schedule_node *n, const char *name) {
        for (size_t i = 0; i < n->used.n; i++)
                if (str_eq(n->used.items[i].name, name))
                        return n->used.items[i].milli;
        return 0;
}

static bool node_has_resources(const struct schedule_node *n, const struct schedule_request *r,
                               const struct schedule_why *why) {
        struct quantity pods = quantity_map_get(&n->node->status.allocatable, "pods");
        char reason[SCHEDULE_REASON_MAX];
        bool fits = true;

        if (pods.is_set && amount_add(n->n_pods * 1000, 1000) > pods.milli) {
                why->say(why->data, "Too many pods");
                fits = false;
        }
        for (size_t i = 0; i < r->n; i++) {
                const char *name = r->items[i].name;

                if (r->items[i].milli == 0 ||
                    amount_add(node_used(n, name), r->items[i].milli) <= node_allocatable(n, name))
                        continue;
                (void) snprintf(reason, sizeof(reason), "Insufficient %s", name);
                why->say(why->data, reason);
                fits = false;
        }
        return fits;
}

static bool node_is_tolerated(const struct schedule_node *n, const struct pod *p,
                              const struct schedule_why *why) {
        char reason[SCHEDULE_REASON_MAX];

        for (size_t i = 0; i < n->node->spec.taints.n; i++) {
                const struct taint *t = &n->node->spec.taints.items[i];

                if (str_eq(t->effect, "PreferNoSchedule") || taint_toleration(&p->spec, t))
                        continue;
                (void) snprintf(reason, sizeof(reason), "node(s) had untolerated taint {%s: %s}",
                                t->key, str_or_empty(t->value));
                why->say(why->data, reason);
                return false;
        }
        return true;
}

/* kubectl cordon: a pod that tolerates the taint of the same name goes there all the same. */
static bool node_is_open(const struct schedule_node *n, const struct pod *p) {
        const struct taint cordon = { .key = TAINT_UNSCHEDULABLE, .effect = "NoSchedule" };

        return !n->node->spec.unschedulable || taint_toleration(&p->spec, &cordon);
}

bool schedule_node_fits(const struct schedule_node *n, const struct pod *p,
                        const struct schedule_request *request, const struct schedule_why *why) {
        if (!node_is_open(n, p)) {
                why->say(why->data, "node(s) were unschedulable");
                return false;
        }
        if (!node_is_tolerated(n, p, why))
                return false;
        if (!string_map_is_subset(&p->spec.node_selector, &n->node->metadata.labels)) {
                why->say(why->data, "node(s) didn't match Pod's node affinity/selector");
                return false;
        }
        if (!node_has_ports(n, p)) {
                why->say(why->data, "node(s) didn't have free ports for the requested pod ports");
                return false;
        }
        return node_has_resources(n, request, why);
}

/* Free share of one resource after the request, 0 to 100. */
static int64_t score_free(const struct schedule_node *n, const struct schedule_request *r,
                          const char *name) {
        int64_t all = node_allocatable(n, name), used = node_used(n, name);

        for (size_t i = 0; i < r->n; i++)
                if (str_eq(r->items[i].name, name))
                        used = amount_add(used, r->items[i].milli);
        if (all <= 0 || used >= all)
                return 0;
        return (int64_t) ((__int128) (all - used) * 100 / all);
}

int64_t schedule_node_score(const struct schedule_node *n, const struct schedule_request *request) {
        int64_t score = (score_free(n, request, "cpu") + score_free(n, request, "memory")) / 2;

        for (size_t i = 0; i < n->node->spec.taints.n; i++)
                if (str_eq(n->node->spec.taints.items[i].effect, "PreferNoSchedule"))
                        score /= 2;
        return score;
}
