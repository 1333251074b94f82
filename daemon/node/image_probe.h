#pragma once

#include "api/kinds/pod.h"
#include "base/macros.h"

/* An image's HEALTHCHECK as the readiness probe of a container whose manifest has none
 * (docs/adr/0213). */
struct image;

/* Annotation of a pod; "ignore": HEALTHCHECK means nothing, as in Kubernetes. */
#define IMAGE_PROBE_ANNOTATION "orch.dev/image-healthcheck"
#define IMAGE_PROBE_IGNORE "ignore"

struct image_probe {
        struct probe probe;
        struct exec_action exec; /* words are the image's */
        struct image *image;     /* a reference */
};

/* image: a reference is taken. ret: NULL when the image has no check; else the caller's. Docker's
 * defaults (30 s, 30 s, 3 times), whole seconds, at least one. Returns 0 or -ENOMEM. Pure. */
int image_probe_new(struct image *image, struct image_probe **ret);
void image_probe_unref(struct image_probe *p);
DEFINE_AUTO(image_probe);
