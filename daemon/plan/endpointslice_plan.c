#include "daemon/plan/endpointslice_plan.h"

#include "api/kinds/labels.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/service.h"
#include "base/map.h"
#include "base/str.h"
#include "base/uid.h"
#include "daemon/plan/changes.h"

#include <string.h>

#define SLICE_SUFFIX_LEN 5
#define SLICE_BASE_MAX 57
#define SLICE_HEADLESS "service.kubernetes.io/headless"

/* One address that should be in a slice. */
struct want {
        const struct pod *p;
        const char *ip;
        const char *family; /* "IPv4", "IPv6" */
        const int64_t
                *ports; /* as many as the service has; 0: not resolved; borrowed from the view */
        bool is_ready, is_serving, is_terminating;
        bool is_placed;
};

/* A slice as it will be. */
struct slice {
        const struct object *o; /* NULL: to be created */
        const char *family;
        const int64_t *ports; /* of its first want */
        struct want *wants[ENDPOINTSLICE_MAX];
        size_t n;
        bool has_changed;
};

struct slices_view {
        const struct endpointslice_facts *f;
        const struct service *s;
        struct want *wants; /* owned */
        size_t n_wants;
        int64_t *ports;       /* owned: n_pods + 1 rows of n_ports */
        struct map by_uid;    /* family, "/" and pod uid → struct want */
        struct slice *slices; /* owned */
        size_t n_slices;
};

static void view_done(struct slices_view *v) {
        free(v->wants);
        free(v->ports);
        free(v->slices);
        map_done(&v->by_uid, NULL);
}

static const char *address_family(const char *ip) {
        return strchr(ip, ':') ? "IPv6" : "IPv4";
}

static bool service_has_family(const struct service *s, const char *family) {
        if (s->spec.ip_families.n > 0)
                return strings_has(&s->spec.ip_families, family);
        if (s->spec.cluster_ip && strchr(s->spec.cluster_ip, ':'))
                return str_eq(family, "IPv6");
        return str_eq(family, "IPv4");
}

static const char *service_family(const struct service *s) {
        return service_has_family(s, "IPv4") ? "IPv4" : "IPv6";
}

/* ---- what should be ---- */

static int64_t named_port(const struct pod *p, const char *name, const char *protocol) {
        for (size_t i = 0; p && i < p->spec.containers.n; i++) {
                const struct container *c = &p->spec.containers.items[i];

                for (size_t k = 0; k < c->ports.n; k++) {
                        const char *has = c->ports.items[k].protocol;

                        if (str_eq(c->ports.items[k].name, name) &&
                            str_eq(has ? has : "TCP", protocol))
                                return c->ports.items[k].container_port;
                }
        }
        return 0;
}

/* Where a service's port leads to in a pod; 0: the pod has no port of that name. */
static int64_t resolve_port(const struct service_port *port, const struct pod *p) {
        if (port->target_port.kind == INT_OR_STRING_STRING)
                return named_port(p, port->target_port.text,
                                  port->protocol ? port->protocol : "TCP");
        if (port->target_port.kind == INT_OR_STRING_INT && port->target_port.number > 0)
                return port->target_port.number;
        return port->port;
}

static void resolve_ports(const struct service *s, const struct pod *p, int64_t *row) {
        for (size_t i = 0; i < s->spec.ports.n; i++)
                row[i] = resolve_port(&s->spec.ports.items[i], p);
}

static int want_add(struct slices_view *v, const struct pod *p, const char *ip,
                    const int64_t *ports) {
        struct want *w = &v->wants[v->n_wants];
        char key[UID_TEXT_MAX + 256];
        int r;

        *w = (struct want){ .p = p, .ip = ip, .family = address_family(ip), .ports = ports };
        if (!service_has_family(v->s, w->family))
                return 0;
        w->is_serving = pod_is_ready(p);
        w->is_terminating = p->metadata.deletion_timestamp != 0;
        w->is_ready =
                v->s->spec.publish_not_ready_addresses || (w->is_serving && !w->is_terminating);
        (void) snprintf(key, sizeof(key), "%s/%s", w->family, str_or_empty(p->metadata.uid));
        if (map_has(&v->by_uid, key))
                return 0; /* a second address of the family */
        r = map_put(&v->by_uid, key, w, NULL);
        if (r == 0)
                v->n_wants++;
        return r;
}

static bool pod_is_wanted(const struct slices_view *v, const struct pod *p) {
        return !str_is_empty(p->status.pod_ip) && !str_eq(p->status.phase, "Succeeded") &&
               !str_eq(p->status.phase, "Failed") &&
               string_map_is_subset(&v->s->spec.selector, &p->metadata.labels);
}

