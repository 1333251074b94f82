#pragma once

#include "daemon/distribution/digest.h"
#include "daemon/distribution/remote.h"
#include "daemon/image/image.h"

/* One layer of the store on its way to a registry: its tar, packed with gzip. */
struct push_layer_options {
        struct image_store *store;
        const char *diff_id;
        /* Tar bytes packed so far; may be NULL. */
        void (*on_bytes)(void *userdata, uint64_t bytes);
        void *userdata;
};

struct push_layer_result {
        char digest[DIGEST_TEXT_MAX]; /* of what was sent */
        uint64_t size_bytes;
};

int push_layer(struct remote *remote, const struct push_layer_options *options,
               struct push_layer_result *ret, struct err *e);
