#pragma once

#include "base/err.h"
#include "base/macros.h"
#include "daemon/image/tar.h"

#include <stdint.h>

/* A layer's recipe: what its tar consists of besides the files' contents, so that the same tar,
 * byte by byte, comes out of the unpacked layer (docs/adr/0201). A gzip stream (its checksum tells
 * a damaged one) of records, all numbers little-endian:
 *
 *   "orch-recipe 1\n"
 *   'R' u32 len, bytes                                              these bytes stand here
 *   'F' u32 crc, u32 n, u64 len, u16 path_len, path, n × (u64, u64) a file's content stands here: n
 *                                                   pieces (offset, len), 0: all; CRC-32 as gzip's
 *   'E' u64 n_entries, u64 size_bytes, u64 tar_bytes                the end
 *
 * A content that a later entry of the same layer replaced lies in HEX.kept/CRC-LEN. */
#define RECIPE_PATH_MAX 4096

struct recipe_totals {
        uint64_t n_entries;
        uint64_t size_bytes; /* of regular files */
        uint64_t tar_bytes;
};

/* ---- writing ---- */

struct recipe_writer;

/* fd: borrowed until the end. Returns 0 or a negative errno. */
int recipe_writer_new(int fd, struct recipe_writer **ret, struct err *e);
void recipe_writer_unref(struct recipe_writer *w);
DEFINE_AUTO(recipe_writer);

int recipe_add_raw(struct recipe_writer *w, const void *data, size_t len, struct err *e);

/* path: how the file is found below the layer's folder. extents: n == 0: the file is no sparse
 * one. */
int recipe_add_file(struct recipe_writer *w, const char *path, const struct tar_entry *entry,
                    uint32_t crc, struct err *e);

/* Writes the end. Nothing is synced. */
int recipe_writer_end(struct recipe_writer *w, const struct recipe_totals *totals, struct err *e);

/* ---- reading ---- */

enum recipe_kind { RECIPE_RAW, RECIPE_FILE, RECIPE_END };

/* Pointers are the reader's, good until the next recipe_next(). */
struct recipe_item {
        enum recipe_kind kind;
        const void *data; /* RAW */
        size_t len;
        const char *path; /* FILE */
        uint32_t crc;
        uint64_t file_bytes; /* of its pieces */
        const struct tar_extent *extents;
        size_t n_extents;
        struct recipe_totals totals; /* END */
};

struct recipe_reader;

/* fd: borrowed. Returns 0, -EBADMSG or another negative errno. */
int recipe_reader_new(int fd, struct recipe_reader **ret, struct err *e);
void recipe_reader_unref(struct recipe_reader *reader);
DEFINE_AUTO(recipe_reader);

/* Returns 0, -EBADMSG when the recipe is damaged, or another negative errno. After RECIPE_END the
 * whole recipe has been read and its checksum was right. */
int recipe_next(struct recipe_reader *reader, struct recipe_item *ret, struct err *e);
