#pragma once

#include "base/err.h"
#include "base/macros.h"
#include "daemon/distribution/digest.h"

#include <stddef.h>
#include <stdint.h>

/* What stands behind a descriptor, with its compression (gzip, zstd, xz, bzip2 or none) taken off:
 * one pass, constant memory, the digest of both sides taken on the way. gzip goes through ISA-L
 * (docs/adr/0200), the others through libarchive. */
struct source;

/* fd: borrowed; read from where it stands. Returns 0 or a negative errno. Blocks for the first
 * bytes. */
int source_new(int fd, struct source **ret, struct err *e);
void source_unref(struct source *source);
DEFINE_AUTO(source);

/* The next piece; good until the next call. *ret_len is 0 at the end, when all of fd has been read
 * and every checksum of the compression was right.
 *
 * Returns 0, -EBADMSG (damaged, cut short), -EFBIG (more than source_max_bytes on either side), or
 * a negative errno. Blocks. */
int source_next(struct source *source, const void **ret, size_t *ret_len, struct err *e);

/* Of what was read and of what was given out; only after the end, once. */
void source_digests(struct source *source, char blob[DIGEST_TEXT_MAX],
                    char content[DIGEST_TEXT_MAX]);
