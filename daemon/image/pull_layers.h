#pragma once

#include "daemon/distribution/blob_source.h"
#include "daemon/distribution/http.h"
#include "daemon/image/layer.h"
#include "daemon/image/pull.h"

/* The layers of one image on their way from a source into the store. */

/* One that isn't here. */
struct pull_wanted {
        size_t index;        /* in the image, for news */
        const char *digest;  /* borrowed, of what comes */
        const char *diff_id; /* borrowed */
        uint64_t size_bytes;
};

struct pull_layers_options {
        struct image_store *store;
        struct http *http; /* the loop that source works in */
        struct blob_source *source;
        struct blob_source *const *peers; /* asked before source, in order, for tars by diff ID */
        size_t n_peers;
        size_t *ret_from_peers; /* how many layers came from one; NULL: not interested */
        unsigned parallel;
        size_t n_layers; /* of the image, for news */
        void (*on_news)(void *userdata, const struct pull_news *news);
        void *userdata;
};

/* Brings them, so many at once, each through a pipe into its unpacker. What a neighbour hasn't got,
 * or cuts, or sends wrong, begins anew at the next one and in the end at source. One whose content
 * is wrong there is asked for once more, from the origin.
 *
 * ret_layers  n slots; filled with those that are whole, NULL for the others, on failure, too: all
 *             the caller's.
 *
 * Returns 0, or the first layer's failure with e's words. */
int pull_layers_run(const struct pull_layers_options *options, const struct pull_wanted *wanted,
                    size_t n, struct layer **ret_layers, struct err *e);
