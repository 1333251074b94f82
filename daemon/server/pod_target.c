#include "daemon/server/pod_target.h"

#include "base/str.h"
#include "daemon/registry/path.h"
#include "daemon/registry/record.h"
#include "daemon/registry/registry.h"
#include "daemon/server/log_options.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void pod_target_done(struct pod_target *t) {
        free(t->node);
        json_decref(t->what);
        *t = (struct pod_target){ 0 };
}

static const char *text_at(const json_t *tree, const char *object, const char *key) {
        return str_or_empty(json_string_value(json_object_get(json_object_get(tree, object), key)));
}

static void names_add(struct strbuf *b, const json_t *containers) {
        const json_t *one;
        size_t i;

        strbuf_add(b, "[");
        json_array_foreach((json_t *) containers, i, one)
                strbuf_addf(b, "%s%s", i > 0 ? " " : "",
                            str_or_empty(json_string_value(json_object_get(one, "name"))));
        strbuf_add(b, "]");
}

/* The names of a pod's containers, "[a b]"; the caller's. */
static char *names_join(const json_t *spec) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const json_t *init = json_object_get(spec, "initContainers");
        const json_t *guests = json_object_get(spec, "ephemeralContainers");

        names_add(&b, json_object_get(spec, "containers"));
        if (json_array_size(init) > 0) {
                strbuf_add(&b, " or one of the init containers: ");
                names_add(&b, init);
        }
        if (json_array_size(guests) > 0) {
                strbuf_add(&b, " or one of the ephemeral containers: ");
                names_add(&b, guests);
        }
        return strbuf_steal(&b);
}

static bool has_container(const json_t *spec, const char *name) {
        static const char *const LISTS[] = { "containers", "initContainers",
                                             "ephemeralContainers" };
        const json_t *one;
        size_t j;

        for (size_t i = 0; i < ARRAY_SIZE(LISTS); i++) {
                json_array_foreach(json_object_get(spec, LISTS[i]), j, one) {
                        if (str_eq(json_string_value(json_object_get(one, "name")), name))
                                return true;
                }
        }
        return false;
}

/* The container that is meant, borrowed from pod or query; or NULL with an explanation. */
static const char *container_choose(const json_t *pod, const struct query *q, const char *name,
                                    struct err *e) {
        const json_t *spec = json_object_get(pod, "spec");
        const json_t *containers = json_object_get(spec, "containers");
        const json_t *annotations =
                json_object_get(json_object_get(pod, "metadata"), "annotations");
        const char *said = query_get(q, "container");
        AUTO_FREE char *names = NULL;

        if (str_is_empty(said))
                said = json_string_value(
                        json_object_get(annotations, "kubectl.kubernetes.io/default-container"));
        if (!str_is_empty(said) && has_container(spec, said))
                return said;
        if (!str_is_empty(said)) {
                (void) err_set(e, -EINVAL, "container %s is not valid for pod %s", said, name);
                return NULL;
        }
        if (json_array_size(containers) == 1)
                return json_string_value(json_object_get(json_array_get(containers, 0), "name"));
        names = names_join(spec);
        (void) err_set(e, -EINVAL,
                       "a container name must be specified for pod %s, choose one of: %s", name,
                       str_or_empty(names));
        return NULL;
}

static bool is_boolean(const char *key) {
        static const char *const KEYS[] = { "stdin",  "stdout",   "stderr",    "tty",
                                            "follow", "previous", "timestamps" };

        for (size_t i = 0; i < ARRAY_SIZE(KEYS); i++)
                if (str_eq(key, KEYS[i]))
                        return true;
        return false;
}

/* The query as the node reads it: a list for command, booleans, text for the rest. NULL: memory is
 * out. */
static json_t *query_json(const struct query *q) {
        json_t *object = json_object(), *command = json_array();

        for (size_t i = 0; i < q->n; i++) {
                const char *key = q->pairs[i].key, *value = q->pairs[i].value;

                if (str_eq(key, "command"))
                        (void) json_array_append_new(command, json_string(value));
                else if (is_boolean(key))
                        (void) json_object_set_new(object, key, json_boolean(query_bool(q, key)));
                else if (!str_eq(key, "container") && !json_object_get(object, key))
                        (void) json_object_set_new(object, key, json_string(value));
        }
        if (json_array_size(command) > 0)
                (void) json_object_set(object, "command", command);
        json_decref(command);
        return object;
}

