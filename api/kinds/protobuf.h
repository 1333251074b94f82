#pragma once

#include "api/schema/schema.h"
#include "base/diag.h"
#include "base/err.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Kubernetes' protobuf form of objects, one way: from bytes to the tree that the same object has in
 * JSON. Go clients send it in requests; answers are always JSON. The wire format is protobuf's
 * ("Encoding", proto2), the messages are those of generated.proto in k8s.io/api, whose numbers the
 * field tables know. */

#define PROTOBUF_MEDIA_TYPE "application/vnd.kubernetes.protobuf"

/* What stands around each object: "k8s" and NUL, then message runtime.Unknown. */
struct protobuf_envelope {
        char api_version[128]; /* "apps/v1" */
        char kind[128];        /* "Deployment" */
        const uint8_t *raw;    /* the object's message; borrowed from the input */
        size_t raw_len;
};

/* Reads the envelope. Returns 0 or -EINVAL, e then says what is wrong. Pure. */
int protobuf_envelope_read(const uint8_t *data, size_t len, struct protobuf_envelope *ret,
                           struct err *e);

/* Decodes an object's message by its table.
 *
 * Go writes fields that are no pointers even when they are zero, so zero and empty values count as
 * absent unless the table knows the field as a pointer (FIELD_OPT_INT, FIELD_OPT_BOOL,
 * FIELD_OBJECT_PTR, FIELD_POINTER) or as one that is always there (FIELD_ALWAYS, FIELD_REQUIRED).
 * Numbers that the table doesn't have are skipped, as protobuf wants it; where they say something,
 * d gets a warning (DIAG_UNKNOWN), never an error: the client may be newer than the tables.
 *
 * ret_tree  the caller's; neither apiVersion nor kind are in it.
 *
 * Returns 0, -EINVAL (malformed), -E2BIG (too deep, or too many values) or -ENOMEM. Pure. */
int protobuf_decode(const struct schema *s, const uint8_t *data, size_t len, struct diags *d,
                    json_t **ret_tree, struct err *e);
