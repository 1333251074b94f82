/* Field tables of containers: environment, probes, security, resources. */
#include "api/kinds/kept_tables.h"
#include "api/kinds/pod.h"
#include "api/kinds/tables.h"

static const char *const container_protocols[] = { "TCP", "UDP", "SCTP", NULL };

#define SELF struct container_port
static const struct field container_port_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name that services and probes may use.",
                        .format = FORMAT_PORT_NAME),
        FIELD_OF_INT(host_port, "hostPort", 2, "Port of the node that leads to this one.",
                     RANGE(0, 65535)),
        FIELD_OF_INT(container_port, "containerPort", 3, "Port that the container listens on.",
                     .flags = FIELD_REQUIRED, .format = FORMAT_PORT),
        FIELD_OF_STRING(protocol, "protocol", 4, "Protocol of the port.", .default_json = "\"TCP\"",
                        .values = container_protocols),
        FIELD_OF_STRING(host_ip, "hostIP", 5, "Address of the node that hostPort is bound to."),
};
#undef SELF
static const struct schema container_port_schema =
        SCHEMA(container_port, "ContainerPort", "A port that a container listens on.");

#define SELF struct object_field_selector
static const struct field object_field_selector_fields[] = {
        FIELD_OF_STRING(api_version, "apiVersion", 1, "Version that the path is written for.",
                        .default_json = "\"v1\""),
        FIELD_OF_STRING(field_path, "fieldPath", 2,
                        "Field of the pod, as metadata.name or status.podIP.",
                        .flags = FIELD_REQUIRED),
};
#undef SELF
const struct schema object_field_selector_schema =
        SCHEMA(object_field_selector, "ObjectFieldSelector", "A field of the pod itself.",
               .is_atomic = true);

#define SELF struct resource_field_selector
static const struct field resource_field_selector_fields[] = {
        FIELD_OF_STRING(container_name, "containerName", 1,
                        "Container whose resources are meant; in env its own."),
        FIELD_OF_STRING(resource, "resource", 2, "limits.cpu, requests.memory and the like.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_QUANTITY(divisor, "divisor", 3, "Unit that the amount is given in."),
};
#undef SELF
const struct schema resource_field_selector_schema =
        SCHEMA(resource_field_selector, "ResourceFieldSelector", "A resource of a container.",
               .is_atomic = true);

#define SELF struct config_map_key_selector
static const struct field config_map_key_selector_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the ConfigMap.", .inside = 1),
        FIELD_OF_STRING(key, "key", 2, "Key in it.", .flags = FIELD_REQUIRED,
                        .format = FORMAT_CONFIG_KEY),
        FIELD_OF_OPT_BOOL(optional, "optional", 3, "Whether map or key may be missing."),
};
#undef SELF
static const struct schema config_map_key_selector_schema =
        SCHEMA(config_map_key_selector, "ConfigMapKeySelector", "One key of a ConfigMap.",
               .is_atomic = true);

#define SELF struct secret_key_selector
static const struct field secret_key_selector_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the Secret.", .inside = 1),
        FIELD_OF_STRING(key, "key", 2, "Key in it.", .flags = FIELD_REQUIRED,
                        .format = FORMAT_CONFIG_KEY),
        FIELD_OF_OPT_BOOL(optional, "optional", 3, "Whether secret or key may be missing."),
};
#undef SELF
static const struct schema secret_key_selector_schema =
        SCHEMA(secret_key_selector, "SecretKeySelector", "One key of a Secret.", .is_atomic = true);

