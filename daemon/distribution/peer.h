#pragma once

#include "base/err.h"
#include "daemon/distribution/blob_source.h"
#include "daemon/distribution/digest.h"
#include "daemon/distribution/http.h"

#include <stddef.h>
#include <stdint.h>

/* A neighbour that gives out of its own store what a digest names, over HTTP/1.1, one request for
 * each connection:
 *
 *   GET /v1/blobs/sha256:HEX    a configuration or a manifest as it came
 *   GET /v1/layers/sha256:HEX   the tar whose digest (diff ID) this is, uncompressed
 *
 * 200 with the bytes and their Content-Length, else 4xx or 5xx. There are no names: whoever asks
 * knows what he wants, and checks that he gets it. A neighbour is not trusted. */

#define PEER_HEAD_MAX 4096

/* ---- the neighbour's side ---- */

enum peer_what { PEER_BLOB, PEER_LAYER };

struct peer_order {
        enum peer_what what;
        char digest[DIGEST_TEXT_MAX];
};

/* Reads a request's head.
 *
 * text  with its empty line, NUL-terminated, at most PEER_HEAD_MAX bytes. What follows the first
 *       line is passed over.
 *
 * Returns 0 or -EINVAL. Pure. */
int peer_order_parse(const char *text, struct peer_order *ret, struct err *e);

/* ---- the asker's side ---- */

/* As a blob_source it gives layers: request->digest is a diff ID, and size_bytes is UINT64_MAX,
 * because nobody has said before how long the tar is. */
struct peer {
        struct blob_source source;
        struct http *http;
        const char *socket;
};

/* http, socket (path of a unix socket): borrowed for life. */
void peer_init(struct peer *p, struct http *http, const char *socket);

/* A whole document, waited for: runs the loop meanwhile. Its digest is not checked here.
 *
 * ret  the caller's, NUL-terminated.
 *
 * Returns 0, -ENOENT (it hasn't got it), -E2BIG past max_bytes, or what http.h fails with. */
int peer_get_blob(struct peer *p, const char *digest, size_t max_bytes, char **ret, size_t *ret_len,
                  struct err *e);