static int want_cmp(const void *a, const void *b) {
        const struct object *x = *(const struct object *const *) a;
        const struct object *y = *(const struct object *const *) b;

        return strcmp(x->meta->name, y->meta->name);
}

static int view_load_wants(struct slices_view *v) {
        const struct endpointslice_facts *f = v->f;
        size_t n_ports = v->s->spec.ports.n;
        AUTO_FREE const struct object **pods = calloc(f->n_pods + 1, sizeof(*pods));

        v->wants = calloc(2 * f->n_pods + 1, sizeof(*v->wants));
        v->ports = calloc((f->n_pods + 1) * (n_ports + 1), sizeof(*v->ports));
        if (!pods || !v->wants || !v->ports)
                return -ENOMEM;
        if (f->n_pods > 0)
                memcpy(pods, f->pods, f->n_pods * sizeof(*pods));
        qsort(pods, f->n_pods, sizeof(*pods), want_cmp);
        for (size_t i = 0; i < f->n_pods; i++) {
                const struct pod *p = OBJECT_AS(pod, pods[i]);
                int64_t *row = v->ports + i * n_ports;
                size_t n = MIN(p->status.pod_ips.n, (size_t) 2);
                int r = 0;

                if (!pod_is_wanted(v, p))
                        continue;
                resolve_ports(v->s, p, row);
                if (n == 0)
                        r = want_add(v, p, p->status.pod_ip, row);
                for (size_t k = 0; k < n && r == 0; k++)
                        r = want_add(v, p, str_or_empty(p->status.pod_ips.items[k].ip), row);
                if (r < 0)
                        return r;
        }
        resolve_ports(v->s, NULL, v->ports + f->n_pods * n_ports);
        return 0;
}

/* ---- what is ---- */

static bool slice_is_own(const struct slices_view *v, const struct object *o) {
        return o->meta->deletion_timestamp == 0 &&
               str_eq(string_map_get(&o->meta->labels, ENDPOINTSLICE_SERVICE),
                      v->s->metadata.name) &&
               str_eq(string_map_get(&o->meta->labels, ENDPOINTSLICE_MANAGED_BY),
                      ENDPOINTSLICE_MANAGER);
}

static bool port_is_same(const struct endpoint_port *has, const struct service_port *port,
                         int64_t number) {
        return has->port.is_set && has->port.value == number &&
               str_eq(str_or_empty(has->name), str_or_empty(port->name)) &&
               str_eq(has->protocol ? has->protocol : "TCP",
                      port->protocol ? port->protocol : "TCP") &&
               str_eq(str_or_empty(has->app_protocol), str_or_empty(port->app_protocol));
}

static bool slice_has_ports(const struct slices_view *v, const struct endpoint_slice *es,
                            const int64_t *ports) {
        size_t k = 0;

        for (size_t i = 0; i < v->s->spec.ports.n; i++) {
                if (ports[i] == 0)
                        continue;
                if (k == es->ports.n ||
                    !port_is_same(&es->ports.items[k++], &v->s->spec.ports.items[i], ports[i]))
                        return false;
        }
        return k == es->ports.n;
}

static bool endpoint_is_same(const struct slices_view *v, const struct endpoint *has,
                             const struct want *w) {
        const struct endpoint_conditions *c = &has->conditions;
        const char *hostname =
                str_eq(w->p->spec.subdomain, v->s->metadata.name) ? w->p->spec.hostname : NULL;

        return has->addresses.n == 1 && str_eq(has->addresses.items[0], w->ip) && c->ready.is_set &&
               c->ready.value == w->is_ready && c->serving.is_set &&
               c->serving.value == w->is_serving && c->terminating.is_set &&
               c->terminating.value == w->is_terminating &&
               str_eq(str_or_empty(has->node_name), str_or_empty(w->p->spec.node_name)) &&
               str_eq(str_or_empty(has->hostname), str_or_empty(hostname)) && has->target_ref &&
               str_eq(has->target_ref->name, w->p->metadata.name);
}

/* Keeps of an existing slice what is wanted still and has the slice's ports. */
static void slice_load(struct slices_view *v, struct slice *sl, const struct object *o) {
        const struct endpoint_slice *es = OBJECT_AS(endpoint_slice, o);

        *sl = (struct slice){ .o = o, .family = es->address_type };
        for (size_t i = 0; i < es->endpoints.n; i++) {
                const struct endpoint *has = &es->endpoints.items[i];
                char key[UID_TEXT_MAX + 256];
                struct want *w;

                (void) snprintf(key, sizeof(key), "%s/%s", str_or_empty(es->address_type),
                                has->target_ref ? str_or_empty(has->target_ref->uid) : "");
                w = map_get(&v->by_uid, key);
                if (!w || w->is_placed || sl->n == ENDPOINTSLICE_MAX ||
                    !slice_has_ports(v, es, w->ports)) {
                        sl->has_changed = true;
                        continue;
                }
                sl->has_changed |= !endpoint_is_same(v, has, w);
                w->is_placed = true;
                sl->ports = w->ports;
                sl->wants[sl->n++] = w;
        }
}

