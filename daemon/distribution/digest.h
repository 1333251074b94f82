#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stddef.h>

#define DIGEST_TEXT_MAX 72 /* "sha256:", 64 hex digits, NUL */

/* A running SHA-256, through GnuTLS. */
struct digest;

int digest_new(struct digest **ret, struct err *e);
void digest_free(struct digest *d);
int digest_add(struct digest *d, const void *data, size_t len);
/* Finishes and frees d. text becomes "sha256:HEX". */
void digest_end(struct digest *take_d, char text[DIGEST_TEXT_MAX]);

/* Of a whole memory block. Returns 0 or -EIO. */
int digest_of(const void *data, size_t len, char text[DIGEST_TEXT_MAX], struct err *e);
