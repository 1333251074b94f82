#include "api/kinds/config.h"
#include "api/kinds/endpoints.h"
#include "api/kinds/event.h"
#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/rbac.h"
#include "api/kinds/service.h"
#include "api/kinds/service_account.h"
#include "api/kinds/workload.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/plan/account_plan.h"
#include "daemon/plan/apiserver_plan.h"
#include "daemon/plan/deployment_plan.h"
#include "daemon/plan/disruption_plan.h"
#include "daemon/plan/endpoints_plan.h"
#include "daemon/plan/endpointslice_plan.h"
#include "daemon/plan/gc_plan.h"
#include "daemon/plan/namespace_plan.h"
#include "daemon/plan/nodelifecycle_plan.h"
#include "daemon/plan/rbac_defaults.h"
#include "daemon/plan/rbac_plan.h"
#include "daemon/plan/replicaset_plan.h"
#include "daemon/plan/schedule_plan.h"
#include "tests/plan/case.h"

#include <stdlib.h>
#include <string.h>

struct picked {
        const struct object *items[CASE_OBJECTS_MAX];
        size_t n;
};

static void pick(const struct plan_case *pc, const struct kind *k, struct picked *to) {
        for (size_t i = 0; i < pc->n; i++)
                if (pc->objects[i]->kind == k)
                        to->items[to->n++] = pc->objects[i];
}

static const char *text_of(const struct plan_case *pc, const char *key) {
        return json_string_value(json_object_get(pc->tree, key));
}

