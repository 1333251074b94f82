#pragma once

#include "base/err.h"
#include "base/macros.h"

/* Keeps the node's images in order, by orch-image: after a start of the machine all files are
 * looked at, and damaged layers taken away; archives in STATE/images.d are loaded and pinned at
 * start, and images that nobody needs go when the disk fills (kubelet's thresholds, looked at every
 * five minutes). */
struct context;
struct image_keeper;
struct pods;

struct image_keeper_events {
        void (*on_images)(void *userdata); /* some came or went */
        void *userdata;
};

/* pods: borrowed, asked what they use. Returns 0 or a negative errno. On the loop. */
int image_keeper_new(const struct context *ctx, const struct pods *pods,
                     const struct image_keeper_events *events, struct image_keeper **ret,
                     struct err *e);
void image_keeper_unref(struct image_keeper *k);
DEFINE_AUTO(image_keeper);
