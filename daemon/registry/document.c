#include "daemon/registry/document.h"

#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/path.h"
#include "daemon/registry/rest_message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a, twice from different starts. */
static char *bytes_hash(const char *text, size_t len, char buf[DOCUMENT_HASH_MAX]) {
        uint64_t a = 0xcbf29ce484222325ULL, b = 0x84222325cbf29ce4ULL;

        for (const char *at = text; at < text + len; at++) {
                a = (a ^ (unsigned char) *at) * 0x100000001b3ULL;
                b = (b ^ (unsigned char) *at) * 0x100000001b3ULL;
        }
        (void) snprintf(buf, DOCUMENT_HASH_MAX, "%016" PRIX64 "%016" PRIX64, a, b);
        return buf;
}

char *document_hash(const char *text, char buf[DOCUMENT_HASH_MAX]) {
        return bytes_hash(text, strlen(text), buf);
}

static void add_cache_headers(struct rest_response *r, const struct rest_request *q,
                              const char *hash, const char *etag) {
        AUTO_DONE(query) struct query query = { 0 };
        bool is_fixed =
                query_parse(q->query, &query, NULL) == 0 && str_eq(query_get(&query, "hash"), hash);

        rest_header_add(r, "ETag", etag);
        rest_header_add(r, "Vary", "Accept");
        rest_header_add(r, "Cache-Control",
                        is_fixed ? "public, immutable, max-age=31536000" : "no-cache, private");
}

void document_respond(const struct rest_request *q, const struct rest_sink *sink, void *data,
                      const char *type, char *take_text) {
        document_respond_bytes(q, sink, data, type, take_text, take_text ? strlen(take_text) : 0);
}

void document_respond_bytes(const struct rest_request *q, const struct rest_sink *sink, void *data,
                            const char *type, char *take_text, size_t len) {
        struct rest_response r = { .status = 200, .content_type = type, .body = body_new() };
        char hash[DOCUMENT_HASH_MAX], etag[DOCUMENT_HASH_MAX + 2];

        if (take_text) {
                (void) bytes_hash(take_text, len, hash);
                (void) snprintf(etag, sizeof(etag), "\"%s\"", hash);
                add_cache_headers(&r, q, hash, etag);
                if (str_eq(q->if_none_match, etag)) {
                        r.status = 304;
                        len = 0;
                }
        }
        if (r.body)
                body_add_text(r.body, take_text, len);
        else
                free(take_text);
        if (!r.body || body_has_failed(r.body))
                r.status = 500;
        sink->respond(data, &r);
        rest_response_done(&r);
}
