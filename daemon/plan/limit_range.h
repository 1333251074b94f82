#pragma once

#include "api/schema/types.h"

#include <stdbool.h>
#include <stddef.h>

/* What the LimitRanges of a namespace give to objects and ask of them (kubernetes.io: "Limit
 * Ranges"). All pure. */
struct limit_range;
struct persistent_volume_claim;
struct pod_spec;

/* One amount that a container gets because it says none itself. */
struct limit_default {
        const char *resource;   /* borrowed from the limit range */
        struct quantity amount; /* likewise */
        size_t container;       /* index in its list */
        bool is_init;           /* the list is initContainers */
        bool is_limit;          /* else a request */
};

struct limit_defaults {
        struct limit_default *items; /* owned; sorted by container, requests first, then by name */
        size_t n, cap;
};

void limit_defaults_done(struct limit_defaults *d);

/* What containers of a pod get from a limit range, the pod already having what earlier ones gave.
 * Returns 0 or -ENOMEM. */
int limit_range_defaults(const struct limit_range *l, const struct pod_spec *spec,
                         struct limit_defaults *ret);

/* What the annotation kubernetes.io/limit-ranger says of defaults, the caller's: "LimitRanger
 * plugin set: cpu request for container c; cpu limit for container c". NULL: memory is out. */
char *limit_defaults_format(const struct limit_defaults *d, const struct pod_spec *spec);

/* Everything that speaks against an object, in Kubernetes' words: one finding as it is, several as
 * "[a, b]"; the caller's. *ret NULL: nothing. Return 0 or -ENOMEM. */
int limit_range_check_pod(const struct limit_range *l, const struct pod_spec *spec, char **ret);
int limit_range_check_claim(const struct limit_range *l, const struct persistent_volume_claim *p,
                            char **ret);
