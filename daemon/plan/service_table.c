#include "daemon/plan/service_table.h"

#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/service.h"
#include "base/arena.h"
#include "base/array.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define SERVICE_NAME_LABEL "kubernetes.io/service-name"

struct slice_ref {
        const char *namespace;
        const char *service;
        const struct endpoint_slice *slice;
};

struct join {
        struct service_table *t;
        const struct service **services; /* sorted like t->items, beside them */
        struct slice_ref *slices;        /* sorted by service */
        const char **namespaces;
        size_t n_services, services_cap, n_slices, slices_cap, n_namespaces, namespaces_cap;
};

/* --- life
 * ------------------------------------------------------------------------------------------ */

struct service_table *service_table_ref(struct service_table *t) {
        if (t)
                t->refs++;
        return t;
}

void service_table_unref(struct service_table *t) {
        if (!t || --t->refs > 0)
                return;
        /* The table itself lies in the arena. */
        arena_unref(t->arena);
}

static int name_compare(const char *ns_a, const char *a, const char *ns_b, const char *b) {
        int r = strcmp(ns_a, ns_b);

        return r != 0 ? r : strcmp(a, b);
}

const struct service_entry *service_table_find(const struct service_table *t, const char *namespace,
                                               const char *name) {
        size_t low = 0, high = t->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const struct service_entry *s = &t->items[middle];
                int r = name_compare(s->namespace, s->name, namespace, name);

                if (r == 0)
                        return s;
                if (r < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

/* --- small parts
 * ------------------------------------------------------------------------------------ */

static const char *label_of(const struct object_meta *m, const char *key) {
        for (size_t i = 0; i < m->labels.n; i++)
                if (str_eq(m->labels.items[i].key, key))
                        return m->labels.items[i].value;
        return NULL;
}

static enum service_protocol protocol_of(const char *text) {
        if (str_eq(text, "UDP"))
                return PROTOCOL_UDP;
        if (str_eq(text, "SCTP"))
                return PROTOCOL_SCTP;
        return PROTOCOL_TCP;
}

static bool is_port(int64_t port) {
        return port >= 1 && port <= 65535;
}

static enum service_kind_of kind_of(const struct service *s) {
        if (str_eq(s->spec.type, "ExternalName"))
                return SERVICE_EXTERNAL;
        if (str_eq(s->spec.cluster_ip, "None"))
                return SERVICE_HEADLESS;
        return SERVICE_VIRTUAL;
}

/* --- one service
 * ------------------------------------------------------------------------------------ */

static int add_addrs(struct arena *arena, const struct service *s, struct service_entry *entry) {
        struct ip_addr *addrs = arena_alloc_n(arena, s->spec.cluster_ips.n + 1, sizeof(*addrs));

        if (!addrs)
                return -ENOMEM;
        entry->addrs = addrs;
        if (entry->kind != SERVICE_VIRTUAL)
                return 0;
        for (size_t i = 0; i < s->spec.cluster_ips.n; i++)
                if (ip_parse(s->spec.cluster_ips.items[i], &addrs[entry->n_addrs]) == 0)
                        entry->n_addrs++;
        if (entry->n_addrs == 0 && ip_parse(s->spec.cluster_ip, &addrs[0]) == 0)
                entry->n_addrs = 1;
        return 0;
}

static int add_ports(struct arena *arena, const struct service *s, struct service_entry *entry) {
        struct service_table_port *ports = arena_alloc_n(arena, s->spec.ports.n, sizeof(*ports));

        if (!ports)
                return -ENOMEM;
        entry->ports = ports;
        for (size_t i = 0; i < s->spec.ports.n; i++) {
                const struct service_port *p = &s->spec.ports.items[i];

                if (!is_port(p->port))
                        continue;
                ports[entry->n_ports] = (struct service_table_port){
                        .name = arena_strdup(arena, str_or_empty(p->name)),
                        .protocol = protocol_of(p->protocol),
                        .port = (uint16_t) p->port,
                };
                if (!ports[entry->n_ports].name)
                        return -ENOMEM;
                entry->n_ports++;
        }
        return 0;
}

/* The port that a slice offers for a port of the service, by name and protocol; 0: none. */
static uint16_t port_in_slice(const struct endpoint_slice *slice,
                              const struct service_table_port *port) {
        for (size_t i = 0; i < slice->ports.n; i++) {
                const struct endpoint_port *p = &slice->ports.items[i];

                if (p->port.is_set && is_port(p->port.value) &&
                    str_eq(str_or_empty(p->name), port->name) &&
                    protocol_of(p->protocol) == port->protocol)
                        return (uint16_t) p->port.value;
        }
        return 0;
}

static int read_endpoint(struct arena *arena, const struct endpoint *from,
                         const struct endpoint_slice *slice, const struct service_entry *entry,
                         struct service_table_endpoint *to) {
        const struct endpoint_conditions *c = &from->conditions;
        uint16_t *ports = arena_alloc_n(arena, entry->n_ports, sizeof(*ports));

        if (!ports)
                return -ENOMEM;
        for (size_t i = 0; i < entry->n_ports; i++)
                ports[i] = port_in_slice(slice, &entry->ports[i]);
        to->ports = ports;
        to->is_ready = !c->ready.is_set || c->ready.value;
        to->is_serving = c->serving.is_set ? c->serving.value : to->is_ready;
        to->is_terminating = c->terminating.is_set && c->terminating.value;
        if (from->hostname && !(to->hostname = arena_strdup(arena, from->hostname)))
                return -ENOMEM;
        if (from->target_ref && from->target_ref->name &&
            !(to->pod = arena_strdup(arena, from->target_ref->name)))
                return -ENOMEM;
        return 0;
}

static int endpoint_compare(const void *a, const void *b) {
        return ip_compare(&((const struct service_table_endpoint *) a)->addr,
                          &((const struct service_table_endpoint *) b)->addr);
}

/* Two slices may hold one address, each with a part of its ports. Returns how many remain. */
static size_t merge_endpoints(struct service_table_endpoint *eps, size_t n, size_t n_ports) {
        size_t kept = 0;

        if (n == 0)
                return 0;
        qsort(eps, n, sizeof(*eps), endpoint_compare);
        for (size_t i = 1; i < n; i++) {
                struct service_table_endpoint *to = &eps[kept];

                if (!ip_eq(&to->addr, &eps[i].addr)) {
                        eps[++kept] = eps[i];
                        continue;
                }
                to->is_ready |= eps[i].is_ready;
                to->is_serving |= eps[i].is_serving;
                to->is_terminating &= eps[i].is_terminating;
                if (!to->hostname)
                        to->hostname = eps[i].hostname;
                if (!to->pod)
                        to->pod = eps[i].pod;
                for (size_t p = 0; p < n_ports; p++)
                        if (to->ports[p] == 0)
                                ((uint16_t *) to->ports)[p] = eps[i].ports[p];
        }
        return kept + 1;
}

static size_t count_addresses(const struct slice_ref *slices, size_t n) {
        size_t sum = 0;

        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < slices[i].slice->endpoints.n; k++)
                        sum += slices[i].slice->endpoints.items[k].addresses.n;
        return sum;
}

/* Fills in the endpoints of n slices, all of the entry's service. */
static int add_endpoints(struct arena *arena, const struct slice_ref *slices, size_t n,
                         struct service_entry *entry) {
        struct service_table_endpoint *eps =
                arena_alloc_n(arena, count_addresses(slices, n), sizeof(*eps));
        size_t n_eps = 0;

        if (!eps)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const struct endpoint_slice *slice = slices[i].slice;

                for (size_t k = 0; k < slice->endpoints.n; k++) {
                        const struct endpoint *ep = &slice->endpoints.items[k];

                        for (size_t a = 0; a < ep->addresses.n; a++) {
                                if (ip_parse(ep->addresses.items[a], &eps[n_eps].addr) < 0)
                                        continue;
                                if (read_endpoint(arena, ep, slice, entry, &eps[n_eps]) < 0)
                                        return -ENOMEM;
                                n_eps++;
                        }
                }
        }
        entry->endpoints = eps;
        entry->n_endpoints = merge_endpoints(eps, n_eps, entry->n_ports);
        return 0;
}

