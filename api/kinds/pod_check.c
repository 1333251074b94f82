/* Rules across the fields of a pod. Wording as in Kubernetes. */
#include "api/kinds/labels.h"
#include "api/kinds/pod.h"
#include "api/kinds/tables.h"
#include "api/schema/quantity.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define CHECK_PATH_MAX 512

/* Lists that are compared with themselves or others may have so many elements. */
#define CHECK_LIST_MAX 1000

/* Where a check is: findings are formatted below this path. */
struct check {
        char path[CHECK_PATH_MAX];
        struct diags *d;
};

static void PRINTF_LIKE(4, 5) check_say(const struct check *c, enum diag_reason reason,
                                        const char *below, const char *fmt, ...) {
        char path[2 * CHECK_PATH_MAX], text[512];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        (void) snprintf(path, sizeof(path), "%s%s%s", c->path, below[0] ? "." : "", below);
        (void) diag_add(c->d, DIAG_ERROR, reason, path, "%s", text);
}

static struct check PRINTF_LIKE(2, 3) check_below(const struct check *c, const char *fmt, ...) {
        size_t len = strnlen(c->path, CHECK_PATH_MAX / 2);
        struct check below;
        va_list ap;

        below.d = c->d;
        memcpy(below.path, c->path, len);
        below.path[len] = '.';
        va_start(ap, fmt);
        (void) vsnprintf(below.path + len + 1, sizeof(below.path) - len - 1, fmt, ap);
        va_end(ap);
        return below;
}

static bool check_is_short(const struct check *c, const char *name, size_t n) {
        if (n <= CHECK_LIST_MAX)
                return true;
        check_say(c, DIAG_INVALID, name, "Too many: %zu: must have at most %d items", n,
                  CHECK_LIST_MAX);
        return false;
}

static void check_handlers(const struct check *c, const char *what, size_t n) {
        if (n == 0)
                check_say(c, DIAG_REQUIRED, "", "Required value: must specify a %s type", what);
        else if (n > 1)
                check_say(c, DIAG_FORBIDDEN, "", "Forbidden: may not specify more than 1 %s type",
                          what);
}

/* is_readiness: the one probe that may need more than one success. */
static void check_probe(const struct check *container, const char *name, const struct probe *p,
                        bool is_readiness) {
        struct check c = check_below(container, "%s", name);

        if (!p)
                return;
        check_handlers(&c, "handler",
                       (size_t) !!p->exec + !!p->http_get + !!p->tcp_socket + !!p->grpc);
        if (!is_readiness && p->success_threshold > 1)
                check_say(&c, DIAG_INVALID, "successThreshold", "Invalid value: %lld: must be 1",
                          (long long) p->success_threshold);
        if (is_readiness && p->termination_grace_period_seconds.is_set)
                check_say(&c, DIAG_INVALID, "terminationGracePeriodSeconds",
                          "Invalid value: %lld: must not be set for readinessProbes",
                          (long long) p->termination_grace_period_seconds.value);
}

static void check_lifecycle(const struct check *container, const struct container *k) {
        const struct lifecycle_handler *handlers[] = { k->lifecycle->post_start,
                                                       k->lifecycle->pre_stop };
        const char *const names[] = { "postStart", "preStop" };

        for (size_t i = 0; i < ARRAY_SIZE(handlers); i++) {
                struct check c = check_below(container, "lifecycle.%s", names[i]);
                const struct lifecycle_handler *h = handlers[i];

                if (h)
                        check_handlers(&c, "handler",
                                       (size_t) !!h->exec + !!h->http_get + !!h->tcp_socket +
                                               !!h->sleep);
        }
}

static bool check_is_known_field(const char *path) {
        static const char *const known[] = {
                "metadata.name",
                "metadata.namespace",
                "metadata.uid",
                "metadata.labels",
                "metadata.annotations",
                "spec.nodeName",
                "spec.serviceAccountName",
                "status.hostIP",
                "status.hostIPs",
                "status.podIP",
                "status.podIPs",
        };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (str_eq(known[i], path))
                        return true;
        return (str_starts_with(path, "metadata.labels['") ||
                str_starts_with(path, "metadata.annotations['")) &&
               str_ends_with(path, "']");
}