static int view_load_slices(struct slices_view *v) {
        const struct endpointslice_facts *f = v->f;

        v->slices = calloc(f->n_slices + v->n_wants + 1, sizeof(*v->slices));
        if (!v->slices)
                return -ENOMEM;
        for (size_t i = 0; i < f->n_slices; i++)
                if (slice_is_own(v, f->slices[i]))
                        slice_load(v, &v->slices[v->n_slices++], f->slices[i]);
        return 0;
}

/* ---- bringing both together ---- */

static bool slice_takes(const struct slices_view *v, const struct slice *sl, const struct want *w) {
        if (sl->n == ENDPOINTSLICE_MAX || !str_eq(sl->family, w->family))
                return false;
        if (sl->o)
                return slice_has_ports(v, OBJECT_AS(endpoint_slice, sl->o), w->ports);
        return memcmp(sl->ports, w->ports, v->s->spec.ports.n * sizeof(*w->ports)) == 0;
}

/* Slices that are written anyway are filled first. */
static struct slice *slice_for(struct slices_view *v, const struct want *w) {
        struct slice *calm = NULL;

        for (size_t i = 0; i < v->n_slices; i++) {
                if (!slice_takes(v, &v->slices[i], w))
                        continue;
                if (v->slices[i].has_changed)
                        return &v->slices[i];
                calm = calm ? calm : &v->slices[i];
        }
        if (!calm) {
                calm = &v->slices[v->n_slices++];
                *calm = (struct slice){ .family = w->family, .ports = w->ports };
        }
        calm->has_changed = true;
        return calm;
}

static void view_place(struct slices_view *v) {
        for (size_t i = 0; i < v->n_wants; i++) {
                struct want *w = &v->wants[i];
                struct slice *sl;

                if (w->is_placed)
                        continue;
                sl = slice_for(v, w);
                sl->wants[sl->n++] = w;
                w->is_placed = true;
        }
        if (v->n_slices > 0)
                return;
        v->slices[v->n_slices++] =
                (struct slice){ .family = service_family(v->s),
                                .ports = v->ports + v->f->n_pods * v->s->spec.ports.n };
}

/* ---- writing ---- */

static json_t *endpoint_tree(const struct slices_view *v, const struct want *w) {
        const struct object_meta *m = &w->p->metadata;
        json_t *o =
                json_pack("{s:[s], s:{s:b, s:b, s:b}, s:{s:s, s:s, s:s, s:s}}", "addresses", w->ip,
                          "conditions", "ready", w->is_ready, "serving", w->is_serving,
                          "terminating", w->is_terminating, "targetRef", "kind", "Pod", "namespace",
                          str_or_empty(m->namespace), "name", m->name, "uid", str_or_empty(m->uid));

        if (!tree_set_text(o, "nodeName", w->p->spec.node_name) ||
            (str_eq(w->p->spec.subdomain, v->s->metadata.name) &&
             !tree_set_text(o, "hostname", w->p->spec.hostname))) {
                json_decref(o);
                return NULL;
        }
        return o;
}