#define SELF struct env_var_source
static const struct field env_var_source_fields[] = {
        FIELD_OF_POINTER(field_ref, object_field_selector, "fieldRef", 1, "A field of the pod."),
        FIELD_OF_POINTER(resource_field_ref, resource_field_selector, "resourceFieldRef", 2,
                         "A resource of the container."),
        FIELD_OF_POINTER(config_map_key_ref, config_map_key_selector, "configMapKeyRef", 3,
                         "A key of a ConfigMap."),
        FIELD_OF_POINTER(secret_key_ref, secret_key_selector, "secretKeyRef", 4,
                         "A key of a Secret."),
        FIELD_OF_UNACTED("fileKeyRef", 5, FIELD_OBJECT_PTR, FIELD_ONE,
                         "A key of a file in a volume.", .schema = &file_key_selector_schema),
};
#undef SELF
static const struct schema env_var_source_schema =
        SCHEMA(env_var_source, "EnvVarSource", "Where a variable's value comes from.");

#define SELF struct env_var
static const struct field env_var_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the variable.", .flags = FIELD_REQUIRED,
                        .format = FORMAT_ENV_NAME),
        FIELD_OF_STRING(value, "value", 2,
                        "Value; $(NAME) stands for a variable defined before, $$ for a dollar."),
        FIELD_OF_POINTER(value_from, env_var_source, "valueFrom", 3,
                         "Source of the value, instead of value."),
};
#undef SELF
static const struct schema env_var_schema =
        SCHEMA(env_var, "EnvVar", "A variable of the container's environment.");

#define SELF struct config_map_env_source
static const struct field config_map_env_source_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the ConfigMap.", .inside = 1),
        FIELD_OF_OPT_BOOL(optional, "optional", 2, "Whether the ConfigMap may be missing."),
};
#undef SELF
static const struct schema config_map_env_source_schema =
        SCHEMA(config_map_env_source, "ConfigMapEnvSource", "All keys of a ConfigMap.");

#define SELF struct secret_env_source
static const struct field secret_env_source_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the Secret.", .inside = 1),
        FIELD_OF_OPT_BOOL(optional, "optional", 2, "Whether the Secret may be missing."),
};
#undef SELF
static const struct schema secret_env_source_schema =
        SCHEMA(secret_env_source, "SecretEnvSource", "All keys of a Secret.");

#define SELF struct env_from_source
static const struct field env_from_source_fields[] = {
        FIELD_OF_STRING(prefix, "prefix", 1, "Put in front of each key.",
                        .format = FORMAT_ENV_NAME),
        FIELD_OF_POINTER(config_map_ref, config_map_env_source, "configMapRef", 2,
                         "ConfigMap whose keys become variables."),
        FIELD_OF_POINTER(secret_ref, secret_env_source, "secretRef", 3,
                         "Secret whose keys become variables."),
};
#undef SELF
static const struct schema env_from_source_schema =
        SCHEMA(env_from_source, "EnvFromSource", "A source of many variables.");

#define SELF struct resource_requirements
static const struct field resource_requirements_fields[] = {
        FIELD_OF_QUANTITY_MAP(limits, "limits", 1, "The most that the container may use.",
                              .format = FORMAT_RESOURCES),
        FIELD_OF_QUANTITY_MAP(requests, "requests", 2,
                              "What the container needs; limits where it isn't given.",
                              .format = FORMAT_RESOURCES),
        FIELD_OF_UNACTED("claims", 3, FIELD_OBJECT, FIELD_LIST, "Resource claims that are used.",
                         .schema = &resource_claim_schema, .merge_key = "name"),
};
#undef SELF
const struct schema resource_requirements_schema =
        SCHEMA(resource_requirements, "ResourceRequirements", "CPU and memory of a container.");

