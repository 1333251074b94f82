#include "daemon/plan/resize_plan.h"

#include "base/arena.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>

struct amount {
        const char *name;
        int64_t asked, granted, node, others;
};

/* What shrinks always fits; so does what nobody has bounded. */
static bool is_beyond(const struct amount *m, int64_t room) {
        return m->node > 0 && m->asked > m->granted && m->asked > room;
}

enum resize_verdict resize_judge(const struct resize_wish *w, char ret_why[256]) {
        const struct amount amounts[] = {
                { "memory", w->memory_bytes, w->granted_memory_bytes, w->node_memory_bytes,
                  w->others_memory_bytes },
                { "cpu", w->cpu_milli, w->granted_cpu_milli, w->node_cpu_milli,
                  w->others_cpu_milli },
        };

        for (size_t i = 0; i < ARRAY_SIZE(amounts); i++) {
                const struct amount *m = &amounts[i];

                if (!is_beyond(m, m->node))
                        continue;
                (void) snprintf(ret_why, 256,
                                "Node didn't have enough capacity: %s, requested: %lld, capacity: "
                                "%lld",
                                m->name, (long long) m->asked, (long long) m->node);
                return RESIZE_INFEASIBLE;
        }
        for (size_t i = ARRAY_SIZE(amounts); i-- > 0;) {
                const struct amount *m = &amounts[i];

                if (!is_beyond(m, m->node - m->others))
                        continue;
                (void) snprintf(ret_why, 256,
                                "Node didn't have enough resource: %s, requested: %lld, used: "
                                "%lld, capacity: %lld",
                                m->name, (long long) m->asked, (long long) m->others,
                                (long long) m->node);
                return RESIZE_DEFERRED;
        }
        return RESIZE_GRANTED;
}

enum resize_step resize_step(const struct resize_container *c) {
        const struct resize_size *now = &c->granted, *was = &c->in_force;
        bool has_cpu = now->cpu_request_milli != was->cpu_request_milli ||
                       now->cpu_limit_milli != was->cpu_limit_milli;
        bool has_memory = now->memory_request_bytes != was->memory_request_bytes ||
                          now->memory_limit_bytes != was->memory_limit_bytes;
        bool is_lower =
                now->memory_limit_bytes > 0 && (!c->is_known || was->memory_limit_bytes == 0 ||
                                                now->memory_limit_bytes < was->memory_limit_bytes);

        if (!c->is_running || (c->is_known && !has_cpu && !has_memory))
                return RESIZE_KEEP;
        if (c->is_known && ((has_cpu && c->cpu_restarts) || (has_memory && c->memory_restarts)))
                return RESIZE_RESTART;
        return is_lower && c->used_bytes > (uint64_t) now->memory_limit_bytes ? RESIZE_TOO_FULL
                                                                              : RESIZE_WRITE;
}

int resize_obstacle(struct arena *a, const struct resize_container *containers, size_t n,
                    int64_t pod_limit_bytes, const char **ret_text) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        uint64_t used_bytes = 0;
        size_t n_full = 0;
        bool has_pod;

        for (size_t i = 0; i < n; i++) {
                used_bytes += containers[i].is_running ? containers[i].used_bytes : 0;
                n_full += resize_step(&containers[i]) == RESIZE_TOO_FULL;
        }
        *ret_text = NULL;
        if (n_full == 0)
                return 0;
        has_pod = pod_limit_bytes > 0 && used_bytes > (uint64_t) pod_limit_bytes;
        if (has_pod)
                strbuf_addf(&b,
                            "attempting to set pod memory limit (%lld) below current usage (%llu)",
                            (long long) pod_limit_bytes, (unsigned long long) used_bytes);
        for (size_t i = 0; i < n; i++)
                if (resize_step(&containers[i]) == RESIZE_TOO_FULL)
                        strbuf_addf(&b,
                                    "%sattempting to set container \"%s\" memory limit (%lld) "
                                    "below current usage (%llu)",
                                    b.len > 0 ? ", " : "", containers[i].name,
                                    (long long) containers[i].granted.memory_limit_bytes,
                                    (unsigned long long) containers[i].used_bytes);
        if (b.has_failed)
                return -ENOMEM;
        *ret_text = arena_printf(a,
                                 n_full + has_pod > 1 ? "cannot decrease memory limits: [%s]"
                                                      : "cannot decrease memory limits: %s",
                                 b.s);
        return *ret_text ? 0 : -ENOMEM;
}
