#pragma once

#include "daemon/distribution/blob_source.h"
#include "daemon/distribution/remote.h"

/* A registry's blobs as a source (distribution-spec, "Pulling blobs"). remote: outlives it. */
struct remote_blobs {
        struct blob_source source;
        struct remote *remote;
};

void remote_blobs_init(struct remote_blobs *blobs, struct remote *remote);
