/* Rules across the fields of a pod. Wording as in Kubernetes. */
#include "api/kinds/check.h"
#include "api/kinds/container_check.h"
#include "api/kinds/labels.h"
#include "api/kinds/pod.h"
#include "api/kinds/tables.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

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

                container_check(&c, spec, k);
                check_init_container(&c, k);
                for (size_t j = 0; j < spec->containers.n; j++)
                        if (k->name && str_eq(spec->containers.items[j].name, k->name))
                                check_say(&c, DIAG_DUPLICATE, "name", "Duplicate value: \"%s\"",
                                          k->name);
        }
        for (size_t i = 0; i < spec->containers.n; i++) {
                struct check c = check_below(root, "containers[%zu]", i);

                container_check(&c, spec, &spec->containers.items[i]);
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

                container_check(&c, spec, k);
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

                        container_check_field_ref(&item, v->downward_api->items.items[j].field_ref);
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

                container_check_seccomp(&c, spec->security_context->seccomp_profile);
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
