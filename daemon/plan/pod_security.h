#pragma once

#include <stdbool.h>

/* Pod Security Standards (kubernetes.io: "Pod Security Standards", version latest as of 1.33): what
 * a namespace's labels pod-security.kubernetes.io/enforce, audit and warn ask of its pods. All
 * pure. */

struct object_meta;
struct pod_spec;

enum pod_security_level {
        POD_SECURITY_PRIVILEGED, /* everything is allowed */
        POD_SECURITY_BASELINE,
        POD_SECURITY_RESTRICTED,
};

/* What a namespace asks. The versions ("latest" by default) are told in messages only: orch knows
 * one. */
struct pod_security_policy {
        enum pod_security_level enforce, audit, warn;
        const char *enforce_version, *audit_version,
                *warn_version; /* borrowed from the namespace */
};

/* Reads a namespace's labels. A level that doesn't exist counts as restricted for enforce and as
 * privileged for the others, as in Kubernetes; pod_security_label_error() keeps such labels from
 * being written. */
struct pod_security_policy pod_security_policy_of(const struct object_meta *namespace_);

/* What is wrong with a label of a namespace, or NULL. Static words for a message behind "Invalid
 * value: ...: ". */
const char *pod_security_label_error(const char *key, const char *value);

/* "privileged", "baseline" or "restricted". */
const char *pod_security_level_name(enum pod_security_level level);

/* Checks a pod, or a workload's template.
 *
 * meta     of the pod; its annotations may name AppArmor profiles.
 * ret_why  NULL when the pod fits the level, else the caller's text in Kubernetes' words:
 *          privileged (container "c" must not set securityContext.privileged=true), ...
 *
 * Returns 0 or -ENOMEM. */
int pod_security_check(enum pod_security_level level, const struct object_meta *meta,
                       const struct pod_spec *spec, char **ret_why);
