#pragma once

#include <stddef.h>

/* Answers that describe the server and that clients keep: they carry an ETag, and whoever has the
 * same already is told so with 304 (RFC 9110, section 13.1.2). */
struct rest_request;
struct rest_sink;

/* Hexadecimal, of a text; for clients to compare, not against forgers. */
#define DOCUMENT_HASH_MAX 33
char *document_hash(const char *text, char buf[DOCUMENT_HASH_MAX]);

/* Answers with a text. Under a URL whose query names the text's hash it may be kept for ever.
 *
 * type       static: Content-Type.
 * take_text  NULL: memory is out, a 500. */
void document_respond(const struct rest_request *q, const struct rest_sink *sink, void *data,
                      const char *type, char *take_text);

/* The same with len bytes that need be no text. */
void document_respond_bytes(const struct rest_request *q, const struct rest_sink *sink, void *data,
                            const char *type, char *take_text, size_t len);
