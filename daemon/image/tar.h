#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A reader of tar streams: v7, ustar, pax (POSIX.1-2017, pax, "ustar Interchange Format" and "pax
 * Header Block") and GNU's (long names, sparse files, binary numbers), sparse files of pax by GNU's
 * three ways. Every byte of the stream is either given out as a file's payload or told to raw(), so
 * that whoever keeps both can put the same stream together again. One pass, bounded memory, no I/O
 * of its own. */

#define TAR_BLOCK 512
#define TAR_EXTENDED_MAX (1U << 20)   /* bytes of one extended header */
#define TAR_EXTENTS_MAX (1U << 16)    /* of one sparse file */
#define TAR_PADDING_MAX (64ULL << 20) /* bytes behind the archive's end */

enum tar_type {
        TAR_FILE,
        TAR_FOLDER,
        TAR_SYMLINK,
        TAR_HARD_LINK,
        TAR_FIFO,
        TAR_DEVICE, /* character or block */
        TAR_OTHER,  /* nothing that a file system has */
};

struct tar_xattr {
        const char *name;
        const void *value;
        size_t len;
};

/* Where a piece of the payload belongs in the file. */
struct tar_extent {
        uint64_t offset;
        uint64_t len;
};

/* One entry. All pointers are the reader's, good until the next tar_next(). */
struct tar_entry {
        enum tar_type type;
        const char *path; /* as written, never NULL */
        const char *link; /* TAR_SYMLINK, TAR_HARD_LINK; else "" */
        unsigned mode;    /* 07777 */
        uint32_t uid, gid;
        int64_t mtime_sec;
        uint32_t mtime_nsec;
        uint64_t size_bytes;    /* the file's; holes count */
        uint64_t payload_bytes; /* what tar_data() will give */
        bool is_sparse;
        const struct tar_extent *extents; /* sparse: of the payload, in order */
        size_t n_extents;
        const struct tar_xattr *xattrs;
        size_t n_xattrs;
};

struct tar_input {
        /* The next piece of the stream, good until the next call; *ret_len 0 at its end. Returns 0
         * or a negative errno with e set. */
        int (*next)(void *userdata, const void **ret, size_t *ret_len, struct err *e);
        /* Told of every byte that isn't given out as payload, in order. May be NULL. */
        int (*raw)(void *userdata, const void *data, size_t len, struct err *e);
        void *userdata;
};

struct tar_reader;

/* input: copied. Returns 0 or -ENOMEM. */
int tar_reader_new(const struct tar_input *input, struct tar_reader **ret, struct err *e);
void tar_reader_unref(struct tar_reader *reader);
DEFINE_AUTO(tar_reader);

/* Goes to the next entry; payload of the last one that wasn't read is told to raw(). At the
 * archive's end *ret is NULL and all of the stream has been read.
 *
 * Returns 0, -EBADMSG (no tar, damaged, cut short), -EFBIG (a header or the padding behind the end
 * is too long), -ENOMEM, or what next() and raw() return. */
int tar_next(struct tar_reader *reader, const struct tar_entry **ret, struct err *e);

/* The next piece of the entry's payload: *ret_len bytes at *ret, good until the next call.
 * *ret_len is 0 when there are no more. Returns as tar_next(). */
int tar_data(struct tar_reader *reader, const void **ret, size_t *ret_len, struct err *e);

/* Bytes of the stream that were read so far. */
uint64_t tar_position(const struct tar_reader *reader);
