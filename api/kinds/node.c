#include "api/kinds/node.h"

#include "api/kinds/kept_tables.h"
#include "api/kinds/tables.h"
#include "base/str.h"

const struct node_condition *node_condition_find(const struct node_status *status,
                                                 const char *type) {
        for (size_t i = 0; i < status->conditions.n; i++)
                if (str_eq(status->conditions.items[i].type, type))
                        return &status->conditions.items[i];
        return NULL;
}

bool node_is_ready(const struct node *n) {
        const struct node_condition *c = node_condition_find(&n->status, "Ready");

        return c && str_eq(c->status, "True");
}

#define SELF struct taint
static const struct field taint_fields[] = {
        FIELD_OF_STRING(key, "key", 1, "Name of the taint.", .flags = FIELD_REQUIRED,
                        .format = FORMAT_QUALIFIED_NAME),
        FIELD_OF_STRING(value, "value", 2, "Value of the taint."),
        FIELD_OF_STRING(effect, "effect", 3, "What it does to pods that don't tolerate it.",
                        .flags = FIELD_REQUIRED,
                        .values = WORDS("NoSchedule", "PreferNoSchedule", "NoExecute")),
        FIELD_OF_TIME(time_added, "timeAdded", 4, "When it was put on."),
};
#undef SELF
static const struct schema taint_schema = SCHEMA(taint, "Taint", "Keeps pods off a node.");

#define SELF struct node_spec
static const struct field node_spec_fields[] = {
        FIELD_OF_STRING(pod_cidr, "podCIDR", 1, "Addresses for the node's pods.",
                        .format = FORMAT_CIDR),
        FIELD_OF_STRINGS(pod_cidrs, "podCIDRs", 7, "The same, for each family.",
                         .format = FORMAT_CIDR, .patch = FIELD_PATCH_MERGE, .flags = FIELD_SET),
        FIELD_OF_STRING(provider_id, "providerID", 3, "Name of the machine at its provider."),
        FIELD_OF_BOOL(unschedulable, "unschedulable", 4, "Whether new pods stay away."),
        FIELD_OF_OBJECTS(taints, taint, "taints", 5, "Marks that keep pods off.",
                         .flags = FIELD_ATOMIC),
        FIELD_KEPT("configSource", 6, FIELD_OBJECT_PTR, FIELD_ONE, "Not used any more.",
                   .schema = &node_config_source_schema),
        FIELD_KEPT("externalID", 2, FIELD_STRING, FIELD_ONE, "Not used any more."),
};
#undef SELF
static const struct schema node_spec_schema =
        SCHEMA(node_spec, "NodeSpec", "How a node shall be used.");

#define SELF struct node_condition
static const struct field node_condition_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "Name of the condition.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(status, "status", 2, "True, False or Unknown.", .flags = FIELD_REQUIRED),
        FIELD_OF_TIME(last_heartbeat_time, "lastHeartbeatTime", 3, "When it was last looked at."),
        FIELD_OF_TIME(last_transition_time, "lastTransitionTime", 4, "When it last changed."),
        FIELD_OF_STRING(reason, "reason", 5, "One word why."),
        FIELD_OF_STRING(message, "message", 6, "A sentence why."),
};
#undef SELF
static const struct schema node_condition_schema =
        SCHEMA(node_condition, "NodeCondition", "A yes-or-no question about a node.");

#define SELF struct node_address
static const struct field node_address_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "InternalIP, ExternalIP or Hostname.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(address, "address", 2, "The address.", .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema node_address_schema =
        SCHEMA(node_address, "NodeAddress", "An address of a node.");

