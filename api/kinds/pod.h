#pragma once

#include "api/kinds/meta.h"

/* v1 Pod and its parts. Fields of Kubernetes without a member here are kept in the JSON. */

struct key_to_path {
        const char *key;
        const char *path;
        struct opt_int mode;
};

struct key_to_path_list {
        struct key_to_path *items;
        size_t n;
};

struct empty_dir_volume_source {
        const char *medium; /* "", Memory */
        struct quantity size_limit;
};

struct host_path_volume_source {
        const char *path;
        const char *type; /* "", Directory, DirectoryOrCreate, File, FileOrCreate, Socket, ... */
};

struct config_map_volume_source {
        const char *name;
        struct key_to_path_list items;
        struct opt_int default_mode;
        struct opt_bool optional;
};

struct secret_volume_source {
        const char *secret_name;
        struct key_to_path_list items;
        struct opt_int default_mode;
        struct opt_bool optional;
};

struct object_field_selector {
        const char *api_version;
        const char *field_path;
};

struct resource_field_selector {
        const char *container_name;
        const char *resource;
        struct quantity divisor;
};

struct downward_api_volume_file {
        const char *path;
        struct object_field_selector *field_ref;
        struct resource_field_selector *resource_field_ref;
        struct opt_int mode;
};

struct downward_api_file_list {
        struct downward_api_volume_file *items;
        size_t n;
};

struct downward_api_volume_source {
        struct downward_api_file_list items;
        struct opt_int default_mode;
};

struct secret_projection {
        const char *name;
        struct key_to_path_list items;
        struct opt_bool optional;
};

struct config_map_projection {
        const char *name;
        struct key_to_path_list items;
        struct opt_bool optional;
};

struct downward_api_projection {
        struct downward_api_file_list items;
};

struct service_account_token_projection {
        const char *audience; /* the API server's own when empty */
        struct opt_int expiration_seconds;
        const char *path;
};

struct volume_projection {
        struct service_account_token_projection *service_account_token;
        struct secret_projection *secret;
        struct config_map_projection *config_map;
        struct downward_api_projection *downward_api;
};

struct projected_volume_source {
        struct {
                struct volume_projection *items;
                size_t n;
        } sources;
        struct opt_int default_mode;
};

/* At most one source is set. The defaults make a volume without any an emptyDir, so that one
 * without any here has a source that orch doesn't know: refuse to run it. */
struct persistent_volume_claim_volume_source {
        const char *claim_name;
        bool read_only;
};

struct csi_volume_source {
        const char *driver;
};

struct image_volume_source {
        const char *reference;
        const char *pull_policy;
};

struct ephemeral_volume_source; /* api/kinds/storage.h */

struct volume {
        const char *name;
        struct empty_dir_volume_source *empty_dir;
        struct host_path_volume_source *host_path;
        struct config_map_volume_source *config_map;
        struct secret_volume_source *secret;
        struct downward_api_volume_source *downward_api;
        struct projected_volume_source *projected;
        /* Nothing acts on these. */
        struct persistent_volume_claim_volume_source *persistent_volume_claim;
        struct csi_volume_source *csi;
        struct ephemeral_volume_source *ephemeral;
        struct image_volume_source *image;
};

struct container_port {
        const char *name;
        int64_t host_port;
        int64_t container_port;
        const char *protocol; /* TCP, UDP, SCTP */
        const char *host_ip;
};

struct config_map_key_selector {
        const char *name;
        const char *key;
        struct opt_bool optional;
};

struct secret_key_selector {
        const char *name;
        const char *key;
        struct opt_bool optional;
};

struct env_var_source {
        struct object_field_selector *field_ref;
        struct resource_field_selector *resource_field_ref;
        struct config_map_key_selector *config_map_key_ref;
        struct secret_key_selector *secret_key_ref;
};

struct env_var {
        const char *name;
        const char *value;
        struct env_var_source *value_from;
};

struct config_map_env_source {
        const char *name;
        struct opt_bool optional;
};

struct secret_env_source {
        const char *name;
        struct opt_bool optional;
};

struct env_from_source {
        const char *prefix;
        struct config_map_env_source *config_map_ref;
        struct secret_env_source *secret_ref;
};

struct resource_requirements {
        struct quantity_map limits;
        struct quantity_map requests;
};

struct container_resize_policy {
        const char *resource_name;  /* cpu, memory */
        const char *restart_policy; /* NotRequired, RestartContainer */
};

struct volume_mount {
        const char *name;
        const char *mount_path;
        const char *sub_path;
        const char *sub_path_expr;
        bool read_only;
        const char *mount_propagation;
        const char *recursive_read_only;
};

