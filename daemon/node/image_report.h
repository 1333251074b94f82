#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <jansson.h>
#include <stddef.h>

/* Tells which images this machine has, for Node.status.images. The folders of the store are
 * watched, so it doesn't matter who changes them: a pull, a load, a build, a collection, or
 * somebody with orch-image by hand. Nothing is read while nothing changes. */
struct context;
struct image;
struct image_report;

/* The kubelet's bounds. */
#define IMAGE_REPORT_MAX 50
#define IMAGE_REPORT_NAMES_MAX 5

struct image_report_events {
        /* Once after the start, then about a second after each change of the store; often with the
         * same list as before. images: borrowed, an array of {"names", "sizeBytes"}. */
        void (*on_images)(void *userdata, json_t *images);
        void *userdata;
};

/* Returns 0 or a negative errno. A store that can't be watched is looked at each five minutes. On
 * the loop. */
int image_report_new(const struct context *ctx, const struct image_report_events *events,
                     struct image_report **ret, struct err *e);
void image_report_unref(struct image_report *r);
DEFINE_AUTO(image_report);

/* What the Node says of images: the largest first, digests before tags. Images without a name are
 * left out, because nobody can ask for them; so is what is past the bounds.
 *
 * images  sorted by this call.
 *
 * Returns the caller's array; NULL: memory is out. Pure: no I/O, any thread. */
json_t *image_report_tree(struct image **images, size_t n);
