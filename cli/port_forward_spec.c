#include "cli/port_forward_spec.h"

#include "base/str.h"
#include "cli/fetch.h"

#include <errno.h>
#include <string.h>

static bool port_parse(const char *text, int64_t min, uint16_t *ret) {
        int64_t port;

        if (str_to_int64(text, min, 65535, &port) < 0)
                return false;
        *ret = (uint16_t) port;
        return true;
}

int port_spec_parse(const char *text, struct port_spec *ret, struct err *e) {
        const char *colon = strchr(text, ':'), *remote = colon ? colon + 1 : text;
        char local[8] = "";

        *ret = (struct port_spec){ 0 };
        if (colon && (size_t) (colon - text) < sizeof(local))
                memcpy(local, text, (size_t) (colon - text));
        if (colon && colon != text && !port_parse(local, 0, &ret->local))
                return err_set(e, -EINVAL, "%s: the local port is no number up to 65535", text);
        if (port_parse(remote, 1, &ret->remote)) {
                ret->local = colon ? ret->local : ret->remote;
                return 0;
        }
        if (remote[0] == '\0' || strlen(remote) >= sizeof(ret->name) || strchr(remote, ':') ||
            strspn(remote, "0123456789") == strlen(remote))
                return err_set(e, -EINVAL, "%s: write [LOCAL:]REMOTE, as in 8080:80", text);
        (void) strcpy(ret->name, remote);
        return 0;
}

/* A container's port by name, 0: there is none. */
static uint16_t pod_port(const json_t *pod, const char *name) {
        static const char *const LISTS[] = { "containers", "initContainers" };
        const json_t *container, *port;
        size_t i, j;

        for (size_t l = 0; l < ARRAY_SIZE(LISTS); l++) {
                json_array_foreach(tree_get(pod, "spec", LISTS[l], NULL), i, container) {
                        json_array_foreach(json_object_get(container, "ports"), j, port) {
                                if (str_eq(tree_text(port, "name", NULL), name))
                                        return (uint16_t) json_integer_value(
                                                json_object_get(port, "containerPort"));
                        }
                }
        }
        return 0;
}

static const json_t *service_port(const json_t *service, const struct port_spec *spec) {
        const json_t *port;
        size_t i;

        json_array_foreach(tree_get(service, "spec", "ports", NULL), i, port) {
                if (spec->name[0]
                            ? str_eq(tree_text(port, "name", NULL), spec->name)
                            : json_integer_value(json_object_get(port, "port")) == spec->remote)
                        return port;
        }
        return NULL;
}

static int no_port(const struct port_spec *spec, const char *of, struct err *e) {
        return spec->name[0] ? err_set(e, -ENOENT, "%s has no port %s", of, spec->name)
                             : err_set(e, -ENOENT, "%s has no port %u", of, spec->remote);
}

int port_spec_resolve(const struct port_spec *spec, const json_t *service, const json_t *pod,
                      uint16_t *ret_port, struct err *e) {
        const json_t *port = service ? service_port(service, spec) : NULL, *target;

        if (service && !port)
                return no_port(spec, "the service", e);
        if (!service) {
                *ret_port = spec->name[0] ? pod_port(pod, spec->name) : spec->remote;
                return *ret_port > 0 ? 0 : no_port(spec, "the pod", e);
        }
        /* A service without an address of its own is a list of pods: nothing is translated. */
        target = json_object_get(port, "targetPort");
        if (str_eq(tree_text(service, "spec", "clusterIP", NULL), "None") || !target)
                target = json_object_get(port, "port");
        *ret_port = json_is_string(target) ? pod_port(pod, json_string_value(target))
                                           : (uint16_t) json_integer_value(target);
        return *ret_port > 0 ? 0 : no_port(spec, "the pod of the service", e);
}
