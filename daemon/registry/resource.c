#include "daemon/registry/resource.h"

#include "base/macros.h"
#include "base/str.h"

static const char *const POD_FIELDS[] = { "spec.nodeName", "status.phase" };
static const struct resource_rare POD_RARE[] = {
        { "spec.restartPolicy", "spec.restartPolicy" },
        { "spec.schedulerName", "spec.schedulerName" },
        { "spec.serviceAccountName", "spec.serviceAccountName" },
        { "spec.hostNetwork", "spec.hostNetwork", NULL, "false" },
        { "status.podIP", "status.podIP" },
        { "status.nominatedNodeName", "status.nominatedNodeName" },
};
static const char *const EVENT_FIELDS[] = { "involvedObject.kind", "involvedObject.namespace",
                                            "involvedObject.name", "involvedObject.uid" };
static const struct resource_rare EVENT_RARE[] = {
        { "involvedObject.apiVersion", "involvedObject.apiVersion" },
        { "involvedObject.resourceVersion", "involvedObject.resourceVersion" },
        { "involvedObject.fieldPath", "involvedObject.fieldPath" },
        { "reason", "reason" },
        { "reportingComponent", "reportingComponent" },
        { "source", "source.component", "reportingComponent" },
        { "type", "type" },
};
static const struct resource_rare NODE_RARE[] = {
        { "spec.unschedulable", "spec.unschedulable", NULL, "false" },
};
static const char *const NAMESPACE_FIELDS[] = { "status.phase" };
static const char *const SECRET_FIELDS[] = { "type" };
static const struct resource_rare REPLICA_RARE[] = {
        { "status.replicas", "status.replicas", NULL, "0" },
};
static const struct resource_rare JOB_RARE[] = {
        { "status.successful", "status.succeeded", NULL, "0" },
};
static const char *const SERVICE_FIELDS[] = { "spec.clusterIP", "spec.type" };

static const char *const LEASE_HEARTBEATS[] = { "spec.renewTime" };
static const char *const NODE_HEARTBEATS[] = { "status.conditions[].lastHeartbeatTime" };

#define FIELDS_OF(a) .fields = (a), .n_fields = ARRAY_SIZE(a)
#define RARE_OF(a) .rare = (a), .n_rare = ARRAY_SIZE(a)
#define HEARTBEATS_OF(a) .heartbeats = (a), .n_heartbeats = ARRAY_SIZE(a)

struct policy {
        const char *group, *kind;
        unsigned flags;
        const char *const *fields;
        size_t n_fields;
        const struct resource_rare *rare;
        size_t n_rare;
        const char *const *heartbeats;
        size_t n_heartbeats;
};

static const struct policy POLICIES[] = {
        { "apiextensions.k8s.io", "CustomResourceDefinition",
          RESOURCE_DEFINITION | RESOURCE_HAS_GENERATION },
        { "", "Pod", RESOURCE_GRACEFUL | RESOURCE_HAS_GENERATION, FIELDS_OF(POD_FIELDS),
          RARE_OF(POD_RARE) },
        { "", "Event", RESOURCE_VOLATILE, FIELDS_OF(EVENT_FIELDS), RARE_OF(EVENT_RARE) },
        { "", "Node", 0, RARE_OF(NODE_RARE), HEARTBEATS_OF(NODE_HEARTBEATS) },
        { "", "Namespace", RESOURCE_NAMESPACE, FIELDS_OF(NAMESPACE_FIELDS) },
        { "", "Secret", 0, FIELDS_OF(SECRET_FIELDS) },
        { "", "Service", RESOURCE_SERVICE, FIELDS_OF(SERVICE_FIELDS) },
        { "", "ReplicationController", 0, RARE_OF(REPLICA_RARE) },
        { "apps", "ReplicaSet", RESOURCE_HAS_GENERATION, RARE_OF(REPLICA_RARE) },
        { "batch", "Job", RESOURCE_HAS_GENERATION, RARE_OF(JOB_RARE) },
        { "networking.k8s.io", "NetworkPolicy", RESOURCE_HAS_GENERATION },
        { "coordination.k8s.io", "Lease", 0, HEARTBEATS_OF(LEASE_HEARTBEATS) },
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
                r.rare = p->rare;
                r.n_rare = p->n_rare;
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

const struct resource_rare *resource_rare(const struct resource *r, const char *name) {
        for (size_t i = 0; i < r->n_rare; i++)
                if (str_eq(r->rare[i].name, name))
                        return &r->rare[i];
        return NULL;
}