struct http_header {
        const char *name;
        const char *value;
};

struct http_get_action {
        const char *path;
        struct int_or_string port;
        const char *host;
        const char *scheme; /* HTTP, HTTPS */
        struct {
                struct http_header *items;
                size_t n;
        } http_headers;
};

struct tcp_socket_action {
        struct int_or_string port;
        const char *host;
};

struct exec_action {
        struct strings command;
};

struct grpc_action {
        int64_t port;
        const char *service;
};

struct sleep_action {
        int64_t seconds;
};

/* Exactly one of exec, http_get, tcp_socket, grpc. */
struct probe {
        struct exec_action *exec;
        struct http_get_action *http_get;
        struct tcp_socket_action *tcp_socket;
        struct grpc_action *grpc;
        int64_t initial_delay_seconds;
        int64_t timeout_seconds;
        int64_t period_seconds;
        int64_t success_threshold;
        int64_t failure_threshold;
        struct opt_int termination_grace_period_seconds;
};

struct lifecycle_handler {
        struct exec_action *exec;
        struct http_get_action *http_get;
        struct tcp_socket_action *tcp_socket;
        struct sleep_action *sleep;
};

struct lifecycle {
        struct lifecycle_handler *post_start;
        struct lifecycle_handler *pre_stop;
        const char *stop_signal;
};

struct capabilities {
        struct strings add;
        struct strings drop;
};

struct seccomp_profile {
        const char *type; /* RuntimeDefault, Unconfined, Localhost */
        const char *localhost_profile;
};

struct se_linux_options {
        const char *user;
        const char *role;
        const char *type;
        const char *level;
};

struct windows_options {
        struct opt_bool host_process;
};

struct app_armor_profile {
        const char *type;
        const char *localhost_profile;
};

struct security_context {
        struct capabilities *capabilities;
        struct opt_bool privileged;
        struct opt_int run_as_user;
        struct opt_int run_as_group;
        struct opt_bool run_as_non_root;
        struct opt_bool read_only_root_filesystem;
        struct opt_bool allow_privilege_escalation;
        const char *proc_mount;
        struct seccomp_profile *seccomp_profile;
        struct se_linux_options *se_linux_options;
        struct windows_options *windows_options;
        struct app_armor_profile *app_armor_profile;
};

struct container {
        const char *name;
        const char *image;
        struct strings command;
        struct strings args;
        const char *working_dir;
        struct {
                struct container_port *items;
                size_t n;
        } ports;
        struct {
                struct env_from_source *items;
                size_t n;
        } env_from;
        struct {
                struct env_var *items;
                size_t n;
        } env;
        struct resource_requirements resources;
        struct {
                struct container_resize_policy *items;
                size_t n;
        } resize_policy;
        const char *restart_policy; /* init containers: Always makes a sidecar; else NULL */
        struct {
                struct volume_mount *items;
                size_t n;
        } volume_mounts;
        struct probe *liveness_probe;
        struct probe *readiness_probe;
        struct probe *startup_probe;
        struct lifecycle *lifecycle;
        const char *termination_message_path;
        const char *termination_message_policy; /* File, FallbackToLogsOnError */
        const char *image_pull_policy;          /* Always, Never, IfNotPresent */
        struct security_context *security_context;
        bool stdin;
        bool stdin_once;
        bool tty;
        const char *target_container_name; /* of an ephemeral container; else NULL */
};

struct containers {
        struct container *items;
        size_t n;
};

struct toleration {
        const char *key;
        const char *operator; /* Exists, Equal; NULL means Equal */
        const char *value;
        const char *effect; /* NoSchedule, PreferNoSchedule, NoExecute; NULL: all */
        struct opt_int toleration_seconds;
};

struct host_alias {
        const char *ip;
        struct strings hostnames;
};

struct pod_dns_config_option {
        const char *name;
        const char *value;
};

struct pod_dns_config {
        struct strings nameservers;
        struct strings searches;
        struct {
                struct pod_dns_config_option *items;
                size_t n;
        } options;
};

struct sysctl {
        const char *name;
        const char *value;
};

struct pod_security_context {
        struct opt_int run_as_user;
        struct opt_int run_as_group;
        struct opt_bool run_as_non_root;
        struct {
                int64_t *items;
                size_t n;
        } supplemental_groups;
        struct opt_int fs_group;
        struct {
                struct sysctl *items;
                size_t n;
        } sysctls;
        struct seccomp_profile *seccomp_profile;
        struct se_linux_options *se_linux_options;
        struct windows_options *windows_options;
        struct app_armor_profile *app_armor_profile;
};

