#pragma once

#include "base/err.h"

#include <stdint.h>

/* The downward API: what a pod may be told about itself. */

struct arena;
struct container;
struct pod;
struct resource_field_selector;

/* What is known of a pod besides its object. Borrowed. */
struct pod_facts {
        const char *pod_ip;  /* NULL: none yet */
        const char *host_ip; /* NULL: none */
        const char *node_name;
        int64_t node_cpu_milli, node_memory_bytes; /* allocatable: limits of who has none */
};

/* Who is told. Borrowed. */
struct downward_subject {
        const struct pod *pod;
        const struct container *own; /* whom a resource field means that names none; may be NULL */
        const struct pod_facts *facts;
};

/* The value of a downward API field ("metadata.labels['app']"). *ret_value: the arena's.
 * Returns 0, -EINVAL (no such field) or -ENOMEM. */
int downward_field(struct arena *a, const struct downward_subject *s, const char *path,
                   const char **ret_value, struct err *e);

/* The value of a resource field ("limits.memory"), in units of its divisor, rounded up.
 * Returns 0, -EINVAL or -ENOMEM. */
int downward_resource(struct arena *a, const struct downward_subject *s,
                      const struct resource_field_selector *field, const char **ret_value,
                      struct err *e);