static json_t *endpoints_tree(const struct slices_view *v, const struct slice *sl) {
        json_t *list = json_array();

        for (size_t i = 0; i < sl->n; i++) {
                if (json_array_append_new(list, endpoint_tree(v, sl->wants[i])) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

static json_t *ports_tree(const struct slices_view *v, const int64_t *ports) {
        json_t *list = json_array();
        bool ok = list;

        for (size_t i = 0; ok && i < v->s->spec.ports.n; i++) {
                const struct service_port *p = &v->s->spec.ports.items[i];
                json_t *o;

                if (ports[i] == 0)
                        continue;
                o = json_pack("{s:s, s:s, s:I}", "name", str_or_empty(p->name), "protocol",
                              p->protocol ? p->protocol : "TCP", "port", (json_int_t) ports[i]);
                ok = tree_set_text(o, "appProtocol", p->app_protocol);
                ok = json_array_append_new(list, o) == 0 && ok;
        }
        if (!ok) {
                json_decref(list);
                return NULL;
        }
        return list;
}

static bool service_is_headless(const struct service *s) {
        return str_eq(s->spec.cluster_ip, "None");
}

/* The service's own labels and the three that tell whose slice it is. */
static json_t *labels_tree(const struct slices_view *v) {
        const struct string_map *from = &v->s->metadata.labels;
        json_t *o = json_object();
        bool ok = o;

        for (size_t i = 0; i < from->n; i++)
                ok = ok && tree_set(o, from->items[i].key, json_string(from->items[i].value));
        ok = ok && tree_set(o, ENDPOINTSLICE_SERVICE, json_string(v->s->metadata.name));
        ok = ok && tree_set(o, ENDPOINTSLICE_MANAGED_BY, json_string(ENDPOINTSLICE_MANAGER));
        if (service_is_headless(v->s))
                ok = ok && tree_set(o, SLICE_HEADLESS, json_string(""));
        else if (ok)
                (void) json_object_del(o, SLICE_HEADLESS);
        if (!ok) {
                json_decref(o);
                return NULL;
        }
        return o;
}

/* The labels to change, null where one has to go; an empty object: none. */
static json_t *labels_patch(const struct slices_view *v, const struct object *o) {
        json_t *want = labels_tree(v), *patch = json_object(), *value;
        const char *key;
        bool ok = want && patch;

        json_object_foreach(want, key, value)
                if (!str_eq(string_map_get(&o->meta->labels, key), json_string_value(value)))
                        ok = ok && json_object_set(patch, key, value) == 0;
        for (size_t i = 0; i < o->meta->labels.n; i++)
                if (!json_object_get(want, o->meta->labels.items[i].key))
                        ok = ok && tree_set(patch, o->meta->labels.items[i].key, json_null());
        json_decref(want);
        if (!ok) {
                json_decref(patch);
                return NULL;
        }
        return patch;
}

static void plan_create(const struct slices_view *v, const struct slice *sl, size_t i,
                        struct changes *c) {
        const struct object *s = v->f->service;
        char suffix[SLICE_SUFFIX_LEN + 1];
        json_t *meta;

        (void) uid_encode((v->f->name_seed + i) * 0x9e3779b97f4a7c15ULL >> 24, suffix,
                          SLICE_SUFFIX_LEN);
        meta = json_pack("{s:o, s:o, s:o, s:[o]}", "name",
                         json_sprintf("%.*s-%s", SLICE_BASE_MAX, s->meta->name, suffix),
                         "generateName", json_sprintf("%s-", s->meta->name), "labels",
                         labels_tree(v), "ownerReferences", tree_owner(s));
        if (!tree_set_text(meta, "namespace", s->meta->namespace))
                c->has_failed = true;
        (void) changes_create(c, &endpoint_slice_kind,
                              json_pack("{s:s, s:s, s:o, s:s, s:o, s:o}", "apiVersion",
                                        "discovery.k8s.io/v1", "kind", "EndpointSlice", "metadata",
                                        meta, "addressType", sl->family, "endpoints",
                                        endpoints_tree(v, sl), "ports", ports_tree(v, sl->ports)));
}

static void plan_update(const struct slices_view *v, const struct slice *sl, struct changes *c) {
        json_t *labels = labels_patch(v, sl->o), *body;

        if (labels && json_object_size(labels) == 0 && !sl->has_changed) {
                json_decref(labels);
                return;
        }
        body = json_pack("{s:{s:o}}", "metadata", "labels", labels);
        if (sl->has_changed && !tree_set(body, "endpoints", endpoints_tree(v, sl))) {
                json_decref(body);
                body = NULL;
        }
        (void) changes_patch(c, sl->o, NULL, body);
}

static void plan_write(const struct slices_view *v, struct changes *c) {
        size_t n_used = 0;

        for (size_t i = 0; i < v->n_slices; i++)
                n_used += v->slices[i].n > 0;
        for (size_t i = 0; i < v->n_slices; i++) {
                const struct slice *sl = &v->slices[i];

                if (!sl->o)
                        plan_create(v, sl, i, c);
                else if (sl->n > 0 || (n_used == 0 && i == 0))
                        plan_update(v, sl, c);
                else
                        (void) changes_delete(c, sl->o, NULL);
        }
}

int endpointslice_plan(const struct endpointslice_facts *f, struct changes *c, struct err *e) {
        __attribute__((cleanup(
                view_done))) struct slices_view v = { .f = f, .s = OBJECT_AS(service, f->service) };

        if (v.s->spec.selector.n == 0 || str_eq(v.s->spec.type, "ExternalName") ||
            f->service->meta->deletion_timestamp != 0)
                return 0;
        if (view_load_wants(&v) < 0 || view_load_slices(&v) < 0)
                return err_set(e, -ENOMEM, "out of memory while planning");
        view_place(&v);
        plan_write(&v, c);
        return changes_check(c, e);
}
