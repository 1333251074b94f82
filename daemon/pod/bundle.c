#include "daemon/pod/bundle.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

int bundle_load(int fd, const char *path, json_t **ret_config, struct err *e) {
        AUTO_FREE char *text = NULL;
        json_error_t error;
        json_t *config;
        size_t len;
        int r;

        /* Any seed will do for one short-lived reader; it saves the visit to /dev/urandom. */
        json_object_seed(1);
        if (fd >= 0)
                r = fd_read_all(fd, BUNDLE_CONFIG_MAX, &text, &len, e);
        else
                r = file_read(path, BUNDLE_CONFIG_MAX, &text, &len, e);
        if (r < 0)
                return err_wrap(e, r, "cannot read %s", path);

        config = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
        if (!config)
                return err_set(e, -EINVAL, "%s:%d:%d: %s", path, error.line, error.column,
                               error.text);
        if (!json_is_object(config)) {
                json_decref(config);
                return err_set(e, -EINVAL, "%s is not a JSON object", path);
        }
        *ret_config = config;
        return 0;
}

json_t *bundle_get(const json_t *config, ...) {
        const json_t *at = config;
        const char *key;
        va_list ap;

        va_start(ap, config);
        while (at && (key = va_arg(ap, const char *)))
                at = json_object_get(at, key);
        va_end(ap);
        return (json_t *) at;
}

const char *bundle_annotation(const json_t *config, const char *key) {
        return json_string_value(bundle_get(config, "annotations", key, NULL));
}

char **bundle_strings(const json_t *array) {
        char **list = calloc(json_array_size(array) + 1, sizeof(*list));
        size_t n = 0, i;
        json_t *item;

        if (!list)
                return NULL;
        json_array_foreach(array, i, item)
                if (json_is_string(item))
                        list[n++] = (char *) json_string_value(item);
        return list;
}

static int64_t bundle_number(const json_t *o, const char *group, const char *key) {
        int64_t n = json_integer_value(bundle_get(o, group, key, NULL));

        return n > 0 ? n : 0;
}

void bundle_limits(const json_t *config, struct cgroup_limits *ret_limits) {
        const json_t *resources = bundle_get(config, "linux", "resources", NULL);

        *ret_limits = (struct cgroup_limits){
                .memory_bytes = bundle_number(resources, "memory", "limit"),
                .memory_low_bytes = bundle_number(resources, "memory", "reservation"),
                .cpu_shares = bundle_number(resources, "cpu", "shares"),
                .cpu_quota_usec = bundle_number(resources, "cpu", "quota"),
                .cpu_period_usec = bundle_number(resources, "cpu", "period"),
                .pids = bundle_number(resources, "pids", "limit"),
        };
}