static void check_field_ref(const struct check *c, const struct object_field_selector *ref) {
        if (ref && ref->field_path && !check_is_known_field(ref->field_path))
                check_say(c, DIAG_INVALID, "fieldRef.fieldPath",
                          "Invalid value: \"%s\": error converting fieldPath: field label not "
                          "supported: %s",
                          ref->field_path, ref->field_path);
}

static void check_env(const struct check *container, const struct container *k) {
        for (size_t i = 0; i < k->env.n; i++) {
                const struct env_var *v = &k->env.items[i];
                const struct env_var_source *from = v->value_from;
                struct check c = check_below(container, "env[%zu].valueFrom", i);
                size_t n;

                if (!from)
                        continue;
                n = (size_t) !!from->field_ref + !!from->resource_field_ref +
                    !!from->config_map_key_ref + !!from->secret_key_ref;
                if (!str_is_empty(v->value))
                        check_say(&c, DIAG_INVALID, "",
                                  "Invalid value: \"\": may not be specified when `value` is not "
                                  "empty");
                else if (n > 1)
                        check_say(&c, DIAG_INVALID, "",
                                  "Invalid value: \"\": may not have more than one field specified "
                                  "at a time");
                check_field_ref(&c, from->field_ref);
        }
        for (size_t i = 0; i < k->env_from.n; i++) {
                const struct env_from_source *from = &k->env_from.items[i];
                struct check c = check_below(container, "envFrom[%zu]", i);

                if (!from->config_map_ref == !from->secret_ref)
                        check_say(&c, DIAG_INVALID, "",
                                  "Invalid value: \"\": must specify one of: `configMapRef` or "
                                  "`secretRef`");
        }
}

static void check_ports(const struct check *container, const struct container *k,
                        bool is_host_network) {
        for (size_t i = 0; i < k->ports.n; i++) {
                const struct container_port *p = &k->ports.items[i];
                struct check c = check_below(container, "ports[%zu]", i);

                for (size_t j = 0; j < i && p->name; j++)
                        if (str_eq(k->ports.items[j].name, p->name)) {
                                check_say(&c, DIAG_DUPLICATE, "name", "Duplicate value: \"%s\"",
                                          p->name);
                                break;
                        }
                if (!is_host_network && p->host_port != 0) {
                        struct check port = check_below(&c, "hostPort");

                        (void) diag_add(c.d, DIAG_WARNING, DIAG_INVALID, port.path,
                                        "kept but not acted on");
                }
                if (is_host_network && p->host_port != p->container_port)
                        check_say(&c, DIAG_INVALID, "containerPort",
                                  "Invalid value: %lld: must match `hostPort` when `hostNetwork` "
                                  "is true",
                                  (long long) p->container_port);
        }
}

static bool check_is_resource(const char *name) {
        return str_eq(name, "cpu") || str_eq(name, "memory") || str_eq(name, "ephemeral-storage") ||
               str_starts_with(name, "hugepages-") || strchr(name, '/');
}

static void check_resource_names(const struct check *c, const char *which,
                                 const struct quantity_map *m) {
        for (size_t i = 0; i < m->n; i++)
                if (!check_is_resource(m->items[i].key)) {
                        struct check here =
                                check_below(c, "resources.%s[%s]", which, m->items[i].key);

                        check_say(&here, DIAG_INVALID, "",
                                  "Invalid value: \"%s\": must be a standard resource for "
                                  "containers",
                                  m->items[i].key);
                }
}

static void check_resources(const struct check *c, const struct resource_requirements *res) {
        check_resource_names(c, "limits", &res->limits);
        check_resource_names(c, "requests", &res->requests);
        for (size_t i = 0; i < res->requests.n; i++) {
                const struct quantity_pair *p = &res->requests.items[i];
                struct quantity limit = quantity_map_get(&res->limits, p->key);
                char wanted[QUANTITY_TEXT_MAX], most[QUANTITY_TEXT_MAX];

                if (!limit.is_set || p->value.milli <= limit.milli)
                        continue;
                if (str_eq(p->key, "cpu")) {
                        (void) quantity_format_milli(p->value.milli, wanted);
                        (void) quantity_format_milli(limit.milli, most);
                } else {
                        (void) quantity_format_bytes(quantity_value(p->value), wanted);
                        (void) quantity_format_bytes(quantity_value(limit), most);
                }
                check_say(c, DIAG_INVALID, "resources.requests",
                          "Invalid value: \"%s\": must be less than or equal to %s limit of %s",
                          wanted, p->key, most);
        }
}

