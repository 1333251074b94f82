#pragma once

#include "base/err.h"

#include <stddef.h>

/* The Endpoints controller's decisions: the older form of what a Service's EndpointSlices say. */

struct changes;
struct object;

/* More addresses are left out, as Kubernetes does; an annotation then says so. */
#define ENDPOINTS_ADDRESSES_MAX 1000
#define ENDPOINTS_OVER_CAPACITY "endpoints.kubernetes.io/over-capacity"

/* All that the plan may know. Borrowed. */
struct endpoints_facts {
        const struct object *service;
        const struct object *endpoints;     /* of the service's name; NULL: none yet */
        const struct object *const *slices; /* of the namespace; others' are ignored */
        size_t n_slices;
};

/* Adds the change that makes the Endpoints right, if one is needed. A Service that has neither
 * selector nor slices is left alone: its Endpoints are somebody else's. Returns 0 or -ENOMEM. Pure.
 */
int endpoints_plan(const struct endpoints_facts *f, struct changes *c, struct err *e);
