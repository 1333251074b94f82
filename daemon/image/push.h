#pragma once

#include "daemon/image/pull.h"

struct image_push_options {
        const char *reference; /* an image of the store */
        const char *to;        /* the name there; NULL: reference's own */
        const struct registries *registries;
        const struct keyring *keyring;
        const char *proxy;
        uint64_t stall_usec;
        /* PULL_EXISTS: the registry has it; PULL_UPLOADING; PULL_DONE. size_bytes: of the tar. */
        void (*on_news)(void *userdata, const struct pull_news *news);
        void *userdata;
};

/* Brings an image to a registry. Layers that are there already, or in the repository of the same
 * registry that the image came from, aren't sent; the others are put together from the store,
 * packed with gzip and sent in one stream. Where all of an image's own layers are there, its own
 * manifest goes too, so that its digest stays; else a new one is made. The image's ID stays always.
 *
 * ret  the caller's: {"id", "name", "digest", "layers", "sent" (layers), "fetchedBytes" (sent)}.
 *
 * Returns 0; -ENOENT, -ENODATA (layer_tar.h) or what the registry fails with. Runs its own loop. */
int image_push(struct image_store *store, const struct image_push_options *options, json_t **ret,
               struct err *e);
