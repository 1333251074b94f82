#include "daemon/registry/resource.h"

#include "base/macros.h"
#include "base/str.h"

static const char *const POD_FIELDS[] = {
        "spec.nodeName",           "status.phase", "spec.restartPolicy", "spec.schedulerName",
        "spec.serviceAccountName", "status.podIP", "spec.hostNetwork",
};
static const char *const EVENT_FIELDS[] = {
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "type",
        "reason",
        "source.component",
};
static const char *const NODE_FIELDS[] = { "spec.unschedulable" };
static const char *const NAMESPACE_FIELDS[] = { "status.phase" };
static const char *const SECRET_FIELDS[] = { "type" };
static const char *const REPLICA_FIELDS[] = { "status.replicas" };
static const char *const SERVICE_FIELDS[] = { "spec.clusterIP", "spec.type" };

static const char *const LEASE_HEARTBEATS[] = { "spec.renewTime" };
static const char *const NODE_HEARTBEATS[] = { "status.conditions[].lastHeartbeatTime" };

#define LIST_OF(a) (a), ARRAY_SIZE(a)

struct policy {
        const char *group, *kind;
        unsigned flags;
        const char *const *fields;
        size_t n_fields;
        const char *const *heartbeats;
        size_t n_heartbeats;
};

static const struct policy POLICIES[] = {
        { "apiextensions.k8s.io", "CustomResourceDefinition",
          RESOURCE_DEFINITION | RESOURCE_HAS_GENERATION, NULL, 0, NULL, 0 },
        { "", "Pod", RESOURCE_GRACEFUL | RESOURCE_HAS_GENERATION, LIST_OF(POD_FIELDS), NULL, 0 },
        { "", "Event", RESOURCE_VOLATILE, LIST_OF(EVENT_FIELDS), NULL, 0 },
        { "", "Node", 0, LIST_OF(NODE_FIELDS), LIST_OF(NODE_HEARTBEATS) },
        { "", "Namespace", RESOURCE_NAMESPACE, LIST_OF(NAMESPACE_FIELDS), NULL, 0 },
        { "", "Secret", 0, LIST_OF(SECRET_FIELDS), NULL, 0 },
        { "", "Service", RESOURCE_SERVICE, LIST_OF(SERVICE_FIELDS), NULL, 0 },
        { "apps", "ReplicaSet", RESOURCE_HAS_GENERATION, LIST_OF(REPLICA_FIELDS), NULL, 0 },
        { "networking.k8s.io", "NetworkPolicy", RESOURCE_HAS_GENERATION, NULL, 0, NULL, 0 },
        { "coordination.k8s.io", "Lease", 0, NULL, 0, LIST_OF(LEASE_HEARTBEATS) },
};

struct resource resource_of(const struct kind *kind) {
        struct resource r = { .kind = kind };

        if (kind->has_status && !str_is_empty(kind->group))
                r.flags = RESOURCE_HAS_GENERATION;
        if (kind->custom) {
                r.flags = RESOURCE_HAS_GENERATION | RESOURCE_CUSTOM;
                return r;
        }
        for (size_t i = 0; i < ARRAY_SIZE(POLICIES); i++) {
                const struct policy *p = &POLICIES[i];

                if (!str_eq(p->group, kind->group) || !str_eq(p->kind, kind->name))
                        continue;
                r.flags = p->flags;
                r.fields = p->fields;
                r.n_fields = p->n_fields;
                r.heartbeats = p->heartbeats;
                r.n_heartbeats = p->n_heartbeats;
        }
        return r;
}

int resource_field(const struct resource *r, const char *path) {
        for (size_t i = 0; i < r->n_fields; i++)
                if (str_eq(r->fields[i], path))
                        return (int) i;
        return -1;
}
