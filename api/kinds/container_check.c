/* Rules across the fields of a container. Wording as in Kubernetes. */
#include "api/kinds/container_check.h"

#include "api/kinds/check.h"
#include "api/kinds/pod.h"
#include "api/schema/quantity.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

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

void container_check_field_ref(const struct check *c, const struct object_field_selector *ref) {
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
                container_check_field_ref(&c, from->field_ref);
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

void container_check_seccomp(const struct check *c, const struct seccomp_profile *p) {
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
        container_check_seccomp(&c, s->seccomp_profile);
}

void container_check(const struct check *c, const struct pod_spec *spec,
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