/* A container's status, borrowed, or NULL. */
static const json_t *status_of(const json_t *pod, const char *container) {
        static const char *const LISTS[] = { "containerStatuses", "initContainerStatuses",
                                             "ephemeralContainerStatuses" };
        const json_t *one;
        size_t j;

        for (size_t i = 0; i < ARRAY_SIZE(LISTS); i++) {
                json_array_foreach(json_object_get(json_object_get(pod, "status"), LISTS[i]), j,
                                   one) {
                        if (str_eq(json_string_value(json_object_get(one, "name")), container))
                                return one;
                }
        }
        return NULL;
}

/* Why a container has no log yet, NULL: it has, or the node knows better. */
static const char *waiting_reason(const json_t *pod, const char *container) {
        const json_t *status = status_of(pod, container);
        const json_t *waiting = json_object_get(json_object_get(status, "state"), "waiting");

        if (!waiting || json_object_get(json_object_get(status, "lastState"), "terminated"))
                return NULL;
        return str_or_empty(json_string_value(json_object_get(waiting, "reason")));
}

/* The words of kubelet for a container that waits. */
static void explain_waiting(const char *container, const char *pod, const char *reason,
                            struct err *e) {
        if (str_eq(reason, "ErrImagePull"))
                reason = "image can't be pulled";
        else if (str_eq(reason, "ImagePullBackOff"))
                reason = "trying and failing to pull image";
        (void) err_set(e, -EAGAIN, "container \"%s\" in pod \"%s\" is waiting to start: %s",
                       container, pod, reason);
}

/* What the pod's state forbids. Returns 0 or 400. */
static unsigned state_check(const struct path *p, const struct query *q, const json_t *pod,
                            const char *container, struct err *e) {
        const char *phase = text_at(pod, "status", "phase");
        bool is_log = str_eq(p->subresource, "log");
        const char *reason =
                is_log && !query_bool(q, "previous") ? waiting_reason(pod, container) : NULL;

        if (str_is_empty(text_at(pod, "spec", "nodeName")))
                (void) err_set(e, -EAGAIN, "pod %s does not have a host assigned", p->name);
        else if (reason)
                explain_waiting(container, p->name, reason, e);
        else if (!is_log && (str_eq(phase, "Succeeded") || str_eq(phase, "Failed")))
                (void) err_set(e, -EINVAL,
                               "cannot %s into a container in a completed pod; current phase is %s",
                               p->subresource, phase);
        else if (str_eq(p->subresource, "exec") && !query_get(q, "command"))
                (void) err_set(e, -EINVAL, "you must specify at least 1 command for the container");
        else
                return 0;
        return 400;
}

static unsigned target_fill(const struct path *p, const struct query *q, const json_t *pod,
                            struct pod_target *ret, struct err *e) {
        bool has_container = !str_eq(p->subresource, "portforward");
        const char *container = has_container ? container_choose(pod, q, p->name, e) : "";

        if (!container || state_check(p, q, pod, container, e) > 0)
                return 400;
        ret->node = strdup(text_at(pod, "spec", "nodeName"));
        ret->what = json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "verb",
                              has_container ? p->subresource : "port-forward", "namespace",
                              p->namespace_, "pod", p->name, "uid", text_at(pod, "metadata", "uid"),
                              "container", container, "query", query_json(q));
        if (ret->node && ret->what)
                return 0;
        pod_target_done(ret);
        (void) err_set(e, -ENOMEM, "memory is out");
        return 500;
}

unsigned pod_target_find(struct request *r, struct pod_target *ret, const char **ret_reason,
                         struct err *e) {
        AUTO_DONE(path) struct path p = { 0 };
        AUTO_DONE(query) struct query q = { 0 };
        struct record *record;
        json_t *pod;
        unsigned code;

        *ret_reason = "BadRequest";
        *ret = (struct pod_target){ 0 };
        if (path_parse(r->path, &p, e) < 0 || query_parse(r->query, &q, e) < 0)
                return 400;
        code = str_eq(p.subresource, "log") ? log_options_check(&q, p.name, e) : 0;
        if (code > 0) {
                *ret_reason = code == 422 ? "Invalid" : "BadRequest";
                return code;
        }
        record = registry_find(r->face->server->registry, "", "pods", p.namespace_, p.name);
        if (!record) {
                *ret_reason = "NotFound";
                (void) err_set(e, -ENOENT, "pods \"%s\" not found", p.name);
                return 404;
        }
        pod = record_tree(record);
        code = target_fill(&p, &q, pod, ret, e);
        if (code == 500)
                *ret_reason = "InternalError";
        json_decref(pod);
        return code;
}
