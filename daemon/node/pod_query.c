#include "base/str.h"
#include "daemon/node/pod_internal.h"

#include <errno.h>

/* What others ask of a pod: whose log, where to run a program. */

const struct object_meta *node_pod_meta(const struct node_pod *p) {
        return &p->spec->metadata;
}

static int choose_container(const struct node_pod *p, const char *name, size_t *ret_i,
                            struct err *e) {
        AUTO_DONE(strbuf) struct strbuf names = { 0 };
        const size_t n_init = p->spec->spec.init_containers.n,
                     n_own = n_init + p->spec->spec.containers.n;

        if (str_is_empty(name) && n_own - n_init == 1) {
                *ret_i = n_init;
                return 0;
        }
        for (size_t i = 0; i < p->wanted.n; i++) {
                if (!str_is_empty(name) && str_eq(p->wanted.containers[i].name, name)) {
                        *ret_i = i;
                        return 0;
                }
                if (i >= n_init && i < n_own)
                        strbuf_addf(&names, "%s%s", i > n_init ? " " : "",
                                    p->wanted.containers[i].name);
        }
        if (!str_is_empty(name))
                return err_set(e, -EINVAL, "container %s is not valid for pod %s", name,
                               p->wanted.name);
        return err_set(e, -EINVAL,
                       "a container name must be specified for pod %s, choose one of: [%s]",
                       p->wanted.name, str_or_empty(names.s));
}

int node_pod_log_life(const struct node_pod *p, const char *name, bool is_previous,
                      const char **ret_name, uint64_t *ret_instance, struct err *e) {
        const struct container_observed *c;
        bool has_begun;
        size_t i;
        int r = choose_container(p, name, &i, e);

        if (r < 0)
                return r;
        c = &p->seen.containers[i];
        name = p->wanted.containers[i].name;
        has_begun = c->life == CONTAINER_RUNNING || c->life == CONTAINER_EXITED;
        if (is_previous && (c->restarts == 0 || c->life == CONTAINER_NEW))
                return err_set(e, -EINVAL,
                               "previous terminated container \"%s\" in pod \"%s\" not found", name,
                               p->wanted.name);
        if (!is_previous && !has_begun && c->restarts == 0)
                return err_set(e, -EINVAL, "container \"%s\" in pod \"%s\" is waiting to start: %s",
                               name, p->wanted.name,
                               c->fault_reason ? c->fault_reason : "ContainerCreating");
        *ret_name = name;
        /* A next life that has not begun leaves the one before as the latest. */
        *ret_instance = is_previous || !has_begun ? c->restarts - 1 : c->restarts;
        return 0;
}

bool node_pod_is_running(const struct node_pod *p, const char *container, uint64_t instance) {
        for (size_t i = 0; i < p->wanted.n; i++) {
                const struct container_observed *c = &p->seen.containers[i];

                if (str_eq(p->wanted.containers[i].name, container))
                        return c->restarts == instance &&
                               (c->life == CONTAINER_RUNNING || c->life == CONTAINER_STARTING);
        }
        return false;
}

int node_pod_exec_target(const struct node_pod *p, const char *name, const char **ret_name,
                         struct err *e) {
        size_t i;
        int r = choose_container(p, name, &i, e);

        if (r < 0)
                return r;
        if (p->seen.containers[i].life != CONTAINER_RUNNING)
                return err_set(e, -EINVAL, "container \"%s\" in pod \"%s\" is not running",
                               p->wanted.containers[i].name, p->wanted.name);
        *ret_name = p->wanted.containers[i].name;
        return 0;
}

bool node_pod_image_id(const struct node_pod *p, size_t i, const char **ret_id) {
        if (i >= p->wanted.n)
                return false;
        *ret_id = str_or_empty(p->seen.containers[i].image_id);
        return true;
}

bool node_pod_image_name(const struct node_pod *p, size_t i, const char **ret_name) {
        if (i >= p->wanted.n)
                return false;
        *ret_name = str_or_empty(pod_wanted_container(&p->spec->spec, i)->image);
        return true;
}

bool node_pod_container(const struct node_pod *p, size_t i, const char **ret_name,
                        bool *ret_is_running) {
        if (i >= p->wanted.n)
                return false;
        *ret_name = p->wanted.containers[i].name;
        *ret_is_running = p->seen.containers[i].life == CONTAINER_RUNNING;
        return true;
}
