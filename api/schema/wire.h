#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Protobuf's wire format ("Encoding" in its documentation): keys, varints, lengths. */

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* 9999-12-31T23:59:59Z */
#define WIRE_SECONDS_MAX 253402300799LL

/* Bytes that are still to be read; borrowed. */
struct wire_span {
        const uint8_t *at;
        size_t len;
};

/* One field of a message. */
struct wire {
        uint32_t number;
        uint32_t type;          /* enum wire_type */
        uint64_t value;         /* WIRE_VARINT */
        struct wire_span bytes; /* the others */
};

/* Takes a field off the front. Returns 1, 0 at the end, or -EINVAL. Groups are malformed here: no
 * message of Kubernetes has one. */
int wire_next(struct wire_span *in, struct wire *ret);

/* Takes a varint off the front. Returns 0 or -EINVAL. */
int wire_varint(struct wire_span *in, uint64_t *ret);

/* Whether the bytes are UTF-8 without NUL. */
bool wire_is_text(struct wire_span in);
