#pragma once

#include "daemon/distribution/digest.h"
#include "daemon/distribution/remote.h"

/* Blobs and manifests on their way to a registry (distribution-spec, "Pushing blobs", "Pushing
 * manifests"). All run the loop until they are through; the remote is one with is_push. */

/* Whether the repository has a blob. Returns 1, 0, or what remote_ask() fails with. */
int remote_has_blob(struct remote *remote, const char *digest, struct err *e);

/* Lets the registry take a blob over from another of its repositories.
 *
 * from  its path: "team/base".
 *
 * Returns 1, 0 when the registry doesn't (nothing has happened then), or a failure. */
int remote_mount_blob(struct remote *remote, const char *digest, const char *from, struct err *e);

/* Sends a blob that is in memory. */
int remote_put_blob(struct remote *remote, const void *data, size_t len, const char *digest,
                    struct err *e);

/* Sends one whose digest is known only at its end, in one stream. */
struct remote_stream {
        /* Returns bytes, 0 at the end, or a negative errno. May block. */
        ssize_t (*read)(void *userdata, void *buf, size_t cap);
        /* "sha256:HEX" of what was read; called once all was. Borrowed. */
        const char *(*digest)(void *userdata);
        void *userdata;
};
int remote_put_stream(struct remote *remote, const struct remote_stream *stream, struct err *e);

/* Sends a manifest under a tag or a digest. */
struct remote_manifest {
        const char *reference; /* "1.2" or "sha256:HEX" */
        const char *media_type;
        const char *text;
        size_t len;
};
int remote_put_manifest(struct remote *remote, const struct remote_manifest *manifest,
                        struct err *e);
