#pragma once

#include "base/err.h"
#include "daemon/distribution/keyring.h"
#include "daemon/distribution/platform.h"
#include "daemon/distribution/registries.h"
#include "daemon/image/image.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Bringing an image here from a registry. */

#define PULL_PARALLEL_DEFAULT 3
#define PULL_PARALLEL_MAX 16U
#define PULL_PEERS_MAX 8

enum pull_state {
        PULL_WAITING,
        PULL_DOWNLOADING,
        PULL_UNPACKING,
        PULL_DONE,
        PULL_EXISTS,
        PULL_UPLOADING
};

/* One layer's news. */
struct pull_news {
        size_t layer, n_layers; /* from 0 */
        const char *digest;     /* of the layer as it comes */
        enum pull_state state;
        uint64_t bytes, size_bytes;
};

struct image_pull_options {
        const char *reference;               /* as people write it */
        const struct registries *registries; /* borrowed, all of them */
        const struct keyring *keyring;
        const struct platform *platform; /* NULL: this machine's, and no other is taken */
        const char *proxy;               /* NULL: the environment's */
        const char *const *peers;        /* sockets of neighbours (peer.h), asked first */
        size_t n_peers;                  /* at most PULL_PEERS_MAX */
        unsigned parallel;               /* layers at once; 0: PULL_PARALLEL_DEFAULT */
        uint64_t stall_usec;             /* 0: a minute */
        /* May be NULL. Called often. */
        void (*on_news)(void *userdata, const struct pull_news *news);
        void *userdata;
};

/* Pulls an image into the store: layers that are here already aren't asked for; the others come
 * side by side, each unpacked while it comes, and go on where they were cut. The image is published
 * once all is whole. Neighbours are asked before the registry: for layers, and where the reference
 * has a digest for manifest and configuration, too; only the registry says what a tag means. What
 * is whole when the network fails stays for the next try; when the registry or the image is at
 * fault, nothing stays.
 *
 * ret  the caller's: {"id", "name" (canonical), "names": [name], "digest" (of the manifest),
 *      "sizeBytes", "layers", "fetched" (layers), "fromPeers" (of these), "fetchedBytes"}.
 *
 * Returns 0, or a negative errno; e names the cause. Runs its own
 * loop, forks; for programs of one thread. */
int image_pull(struct image_store *store, const struct image_pull_options *options, json_t **ret,
               struct err *e);
