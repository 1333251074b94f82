#pragma once

#include "base/err.h"
#include "base/macros.h"
#include "daemon/image/image.h"
#include "daemon/image/unpack.h"

#include <stdbool.h>
#include <stddef.h>

/* Layers on their way into the store. Each is unpacked by a process of its own while its bytes
 * come, so several go side by side, without a copy of what came:
 *
 *   image_store_enter()                   nothing is collected until this descriptor is closed
 *   layer_begin()                         for each diff ID that image_store_has_layer() denies
 *      write(layer_fd()) …                the bytes as they come: tar, plain, gzip or zstd …
 *      layer_end()                        no more of them
 *      layer_wait()                       both digests are checked
 *   layers_commit()                       one sync, then all get their names; also good for
 *                                         some of an image's: the others then come later
 *   image_store_publish()                 the image and its names
 *
 * A layer that isn't committed leaves nothing behind: layer_unref() ends its process and removes
 * its files, and what a killed program left is swept by the next writer. */
struct layer;

struct layer_options {
        const char *digest;  /* what the bytes must have: "sha256:HEX"; NULL: anything */
        const char *diff_id; /* what the tar inside must have; NULL: anything */
};

/* Starts an unpacker that reads from a pipe of its own.
 *
 * options  copied.
 * ret      the caller's; layer_unref() frees it.
 *
 * Returns 0 or a negative errno. Forks: no lock may be held by another thread that the child's
 * memory functions need (threads that libcurl has for names do no harm). */
int layer_begin(struct image_store *store, const struct layer_options *options, struct layer **ret,
                struct err *e);

/* The same from an open file, read from where it stands to its end.
 *
 * fd  borrowed for the call; the unpacker's copy shares its offset, so give each layer an open file
 *     of its own. */
int layer_begin_file(struct image_store *store, const struct layer_options *options, int fd,
                     struct layer **ret, struct err *e);

/* Where the bytes go: the write end of a pipe, blocking unless the caller sets O_NONBLOCK. EPIPE
 * (ignore SIGPIPE): the unpacker has refused them, and layer_wait() says why. -1 after
 * layer_end(), and for files. */
int layer_fd(const struct layer *layer);

/* Becomes readable when the unpacker has ended, so that layer_wait() doesn't block. For poll(). */
int layer_done_fd(const struct layer *layer);

/* The last byte has been written. What comes short is noticed by the tar's end and the digests. */
void layer_end(struct layer *layer);

/* Waits for the unpacker's end (layer_end() first) and checks the digests.
 *
 * ret  filled on success; may be NULL.
 *
 * Returns 0; -EBADMSG (damaged, no tar, a forbidden path, another digest than wanted: coming again
 * may help); -EFBIG (a bomb); -ENOSPC; or another negative errno. */
int layer_wait(struct layer *layer, struct unpack_result *ret, struct err *e);

/* Makes sure that everything of layers is on the disk, then gives them their names. One that
 * another writer has placed meanwhile is dropped. Blocks as long as the disk takes.
 *
 * layers  waited for, each successfully; stay the caller's.
 *
 * Returns 0 or a negative errno; on failure some may have been placed, each whole. */
int layers_commit(struct image_store *store, struct layer *const *layers, size_t n, struct err *e);

/* Ends the unpacker if it still works, and removes what isn't committed. */
void layer_unref(struct layer *layer);
DEFINE_AUTO(layer);