static int64_t number_of(const struct plan_case *pc, const char *key, int64_t otherwise) {
        const json_t *v = json_object_get(pc->tree, key);

        return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

static int run_deployment(const struct plan_case *pc, struct changes *c, struct err *e) {
        struct picked sets = { 0 }, pods = { 0 };
        struct deployment_facts f = { .deployment = pc->objects[0],
                                      .replica_sets = sets.items,
                                      .pods = pods.items,
                                      .failure = text_of(pc, "failure"),
                                      .now_usec = pc->now_usec };

        pick(pc, &replica_set_kind, &sets);
        pick(pc, &pod_kind, &pods);
        f.n_replica_sets = sets.n;
        f.n_pods = pods.n;
        return deployment_plan(&f, c, e);
}

static int run_replicaset(const struct plan_case *pc, struct changes *c, struct err *e) {
        struct picked pods = { 0 };
        struct replicaset_facts f = { .replica_set = pc->objects[0],
                                      .pods = pods.items,
                                      .failure = text_of(pc, "failure"),
                                      .name_seed = 7,
                                      .now_usec = pc->now_usec };

        pick(pc, &pod_kind, &pods);
        f.n_pods = pods.n;
        return replicaset_plan(&f, c, e);
}

static int run_endpointslice(const struct plan_case *pc, struct changes *c, struct err *e) {
        struct picked pods = { 0 }, slices = { 0 };
        struct endpointslice_facts f = { .service = pc->objects[0],
                                         .pods = pods.items,
                                         .slices = slices.items,
                                         .name_seed = 7 };

        pick(pc, &pod_kind, &pods);
        pick(pc, &endpoint_slice_kind, &slices);
        f.n_pods = pods.n;
        f.n_slices = slices.n;
        return endpointslice_plan(&f, c, e);
}

static int run_endpoints(const struct plan_case *pc, struct changes *c, struct err *e) {
        struct picked slices = { 0 }, endpoints = { 0 };
        struct endpoints_facts f = { .service = pc->objects[0], .slices = slices.items };

        pick(pc, &endpoint_slice_kind, &slices);
        pick(pc, &endpoints_kind, &endpoints);
        f.n_slices = slices.n;
        f.endpoints = endpoints.n > 0 ? endpoints.items[0] : NULL;
        return endpoints_plan(&f, c, e);
}

/* Pods with a node are running there; the others wait. */
static int run_schedule(const struct plan_case *pc, struct changes *c, struct err *e) {
        struct picked nodes = { 0 }, all = { 0 }, bound = { 0 }, waiting = { 0 };
        struct schedule_choice choices[CASE_OBJECTS_MAX];
        struct schedule_facts f = { .nodes = nodes.items,
                                    .pods = bound.items,
                                    .waiting = waiting.items,
                                    .now_usec = pc->now_usec };
        int r;

        pick(pc, &node_kind, &nodes);
        pick(pc, &pod_kind, &all);
        for (size_t i = 0; i < all.n; i++) {
                struct picked *to = str_is_empty(OBJECT_AS(pod, all.items[i])->spec.node_name)
                                            ? &waiting
                                            : &bound;

                to->items[to->n++] = all.items[i];
        }
        f.n_nodes = nodes.n;
        f.n_pods = bound.n;
        f.n_waiting = waiting.n;
        r = schedule_plan(&f, choices, c, e);
        return r < 0 ? r : 0;
}

static int run_namespace(const struct plan_case *pc, struct changes *c, struct err *e) {
        struct namespace_content content[] = { { .kind = &pod_kind }, { .kind = &event_kind } };
        struct namespace_facts f = { .object = pc->objects[0],
                                     .content = content,
                                     .n_content = ARRAY_SIZE(content),
                                     .now_usec = pc->now_usec };
        const json_t *v;
        size_t i;

        json_array_foreach(json_object_get(pc->tree, "content"), i, v)
                for (size_t k = 0; k < ARRAY_SIZE(content); k++)
                        content[k].is_there |=
                                str_eq(content[k].kind->plural, json_string_value(v));
        return namespace_plan(&f, c, e);
}

/* owners: what the API says of each reference; observed: the dependents. */
static int run_gc(const struct plan_case *pc, struct changes *c, struct err *e) {
        enum gc_owner owners[16] = { 0 };
        struct gc_facts f = { .object = pc->objects[0],
                              .owners = owners,
                              .dependents = (const struct object *const *) &pc->objects[1],
                              .n_dependents = pc->n - 1 };
        const json_t *v;
        size_t i;

        json_array_foreach(json_object_get(pc->tree, "owners"), i, v) {
                const char *word = json_string_value(v);

                owners[i] = str_eq(word, "absent")    ? GC_OWNER_ABSENT
                            : str_eq(word, "waiting") ? GC_OWNER_WAITING
                                                      : GC_OWNER_PRESENT;
        }
        return gc_plan(&f, c, e);
}

static int run_disruption(const struct plan_case *pc, struct changes *c, struct err *e) {
        struct picked pods = { 0 }, owners = { 0 };
        struct disruption_facts f = { .budget = pc->objects[0],
                                      .pods = pods.items,
                                      .owners = owners.items,
                                      .now_usec = pc->now_usec };

        pick(pc, &pod_kind, &pods);
        pick(pc, &replica_set_kind, &owners);
        pick(pc, &deployment_kind, &owners);
        f.n_pods = pods.n;
        f.n_owners = owners.n;
        return disruption_plan(&f, c, e);
}

static int run_podgc(const struct plan_case *pc, struct changes *c, struct err *e) {
        return gc_plan_pod(pc->objects[0], json_is_true(json_object_get(pc->tree, "nodeAbsent")), c,
                           e);
}

static int run_nodelifecycle(const struct plan_case *pc, struct changes *c, struct err *e) {
        uint64_t silent_s = (uint64_t) number_of(pc, "silentSeconds", 0);
        struct picked pods = { 0 };
        struct nodelifecycle_facts f = { .node = pc->objects[0],
                                         .pods = pods.items,
                                         .heard_usec = 10000 * USEC_PER_SEC,
                                         .is_heard =
                                                 !json_is_false(json_object_get(pc->tree, "heard")),
                                         .since_usec = (10000 + silent_s) * USEC_PER_SEC,
                                         .grace_usec = 40 * USEC_PER_SEC,
                                         .eviction_usec = 300 * USEC_PER_SEC,
                                         .n_nodes = (size_t) number_of(pc, "nodes", 2),
                                         .n_silent = (size_t) number_of(pc, "silentNodes", 1),
                                         .now_usec = pc->now_usec };

        pick(pc, &pod_kind, &pods);
        f.n_pods = pods.n;
        return nodelifecycle_plan(&f, c, e);
}

/* port: of TLS. */
static int run_apiserver(const struct plan_case *pc, struct changes *c, struct err *e) {
        struct picked nodes = { 0 }, slices = { 0 }, endpoints = { 0 };
        struct apiserver_facts f = { .port = number_of(pc, "port", 0) };

        pick(pc, &node_kind, &nodes);
        pick(pc, &endpoint_slice_kind, &slices);
        pick(pc, &endpoints_kind, &endpoints);
        f.node = nodes.n > 0 ? nodes.items[0] : NULL;
        f.slice = slices.n > 0 ? slices.items[0] : NULL;
        f.endpoints = endpoints.n > 0 ? endpoints.items[0] : NULL;
        return apiserver_plan(&f, c, e);
}

/* ca: the authority's certificate. */
static int run_account(const struct plan_case *pc, struct changes *c, struct err *e) {
        struct picked accounts = { 0 }, maps = { 0 };
        struct account_facts f = { .namespace_ = pc->objects[0], .ca_pem = text_of(pc, "ca") };

        pick(pc, &service_account_kind, &accounts);
        pick(pc, &config_map_kind, &maps);
        f.account = accounts.n > 0 ? accounts.items[0] : NULL;
        f.config_map = maps.n > 0 ? maps.items[0] : NULL;
        return account_plan(&f, c, e);
}

/* default: the name of a default role, or of a binding; wanted: it as it is. */
static int run_rbac_default(const struct plan_case *pc, struct changes *c, struct err *e) {
        const char *name = text_of(pc, "default");
        bool is_binding = json_is_true(json_object_get(pc->tree, "binding"));

        for (size_t i = 0; i < rbac_defaults_count(); i++)
                if (str_eq(rbac_default_name(i), name) &&
                    (rbac_default_kind(i) == &cluster_role_binding_kind) == is_binding)
                        return rbac_default_plan(i, pc->n > 0 ? pc->objects[0] : NULL, c, e);
        return err_set(e, -ENOENT, "no default is called %s", name);
}

static int run_rbac_aggregate(const struct plan_case *pc, struct changes *c, struct err *e) {
        return rbac_aggregate_plan(pc->objects[0], (const struct object *const *) pc->objects,
                                   pc->n, c, e);
}

plan_adapter plan_adapter_find(const char *name) {
        static const struct {
                const char *name;
                plan_adapter run;
        } all[] = {
                { "deployment", run_deployment },
                { "replicaset", run_replicaset },
                { "endpoints", run_endpoints },
                { "endpointslice", run_endpointslice },
                { "schedule", run_schedule },
                { "namespace", run_namespace },
                { "gc", run_gc },
                { "disruption", run_disruption },
                { "podgc", run_podgc },
                { "nodelifecycle", run_nodelifecycle },
                { "account", run_account },
                { "apiserver", run_apiserver },
                { "rbac_default", run_rbac_default },
                { "rbac_aggregate", run_rbac_aggregate },
        };

        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                if (str_eq(all[i].name, name))
                        return all[i].run;
        return NULL;
}