static int fill_entry(struct arena *arena, const struct service *s, struct service_entry *entry) {
        *entry = (struct service_entry){
                .namespace = arena_strdup(arena, str_or_empty(s->metadata.namespace)),
                .name = arena_strdup(arena, str_or_empty(s->metadata.name)),
                .kind = kind_of(s),
                .has_affinity = str_eq(s->spec.session_affinity, "ClientIP"),
                .is_publishing_unready = s->spec.publish_not_ready_addresses,
        };
        if (!entry->namespace || !entry->name)
                return -ENOMEM;
        if (entry->kind == SERVICE_EXTERNAL && s->spec.external_name &&
            !(entry->external_name = arena_strdup(arena, s->spec.external_name)))
                return -ENOMEM;
        if (add_addrs(arena, s, entry) < 0)
                return -ENOMEM;
        return add_ports(arena, s, entry);
}

/* --- the join
 * ---------------------------------------------------------------------------------------- */

static int service_compare(const void *a, const void *b) {
        const struct object_meta *x = &(*(const struct service *const *) a)->metadata;
        const struct object_meta *y = &(*(const struct service *const *) b)->metadata;

        return name_compare(str_or_empty(x->namespace), str_or_empty(x->name),
                            str_or_empty(y->namespace), str_or_empty(y->name));
}