#define SELF struct node_system_info
static const struct field node_system_info_fields[] = {
        FIELD_OF_STRING(machine_id, "machineID", 1, "/etc/machine-id.", .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(system_uuid, "systemUUID", 2, "UUID of the machine.",
                        .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(boot_id, "bootID", 3, "UUID of this boot.", .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(kernel_version, "kernelVersion", 4, "uname -r.", .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(os_image, "osImage", 5, "Name of the system.", .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(container_runtime_version, "containerRuntimeVersion", 6,
                        "What runs the containers.", .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(kubelet_version, "kubeletVersion", 7, "Version of the node's program.",
                        .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(kube_proxy_version, "kubeProxyVersion", 8, "Not used any more.",
                        .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(operating_system, "operatingSystem", 9, "linux.", .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(architecture, "architecture", 10, "amd64, arm64 and the like.",
                        .flags = FIELD_ALWAYS),
        FIELD_KEPT("swap", 11, FIELD_OBJECT_PTR, FIELD_ONE, "Swap space.",
                   .schema = &node_swap_status_schema),
};
#undef SELF
static const struct schema node_system_info_schema =
        SCHEMA(node_system_info, "NodeSystemInfo", "What the machine is.");

#define SELF struct container_image
static const struct field container_image_fields[] = {
        FIELD_OF_STRINGS(names, "names", 1, "References of the image.", .flags = FIELD_ATOMIC),
        FIELD_OF_INT(size_bytes, "sizeBytes", 2, "Size on the node."),
};
#undef SELF
static const struct schema container_image_schema =
        SCHEMA(container_image, "ContainerImage", "An image that a node has.");

#define SELF struct node_status
static const struct field node_status_fields[] = {
        FIELD_OF_QUANTITY_MAP(capacity, "capacity", 1, "What the machine has.",
                              .format = FORMAT_RESOURCES),
        FIELD_OF_QUANTITY_MAP(allocatable, "allocatable", 2, "What pods may have of it.",
                              .format = FORMAT_RESOURCES),
        FIELD_OF_STRING(phase, "phase", 3, "Not used any more."),
        FIELD_OF_OBJECTS(conditions, node_condition, "conditions", 4, "Questions about the node.",
                         .patch = FIELD_PATCH_MERGE, .merge_key = "type"),
        FIELD_OF_OBJECTS(addresses, node_address, "addresses", 5, "Where the node is.",
                         .patch = FIELD_PATCH_MERGE, .merge_key = "type"),
        FIELD_KEPT("daemonEndpoints", 6, FIELD_OBJECT, FIELD_ONE, "Ports of the node's program.",
                   .schema = &node_daemon_endpoints_schema),
        FIELD_OF_OBJECT(node_info, node_system_info, "nodeInfo", 7, "What the machine is."),
        FIELD_OF_OBJECTS(images, container_image, "images", 8, "Images that the node has.",
                         .flags = FIELD_ATOMIC),
        FIELD_KEPT("volumesInUse", 9, FIELD_STRING, FIELD_LIST, "Volumes in use."),
        FIELD_KEPT("volumesAttached", 10, FIELD_OBJECT, FIELD_LIST, "Volumes attached.",
                   .schema = &attached_volume_schema),
        FIELD_KEPT("config", 11, FIELD_OBJECT_PTR, FIELD_ONE, "Not used any more.",
                   .schema = &node_config_status_schema),
        FIELD_KEPT("runtimeHandlers", 12, FIELD_OBJECT, FIELD_LIST, "Runtimes of the node.",
                   .schema = &node_runtime_handler_schema),
        FIELD_KEPT("features", 13, FIELD_OBJECT_PTR, FIELD_ONE, "What the node can do.",
                   .schema = &node_features_schema),
        FIELD_KEPT("declaredFeatures", 14, FIELD_STRING, FIELD_LIST,
                   "What the node says it can do."),
};
#undef SELF
static const struct schema node_status_schema =
        SCHEMA(node_status, "NodeStatus", "How a node is doing.");

#define SELF struct node
static const struct field node_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, node_spec, "spec", 2, "How it shall be used."),
        FIELD_OF_OBJECT(status, node_status, "status", 3, "How it is doing.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema node_schema = SCHEMA(node, "Node", "A machine that runs pods.");

static int node_default(json_t *tree) {
        json_t *status = json_object_get(tree, "status");
        json_t *capacity = json_object_get(status, "capacity");
        int r;

        if (json_is_object(capacity)) {
                r = default_set(status, "allocatable", json_deep_copy(capacity));
                if (r < 0)
                        return r;
        }
        return default_set(tree, "spec", json_object());
}

static void node_check_update(const void *old, const void *decoded, struct diags *d) {
        const struct node_spec *was = &((const struct node *) old)->spec;
        const struct node_spec *is = &((const struct node *) decoded)->spec;

        if (!str_is_empty(was->pod_cidr) && !str_eq(was->pod_cidr, is->pod_cidr))
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "spec.podCIDR",
                                "Forbidden: node updates may not change podCIDR except from \"\" "
                                "to valid");
}

static const char *node_address_of(const struct node *n, const char *type) {
        for (size_t i = 0; i < n->status.addresses.n; i++)
                if (str_eq(n->status.addresses.items[i].type, type))
                        return n->status.addresses.items[i].address;
        return NULL;
}

static int node_add_status(const struct node *n, json_t *cells) {
        const struct node_condition *ready = node_condition_find(&n->status, "Ready");
        const char *word = !ready                          ? "Unknown"
                           : str_eq(ready->status, "True") ? "Ready"
                                                           : "NotReady";
        AUTO_FREE char *text =
                str_format("%s%s", word, n->spec.unschedulable ? ",SchedulingDisabled" : "");

        return text ? cell_add_text(cells, text) : -ENOMEM;
}

static int node_add_roles(const struct node *n, json_t *cells) {
        static const char prefix[] = "node-role.kubernetes.io/";
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (size_t i = 0; i < n->metadata.labels.n; i++) {
                const char *key = n->metadata.labels.items[i].key;

                if (str_starts_with(key, prefix) && key[sizeof(prefix) - 1])
                        strbuf_addf(&b, "%s%s", b.len > 0 ? "," : "", key + sizeof(prefix) - 1);
        }
        return b.has_failed ? -ENOMEM : cell_add_text(cells, b.s);
}

static int node_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct node *n = decoded;
        const struct node_system_info *info = &n->status.node_info;

        if (cell_add_text(cells, n->metadata.name) < 0 || node_add_status(n, cells) < 0 ||
            node_add_roles(n, cells) < 0 || cell_add_age(cells, &n->metadata, now_usec) < 0 ||
            cell_add_text(cells, info->kubelet_version) < 0 ||
            cell_add_text(cells, node_address_of(n, "InternalIP")) < 0 ||
            cell_add_text(cells, node_address_of(n, "ExternalIP")) < 0 ||
            cell_add_text(cells, info->os_image) < 0 ||
            cell_add_text(cells, info->kernel_version) < 0 ||
            cell_add_text(cells, info->container_runtime_version) < 0)
                return -ENOMEM;
        return 0;
}

static const struct table_column node_columns[] = {
        COLUMN_NAME,
        { "Status", "string", "", 0 },
        { "Roles", "string", "", 0 },
        COLUMN_AGE,
        { "Version", "string", "", 0 },
        { "Internal-IP", "string", "", 1 },
        { "External-IP", "string", "", 1 },
        { "OS-Image", "string", "", 1 },
        { "Kernel-Version", "string", "", 1 },
        { "Container-Runtime", "string", "", 1 },
};

const struct kind node_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "Node",
        .list_name = "NodeList",
        .plural = "nodes",
        .singular = "node",
        .short_names = WORDS("no"),
        .categories = WORDS(NULL),
        .is_stored = true,
        .has_status = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &node_schema,
        .set_defaults = node_default,
        .check_update = node_check_update,
        .columns = node_columns,
        .n_columns = ARRAY_SIZE(node_columns),
        .add_cells = node_add_cells,
};

#define SELF struct namespace_spec
static const struct field namespace_spec_fields[] = {
        FIELD_OF_STRINGS(finalizers, "finalizers", 1,
                         "Names that must be removed before the namespace really goes.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema namespace_spec_schema =
        SCHEMA(namespace_spec, "NamespaceSpec", "What holds a namespace.");

#define SELF struct namespace_status
static const struct field namespace_status_fields[] = {
        FIELD_OF_STRING(phase, "phase", 1, "Active or Terminating.",
                        .values = WORDS("Active", "Terminating")),
        FIELD_KEPT("conditions", 2, FIELD_OBJECT, FIELD_LIST, "Questions about the namespace.",
                   .schema = &namespace_condition_schema, .patch = FIELD_PATCH_MERGE,
                   .merge_key = "type"),
};
#undef SELF
static const struct schema namespace_status_schema =
        SCHEMA(namespace_status, "NamespaceStatus", "How a namespace is doing.");

#define SELF struct namespace
static const struct field namespace_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, namespace_spec, "spec", 2, "What holds it."),
        FIELD_OF_OBJECT(status, namespace_status, "status", 3, "How it is doing.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema namespace_schema = SCHEMA(namespace, "Namespace", "A room for names.");

/* The label by which network policies and others choose a namespace. */
static int namespace_default(json_t *tree) {
        json_t *meta = json_object_get(tree, "metadata");
        const char *name = json_string_value(json_object_get(meta, "name"));
        int r;

        if (!name)
                return 0;
        r = default_set(meta, "labels", json_object());
        if (r < 0)
                return r;
        return default_set(json_object_get(meta, "labels"), "kubernetes.io/metadata.name",
                           json_string(name));
}

static int namespace_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct namespace *n = decoded;
        const char *phase = n->status.phase ? n->status.phase : "Active";

        if (cell_add_text(cells, n->metadata.name) < 0 || cell_add_text(cells, phase) < 0)
                return -ENOMEM;
        return cell_add_age(cells, &n->metadata, now_usec);
}

static const struct table_column namespace_columns[] = {
        COLUMN_NAME,
        { "Status", "string", "", 0 },
        COLUMN_AGE,
};

const struct kind namespace_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "Namespace",
        .list_name = "NamespaceList",
        .plural = "namespaces",
        .singular = "namespace",
        .short_names = WORDS("ns"),
        .categories = WORDS(NULL),
        .is_stored = true,
        .has_status = true,
        .name_format = FORMAT_DNS_LABEL,
        .schema = &namespace_schema,
        .set_defaults = namespace_default,
        .columns = namespace_columns,
        .n_columns = ARRAY_SIZE(namespace_columns),
        .add_cells = namespace_add_cells,
};

#define SELF struct lease_spec
static const struct field lease_spec_fields[] = {
        FIELD_OF_STRING(holder_identity, "holderIdentity", 1, "Who holds the lease.",
                        .flags = FIELD_POINTER),
        FIELD_OF_OPT_INT(lease_duration_seconds, "leaseDurationSeconds", 2,
                         "Seconds that it holds without renewal.", RANGE(1, INT32_MAX)),
        FIELD_OF_MICRO_TIME(acquire_time, "acquireTime", 3, "When it was taken."),
        FIELD_OF_MICRO_TIME(renew_time, "renewTime", 4, "When it was last renewed."),
        FIELD_OF_OPT_INT(lease_transitions, "leaseTransitions", 5, "How often it changed hands.",
                         .flags = FIELD_NON_NEGATIVE),
        FIELD_KEPT("strategy", 6, FIELD_STRING, FIELD_ONE, "How a holder is chosen.",
                   .flags = FIELD_POINTER),
        FIELD_KEPT("preferredHolder", 7, FIELD_STRING, FIELD_ONE, "Who should hold it.",
                   .flags = FIELD_POINTER),
};
#undef SELF
static const struct schema lease_spec_schema =
        SCHEMA(lease_spec, "LeaseSpec", "Who holds what until when.");

#define SELF struct lease
static const struct field lease_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, lease_spec, "spec", 2, "Who holds it until when."),
};
#undef SELF
static const struct schema lease_schema = SCHEMA(
        lease, "Lease", "A right that ends unless it is renewed; nodes say by it that they live.");

static int lease_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct lease *l = decoded;

        if (cell_add_text(cells, l->metadata.name) < 0 ||
            cell_add_text(cells, l->spec.holder_identity) < 0)
                return -ENOMEM;
        return cell_add_age(cells, &l->metadata, now_usec);
}

static const struct table_column lease_columns[] = {
        COLUMN_NAME,
        { "Holder", "string", "", 0 },
        COLUMN_AGE,
};

const struct kind lease_kind = {
        .api_version = "coordination.k8s.io/v1",
        .group = "coordination.k8s.io",
        .version = "v1",
        .name = "Lease",
        .list_name = "LeaseList",
        .plural = "leases",
        .singular = "lease",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &lease_schema,
        .columns = lease_columns,
        .n_columns = ARRAY_SIZE(lease_columns),
        .add_cells = lease_add_cells,
};
