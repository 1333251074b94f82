#include "daemon/plan/endpoints_plan.h"

#include "api/kinds/endpoints.h"
#include "api/kinds/object.h"
#include "api/kinds/service.h"
#include "base/array.h"
#include "base/macros.h"
#include "base/str.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/endpointslice_plan.h"

#include <stdlib.h>
#include <string.h>

#define SERVICE_HEADLESS "service.kubernetes.io/headless"

/* One address with the slice that has its ports. */
struct row {
        const struct endpoint_slice *slice;
        const struct endpoint *endpoint;
};

struct rows {
        struct row *items; /* owned */
        size_t n, cap;
        bool is_cut;
};

static void rows_done(struct rows *r) {
        free(r->items);
}
DEFINE_AUTO_DONE(rows);

/* ---- what the slices say ---- */

static bool slice_is_of(const struct object *slice, const struct object *service) {
        return slice->meta->deletion_timestamp == 0 &&
               str_eq(slice->meta->namespace, service->meta->namespace) &&
               str_eq(string_map_get(&slice->meta->labels, ENDPOINTSLICE_SERVICE),
                      service->meta->name);
}

/* Endpoints have one family only: the service's first. */
static const char *service_family(const struct service *s) {
        if (s->spec.ip_families.n > 0)
                return s->spec.ip_families.items[0];
        return s->spec.cluster_ip && strchr(s->spec.cluster_ip, ':') ? "IPv6" : "IPv4";
}

static bool endpoint_is_ready(const struct endpoint *e) {
        return !e->conditions.ready.is_set || e->conditions.ready.value;
}

/* Pods on their way out have no place here, unless the service wants them all the same. */
static bool endpoint_is_told(const struct endpoint *e) {
        return e->addresses.n > 0 && (endpoint_is_ready(e) || !e->conditions.terminating.value);
}

static const char *row_ip(const struct row *r) {
        return r->endpoint->addresses.items[0];
}

/* By address, so that the same pods always make the same object. */
static int row_cmp(const void *a, const void *b) {
        const struct row *x = a, *y = b;
        int by_ip = strcmp(row_ip(x), row_ip(y));

        return by_ip ? by_ip : strcmp(x->slice->metadata.name, y->slice->metadata.name);
}

static int rows_load(struct rows *to, const struct endpoints_facts *f, bool *ret_has_slices) {
        const char *family = service_family(OBJECT_AS(service, f->service));

        *ret_has_slices = false;
        for (size_t i = 0; i < f->n_slices; i++) {
                const struct endpoint_slice *s = OBJECT_AS(endpoint_slice, f->slices[i]);

                if (!slice_is_of(f->slices[i], f->service))
                        continue;
                *ret_has_slices = true;
                for (size_t k = 0; str_eq(s->address_type, family) && k < s->endpoints.n; k++) {
                        if (!endpoint_is_told(&s->endpoints.items[k]))
                                continue;
                        if (array_reserve(&to->items, &to->cap, to->n, sizeof(*to->items)) < 0)
                                return -ENOMEM;
                        to->items[to->n++] = (struct row){ s, &s->endpoints.items[k] };
                }
        }
        if (to->n > 0)
                qsort(to->items, to->n, sizeof(*to->items), row_cmp);
        to->is_cut = to->n > ENDPOINTS_ADDRESSES_MAX;
        to->n = MIN(to->n, (size_t) ENDPOINTS_ADDRESSES_MAX);
        return 0;
}

/* ---- as Endpoints say it ---- */

static json_t *port_tree(const struct endpoint_port *p) {
        json_t *o = json_pack("{s:I, s:s}", "port", (json_int_t) p->port.value, "protocol",
                              p->protocol ? p->protocol : "TCP");

        if (tree_set_text(o, "name", p->name) && tree_set_text(o, "appProtocol", p->app_protocol))
                return o;
        json_decref(o);
        return NULL;
}

static json_t *ports_tree(const struct endpoint_slice *s) {
        json_t *list = json_array();

        for (size_t i = 0; list && i < s->ports.n; i++)
                if (json_array_append_new(list, port_tree(&s->ports.items[i])) < 0)
                        json_decref(STEAL(list));
        return list;
}

static json_t *address_tree(const struct row *r) {
        const struct object_reference *target = r->endpoint->target_ref;
        json_t *o = json_pack("{s:s}", "ip", row_ip(r));
        bool ok = tree_set_text(o, "nodeName", r->endpoint->node_name) &&
                  tree_set_text(o, "hostname", r->endpoint->hostname);
        json_t *reference = target ? json_object() : NULL;

        if (target && ok)
                ok = tree_set_text(reference, "kind", target->kind) &&
                     tree_set_text(reference, "namespace", target->namespace) &&
                     tree_set_text(reference, "name", target->name) &&
                     tree_set_text(reference, "uid", target->uid) &&
                     tree_set(o, "targetRef", json_incref(reference));
        json_decref(reference);
        if (ok)
                return o;
        json_decref(o);
        return NULL;
}

/* The subset with these ports, made where there is none. Borrowed; NULL: memory is out. */
static json_t *subset_for(json_t *subsets, json_t *take_ports) {
        json_auto_t *ports = take_ports;
        json_t *subset;
        size_t i;

        if (!ports)
                return NULL;
        json_array_foreach(subsets, i, subset) {
                const json_t *has = json_object_get(subset, "ports");

                if (has ? json_equal(has, ports) : json_array_size(ports) == 0)
                        return subset;
        }
        subset = json_object();
        if ((json_array_size(ports) > 0 && json_object_set(subset, "ports", ports) < 0) ||
            json_array_append_new(subsets, subset) < 0)
                return NULL;
        return subset;
}