/* A container that never starts again can't be restarted for its size either. */
static void check_resize_policy(const struct check *c, const struct pod_spec *spec,
                                const struct container *k) {
        for (size_t i = 0; i < k->resize_policy.n; i++) {
                const struct container_resize_policy *p = &k->resize_policy.items[i];
                struct check here = check_below(c, "resizePolicy[%zu]", i);

                for (size_t j = 0; j < i; j++)
                        if (str_eq(k->resize_policy.items[j].resource_name, p->resource_name))
                                check_say(&here, DIAG_DUPLICATE, "resourceName",
                                          "Duplicate value: \"%s\"", p->resource_name);
                if (str_eq(spec->restart_policy, "Never") &&
                    str_eq(p->restart_policy, "RestartContainer"))
                        check_say(&here, DIAG_INVALID, "restartPolicy",
                                  "Invalid value: \"RestartContainer\": must be 'NotRequired' when "
                                  "`restartPolicy` is 'Never'");
        }
}

static bool check_has_volume(const struct pod_spec *spec, const char *name) {
        for (size_t i = 0; i < spec->volumes.n; i++)
                if (str_eq(spec->volumes.items[i].name, name))
                        return true;
        return false;
}

static void check_mounts(const struct check *container, const struct pod_spec *spec,
                         const struct container *k) {
        for (size_t i = 0; i < k->volume_mounts.n; i++) {
                const struct volume_mount *m = &k->volume_mounts.items[i];
                struct check c = check_below(container, "volumeMounts[%zu]", i);

                if (!str_is_empty(m->name) && !check_has_volume(spec, m->name))
                        check_say(&c, DIAG_INVALID, "name", "Not found: \"%s\"", m->name);
                if (m->mount_path && strchr(m->mount_path, ':'))
                        check_say(&c, DIAG_INVALID, "mountPath",
                                  "Invalid value: \"%s\": must not contain ':'", m->mount_path);
                for (size_t j = 0; j < i; j++)
                        if (str_eq(k->volume_mounts.items[j].mount_path, m->mount_path)) {
                                check_say(&c, DIAG_INVALID, "mountPath",
                                          "Invalid value: \"%s\": must be unique", m->mount_path);
                                break;
                        }
                if (!str_is_empty(m->sub_path) && !str_is_empty(m->sub_path_expr))
                        check_say(&c, DIAG_INVALID, "subPathExpr",
                                  "Invalid value: \"%s\": subPathExpr and subPath are mutually "
                                  "exclusive",
                                  m->sub_path_expr);
        }
}

static void check_seccomp(const struct check *c, const struct seccomp_profile *p) {
        bool is_local = p && str_eq(p->type, "Localhost");

        if (is_local && str_is_empty(p->localhost_profile))
                check_say(c, DIAG_REQUIRED, "seccompProfile.localhostProfile",
                          "Required value: must be set when seccomp type is Localhost");
        else if (p && !is_local && !str_is_empty(p->localhost_profile))
                check_say(c, DIAG_INVALID, "seccompProfile.localhostProfile",
                          "Invalid value: \"%s\": can only be set when seccomp type is Localhost",
                          p->localhost_profile);
}

static void check_container_security(const struct check *container,
                                     const struct security_context *s) {
        struct check c = check_below(container, "securityContext");

        if (s->privileged.value && s->allow_privilege_escalation.is_set &&
            !s->allow_privilege_escalation.value)
                check_say(&c, DIAG_INVALID, "",
                          "Invalid value: cannot set `allowPrivilegeEscalation` to false and "
                          "`privileged` to true");
        check_seccomp(&c, s->seccomp_profile);
}

static void check_container(const struct check *c, const struct pod_spec *spec,
                            const struct container *k) {
        size_t n = k->image ? strlen(k->image) : 0;

        if (n > 0 && (k->image[0] == ' ' || k->image[n - 1] == ' '))
                check_say(c, DIAG_INVALID, "image",
                          "Invalid value: \"%s\": must not have leading or trailing whitespace",
                          k->image);
        if (check_is_short(c, "ports", k->ports.n))
                check_ports(c, k, spec->host_network);
        check_env(c, k);
        check_resources(c, &k->resources);
        if (check_is_short(c, "resizePolicy", k->resize_policy.n))
                check_resize_policy(c, spec, k);
        if (check_is_short(c, "volumeMounts", k->volume_mounts.n))
                check_mounts(c, spec, k);
        check_probe(c, "livenessProbe", k->liveness_probe, false);
        check_probe(c, "readinessProbe", k->readiness_probe, true);
        check_probe(c, "startupProbe", k->startup_probe, false);
        if (k->lifecycle)
                check_lifecycle(c, k);
        if (k->security_context)
                check_container_security(c, k->security_context);
}

