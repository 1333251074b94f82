/* The labels of namespaces that say which level counts. */
#include "api/kinds/meta.h"
#include "base/str.h"
#include "daemon/plan/pod_security.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LABEL_PREFIX "pod-security.kubernetes.io/"

static const char *const LEVEL_NAMES[] = { "privileged", "baseline", "restricted" };

const char *pod_security_level_name(enum pod_security_level level) {
        return LEVEL_NAMES[level];
}

static bool level_read(const char *text, enum pod_security_level *ret) {
        for (size_t i = 0; i < ARRAY_SIZE(LEVEL_NAMES); i++) {
                if (!str_eq(text, LEVEL_NAMES[i]))
                        continue;
                *ret = (enum pod_security_level) i;
                return true;
        }
        return false;
}

static enum pod_security_level level_of(const struct object_meta *m, const char *key,
                                        enum pod_security_level otherwise) {
        const char *text = string_map_get(&m->labels, key);
        enum pod_security_level level;

        if (!text)
                return POD_SECURITY_PRIVILEGED;
        return level_read(text, &level) ? level : otherwise;
}

static const char *version_of(const struct object_meta *m, const char *key) {
        const char *text = string_map_get(&m->labels, key);

        return str_is_empty(text) ? "latest" : text;
}

struct pod_security_policy pod_security_policy_of(const struct object_meta *namespace_) {
        return (struct pod_security_policy){
                .enforce = level_of(namespace_, LABEL_PREFIX "enforce", POD_SECURITY_RESTRICTED),
                .audit = level_of(namespace_, LABEL_PREFIX "audit", POD_SECURITY_PRIVILEGED),
                .warn = level_of(namespace_, LABEL_PREFIX "warn", POD_SECURITY_PRIVILEGED),
                .enforce_version = version_of(namespace_, LABEL_PREFIX "enforce-version"),
                .audit_version = version_of(namespace_, LABEL_PREFIX "audit-version"),
                .warn_version = version_of(namespace_, LABEL_PREFIX "warn-version"),
        };
}

/* "latest" or "v1.N". */
static bool is_version(const char *text) {
        int64_t minor;

        return str_eq(text, "latest") ||
               (str_starts_with(text, "v1.") && str_to_int64(text + 3, 0, 999, &minor) == 0);
}

const char *pod_security_label_error(const char *key, const char *value) {
        enum pod_security_level level;
        const char *name;

        if (!str_starts_with(key, LABEL_PREFIX))
                return NULL;
        name = key + strlen(LABEL_PREFIX);
        if (str_eq(name, "enforce") || str_eq(name, "audit") || str_eq(name, "warn"))
                return level_read(value, &level)
                               ? NULL
                               : "must be one of privileged, baseline, restricted";
        if (str_eq(name, "enforce-version") || str_eq(name, "audit-version") ||
            str_eq(name, "warn-version"))
                return is_version(value) ? NULL : "must be \"latest\" or \"v1.x\"";
        return NULL;
}
