#pragma once

#include "base/err.h"

/* From a pod's container and its image to what the runtime is told. */
struct arena;
struct container;
struct context;
struct image;
struct pod;
struct pod_facts;
struct runtime_container_spec;
struct runtime_limits;
struct runtime_pod;

/* Borrowed. */
struct container_spec_input {
        const struct context *ctx;
        const struct pod *pod;
        const struct container *container;
        const struct image *image;
        const struct pod_facts *facts;
        struct runtime_pod *rt;
};

/* Fills *ret; everything in it belongs to the arena, the image, or the pod's object.
 *
 * Returns 0, -ENOENT, -EINVAL (CreateContainerConfigError), -EAGAIN (a reference isn't known yet)
 * or -ENOMEM. e in the kubelet's words. */
int container_spec_build(struct arena *a, const struct container_spec_input *in,
                         struct runtime_container_spec *ret, struct err *e);

/* What a container's resources come to. Pure. */
struct runtime_limits container_spec_limits(const struct container *c);

/* The sum that bounds the pod as a whole: limits only where every container has one. Pure. */
struct runtime_limits container_spec_pod_limits(const struct pod *pod);

/* The signal that asks a container to end: its lifecycle's, its image's, else SIGTERM. Pure. */
int container_spec_stop_signal(const struct container *c, const char *image_signal);
