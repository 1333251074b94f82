#include "daemon/plan/apiserver_plan.h"

#include "api/kinds/endpoints.h"
#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/service.h"
#include "base/str.h"
#include "daemon/plan/changes.h"

#include <string.h>

#define NAMESPACE "default"
#define PORT_NAME "https"

static const char *internal_ip(const struct node *n) {
        for (size_t i = 0; i < n->status.addresses.n; i++)
                if (str_eq(n->status.addresses.items[i].type, "InternalIP"))
                        return n->status.addresses.items[i].address;
        return NULL;
}

static json_t *ports(const struct apiserver_facts *f) {
        return json_pack("[{s:s,s:s,s:I}]", "name", PORT_NAME, "protocol", "TCP", "port",
                         (json_int_t) f->port);
}

/* ---- as a slice ---- */

static bool slice_is_right(const struct endpoint_slice *s, const char *ip, int64_t port) {
        return s->endpoints.n == 1 && s->endpoints.items[0].addresses.n == 1 &&
               str_eq(s->endpoints.items[0].addresses.items[0], ip) && s->ports.n == 1 &&
               s->ports.items[0].port.value == port && str_eq(s->ports.items[0].name, PORT_NAME);
}

static json_t *slice_endpoints(const char *ip) {
        return json_pack("[{s:[s],s:{s:b}}]", "addresses", ip, "conditions", "ready", 1);
}

static void slice_plan(const struct apiserver_facts *f, const char *ip, struct changes *c) {
        if (!f->slice)
                (void) changes_create(
                        c, &endpoint_slice_kind,
                        json_pack("{s:s,s:s,s:{s:s,s:s,s:{s:s}},s:s,s:o,s:o}", "apiVersion",
                                  endpoint_slice_kind.api_version, "kind", endpoint_slice_kind.name,
                                  "metadata", "name", APISERVER_SERVICE, "namespace", NAMESPACE,
                                  "labels", "kubernetes.io/service-name", APISERVER_SERVICE,
                                  "addressType", strchr(ip, ':') ? "IPv6" : "IPv4", "endpoints",
                                  slice_endpoints(ip), "ports", ports(f)));
        else if (!slice_is_right(OBJECT_AS(endpoint_slice, f->slice), ip, f->port))
                (void) changes_patch(c, f->slice, NULL,
                                     json_pack("{s:o,s:o}", "endpoints", slice_endpoints(ip),
                                               "ports", ports(f)));
}

/* ---- in the old form ---- */

static bool endpoints_are_right(const struct endpoints *e, const char *ip, int64_t port) {
        const struct endpoint_subset *s = e->subsets.n == 1 ? &e->subsets.items[0] : NULL;

        return s && s->addresses.n == 1 && str_eq(s->addresses.items[0].ip, ip) &&
               s->ports.n == 1 && s->ports.items[0].port == port;
}

static json_t *subsets(const struct apiserver_facts *f, const char *ip) {
        return json_pack("[{s:[{s:s}],s:o}]", "addresses", "ip", ip, "ports", ports(f));
}

static void endpoints_plan(const struct apiserver_facts *f, const char *ip, struct changes *c) {
        if (!f->endpoints)
                (void) changes_create(c, &endpoints_kind,
                                      json_pack("{s:s,s:s,s:{s:s,s:s,s:{s:s}},s:o}", "apiVersion",
                                                "v1", "kind", "Endpoints", "metadata", "name",
                                                APISERVER_SERVICE, "namespace", NAMESPACE, "labels",
                                                "endpointslice.kubernetes.io/skip-mirror", "true",
                                                "subsets", subsets(f, ip)));
        else if (!endpoints_are_right(OBJECT_AS(endpoints, f->endpoints), ip, f->port))
                (void) changes_patch(c, f->endpoints, NULL,
                                     json_pack("{s:o}", "subsets", subsets(f, ip)));
}

int apiserver_plan(const struct apiserver_facts *f, struct changes *c, struct err *e) {
        const char *ip = f->node ? internal_ip(OBJECT_AS(node, f->node)) : NULL;

        if (str_is_empty(ip) || f->port == 0)
                return 0;
        slice_plan(f, ip, c);
        endpoints_plan(f, ip, c);
        return changes_check(c, e);
}
