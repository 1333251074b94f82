#pragma once

#include "base/err.h"
#include "base/ip.h"
#include "base/macros.h"
#include "daemon/plan/probe.h"

#include <stdint.h>

/* Asks containers how they are: HTTP, TCP, exec; thousands of them on one loop. What an answer
 * means is daemon/plan/probe.h's to say. */
struct container;
struct loop;
struct probe;
struct runtime_pod;
struct prober;
struct probe_target;

struct probe_target_spec {
        enum probe_kind kind;
        const struct probe *probe;         /* borrowed for the target's life */
        const struct container *container; /* for named ports; borrowed for the target's life */
        struct runtime_pod *pod;           /* weak: remove the target before the pod */
        struct ip_addr addr;               /* of the pod */
        uint64_t started_usec;             /* boot clock: when the container began to run */
        uint64_t seed;                     /* spreads the probes of many pods */
        bool is_passing; /* adopted in this state: the first probe waits for its period */
};

/* outcome: of probe_step(); text: why a probe failed, "" otherwise. The target may be removed in
 * here. */
typedef void (*prober_fn)(void *userdata, struct probe_target *t, enum probe_kind kind,
                          const struct probe_outcome *outcome, const char *text);

int prober_new(struct loop *loop, struct prober **ret, struct err *e);
/* All targets must be gone. */
void prober_unref(struct prober *p);
DEFINE_AUTO(prober);

/* Begins to probe; the first question comes from the loop as soon as it is due. 0 or -ENOMEM, or an
 * errno of the loop. */
int prober_add(struct prober *p, const struct probe_target_spec *spec, prober_fn fn, void *userdata,
               struct probe_target **ret, struct err *e);
/* Ends it; a question under way is dropped. NULL is fine. */
void prober_remove(struct probe_target *t);

/* The rule of a probe as the plan wants it. Pure. */
struct probe_rule prober_rule(enum probe_kind kind, const struct probe *probe, uint64_t seed);
