/* Field tables of pods: spec and template. */
#include "api/kinds/kept_tables.h"
#include "api/kinds/pod.h"
#include "api/kinds/tables.h"

#define SELF struct toleration
static const struct field toleration_fields[] = {
        FIELD_OF_STRING(key, "key", 1, "Taint that is tolerated; empty with Exists: all.",
                        .format = FORMAT_QUALIFIED_NAME),
        FIELD_OF_STRING(operator, "operator", 2, "Equal compares the value, Exists doesn't.",
                        .values = WORDS("Exists", "Equal")),
        FIELD_OF_STRING(value, "value", 3, "Value of the taint, for Equal."),
        FIELD_OF_STRING(effect, "effect", 4, "Effect that is tolerated; empty: all.",
                        .values = WORDS("NoSchedule", "PreferNoSchedule", "NoExecute")),
        FIELD_OF_OPT_INT(toleration_seconds, "tolerationSeconds", 5,
                         "How long a NoExecute taint is tolerated; for ever by default."),
};
#undef SELF
const struct schema toleration_schema =
        SCHEMA(toleration, "Toleration", "Lets a pod run on a node in spite of a taint.");

#define SELF struct host_alias
static const struct field host_alias_fields[] = {
        FIELD_OF_STRING(ip, "ip", 1, "Address.", .flags = FIELD_REQUIRED, .format = FORMAT_IP),
        FIELD_OF_STRINGS(hostnames, "hostnames", 2, "Names of the address.", .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema host_alias_schema =
        SCHEMA(host_alias, "HostAlias", "A line in the pod's /etc/hosts.");

#define SELF struct pod_dns_config_option
static const struct field pod_dns_config_option_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the option.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(value, "value", 2, "Value of the option.", .flags = FIELD_POINTER),
};
#undef SELF
static const struct schema pod_dns_config_option_schema =
        SCHEMA(pod_dns_config_option, "PodDNSConfigOption", "An option of the resolver.");

#define SELF struct pod_dns_config
static const struct field pod_dns_config_fields[] = {
        FIELD_OF_STRINGS(nameservers, "nameservers", 1, "More name servers.", .flags = FIELD_ATOMIC,
                         .format = FORMAT_IP),
        FIELD_OF_STRINGS(searches, "searches", 2, "More search domains.", .flags = FIELD_ATOMIC),
        FIELD_OF_OBJECTS(options, pod_dns_config_option, "options", 3, "Options of the resolver.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema pod_dns_config_schema =
        SCHEMA(pod_dns_config, "PodDNSConfig", "Changes to the pod's resolv.conf.");

#define SELF struct sysctl
static const struct field sysctl_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name, as net.core.somaxconn.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(value, "value", 2, "Value that is set.", .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema sysctl_schema =
        SCHEMA(sysctl, "Sysctl", "A kernel parameter of the pod's namespaces.");

#define SELF struct pod_security_context
static const struct field pod_security_context_fields[] = {
        FIELD_OF_POINTER(se_linux_options, se_linux_options, "seLinuxOptions", 1, "SELinux label.",
                         .flags = FIELD_UNACTED),
        FIELD_OF_OPT_INT(run_as_user, "runAsUser", 2, "User id of all containers.",
                         .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OPT_BOOL(run_as_non_root, "runAsNonRoot", 3, "Refuse to start as user 0."),
        FIELD_OF_INTS(supplemental_groups, "supplementalGroups", 4, "More group ids.",
                      .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OPT_INT(fs_group, "fsGroup", 5, "Group that owns the pod's volumes.",
                         .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OPT_INT(run_as_group, "runAsGroup", 6, "Group id of all containers.",
                         .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OBJECTS(sysctls, sysctl, "sysctls", 7, "Kernel parameters.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_POINTER(windows_options, windows_options, "windowsOptions", 8, "For Windows.",
                         .flags = FIELD_UNACTED),
        FIELD_KEPT("fsGroupChangePolicy", 9, FIELD_STRING, FIELD_ONE,
                   "When ownership of volumes is changed.", .flags = FIELD_UNACTED | FIELD_POINTER),
        FIELD_OF_POINTER(seccomp_profile, seccomp_profile, "seccompProfile", 10,
                         "Filter of system calls."),
        FIELD_OF_POINTER(app_armor_profile, app_armor_profile, "appArmorProfile", 11,
                         "AppArmor profile.", .flags = FIELD_UNACTED),
        FIELD_KEPT("supplementalGroupsPolicy", 12, FIELD_STRING, FIELD_ONE,
                   "Whether the image's groups count.", .flags = FIELD_UNACTED | FIELD_POINTER),
        FIELD_KEPT("seLinuxChangePolicy", 13, FIELD_STRING, FIELD_ONE,
                   "How volumes are relabelled.", .flags = FIELD_UNACTED | FIELD_POINTER),
};
#undef SELF
static const struct schema pod_security_context_schema = SCHEMA(
        pod_security_context, "PodSecurityContext", "What all containers of the pod may do.");

#define SELF struct pod_spec
static const struct field pod_spec_fields[] = {
        FIELD_OF_OBJECTS(volumes, volume, "volumes", 1, "Folders that containers may mount.",
                         .patch = FIELD_PATCH_MERGE, .merge_key = "name",
                         .flags = FIELD_RETAIN_KEYS | FIELD_UNIQUE),
        FIELD_OF_OBJECTS(init_containers, container, "initContainers", 20,
                         "Containers that run one after another before the others.",
                         .patch = FIELD_PATCH_MERGE, .merge_key = "name", .flags = FIELD_UNIQUE),
        FIELD_OF_OBJECTS(containers, container, "containers", 2,
                         "Containers that run side by side.", .patch = FIELD_PATCH_MERGE,
                         .merge_key = "name", .flags = FIELD_REQUIRED | FIELD_UNIQUE),
        { .name = "ephemeralContainers",
          .doc = "Containers added for debugging.",
          .number = 34,
          .type = FIELD_OBJECT,
          .shape = FIELD_LIST,
          .patch = FIELD_PATCH_MERGE,
          .merge_key = "name",
          .flags = FIELD_UNIQUE,
          .schema = &ephemeral_container_schema,
          .offset = FIELD_CHECKED_OFFSET(ephemeral_containers, ephemeral_containers,
                                         struct containers) },
        FIELD_OF_STRING(restart_policy, "restartPolicy", 3, "When ended containers start again.",
                        .default_json = "\"Always\"",
                        .values = WORDS("Always", "OnFailure", "Never")),
        FIELD_OF_OPT_INT(termination_grace_period_seconds, "terminationGracePeriodSeconds", 4,
                         "Seconds between asking the pod to end and killing it.",
                         .default_json = "30", .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OPT_INT(active_deadline_seconds, "activeDeadlineSeconds", 5,
                         "Seconds after which the pod is ended as failed.", RANGE(1, INT32_MAX),
                         .flags = FIELD_UNACTED),
        FIELD_OF_STRING(
                dns_policy, "dnsPolicy", 6, "Whom the pod asks for names.",
                .default_json = "\"ClusterFirst\"",
                .values = WORDS("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")),
        FIELD_OF_STRING_MAP(node_selector, "nodeSelector", 7, "Labels that the node must have.",
                            .format = FORMAT_LABELS, .flags = FIELD_ATOMIC),
        FIELD_OF_STRING(service_account_name, "serviceAccountName", 8,
                        "Account that the pod acts as.", .format = FORMAT_DNS_SUBDOMAIN),
        FIELD_KEPT("serviceAccount", 9, FIELD_STRING, FIELD_ONE, "Old name of serviceAccountName."),
        FIELD_KEPT("automountServiceAccountToken", 21, FIELD_OPT_BOOL, FIELD_ONE,
                   "Whether the account's token is mounted; as the account says by default."),
        FIELD_OF_STRING(node_name, "nodeName", 10,
                        "Node that runs the pod; chosen by the scheduler when empty."),
        FIELD_OF_BOOL(host_network, "hostNetwork", 11, "Whether the pod uses the node's network."),
        FIELD_OF_BOOL(host_pid, "hostPID", 12, "Whether the pod sees the node's processes."),
        FIELD_OF_BOOL(host_ipc, "hostIPC", 13, "Whether the pod shares the node's IPC."),
        FIELD_OF_OPT_BOOL(share_process_namespace, "shareProcessNamespace", 27,
                          "Whether containers see each other's processes."),
        FIELD_OF_POINTER(security_context, pod_security_context, "securityContext", 14,
                         "What all containers may do."),
        FIELD_OF_OBJECTS(image_pull_secrets, local_object_reference, "imagePullSecrets", 15,
                         "Secrets with passwords of registries.", .patch = FIELD_PATCH_MERGE,
                         .merge_key = "name", .flags = FIELD_NODE_ONLY),
        FIELD_OF_STRING(hostname, "hostname", 16, "Host name, instead of the pod's name.",
                        .format = FORMAT_DNS_LABEL),
        FIELD_OF_STRING(subdomain, "subdomain", 17,
                        "Headless service that gives the pod a name of its own.",
                        .format = FORMAT_DNS_LABEL),
        FIELD_OF_UNACTED("affinity", 18, FIELD_OBJECT_PTR, FIELD_ONE,
                         "Wishes about nodes and neighbours.", .schema = &affinity_schema),
        FIELD_OF_STRING(scheduler_name, "schedulerName", 19, "Scheduler that binds the pod.",
                        .default_json = "\"default-scheduler\""),
        FIELD_OF_OBJECTS(tolerations, toleration, "tolerations", 22, "Taints that don't matter.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_OBJECTS(host_aliases, host_alias, "hostAliases", 23, "Lines for /etc/hosts.",
                         .patch = FIELD_PATCH_MERGE, .merge_key = "ip"),
        FIELD_OF_STRING(priority_class_name, "priorityClassName", 24,
                        "PriorityClass that the priority comes from."),
        FIELD_OF_OPT_INT(priority, "priority", 25,
                         "Importance, from the class: the scheduler serves higher ones first."),
        FIELD_KEPT("preemptionPolicy", 31, FIELD_STRING, FIELD_ONE,
                   "Whether less important pods may be evicted for it, from the class; the "
                   "scheduler of orch evicts none.",
                   .values = WORDS("Never", "PreemptLowerPriority"), .flags = FIELD_POINTER),
        FIELD_OF_POINTER(dns_config, pod_dns_config, "dnsConfig", 26,
                         "Changes to the pod's resolv.conf."),
        FIELD_OF_UNACTED("readinessGates", 28, FIELD_OBJECT, FIELD_LIST,
                         "More conditions that readiness asks for.",
                         .schema = &pod_readiness_gate_schema),
        FIELD_KEPT("runtimeClassName", 29, FIELD_STRING, FIELD_ONE, "Runtime of the pod.",
                   .flags = FIELD_UNACTED | FIELD_POINTER),
        FIELD_OF_OPT_BOOL(enable_service_links, "enableServiceLinks", 30,
                          "Whether services appear as environment variables.",
                          .default_json = "true"),
        FIELD_OF_UNACTED("overhead", 32, FIELD_QUANTITY, FIELD_MAP,
                         "Resources of the pod's runtime."),
        FIELD_OF_UNACTED("topologySpreadConstraints", 33, FIELD_OBJECT, FIELD_LIST,
                         "How pods spread over the cluster.",
                         .schema = &topology_spread_constraint_schema, .patch = FIELD_PATCH_MERGE,
                         .merge_key = "topologyKey", .merge_key2 = "whenUnsatisfiable"),
        FIELD_OF_UNACTED("setHostnameAsFQDN", 35, FIELD_OPT_BOOL, FIELD_ONE,
                         "Whether the host name is the full name."),
        FIELD_OF_UNACTED("os", 36, FIELD_OBJECT_PTR, FIELD_ONE,
                         "Operating system of the containers.", .schema = &pod_os_schema),
        FIELD_OF_UNACTED("hostUsers", 37, FIELD_OPT_BOOL, FIELD_ONE,
                         "Whether the pod uses the node's user ids."),
        FIELD_OF_UNACTED("schedulingGates", 38, FIELD_OBJECT, FIELD_LIST,
                         "Names that hold scheduling back.", .schema = &pod_scheduling_gate_schema,
                         .patch = FIELD_PATCH_MERGE, .merge_key = "name"),
        FIELD_OF_UNACTED("resourceClaims", 39, FIELD_OBJECT, FIELD_LIST,
                         "Devices that are claimed.", .schema = &pod_resource_claim_schema,
                         .patch = FIELD_PATCH_MERGE, .merge_key = "name"),
        FIELD_OF_UNACTED("resources", 40, FIELD_OBJECT_PTR, FIELD_ONE,
                         "Resources of the pod as a whole.",
                         .schema = &resource_requirements_schema),
        FIELD_KEPT("hostnameOverride", 41, FIELD_STRING, FIELD_ONE,
                   "Host name whatever else is said.", .flags = FIELD_UNACTED | FIELD_POINTER),
        FIELD_OF_UNACTED("workloadRef", 42, FIELD_OBJECT_PTR, FIELD_ONE,
                         "Workload that the pod is scheduled with.",
                         .schema = &workload_reference_schema),
};
#undef SELF
const struct schema pod_spec_schema =
        SCHEMA(pod_spec, "PodSpec", "What a pod consists of and how it shall run.");

#define SELF struct pod_template_spec
static const struct field pod_template_spec_fields[] = {
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1,
                        "Labels and annotations of the pods."),
        FIELD_OF_OBJECT(spec, pod_spec, "spec", 2, "What the pods shall be.",
                        .flags = FIELD_REQUIRED),
};
#undef SELF
const struct schema pod_template_spec_schema =
        SCHEMA(pod_template_spec, "PodTemplateSpec", "What pods are made from.");

#define SELF struct pod
static const struct field pod_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, pod_spec, "spec", 2, "What the pod shall be.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(status, pod_status, "status", 3, "What the pod is, as its node sees it.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
const struct schema pod_schema =
        SCHEMA(pod, "Pod", "Containers that run together on one node, with one address.");