/* Ordinary init containers end before anything could be asked of them. */
static void check_init_container(const struct check *c, const struct container *k) {
        const struct {
                const char *name;
                bool is_set;
        } forbidden[] = {
                { "lifecycle", k->lifecycle != NULL },
                { "livenessProbe", k->liveness_probe != NULL },
                { "readinessProbe", k->readiness_probe != NULL },
                { "startupProbe", k->startup_probe != NULL },
        };

        if (str_eq(k->restart_policy, "Always"))
                return;
        for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
                if (forbidden[i].is_set)
                        check_say(c, DIAG_FORBIDDEN, forbidden[i].name,
                                  "Forbidden: may not be set for init containers without "
                                  "restartPolicy=Always");
}

static void check_containers(const struct check *root, const struct pod_spec *spec) {
        for (size_t i = 0; i < spec->init_containers.n; i++) {
                const struct container *k = &spec->init_containers.items[i];
                struct check c = check_below(root, "initContainers[%zu]", i);

                check_container(&c, spec, k);
                check_init_container(&c, k);
                for (size_t j = 0; j < spec->containers.n; j++)
                        if (k->name && str_eq(spec->containers.items[j].name, k->name))
                                check_say(&c, DIAG_DUPLICATE, "name", "Duplicate value: \"%s\"",
                                          k->name);
        }
        for (size_t i = 0; i < spec->containers.n; i++) {
                struct check c = check_below(root, "containers[%zu]", i);

                check_container(&c, spec, &spec->containers.items[i]);
        }
}

static bool has_name(const struct containers *list, const char *name) {
        for (size_t i = 0; i < list->n; i++)
                if (name && str_eq(list->items[i].name, name))
                        return true;
        return false;
}

