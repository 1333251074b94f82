#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the blobs of an image come from: a registry (remote.h), and whatever else has them by
 * digest. Whoever takes them checks the digest himself: a source is not trusted. */
struct blob_source;
struct blob_transfer;

struct blob_request {
        const char *digest;  /* "sha256:HEX", borrowed for the call */
        uint64_t size_bytes; /* more or fewer is a failure */
        bool is_second;      /* what came first was wrong: from the origin, not from a mirror */
        /* Each byte once and in order. 0, -EAGAIN (nothing taken; resume() tells when), or a
         * negative errno with e's words, which ends the transfer. */
        int (*on_data)(void *userdata, const void *data, size_t len, struct err *e);
        /* Once; the transfer is gone when it returns. */
        void (*on_done)(void *userdata, int code, const struct err *e);
        void *userdata;
};

struct blob_source_ops {
        /* ret: weak. Nothing is told before it returns. Returns 0 or a negative errno. */
        int (*start)(struct blob_source *source, const struct blob_request *request,
                     struct blob_transfer **ret, struct err *e);
        void (*resume)(struct blob_transfer *transfer);
        void (*cancel)(struct blob_transfer *take_transfer); /* on_done isn't told */
};

/* The first member of whatever implements it. */
struct blob_source {
        const struct blob_source_ops *ops;
};
