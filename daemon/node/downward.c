#include "daemon/node/downward.h"

#include "api/kinds/pod.h"
#include "api/schema/quantity.h"
#include "base/arena.h"
#include "base/str.h"

#include <stdio.h>

static int downward_give(struct arena *a, const char *value, const char **ret_value) {
        *ret_value = arena_strdup(a, str_or_empty(value));
        return *ret_value ? 0 : -ENOMEM;
}

/* All labels or annotations, one a line: key="value", as the downward volume shows them. */
static int downward_map(struct arena *a, const struct string_map *m, const char **ret_value) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (size_t i = 0; i < m->n; i++) {
                strbuf_addf(&b, "%s%s=\"", i > 0 ? "\n" : "", m->items[i].key);
                for (const char *p = m->items[i].value; *p; p++) {
                        if (*p == '"' || *p == '\\')
                                strbuf_add_char(&b, '\\');
                        if (*p == '\n')
                                strbuf_add(&b, "\\n");
                        else
                                strbuf_add_char(&b, *p);
                }
                strbuf_add_char(&b, '"');
        }
        if (b.has_failed)
                return -ENOMEM;
        return downward_give(a, b.s, ret_value);
}

/* metadata.labels['KEY'] */
static int downward_subscript(struct arena *a, const struct string_map *m, const char *subscript,
                              const char **ret_value) {
        size_t len = strlen(subscript);
        AUTO_FREE char *key = NULL;

        if (len < 4 || !str_starts_with(subscript, "['") || !str_ends_with(subscript, "']"))
                return -EINVAL;
        key = strndup(subscript + 2, len - 4);
        if (!key)
                return -ENOMEM;
        return downward_give(a, string_map_get(m, key), ret_value);
}

int downward_field(struct arena *a, const struct downward_subject *s, const char *path,
                   const char **ret_value, struct err *e) {
        const struct pod *pod = s->pod;
        const struct pod_facts *facts = s->facts;
        const struct {
                const char *path, *value;
        } plain[] = {
                { "metadata.name", pod->metadata.name },
                { "metadata.namespace", pod->metadata.namespace },
                { "metadata.uid", pod->metadata.uid },
                { "spec.nodeName", facts->node_name },
                { "spec.serviceAccountName",
                  pod->spec.service_account_name ? pod->spec.service_account_name : "default" },
                { "status.hostIP", facts->host_ip },
                { "status.hostIPs", facts->host_ip },
                { "status.podIP", facts->pod_ip },
                { "status.podIPs", facts->pod_ip },
        };
        int r = -EINVAL;

        path = str_or_empty(path);
        for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
                if (str_eq(path, plain[i].path))
                        return downward_give(a, plain[i].value, ret_value);
        if (str_eq(path, "metadata.labels"))
                return downward_map(a, &pod->metadata.labels, ret_value);
        if (str_eq(path, "metadata.annotations"))
                return downward_map(a, &pod->metadata.annotations, ret_value);
        if (str_starts_with(path, "metadata.labels["))
                r = downward_subscript(a, &pod->metadata.labels, path + strlen("metadata.labels"),
                                       ret_value);
        else if (str_starts_with(path, "metadata.annotations["))
                r = downward_subscript(a, &pod->metadata.annotations,
                                       path + strlen("metadata.annotations"), ret_value);
        if (r == -EINVAL)
                return err_set(e, r, "field label not supported: %s", path);
        return r;
}

/* In thousandths; what has no limit has the whole node. */
static int64_t resource_milli(const struct container *c, const struct pod_facts *facts,
                              const char *resource) {
        bool is_limit = str_starts_with(resource, "limits.");
        const char *name = strchr(resource, '.') + 1;
        struct quantity q =
                quantity_map_get(is_limit ? &c->resources.limits : &c->resources.requests, name);

        if (q.is_set)
                return q.milli;
        if (!is_limit)
                return 0;
        if (str_eq(name, "cpu"))
                return facts->node_cpu_milli;
        if (str_eq(name, "memory"))
                return facts->node_memory_bytes > INT64_MAX / 1000
                               ? INT64_MAX
                               : facts->node_memory_bytes * 1000;
        return 0;
}

int downward_resource(struct arena *a, const struct downward_subject *s,
                      const struct resource_field_selector *field, const char **ret_value,
                      struct err *e) {
        const struct container *c = s->own;
        const char *resource = str_or_empty(field->resource);
        int64_t divisor =
                field->divisor.is_set && field->divisor.milli > 0 ? field->divisor.milli : 1000;
        int64_t milli;

        if (!str_is_empty(field->container_name))
                c = pod_container(&s->pod->spec, field->container_name);
        if (!c)
                return err_set(e, -EINVAL, "container %s not found",
                               str_or_empty(field->container_name));
        if (!str_starts_with(resource, "limits.") && !str_starts_with(resource, "requests."))
                return err_set(e, -EINVAL, "unsupported container resource: %s", resource);
        milli = resource_milli(c, s->facts, resource);
        *ret_value = arena_printf(a, "%lld",
                                  (long long) (milli / divisor + (milli % divisor > 0 ? 1 : 0)));
        return *ret_value ? 0 : -ENOMEM;
}