static json_t *subsets_tree(const struct rows *rows) {
        json_auto_t *subsets = json_array();

        for (size_t i = 0; i < rows->n; i++) {
                const char *list = endpoint_is_ready(rows->items[i].endpoint) ? "addresses"
                                                                              : "notReadyAddresses";
                json_t *subset = subset_for(subsets, ports_tree(rows->items[i].slice));

                if (!subset ||
                    (!json_object_get(subset, list) && !tree_set(subset, list, json_array())) ||
                    json_array_append_new(json_object_get(subset, list),
                                          address_tree(&rows->items[i])) < 0)
                        return NULL;
        }
        return STEAL(subsets);
}

/* ---- what has to change ---- */

/* The service's own labels; null for those that have to go. */
static json_t *labels_tree(const struct endpoints_facts *f) {
        const struct string_map *from = &f->service->meta->labels;
        const struct service *s = OBJECT_AS(service, f->service);
        json_t *o = json_object();
        bool ok = o;

        for (size_t i = 0; i < from->n; i++)
                ok = ok && tree_set(o, from->items[i].key, json_string(from->items[i].value));
        if (ok && str_eq(s->spec.cluster_ip, "None"))
                ok = tree_set(o, SERVICE_HEADLESS, json_string(""));
        for (size_t i = 0; ok && f->endpoints && i < f->endpoints->meta->labels.n; i++) {
                const char *key = f->endpoints->meta->labels.items[i].key;

                if (!json_object_get(o, key))
                        ok = tree_set(o, key, json_null());
        }
        if (ok)
                return o;
        json_decref(o);
        return NULL;
}

static bool labels_are_right(const struct endpoints_facts *f, const json_t *labels) {
        const char *key;
        json_t *value;

        json_object_foreach((json_t *) labels, key, value) {
                if (!str_eq(string_map_get(&f->endpoints->meta->labels, key),
                            json_string_value(value)))
                        return false;
        }
        return true;
}

static bool subsets_are_right(const struct endpoints_facts *f, const json_t *subsets) {
        json_auto_t *now = schema_encode(endpoints_kind.schema, f->endpoints->meta);
        const json_t *has = json_object_get(now, "subsets");

        return has ? json_equal(has, subsets) : now && json_array_size(subsets) == 0;
}

static bool is_marked(const struct endpoints_facts *f) {
        return string_map_get(&f->endpoints->meta->annotations, ENDPOINTS_OVER_CAPACITY);
}

static void plan_create(const struct endpoints_facts *f, const struct rows *rows, json_t *labels,
                        json_t *subsets, struct changes *c) {
        json_t *meta = json_pack("{s:s, s:s, s:O, s:[o]}", "name", f->service->meta->name,
                                 "namespace", str_or_empty(f->service->meta->namespace), "labels",
                                 labels, "ownerReferences", tree_owner(f->service));

        if (rows->is_cut && !tree_set(meta, "annotations",
                                      json_pack("{s:s}", ENDPOINTS_OVER_CAPACITY, "truncated")))
                c->has_failed = true;
        (void) changes_create(c, &endpoints_kind,
                              json_pack("{s:s, s:s, s:o, s:O}", "apiVersion", "v1", "kind",
                                        "Endpoints", "metadata", meta, "subsets", subsets));
}

static void plan_patch(const struct endpoints_facts *f, const struct rows *rows, json_t *labels,
                       json_t *subsets, struct changes *c) {
        json_t *body =
                json_pack("{s:{s:O}, s:O}", "metadata", "labels", labels, "subsets", subsets);
        json_t *mark = rows->is_cut ? json_string("truncated") : json_null();

        if (rows->is_cut != is_marked(f) &&
            !tree_set(json_object_get(body, "metadata"), "annotations",
                      json_pack("{s:O}", ENDPOINTS_OVER_CAPACITY, mark)))
                c->has_failed = true;
        json_decref(mark);
        (void) changes_patch(c, f->endpoints, NULL, body);
}

int endpoints_plan(const struct endpoints_facts *f, struct changes *c, struct err *e) {
        const struct service *s = OBJECT_AS(service, f->service);
        AUTO_DONE(rows) struct rows rows = { 0 };
        json_auto_t *labels = NULL;
        json_auto_t *subsets = NULL;
        bool has_slices;

        if (f->service->meta->deletion_timestamp != 0 || str_eq(s->spec.type, "ExternalName"))
                return 0;
        if (rows_load(&rows, f, &has_slices) < 0)
                return err_set(e, -ENOMEM, "out of memory while planning");
        if (s->spec.selector.n == 0 && !has_slices)
                return 0;
        labels = labels_tree(f);
        subsets = subsets_tree(&rows);
        if (!labels || !subsets)
                return err_set(e, -ENOMEM, "out of memory while planning");
        if (!f->endpoints)
                plan_create(f, &rows, labels, subsets, c);
        else if (!labels_are_right(f, labels) || !subsets_are_right(f, subsets) ||
                 rows.is_cut != is_marked(f))
                plan_patch(f, &rows, labels, subsets, c);
        return changes_check(c, e);
}
