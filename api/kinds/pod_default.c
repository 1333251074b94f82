/* Kubernetes' defaults of pods that depend on other fields. */
#include "api/kinds/tables.h"
#include "base/str.h"

#include <string.h>

int default_set(json_t *tree, const char *key, json_t *take_value) {
        json_t *found = json_object_get(tree, key);

        if (!take_value)
                return -ENOMEM;
        if (!json_is_object(tree) || (found && !json_is_null(found))) {
                json_decref(take_value);
                return 0;
        }
        return json_object_set_new(tree, key, take_value) < 0 ? -ENOMEM : 0;
}

/* Whether an image reference names the newest image: no tag, or the tag "latest". */
static bool default_is_latest(const char *image) {
        const char *slash = strrchr(image, '/'), *tag;

        if (strchr(image, '@'))
                return false;
        tag = strchr(slash ? slash : image, ':');
        return !tag || strcmp(tag, ":latest") == 0;
}

/* Requests are the limits where they aren't given. */
static int pod_default_requests(json_t *container) {
        json_t *resources = json_object_get(container, "resources"), *limits, *requests, *amount;
        const char *name;
        int r;

        limits = json_object_get(resources, "limits");
        if (!json_is_object(limits) || json_object_size(limits) == 0)
                return 0;
        r = default_set(resources, "requests", json_object());
        if (r < 0)
                return r;
        requests = json_object_get(resources, "requests");
        json_object_foreach(limits, name, amount) {
                r = default_set(requests, name, json_deep_copy(amount));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int pod_default_container(json_t *container, bool is_host_network) {
        const char *image = json_string_value(json_object_get(container, "image"));
        json_t *port;
        size_t i;
        int r;

        r = default_set(container, "resources", json_object());
        if (r < 0)
                return r;
        if (image) {
                const char *policy = default_is_latest(image) ? "Always" : "IfNotPresent";

                r = default_set(container, "imagePullPolicy", json_string(policy));
                if (r < 0)
                        return r;
        }
        json_array_foreach(json_object_get(container, "ports"), i, port) {
                json_t *number = json_object_get(port, "containerPort");

                r = is_host_network && number ? default_set(port, "hostPort", json_copy(number))
                                              : 0;
                if (r < 0)
                        return r;
        }
        return pod_default_requests(container);
}

/* The account has two names; the new one wins (pkg/apis/core/v1/conversion.go). */
static int pod_default_account(json_t *spec) {
        json_t *name = json_object_get(spec, "serviceAccountName");
        json_t *old = json_object_get(spec, "serviceAccount");

        if (!json_is_string(name) || json_string_length(name) == 0)
                return json_is_string(old) && json_string_length(old) > 0 &&
                                       json_object_set(spec, "serviceAccountName", old) < 0
                               ? -ENOMEM
                               : 0;
        return json_object_set(spec, "serviceAccount", name) < 0 ? -ENOMEM : 0;
}

int pod_default_spec(json_t *spec) {
        static const char *const lists[] = { "initContainers", "containers",
                                             "ephemeralContainers" };
        bool is_host_network = json_is_true(json_object_get(spec, "hostNetwork"));
        json_t *item;
        size_t i;
        int r;

        if (!json_is_object(spec))
                return 0;
        for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
                json_array_foreach(json_object_get(spec, lists[l]), i, item) {
                        r = json_is_object(item) ? pod_default_container(item, is_host_network) : 0;
                        if (r < 0)
                                return r;
                }
        }
        json_array_foreach(json_object_get(spec, "volumes"), i, item) {
                /* A name alone. */
                r = json_object_size(item) == 1 ? default_set(item, "emptyDir", json_object()) : 0;
                if (r < 0)
                        return r;
        }
        r = pod_default_account(spec);
        return r < 0 ? r : default_set(spec, "securityContext", json_object());
}

int pod_default(json_t *tree) {
        return pod_default_spec(json_object_get(tree, "spec"));
}

int default_rolling(json_t *tree, const char *key, json_t **ret_rolling) {
        json_t *spec = json_object_get(tree, "spec"), *strategy, *rolling;
        int r;

        *ret_rolling = NULL;
        if (!json_is_object(spec))
                return 0;
        r = pod_default_spec(json_object_get(json_object_get(spec, "template"), "spec"));
        if (r == 0)
                r = default_set(spec, key, json_object());
        strategy = json_object_get(spec, key);
        if (r < 0 || !json_is_object(strategy))
                return r;
        r = default_set(strategy, "type", json_string("RollingUpdate"));
        if (r < 0 || !str_eq(json_string_value(json_object_get(strategy, "type")), "RollingUpdate"))
                return r;
        r = default_set(strategy, "rollingUpdate", json_object());
        rolling = json_object_get(strategy, "rollingUpdate");
        if (r == 0 && json_is_object(rolling))
                *ret_rolling = rolling;
        return r;
}
