#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A container's log in CRI format: "2026-01-02T03:04:05.123456789Z stdout F text". A line that
 * isn't complete when its pipe runs dry, or is longer than LOG_LINE_MAX, is written in pieces
 * tagged P, so that nothing waits in orch-pod's memory. */
#define LOG_LINE_MAX 16384
#define LOG_PATH_MAX 512

struct log_writer {
        int fd; /* -1: closed, or the disk refuses: text is counted as lost then */
        uint64_t size, max_bytes;
        uint64_t lost_bytes;
        unsigned max_files;
        char path[LOG_PATH_MAX];
};

/* One record cut from a chunk. */
struct log_record {
        size_t offset, len; /* without newline */
        bool is_full;       /* F; a newline follows in the chunk */
};

/* Cuts records off the front of a chunk. is_end: nothing more comes for now, so that the rest
 * becomes a P record. *ret_used: bytes that the records cover. Returns their number. Pure. */
size_t log_cut(const char *chunk, size_t len, bool is_end, struct log_record *records, size_t max,
               size_t *ret_used);

/* Opens (appends to) path, its directories included. A failure leaves a writer that counts what is
 * lost. */
int log_open(struct log_writer *w, const char *path, uint64_t max_bytes, unsigned max_files,
             struct err *e);
void log_close(struct log_writer *w);

/* Writes chunk's records, rotating where due. stream: 1 or 2. Returns the bytes used; the rest (an
 * incomplete line) is to be given again with more behind it. */
size_t log_put(struct log_writer *w, int stream, const char *chunk, size_t len, bool is_end,
               uint64_t wall_nsec);