/* pkg/apis/core/validation: what makes no sense for a guest (validateEphemeralContainers). */
static void check_guest(const struct check *c, const struct pod_spec *spec,
                        const struct container *k) {
        const struct {
                const char *name;
                bool is_set;
        } forbidden[] = {
                { "ports", k->ports.n > 0 },
                { "livenessProbe", k->liveness_probe != NULL },
                { "readinessProbe", k->readiness_probe != NULL },
                { "startupProbe", k->startup_probe != NULL },
                { "lifecycle", k->lifecycle != NULL },
                { "resources", k->resources.limits.n > 0 || k->resources.requests.n > 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
                if (forbidden[i].is_set)
                        check_say(c, DIAG_FORBIDDEN, forbidden[i].name,
                                  "Forbidden: cannot be set for an Ephemeral Container");
        for (size_t i = 0; i < k->volume_mounts.n; i++) {
                const struct volume_mount *m = &k->volume_mounts.items[i];
                struct check here = check_below(c, "volumeMounts[%zu]", i);

                if (!str_is_empty(m->sub_path) || !str_is_empty(m->sub_path_expr))
                        check_say(&here, DIAG_FORBIDDEN,
                                  str_is_empty(m->sub_path) ? "subPathExpr" : "subPath",
                                  "Forbidden: cannot be set for an Ephemeral Container");
        }
        if (!str_is_empty(k->target_container_name) &&
            !has_name(&spec->containers, k->target_container_name) &&
            !has_name(&spec->init_containers, k->target_container_name))
                check_say(c, DIAG_INVALID, "targetContainerName", "Not found: \"%s\"",
                          k->target_container_name);
}

static void check_guests(const struct check *root, const struct pod_spec *spec) {
        for (size_t i = 0; i < spec->ephemeral_containers.n; i++) {
                const struct container *k = &spec->ephemeral_containers.items[i];
                struct check c = check_below(root, "ephemeralContainers[%zu]", i);

                check_container(&c, spec, k);
                check_guest(&c, spec, k);
                if (has_name(&spec->containers, k->name) ||
                    has_name(&spec->init_containers, k->name))
                        check_say(&c, DIAG_DUPLICATE, "name", "Duplicate value: \"%s\"", k->name);
        }
}

static void check_volumes(const struct check *root, const struct pod_spec *spec) {
        for (size_t i = 0; i < spec->volumes.n; i++) {
                const struct volume *v = &spec->volumes.items[i];
                struct check c = check_below(root, "volumes[%zu]", i);
                size_t n = (size_t) !!v->empty_dir + !!v->host_path + !!v->config_map +
                           !!v->secret + !!v->downward_api + !!v->projected;

                if (n > 1)
                        check_say(&c, DIAG_FORBIDDEN, "",
                                  "Forbidden: may not specify more than 1 volume type");
                if (v->config_map && str_is_empty(v->config_map->name))
                        check_say(&c, DIAG_REQUIRED, "configMap.name", "Required value");
                if (v->secret && str_is_empty(v->secret->secret_name))
                        check_say(&c, DIAG_REQUIRED, "secret.secretName", "Required value");
                if (v->host_path && v->host_path->path && strstr(v->host_path->path, ".."))
                        check_say(&c, DIAG_INVALID, "hostPath.path",
                                  "Invalid value: \"%s\": must not contain '..'",
                                  v->host_path->path);
                for (size_t j = 0; v->downward_api && j < v->downward_api->items.n; j++) {
                        struct check item = check_below(&c, "downwardAPI.items[%zu]", j);

                        check_field_ref(&item, v->downward_api->items.items[j].field_ref);
                }
        }
}

static void check_tolerations(const struct check *root, const struct pod_spec *spec) {
        for (size_t i = 0; i < spec->tolerations.n; i++) {
                const struct toleration *t = &spec->tolerations.items[i];
                struct check c = check_below(root, "tolerations[%zu]", i);
                bool is_exists = str_eq(t->operator, "Exists");

                if (str_is_empty(t->key) && !is_exists)
                        check_say(&c, DIAG_INVALID, "operator",
                                  "Invalid value: \"%s\": operator must be Exists when `key` is "
                                  "empty, which means \"match all values and all keys\"",
                                  str_or_empty(t->operator));
                if (is_exists && !str_is_empty(t->value))
                        check_say(&c, DIAG_INVALID, "operator",
                                  "Invalid value: \"%s\": value must be empty when `operator` is "
                                  "'Exists'",
                                  t->value);
                if (t->toleration_seconds.is_set && !str_eq(t->effect, "NoExecute"))
                        check_say(&c, DIAG_INVALID, "effect",
                                  "Invalid value: \"%s\": effect must be 'NoExecute' when "
                                  "`tolerationSeconds` is set",
                                  str_or_empty(t->effect));
        }
}

void pod_check_spec(const struct pod_spec *spec, const char *prefix, struct diags *d) {
        struct check root = { .d = d };

        (void) snprintf(root.path, sizeof(root.path), "%s", prefix);
        if (!check_is_short(&root, "volumes", spec->volumes.n) ||
            !check_is_short(&root, "containers", spec->containers.n) ||
            !check_is_short(&root, "initContainers", spec->init_containers.n) ||
            !check_is_short(&root, "ephemeralContainers", spec->ephemeral_containers.n))
                return;
        check_volumes(&root, spec);
        check_containers(&root, spec);
        check_guests(&root, spec);
        check_tolerations(&root, spec);
        if (spec->security_context) {
                struct check c = check_below(&root, "securityContext");

                check_seccomp(&c, spec->security_context->seccomp_profile);
        }
        if (str_eq(spec->dns_policy, "None") &&
            (!spec->dns_config || spec->dns_config->nameservers.n == 0))
                check_say(&root, DIAG_REQUIRED, "dnsConfig.nameservers",
                          "Required value: must provide at least one DNS nameserver when "
                          "`dnsPolicy` is None");
        if (spec->host_pid && spec->share_process_namespace.value)
                check_say(&root, DIAG_INVALID, "shareProcessNamespace",
                          "Invalid value: true: ShareProcessNamespace and HostPID cannot both be "
                          "enabled");
}

void pod_check(const void *decoded, struct diags *d) {
        const struct pod *p = decoded;

        pod_check_spec(&p->spec, "spec", d);
}

void pod_check_template(const struct pod_template_spec *t, const struct label_selector *selector,
                        struct diags *d) {
        if (selector->match_labels.n == 0 && selector->match_expressions.n == 0)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.selector",
                                "Invalid value: {}: empty selector is invalid; name at least one "
                                "label of the template");
        else if (!label_selector_matches(selector, &t->metadata.labels))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.template.metadata.labels",
                                "Invalid value: `selector` does not match template `labels`");
        label_selector_check(selector, "spec.selector", d);
        if (t->spec.restart_policy && !str_eq(t->spec.restart_policy, "Always"))
                (void) diag_add(d, DIAG_ERROR, DIAG_NOT_SUPPORTED,
                                "spec.template.spec.restartPolicy",
                                "Unsupported value: \"%s\": supported values: \"Always\"",
                                t->spec.restart_policy);
        if (t->spec.active_deadline_seconds.is_set)
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN,
                                "spec.template.spec.activeDeadlineSeconds",
                                "Forbidden: activeDeadlineSeconds in a controller's template is "
                                "not supported");
        if (t->spec.ephemeral_containers.n > 0)
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN,
                                "spec.template.spec.ephemeralContainers",
                                "Forbidden: ephemeral containers not allowed in pod template");
        pod_check_spec(&t->spec, "spec.template.spec", d);
}