#define SELF struct container_resize_policy
static const struct field container_resize_policy_fields[] = {
        FIELD_OF_STRING(resource_name, "resourceName", 1, "Name of the resource.",
                        .values = WORDS("cpu", "memory"), .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(restart_policy, "restartPolicy", 2, "Whether the container starts anew.",
                        .values = WORDS("NotRequired", "RestartContainer"),
                        .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema container_resize_policy_schema =
        SCHEMA(container_resize_policy, "ContainerResizePolicy",
               "What a change of one resource asks for.");

#define SELF struct volume_mount
static const struct field volume_mount_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Volume of the pod that is mounted.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_BOOL(read_only, "readOnly", 2, "Whether the container may only read."),
        FIELD_OF_STRING(mount_path, "mountPath", 3, "Where the container sees the volume.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(sub_path, "subPath", 4, "Path inside the volume, instead of its root.",
                        .format = FORMAT_RELATIVE_PATH),
        FIELD_OF_STRING(mount_propagation, "mountPropagation", 5,
                        "How mounts spread between node and container.",
                        .values = WORDS("None", "HostToContainer", "Bidirectional"),
                        .flags = FIELD_POINTER),
        FIELD_OF_STRING(sub_path_expr, "subPathExpr", 6, "subPath with $(NAME) expanded.",
                        .format = FORMAT_RELATIVE_PATH),
        FIELD_OF_STRING(recursive_read_only, "recursiveReadOnly", 7,
                        "Whether mounts below are read-only, too.",
                        .values = WORDS("Disabled", "IfPossible", "Enabled"),
                        .flags = FIELD_POINTER),
};
#undef SELF
static const struct schema volume_mount_schema =
        SCHEMA(volume_mount, "VolumeMount", "Puts a volume into a container.");

#define SELF struct http_header
static const struct field http_header_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the header.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(value, "value", 2, "Value of the header."),
};
#undef SELF
static const struct schema http_header_schema =
        SCHEMA(http_header, "HTTPHeader", "A header of a request.");

#define SELF struct http_get_action
static const struct field http_get_action_fields[] = {
        FIELD_OF_STRING(path, "path", 1, "Path that is asked for.", .default_json = "\"/\""),
        FIELD_OF_INT_OR_STRING(port, "port", 2, "Number or name of the container's port.",
                               .flags = FIELD_REQUIRED, .format = FORMAT_PORT),
        FIELD_OF_STRING(host, "host", 3, "Host to ask, instead of the pod's address."),
        FIELD_OF_STRING(scheme, "scheme", 4, "HTTP or HTTPS.", .default_json = "\"HTTP\"",
                        .values = WORDS("HTTP", "HTTPS")),
        FIELD_OF_OBJECTS(http_headers, http_header, "httpHeaders", 5, "Headers that are sent.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema http_get_action_schema =
        SCHEMA(http_get_action, "HTTPGetAction", "An HTTP GET request.");

#define SELF struct tcp_socket_action
static const struct field tcp_socket_action_fields[] = {
        FIELD_OF_INT_OR_STRING(port, "port", 1, "Number or name of the container's port.",
                               .flags = FIELD_REQUIRED, .format = FORMAT_PORT),
        FIELD_OF_STRING(host, "host", 2, "Host to connect to, instead of the pod's address."),
};
#undef SELF
static const struct schema tcp_socket_action_schema =
        SCHEMA(tcp_socket_action, "TCPSocketAction", "A TCP connection.");

#define SELF struct exec_action
static const struct field exec_action_fields[] = {
        FIELD_OF_STRINGS(command, "command", 1,
                         "Program and arguments, run in the container without a shell.",
                         .flags = FIELD_REQUIRED | FIELD_ATOMIC),
};
#undef SELF
static const struct schema exec_action_schema =
        SCHEMA(exec_action, "ExecAction", "A command in the container; exit code 0 is success.");

#define SELF struct grpc_action
static const struct field grpc_action_fields[] = {
        FIELD_OF_INT(port, "port", 1, "Port of the gRPC service.", .flags = FIELD_REQUIRED,
                     .format = FORMAT_PORT),
        FIELD_OF_STRING(service, "service", 2, "Service named in the health request.",
                        .default_json = "\"\"", .flags = FIELD_POINTER),
};
#undef SELF
static const struct schema grpc_action_schema =
        SCHEMA(grpc_action, "GRPCAction", "A gRPC health check.");

#define SELF struct sleep_action
static const struct field sleep_action_fields[] = {
        FIELD_OF_INT(seconds, "seconds", 1, "How long to wait.", .flags = FIELD_REQUIRED,
                     RANGE(0, INT32_MAX)),
};
#undef SELF
static const struct schema sleep_action_schema =
        SCHEMA(sleep_action, "SleepAction", "Waits for a while.");

#define SELF struct probe
static const struct field probe_fields[] = {
        FIELD_OF_POINTER(exec, exec_action, "exec", 1, "Runs a command in the container.",
                         .inside = 1),
        FIELD_OF_POINTER(http_get, http_get_action, "httpGet", 2,
                         "Sends a request; any status from 200 to 399 is success.", .inside = 1),
        FIELD_OF_POINTER(tcp_socket, tcp_socket_action, "tcpSocket", 3, "Opens a connection.",
                         .inside = 1),
        FIELD_OF_POINTER(grpc, grpc_action, "grpc", 4, "Asks a gRPC health service.", .inside = 1,
                         .flags = FIELD_UNACTED),
        FIELD_OF_INT(initial_delay_seconds, "initialDelaySeconds", 2,
                     "Seconds from the container's start until the first probe.",
                     .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_INT(timeout_seconds, "timeoutSeconds", 3, "Seconds that one probe may take.",
                     .default_json = "1", RANGE(1, INT32_MAX)),
        FIELD_OF_INT(period_seconds, "periodSeconds", 4, "Seconds between probes.",
                     .default_json = "10", RANGE(1, INT32_MAX)),
        FIELD_OF_INT(success_threshold, "successThreshold", 5,
                     "Successes in a row that make a failed probe good again.", .default_json = "1",
                     RANGE(1, INT32_MAX)),
        FIELD_OF_INT(failure_threshold, "failureThreshold", 6,
                     "Failures in a row that make the probe fail.", .default_json = "3",
                     RANGE(1, INT32_MAX)),
        FIELD_OF_OPT_INT(termination_grace_period_seconds, "terminationGracePeriodSeconds", 7,
                         "Seconds to end when the probe fails, instead of the pod's.",
                         RANGE(1, INT32_MAX)),
};
#undef SELF
static const struct schema probe_schema =
        SCHEMA(probe, "Probe", "A question that the node asks a container again and again.");

#define SELF struct lifecycle_handler
static const struct field lifecycle_handler_fields[] = {
        FIELD_OF_POINTER(exec, exec_action, "exec", 1, "Runs a command in the container."),
        FIELD_OF_POINTER(http_get, http_get_action, "httpGet", 2, "Sends a request."),
        FIELD_OF_POINTER(tcp_socket, tcp_socket_action, "tcpSocket", 3, "Not used any more.",
                         .flags = FIELD_UNACTED),
        FIELD_OF_POINTER(sleep, sleep_action, "sleep", 4, "Waits for a while."),
};
#undef SELF
static const struct schema lifecycle_handler_schema = SCHEMA(
        lifecycle_handler, "LifecycleHandler", "What is done at a turn of a container's life.");

#define SELF struct lifecycle
static const struct field lifecycle_fields[] = {
        FIELD_OF_POINTER(post_start, lifecycle_handler, "postStart", 1,
                         "Done right after the start; a failure kills the container."),
        FIELD_OF_POINTER(pre_stop, lifecycle_handler, "preStop", 2,
                         "Done before the container is told to end, within the grace period."),
        FIELD_OF_STRING(stop_signal, "stopSignal", 3,
                        "Signal that tells the container to end, instead of the image's.",
                        .flags = FIELD_POINTER),
};
#undef SELF
static const struct schema lifecycle_schema =
        SCHEMA(lifecycle, "Lifecycle", "Actions at the start and the end of a container.");

#define SELF struct capabilities
static const struct field capabilities_fields[] = {
        FIELD_OF_STRINGS(add, "add", 1, "Capabilities on top of the usual ones, without CAP_.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_STRINGS(drop, "drop", 2, "Capabilities taken away; ALL takes every one.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema capabilities_schema =
        SCHEMA(capabilities, "Capabilities", "Kernel privileges of a container.");

#define SELF struct seccomp_profile
static const struct field seccomp_profile_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "Which filter of system calls holds.",
                        .flags = FIELD_REQUIRED,
                        .values = WORDS("RuntimeDefault", "Unconfined", "Localhost")),
        FIELD_OF_STRING(localhost_profile, "localhostProfile", 2,
                        "File of the filter on the node, for Localhost.", .flags = FIELD_POINTER),
};
#undef SELF
const struct schema seccomp_profile_schema =
        SCHEMA(seccomp_profile, "SeccompProfile", "Filter of system calls.");

#define SELF struct se_linux_options
static const struct field se_linux_options_fields[] = {
        FIELD_OF_STRING(user, "user", 1, "User part."),
        FIELD_OF_STRING(role, "role", 2, "Role part."),
        FIELD_OF_STRING(type, "type", 3, "Type part."),
        FIELD_OF_STRING(level, "level", 4, "Level part."),
};
#undef SELF
const struct schema se_linux_options_schema =
        SCHEMA(se_linux_options, "SELinuxOptions", "An SELinux label.");

#define SELF struct windows_options
static const struct field windows_options_fields[] = {
        FIELD_KEPT("gmsaCredentialSpecName", 1, FIELD_STRING, FIELD_ONE,
                   "Name of a credential specification.", .flags = FIELD_POINTER),
        FIELD_KEPT("gmsaCredentialSpec", 2, FIELD_STRING, FIELD_ONE, "The specification itself.",
                   .flags = FIELD_POINTER),
        FIELD_KEPT("runAsUserName", 3, FIELD_STRING, FIELD_ONE, "User that the container runs as.",
                   .flags = FIELD_POINTER),
        FIELD_OF_OPT_BOOL(host_process, "hostProcess", 4,
                          "Whether it runs as a process of the host."),
};
#undef SELF
const struct schema windows_options_schema =
        SCHEMA(windows_options, "WindowsSecurityContextOptions", "What Windows wants to know.");

#define SELF struct app_armor_profile
static const struct field app_armor_profile_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "Which profile holds.",
                        .values = WORDS("Localhost", "RuntimeDefault", "Unconfined"),
                        .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(localhost_profile, "localhostProfile", 2,
                        "Name of the profile on the node, for Localhost.", .flags = FIELD_POINTER),
};
#undef SELF
const struct schema app_armor_profile_schema =
        SCHEMA(app_armor_profile, "AppArmorProfile", "An AppArmor profile.");

#define SELF struct security_context
static const struct field security_context_fields[] = {
        FIELD_OF_POINTER(capabilities, capabilities, "capabilities", 1,
                         "Kernel privileges, added and dropped."),
        FIELD_OF_OPT_BOOL(privileged, "privileged", 2,
                          "Whether the container may do what root on the node may."),
        FIELD_OF_POINTER(se_linux_options, se_linux_options, "seLinuxOptions", 3, "SELinux label.",
                         .flags = FIELD_UNACTED),
        FIELD_OF_OPT_INT(run_as_user, "runAsUser", 4, "User id, instead of the image's.",
                         .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OPT_BOOL(run_as_non_root, "runAsNonRoot", 5, "Refuse to start as user 0."),
        FIELD_OF_OPT_BOOL(read_only_root_filesystem, "readOnlyRootFilesystem", 6,
                          "Whether the container's root is read-only."),
        FIELD_OF_OPT_BOOL(allow_privilege_escalation, "allowPrivilegeEscalation", 7,
                          "Whether a process may gain more than its parent has."),
        FIELD_OF_OPT_INT(run_as_group, "runAsGroup", 8, "Group id, instead of the image's.",
                         .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_STRING(proc_mount, "procMount", 9, "How /proc is shown.",
                        .values = WORDS("Default", "Unmasked"), .flags = FIELD_POINTER),
        FIELD_OF_POINTER(windows_options, windows_options, "windowsOptions", 10, "For Windows.",
                         .flags = FIELD_UNACTED),
        FIELD_OF_POINTER(seccomp_profile, seccomp_profile, "seccompProfile", 11,
                         "Filter of system calls."),
        FIELD_OF_POINTER(app_armor_profile, app_armor_profile, "appArmorProfile", 12,
                         "AppArmor profile.", .flags = FIELD_UNACTED),
};
#undef SELF
static const struct schema security_context_schema =
        SCHEMA(security_context, "SecurityContext", "What a container may do.");

#define SELF struct container
/* Fields of containers, and inside message number n of their likes; 0: right in the message. */
#define CONTAINER_FIELDS(n)                                                                        \
        FIELD_OF_STRING(name, "name", 1, "Name of the container, unique in the pod.",              \
                        .flags = FIELD_REQUIRED, .format = FORMAT_DNS_LABEL, .inside = (n)),       \
                FIELD_OF_STRING(image, "image", 2, "Reference of the image.",                      \
                                .flags = FIELD_REQUIRED, .inside = (n)),                           \
                FIELD_OF_STRINGS(                                                                  \
                        command, "command", 3,                                                     \
                        "Program, instead of the image's entry point; $(NAME) is expanded.",       \
                        .flags = FIELD_ATOMIC | FIELD_OMIT_EMPTY, .inside = (n)),                  \
                FIELD_OF_STRINGS(args, "args", 4,                                                  \
                                 "Arguments, instead of the image's; $(NAME) is expanded.",        \
                                 .flags = FIELD_NODE_ONLY | FIELD_ATOMIC | FIELD_OMIT_EMPTY,       \
                                 .inside = (n)),                                                   \
                FIELD_OF_STRING(working_dir, "workingDir", 5,                                      \
                                "Working directory, instead of the image's.", .inside = (n),       \
                                .flags = FIELD_NODE_ONLY),                                         \
                FIELD_OF_OBJECTS(ports, container_port, "ports", 6,                                \
                                 "Ports that the container listens on.",                           \
                                 .patch = FIELD_PATCH_MERGE, .merge_key = "containerPort",         \
                                 .merge_key2 = "protocol", .inside = (n)),                         \
                FIELD_OF_OBJECTS(env_from, env_from_source, "envFrom", 19,                         \
                                 "Sources of many variables; env goes before them.",               \
                                 .flags = FIELD_NODE_ONLY | FIELD_ATOMIC | FIELD_OMIT_EMPTY,       \
                                 .inside = (n)),                                                   \
                FIELD_OF_OBJECTS(env, env_var, "env", 7, "Variables of the environment.",          \
                                 .patch = FIELD_PATCH_MERGE, .merge_key = "name", .inside = (n),   \
                                 .flags = FIELD_NODE_ONLY | FIELD_OMIT_EMPTY),                     \
                FIELD_OF_OBJECT(resources, resource_requirements, "resources", 8,                  \
                                "CPU and memory.", .inside = (n)),                                 \
                FIELD_OF_OBJECTS(resize_policy, container_resize_policy, "resizePolicy", 23,       \
                                 "What a change of resources asks for.", .inside = (n),            \
                                 .flags = FIELD_NODE_ONLY | FIELD_ATOMIC | FIELD_OMIT_EMPTY),      \
                FIELD_OF_STRING(restart_policy, "restartPolicy", 24,                               \
                                "Always makes an init container run beside the others.",           \
                                .values = WORDS("Always", "OnFailure", "Never"), .inside = (n),    \
                                .flags = FIELD_POINTER),                                           \
                FIELD_OF_UNACTED("restartPolicyRules", 25, FIELD_OBJECT, FIELD_LIST,               \
                                 "Restart depending on exit codes.",                               \
                                 .schema = &container_restart_rule_schema, .inside = (n)),         \
                FIELD_OF_OBJECTS(volume_mounts, volume_mount, "volumeMounts", 9,                   \
                                 "Volumes of the pod that the container sees.",                    \
                                 .patch = FIELD_PATCH_MERGE, .merge_key = "mountPath",             \
                                 .inside = (n), .flags = FIELD_NODE_ONLY | FIELD_OMIT_EMPTY),      \
                FIELD_OF_UNACTED("volumeDevices", 21, FIELD_OBJECT, FIELD_LIST,                    \
                                 "Raw block devices.", .schema = &volume_device_schema,            \
                                 .patch = FIELD_PATCH_MERGE, .merge_key = "devicePath",            \
                                 .inside = (n)),                                                   \
                FIELD_OF_POINTER(liveness_probe, probe, "livenessProbe", 10,                       \
                                 "Restarts the container when it fails.", .inside = (n),           \
                                 .flags = FIELD_NODE_ONLY),                                        \
                FIELD_OF_POINTER(readiness_probe, probe, "readinessProbe", 11,                     \
                                 "Takes the pod out of its services while it fails.",              \
                                 .inside = (n), .flags = FIELD_NODE_ONLY),                         \
                FIELD_OF_POINTER(startup_probe, probe, "startupProbe", 22,                         \
                                 "Holds the other probes back until it succeeded once.",           \
                                 .inside = (n), .flags = FIELD_NODE_ONLY),                         \
                FIELD_OF_POINTER(lifecycle, lifecycle, "lifecycle", 12,                            \
                                 "Actions at the start and the end.", .inside = (n),               \
                                 .flags = FIELD_NODE_ONLY),                                        \
                FIELD_OF_STRING(termination_message_path, "terminationMessagePath", 13,            \
                                "File in the container that holds its last words.",                \
                                .default_json = "\"/dev/termination-log\"", .inside = (n),         \
                                .flags = FIELD_NODE_ONLY),                                         \
                FIELD_OF_STRING(termination_message_policy, "terminationMessagePolicy", 20,        \
                                "Where last words come from.", .default_json = "\"File\"",         \
                                .values = WORDS("File", "FallbackToLogsOnError"), .inside = (n),   \
                                .flags = FIELD_NODE_ONLY),                                         \
                FIELD_OF_STRING(image_pull_policy, "imagePullPolicy", 14,                          \
                                "When the image is fetched; Always by default for :latest.",       \
                                .values = WORDS("Always", "Never", "IfNotPresent"), .inside = (n), \
                                .flags = FIELD_NODE_ONLY),                                         \
                FIELD_OF_POINTER(security_context, security_context, "securityContext", 15,        \
                                 "What the container may do.", .inside = (n),                      \
                                 .flags = FIELD_NODE_ONLY),                                        \
                FIELD_OF_BOOL(stdin, "stdin", 16,                                                  \
                              "Whether the container has an open standard input.", .inside = (n)), \
                FIELD_OF_BOOL(stdin_once, "stdinOnce", 17,                                         \
                              "Whether it ends with the first attach.", .inside = (n)),            \
                FIELD_OF_BOOL(tty, "tty", 18, "Whether the container has a terminal.",             \
                              .inside = (n))

static const struct field container_fields[] = { CONTAINER_FIELDS(0) };

/* The same and whose processes it sees. */
static const struct field ephemeral_container_fields[] = {
        CONTAINER_FIELDS(1),
        FIELD_OF_STRING(target_container_name, "targetContainerName", 2,
                        "Container whose processes a debugging container sees."),
};
#undef SELF
const struct schema container_schema =
        SCHEMA(container, "Container", "One program of a pod, from one image.");

const struct schema ephemeral_container_schema = {
        .name = "EphemeralContainer",
        .doc = "A container that is added to a running pod for debugging.",
        .fields = ephemeral_container_fields,
        .n_fields = ARRAY_SIZE(ephemeral_container_fields),
        .size = sizeof(struct container),
};