struct pod_spec {
        struct {
                struct volume *items;
                size_t n;
        } volumes;
        struct containers init_containers;
        struct containers containers;
        struct containers ephemeral_containers; /* each with its target_container_name */
        const char *restart_policy;             /* Always, OnFailure, Never */
        struct opt_int termination_grace_period_seconds;
        struct opt_int active_deadline_seconds;
        const char *dns_policy; /* ClusterFirst, ClusterFirstWithHostNet, Default, None */
        struct string_map node_selector;
        const char *service_account_name;
        const char *node_name;
        bool host_network;
        bool host_pid;
        bool host_ipc;
        struct opt_bool share_process_namespace;
        struct pod_security_context *security_context;
        const char *hostname;
        const char *subdomain;
        const char *scheduler_name;
        struct {
                struct toleration *items;
                size_t n;
        } tolerations;
        struct {
                struct host_alias *items;
                size_t n;
        } host_aliases;
        const char *priority_class_name;
        struct opt_int priority;
        struct pod_dns_config *dns_config;
        struct opt_bool enable_service_links;
        struct {
                struct local_object_reference *items;
                size_t n;
        } image_pull_secrets;
};

struct container_state_waiting {
        const char *reason;
        const char *message;
};

struct container_state_running {
        uint64_t started_at;
};

struct container_state_terminated {
        int64_t exit_code;
        int64_t signal;
        const char *reason;
        const char *message;
        uint64_t started_at;
        uint64_t finished_at;
        const char *container_id;
};

struct container_state {
        struct container_state_waiting *waiting;
        struct container_state_running *running;
        struct container_state_terminated *terminated;
};

struct container_status {
        const char *name;
        struct container_state state;
        struct container_state last_state;
        bool ready;
        int64_t restart_count;
        const char *image;
        const char *image_id;
        const char *container_id;
        struct opt_bool started;
        struct quantity_map allocated_resources;
        struct resource_requirements *resources; /* in force; NULL: not told */
};

struct container_statuses {
        struct container_status *items;
        size_t n;
};

struct pod_condition {
        const char *type;   /* PodScheduled, Initialized, ContainersReady, Ready */
        const char *status; /* True, False, Unknown */
        uint64_t last_probe_time;
        uint64_t last_transition_time;
        const char *reason;
        const char *message;
        int64_t observed_generation;
};

struct pod_ip {
        const char *ip;
};

struct host_ip {
        const char *ip;
};

struct pod_status {
        const char *phase; /* Pending, Running, Succeeded, Failed, Unknown */
        struct {
                struct pod_condition *items;
                size_t n;
        } conditions;
        const char *message;
        const char *reason;
        const char *nominated_node_name;
        const char *host_ip;
        struct {
                struct host_ip *items;
                size_t n;
        } host_ips;
        const char *pod_ip;
        struct {
                struct pod_ip *items;
                size_t n;
        } pod_ips;
        uint64_t start_time;
        struct container_statuses init_container_statuses;
        struct container_statuses container_statuses;
        struct container_statuses ephemeral_container_statuses;
        const char *qos_class; /* Guaranteed, Burstable, BestEffort */
        int64_t observed_generation;
};

struct pod {
        struct object_meta metadata;
        struct pod_spec spec;
        struct pod_status status;
};

struct pod_template_spec {
        struct object_meta metadata;
        struct pod_spec spec;
};

extern const struct schema pod_schema;
extern const struct schema pod_spec_schema;
extern const struct schema pod_status_schema;
extern const struct schema pod_template_spec_schema;
extern const struct schema container_schema;
extern const struct schema resource_requirements_schema;
extern const struct schema ephemeral_container_schema;
extern const struct kind pod_kind;

/* The container called name among init and ordinary ones, or NULL. */
const struct container *pod_container(const struct pod_spec *spec, const char *name);

/* The condition of that type, or NULL. */
const struct pod_condition *pod_condition_find(const struct pod_status *status, const char *type);

/* Guaranteed, Burstable or BestEffort, from the containers' resources. Static. */
const char *pod_qos_class(const struct pod_spec *spec);

/* Whether condition Ready is True. */
bool pod_is_ready(const struct pod *p);

/* What pods/P/ephemeralcontainers may change: nothing that is there
 * (ValidatePodEphemeralContainersUpdate of pkg/apis/core/validation). */
void pod_check_guests(const struct pod *old, const struct pod *fresh, struct diags *d);

/* What pods/P/resize may change: cpu and memory of containers, without another class of service
 * (ValidatePodResize of pkg/apis/core/validation). */
void pod_check_resize(const struct pod *old, const struct pod *fresh, struct diags *d);
