#pragma once

#include "daemon/distribution/manifest.h"
#include "daemon/distribution/peer.h"
#include "daemon/distribution/remote.h"

/* What an image is, out of its registry: its manifest for one platform, and its configuration,
 * every digest checked (distribution-spec, "Pulling manifests"). */
struct remote_image {
        char digest[DIGEST_TEXT_MAX];          /* of the manifest that the name means: an index's,
                                                  too */
        char manifest_digest[DIGEST_TEXT_MAX]; /* of the image's own manifest */
        char *manifest_text;                   /* as it came */
        size_t manifest_len;
        struct manifest manifest;
        char *config_text; /* as it came; its digest is the image's ID */
        size_t config_len;
        struct manifest_config config;
};

void remote_image_done(struct remote_image *image);
DEFINE_AUTO_DONE(remote_image);

/* Asks for it; runs the loop meanwhile.
 *
 * ref         complete: its digest is asked for, else its tag.
 * want        the platform to choose from an index.
 * is_strict   an image for another machine is refused (-ENOTUNIQ), too, where there is no index.
 * ret         the caller's.
 *
 * Returns 0, what remote_ask() fails with, or what manifest.h refuses with. */
int remote_image_get(struct remote *remote, const struct image_reference *ref,
                     const struct platform *want, bool is_strict, struct remote_image *ret,
                     struct err *e);

/* The same from a neighbour, by digest; strict.
 *
 * digest  of the image's manifest, or of an index.
 *
 * Returns 0, -ENOENT when it hasn't got all of it, -EBADMSG when what it sends is something else,
 * or as above. */
int peer_image_get(struct peer *peer, const char *digest, const struct platform *want,
                   struct remote_image *ret, struct err *e);