/* Copies what may change from fresh into a shallow copy of a container list. Returns false when the
 * lists aren't of one length or memory is out. */
static bool pod_adopt_images(struct containers *old, const struct containers *fresh) {
        struct container *copy;

        if (old->n != fresh->n)
                return false;
        copy = calloc(old->n ? old->n : 1, sizeof(*copy));
        if (!copy)
                return false;
        for (size_t i = 0; i < old->n; i++) {
                copy[i] = old->items[i];
                copy[i].image = fresh->items[i].image;
        }
        old->items = copy;
        return true;
}

static bool pod_has_old_tolerations(const struct pod_spec *old, const struct pod_spec *fresh) {
        for (size_t i = 0; i < old->tolerations.n; i++) {
                const struct toleration *t = &old->tolerations.items[i];
                bool is_found = false;

                for (size_t j = 0; j < fresh->tolerations.n && !is_found; j++) {
                        const struct toleration *u = &fresh->tolerations.items[j];

                        is_found = str_eq(t->key, u->key) && str_eq(t->value, u->value) &&
                                   str_eq(t->operator, u->operator) && str_eq(t->effect, u->effect);
                }
                if (!is_found)
                        return false;
        }
        return true;
}

void pod_check_update(const void *old_decoded, const void *decoded, struct diags *d) {
        const struct pod_spec *old = &((const struct pod *) old_decoded)->spec;
        const struct pod_spec *fresh = &((const struct pod *) decoded)->spec;
        struct pod_spec allowed = *old;
        bool has_init = pod_adopt_images(&allowed.init_containers, &fresh->init_containers);
        bool has_main = pod_adopt_images(&allowed.containers, &fresh->containers);
        bool is_allowed;

        allowed.active_deadline_seconds = fresh->active_deadline_seconds;
        allowed.termination_grace_period_seconds = fresh->termination_grace_period_seconds;
        allowed.tolerations = fresh->tolerations;
        if (!allowed.node_name)
                allowed.node_name = fresh->node_name; /* binding */
        is_allowed = has_init && has_main && pod_has_old_tolerations(old, fresh) &&
                     schema_equal(&pod_spec_schema, &allowed, fresh);
        if (has_init)
                free(allowed.init_containers.items);
        if (has_main)
                free(allowed.containers.items);
        if (!is_allowed)
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "spec",
                                "Forbidden: pod updates may not change fields other than "
                                "`spec.containers[*].image`,`spec.initContainers[*].image`,"
                                "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions "
                                "to existing tolerations),`spec.terminationGracePeriodSeconds`");
}

static const struct container *guest_of(const struct pod_spec *spec, const char *name) {
        for (size_t i = 0; i < spec->ephemeral_containers.n; i++)
                if (str_eq(spec->ephemeral_containers.items[i].name, name))
                        return &spec->ephemeral_containers.items[i];
        return NULL;
}

void pod_check_guests(const struct pod *old, const struct pod *fresh, struct diags *d) {
        for (size_t i = 0; i < old->spec.ephemeral_containers.n; i++) {
                const struct container *was = &old->spec.ephemeral_containers.items[i];
                const struct container *now = guest_of(&fresh->spec, was->name);

                if (now && schema_equal(&ephemeral_container_schema, was, now))
                        continue;
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "spec.ephemeralContainers",
                                "Forbidden: existing ephemeral containers \"%s\" may not be %s\n",
                                was->name, now ? "changed" : "removed");
        }
}