static int slice_compare(const void *a, const void *b) {
        const struct slice_ref *x = a, *y = b;

        return name_compare(x->namespace, x->service, y->namespace, y->service);
}

static int text_compare(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int collect_namespace(struct join *j, const char *name) {
        if (str_is_empty(name))
                return 0;
        if (array_reserve(&j->namespaces, &j->namespaces_cap, j->n_namespaces,
                          sizeof(*j->namespaces)) < 0)
                return -ENOMEM;
        j->namespaces[j->n_namespaces++] = name;
        return 0;
}

static int collect(struct join *j, const struct object *o) {
        if (o->kind == &namespace_kind)
                return collect_namespace(j, o->meta->name);
        if (o->kind == &service_kind) {
                if (array_reserve(&j->services, &j->services_cap, j->n_services,
                                  sizeof(*j->services)) < 0)
                        return -ENOMEM;
                j->services[j->n_services++] = OBJECT_AS(service, o);
                return collect_namespace(j, o->meta->namespace);
        }
        if (o->kind == &endpoint_slice_kind) {
                const char *service = label_of(o->meta, SERVICE_NAME_LABEL);

                if (!service)
                        return 0;
                if (array_reserve(&j->slices, &j->slices_cap, j->n_slices, sizeof(*j->slices)) < 0)
                        return -ENOMEM;
                j->slices[j->n_slices++] =
                        (struct slice_ref){ str_or_empty(o->meta->namespace), service,
                                            OBJECT_AS(endpoint_slice, o) };
        }
        return 0;
}

static int fill_namespaces(struct join *j) {
        struct service_table *t = j->t;

        t->namespaces = arena_alloc_n(t->arena, j->n_namespaces, sizeof(*t->namespaces));
        if (!t->namespaces)
                return -ENOMEM;
        if (j->n_namespaces > 0)
                qsort(j->namespaces, j->n_namespaces, sizeof(*j->namespaces), text_compare);
        for (size_t i = 0; i < j->n_namespaces; i++) {
                if (i > 0 && str_eq(j->namespaces[i], j->namespaces[i - 1]))
                        continue;
                t->namespaces[t->n_namespaces] = arena_strdup(t->arena, j->namespaces[i]);
                if (!t->namespaces[t->n_namespaces++])
                        return -ENOMEM;
        }
        return 0;
}

/* Walks the two sorted lists side by side. */
static int fill_table(struct join *j) {
        struct service_table *t = j->t;
        size_t at = 0;

        if (j->n_services > 0)
                qsort(j->services, j->n_services, sizeof(*j->services), service_compare);
        if (j->n_slices > 0)
                qsort(j->slices, j->n_slices, sizeof(*j->slices), slice_compare);
        t->items = arena_alloc_n(t->arena, j->n_services, sizeof(*t->items));
        if (!t->items)
                return -ENOMEM;
        for (; t->n < j->n_services; t->n++) {
                struct service_entry *entry = &t->items[t->n];
                struct slice_ref key = { 0 };
                size_t end;

                if (fill_entry(t->arena, j->services[t->n], entry) < 0)
                        return -ENOMEM;
                key.namespace = entry->namespace;
                key.service = entry->name;
                while (at < j->n_slices && slice_compare(&j->slices[at], &key) < 0)
                        at++;
                for (end = at; end < j->n_slices && slice_compare(&j->slices[end], &key) == 0;)
                        end++;
                if (add_endpoints(t->arena, j->slices + at, end - at, entry) < 0)
                        return -ENOMEM;
        }
        return fill_namespaces(j);
}

static int join_objects(struct join *j, struct object *const *objects, size_t n, struct err *e) {
        for (size_t i = 0; i < n; i++)
                if (collect(j, objects[i]) < 0)
                        return err_errno(e, -ENOMEM, "table of services");
        if (j->n_services > SERVICE_TABLE_MAX)
                return err_set(e, -EINVAL, "%zu services are more than the %d a node can serve",
                               j->n_services, SERVICE_TABLE_MAX);
        if (fill_table(j) < 0)
                return err_errno(e, -ENOMEM, "table of services");
        return 0;
}

int service_table_new(struct object *const *objects, size_t n, struct service_table **ret,
                      struct err *e) {
        struct arena *arena = arena_new(0);
        struct join j = { .t = arena ? arena_alloc(arena, sizeof(*j.t)) : NULL };
        int r;

        if (!j.t) {
                arena_unref(arena);
                return err_errno(e, -ENOMEM, "table of services");
        }
        j.t->arena = arena;
        j.t->refs = 1;
        r = join_objects(&j, objects, n, e);
        free(j.services);
        free(j.slices);
        free(j.namespaces);
        if (r < 0)
                service_table_unref(j.t);
        else
                *ret = j.t;
        return r;
}
