#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* The EndpointSlice controller's decisions: which addresses stand behind a Service. */

struct changes;
struct object;

#define ENDPOINTSLICE_MAX 100 /* endpoints a slice */
#define ENDPOINTSLICE_SERVICE "kubernetes.io/service-name"
#define ENDPOINTSLICE_MANAGED_BY "endpointslice.kubernetes.io/managed-by"
#define ENDPOINTSLICE_MANAGER "endpointslice-controller.k8s.io"

/* All that the plan may know. Borrowed. */
struct endpointslice_facts {
        const struct object *service;
        const struct object *const
                *pods; /* of the namespace; others than the selector's are ignored */
        size_t n_pods;
        const struct object *const *slices; /* of the namespace; others' are ignored */
        size_t n_slices;
        uint64_t name_seed; /* random: names of new slices are made of it */
};

/* Adds the least that makes the slices right: endpoints stay in their slice, new ones fill what
 * room there is, slices without endpoints go (but one, which says that the Service has none).
 * Services without selector and ExternalName are left alone. Returns 0 or -ENOMEM. Pure. */
int endpointslice_plan(const struct endpointslice_facts *f, struct changes *c, struct err *e);
