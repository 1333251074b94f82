#pragma once

#include "api/kinds/meta.h"

/* Names for ways of running pods: scheduling.k8s.io/v1 PriorityClass, node.k8s.io/v1 RuntimeClass.
 */

struct priority_class {
        struct object_meta metadata;
        int64_t value;
        bool global_default;
        const char *description;
        const char *preemption_policy;
};

struct runtime_class {
        struct object_meta metadata;
        const char *handler;
};

extern const struct kind priority_class_kind;
extern const struct kind runtime_class_kind;

/* Priorities above this are for the system's own classes. */
#define PRIORITY_USER_MAX 1000000000LL
