/* NetworkPolicy (numbers: k8s.io/api/networking/v1/generated.proto). */
#include "api/kinds/network_policy.h"

#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "base/str.h"

#define SELF struct ip_block
static const struct field ip_block_fields[] = {
        FIELD_OF_STRING(cidr, "cidr", 1, "The range.", .format = FORMAT_CIDR,
                        .flags = FIELD_REQUIRED),
        FIELD_OF_STRINGS(except, "except", 2, "Ranges in it that don't count.",
                         .format = FORMAT_CIDR, .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema ip_block_schema = SCHEMA(ip_block, "IPBlock", "A range of addresses.");

#define SELF struct network_policy_peer
static const struct field network_policy_peer_fields[] = {
        FIELD_OF_POINTER(pod_selector, label_selector, "podSelector", 1,
                         "Pods, in this namespace or the selected ones."),
        FIELD_OF_POINTER(namespace_selector, label_selector, "namespaceSelector", 2, "Namespaces."),
        FIELD_OF_POINTER(ip_block, ip_block, "ipBlock", 3, "A range of addresses."),
};
#undef SELF
static const struct schema network_policy_peer_schema =
        SCHEMA(network_policy_peer, "NetworkPolicyPeer", "Whom a rule is about.");

#define SELF struct network_policy_port
static const struct field network_policy_port_fields[] = {
        FIELD_OF_STRING(protocol, "protocol", 1, "TCP, UDP or SCTP.", .default_json = "\"TCP\"",
                        .values = WORDS("TCP", "UDP", "SCTP"), .flags = FIELD_POINTER),
        FIELD_OF_INT_OR_STRING(port, "port", 2, "Number or name of the port; all when absent.",
                               .format = FORMAT_PORT),
        FIELD_OF_OPT_INT(end_port, "endPort", 3, "Last port of a range."),
};
#undef SELF
static const struct schema network_policy_port_schema =
        SCHEMA(network_policy_port, "NetworkPolicyPort", "Which port a rule is about.");

#define SELF struct network_policy_ingress_rule
static const struct field network_policy_ingress_rule_fields[] = {
        FIELD_OF_OBJECTS(ports, network_policy_port, "ports", 1, "To which ports; all when empty.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_OBJECTS(from, network_policy_peer, "from", 2,
                         "From whom; from everybody when empty.", .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema network_policy_ingress_rule_schema =
        SCHEMA(network_policy_ingress_rule, "NetworkPolicyIngressRule", "What may come in.");

#define SELF struct network_policy_egress_rule
static const struct field network_policy_egress_rule_fields[] = {
        FIELD_OF_OBJECTS(ports, network_policy_port, "ports", 1, "To which ports; all when empty.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_OBJECTS(to, network_policy_peer, "to", 2, "To whom; to everybody when empty.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema network_policy_egress_rule_schema =
        SCHEMA(network_policy_egress_rule, "NetworkPolicyEgressRule", "What may go out.");

#define SELF struct network_policy_spec
static const struct field network_policy_spec_fields[] = {
        FIELD_OF_OBJECT(pod_selector, label_selector, "podSelector", 1,
                        "Pods that it is about; all of the namespace when empty."),
        FIELD_OF_OBJECTS(ingress, network_policy_ingress_rule, "ingress", 2, "What may come in.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_OBJECTS(egress, network_policy_egress_rule, "egress", 3, "What may go out.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_STRINGS(policy_types, "policyTypes", 4, "Which directions are limited.",
                         .values = WORDS("Ingress", "Egress"), .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema network_policy_spec_schema =
        SCHEMA(network_policy_spec, "NetworkPolicySpec", "Whose traffic is limited, and how.");

#define SELF struct network_policy
static const struct field network_policy_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, network_policy_spec, "spec", 2, "Whose traffic, and how."),
};
#undef SELF
static const struct schema network_policy_schema =
        SCHEMA(network_policy, "NetworkPolicy", "Limits the traffic of pods.");

/* Which directions count: incoming always, outgoing where there are rules for it. */
static int network_policy_default(json_t *tree) {
        json_t *spec = json_object_get(tree, "spec"), *types = NULL;

        if (!json_is_object(spec) || json_array_size(json_object_get(spec, "policyTypes")) > 0)
                return 0;
        if (json_array_size(json_object_get(spec, "egress")) > 0)
                types = json_pack("[s,s]", "Ingress", "Egress");
        else
                types = json_pack("[s]", "Ingress");
        return json_object_set_new(spec, "policyTypes", types) < 0 ? -ENOMEM : 0;
}

static bool network_policy_peer_is_wrong(const struct network_policy_peer *p) {
        return p->ip_block ? p->pod_selector || p->namespace_selector
                           : !p->pod_selector && !p->namespace_selector;
}

static void network_policy_check_peer(const struct network_policy_peer *p, const char *rule,
                                      size_t i, size_t k, struct diags *d) {
        AUTO_FREE char *field = str_format("spec.%s[%zu].%s[%zu]", rule, i,
                                           str_eq(rule, "ingress") ? "from" : "to", k);

        if (!field)
                d->has_failed = true;
        else if (network_policy_peer_is_wrong(p))
                (void) diag_add(d, DIAG_ERROR, p->ip_block ? DIAG_FORBIDDEN : DIAG_REQUIRED, field,
                                p->ip_block ? "Forbidden: may not specify both ipBlock and another "
                                              "peer"
                                            : "Required value: must specify a peer");
}

static void network_policy_check(const void *decoded, struct diags *d) {
        const struct network_policy_spec *spec = &((const struct network_policy *) decoded)->spec;

        label_selector_check(&spec->pod_selector, "spec.podSelector", d);
        for (size_t i = 0; i < spec->ingress.n; i++)
                for (size_t k = 0; k < spec->ingress.items[i].from.n; k++)
                        network_policy_check_peer(&spec->ingress.items[i].from.items[k], "ingress",
                                                  i, k, d);
        for (size_t i = 0; i < spec->egress.n; i++)
                for (size_t k = 0; k < spec->egress.items[i].to.n; k++)
                        network_policy_check_peer(&spec->egress.items[i].to.items[k], "egress", i,
                                                  k, d);
}

static int network_policy_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct network_policy *p = decoded;

        if (cell_add_text(cells, p->metadata.name) < 0 ||
            cell_add_selector(cells, &p->spec.pod_selector) < 0)
                return -ENOMEM;
        return cell_add_age(cells, &p->metadata, now_usec);
}

static const struct table_column network_policy_columns[] = {
        COLUMN_NAME,
        { "Pod-Selector", "string", "", 0 },
        COLUMN_AGE,
};

const struct kind network_policy_kind = {
        .api_version = "networking.k8s.io/v1",
        .group = "networking.k8s.io",
        .version = "v1",
        .name = "NetworkPolicy",
        .list_name = "NetworkPolicyList",
        .plural = "networkpolicies",
        .singular = "networkpolicy",
        .short_names = WORDS("netpol"),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &network_policy_schema,
        .set_defaults = network_policy_default,
        .check = network_policy_check,
        .columns = network_policy_columns,
        .n_columns = ARRAY_SIZE(network_policy_columns),
        .add_cells = network_policy_add_cells,
        .caveat = KIND_ONLY_KEPT,
};
