#include "base/clock.h"
#include "base/str.h"
#include "daemon/node/pod_internal.h"

#include <errno.h>

const struct container *pod_wanted_container(const struct pod_spec *spec, size_t i) {
        if (i < spec->init_containers.n)
                return &spec->init_containers.items[i];
        i -= spec->init_containers.n;
        if (i < spec->containers.n)
                return &spec->containers.items[i];
        return &spec->ephemeral_containers.items[i - spec->containers.n];
}

static bool has_handler(const struct lifecycle_handler *h) {
        return h && (h->exec || h->http_get || h->tcp_socket || h->sleep);
}

static struct container_wanted wanted_of(const struct container *c, bool is_init) {
        bool is_sidecar = is_init && str_eq(c->restart_policy, "Always");
        struct container_wanted w = {
                .name = c->name,
                .is_init = is_init,
                .is_sidecar = is_sidecar,
                .has_post_start = c->lifecycle && has_handler(c->lifecycle->post_start),
                .has_pre_stop = c->lifecycle && has_handler(c->lifecycle->pre_stop),
        };
        const struct probe *p = c->liveness_probe;

        if (is_init && !is_sidecar)
                return w;
        w.has_startup = c->startup_probe != NULL;
        w.has_readiness = c->readiness_probe != NULL;
        if (p && p->termination_grace_period_seconds.is_set) {
                w.has_liveness_grace = true;
                w.liveness_grace_usec =
                        (uint64_t) MAX(p->termination_grace_period_seconds.value, 0) * USEC_PER_SEC;
        }
        return w;
}

static uint64_t grace_of(const struct pod *spec) {
        const struct opt_int *own = &spec->spec.termination_grace_period_seconds;
        const struct opt_int *given = &spec->metadata.deletion_grace_period_seconds;
        int64_t seconds = own->is_set ? own->value : 30;

        if (spec->metadata.deletion_timestamp && given->is_set)
                seconds = given->value;
        return (uint64_t) MAX(MIN(seconds, INT64_C(1000000000)), 0) * USEC_PER_SEC;
}

int pod_wanted_fill(const struct pod *spec, struct container_wanted **ret_containers,
                    struct pod_wanted *ret) {
        const size_t n_init = spec->spec.init_containers.n,
                     n_own = n_init + spec->spec.containers.n,
                     n = n_own + spec->spec.ephemeral_containers.n;
        struct container_wanted *items;

        if (n > POD_CONTAINERS_MAX)
                return -E2BIG;
        items = calloc(n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                items[i] = wanted_of(pod_wanted_container(&spec->spec, i), i < n_init);
                items[i].is_guest = i >= n_own;
        }
        *ret = (struct pod_wanted){
                .name = spec->metadata.name,
                .ns = spec->metadata.namespace,
                .uid = spec->metadata.uid,
                .restart = str_eq(spec->spec.restart_policy, "Never")       ? POD_RESTART_NEVER
                           : str_eq(spec->spec.restart_policy, "OnFailure") ? POD_RESTART_ON_FAILURE
                                                                            : POD_RESTART_ALWAYS,
                .grace_usec = grace_of(spec),
                .is_deleting = spec->metadata.deletion_timestamp != 0,
                .n = n,
                .containers = items,
        };
        *ret_containers = items;
        return 0;
}
